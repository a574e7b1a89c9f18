"""Where the store is, `edge.toml` section `[store]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreSettings:
    url: str = "sqlite:///edge.db"  # a relative path is inside the site folder; or postgresql://user@host/database
    max_queued_writes: int = 10_000  # writes that may wait for the disk; more are refused, and that is an alarm
