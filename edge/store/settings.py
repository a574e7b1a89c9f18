"""Where the store is, `edge.toml` section `[store]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreSettings:
    url: str = "sqlite:///edge.db"  # a relative path is inside the site folder
