"""A central store's folder: ``central.toml``, ``secrets/`` and, with SQLite, the database."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.central.changes import Central
from edge.central.schema import open_central
from edge.central.settings import DATABASE, FILE_NAME, CentralSettings, SettingsError, load, template
from edge.clock import SystemClock
from edge.core.ports import Clock
from edge.store.engine import site_url
from edge.store.secrets import KEY_BYTES, SecretsError, SiteSecrets, write_new

_KEY: Final = "central.key"
DATABASE_URL: Final = "database_url"
"""In ``secrets/``, goes before ``database``: a URL with a password has no place in ``central.toml``."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open central store with what is in its folder."""

    central: Central
    settings: CentralSettings
    key: Ed25519PrivateKey = field(repr=False)
    folder: Path


def make(folder: Path, *, database: str = DATABASE, listen: str = "127.0.0.1", port: int = 8480) -> None:
    """A new folder with its secrets and an empty database. Raises SettingsError where one is there, StoreError."""
    if (folder / FILE_NAME).exists():
        raise SettingsError(f"{folder / FILE_NAME} is there already")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secrets = SiteSecrets.create(folder)
    write_new(secrets.folder / _KEY, Ed25519PrivateKey.generate().private_bytes_raw())
    if database != DATABASE:
        secrets.write_text(DATABASE_URL, database)
        database = DATABASE
    (folder / FILE_NAME).write_text(template(database, listen, port), "utf-8")
    with opened(folder):
        pass


@contextlib.contextmanager
def opened(folder: Path, clock: Clock | None = None) -> Iterator[Opened]:
    """The central store of this folder. Raises SettingsError, SecretsError, StoreError."""
    settings = load(folder / FILE_NAME)
    secrets = SiteSecrets.load(folder)
    raw = (secrets.folder / _KEY).read_bytes()
    if len(raw) != KEY_BYTES:
        raise SecretsError(f"secrets/{_KEY} is not a key")
    store = open_central(secrets.text(DATABASE_URL) or site_url(settings.database, folder))
    try:
        central = Central(store, secrets, clock or SystemClock())
        yield Opened(central, settings, Ed25519PrivateKey.from_private_bytes(raw), folder)
    finally:
        store.close()
