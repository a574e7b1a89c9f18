"""A site in one file: the database as of one moment, `edge.toml`, and, under a passphrase, the secrets.

The database alone opens nothing: codes are keyed tags in it and passwords are sealed. Its keys go into the file only
under a passphrase; without one the file serves the box that it came from.
"""

import base64
import hashlib
import json
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.admin.site import Site, now_ms
from edge.config import FILE_NAME
from edge.store.copying import copy_to
from edge.store.passphrase import seal
from edge.store.secrets import identity_of
from models.times import rfc3339

FORMAT: Final = "intercom-edge backup 1"
MANIFEST: Final = "manifest.json"
DATABASE: Final = "edge.db"
SECRETS: Final = "secrets.sealed"


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds."""

    at_ms: int
    database_bytes: int
    with_secrets: bool


def back_up(site: Site, file: Path, passphrase: str | None) -> BackedUp:
    """Write *site* to *file* (0600), replacing an older one only when the new one is whole. A daemon may run.

    Raises StoreError where the database can't be copied, SecretsError for a short passphrase, OSError for the disk.
    """
    with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=".backup-") as scratch:
        database, draft = Path(scratch) / DATABASE, Path(scratch) / "draft"
        copy_to(site.store, database)
        at_ms = now_ms()
        manifest = json.dumps(
            {
                "format": FORMAT,
                "at": rfc3339(at_ms),
                "at_ms": at_ms,
                "store_key": identity_of((site.folder / "secrets" / "store.key").read_bytes()),
                "database_sha256": sha256_of(database),
                "database_bytes": database.stat().st_size,
            }
        ).encode()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                archive.writestr(MANIFEST, manifest)
                archive.write(site.folder / FILE_NAME, FILE_NAME)
                if passphrase is not None:
                    archive.writestr(SECRETS, seal(gathered(site.folder / "secrets"), passphrase, manifest))
                archive.write(database, DATABASE)
            out.flush()
            os.fsync(out.fileno())
        size = database.stat().st_size
        draft.replace(file)
    return BackedUp(at_ms, size, passphrase is not None)


def gathered(folder: Path) -> bytes:
    """Every secret by its name below *folder*."""
    files = {
        path.relative_to(folder).as_posix(): base64.b64encode(path.read_bytes()).decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    return json.dumps(files).encode()


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
