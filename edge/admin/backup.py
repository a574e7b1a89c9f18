"""A site in one file, and back: the database as of one moment, `edge.toml`, and, under a passphrase, the secrets.

The database alone opens nothing: codes are keyed tags in it and passwords are sealed. Its keys go into the file only
under a passphrase; without one the file serves the box that it came from.
"""

import base64
import binascii
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from edge.admin.site import Site, SiteError, now_ms
from edge.config import FILE_NAME, load
from edge.store import outbox
from edge.store.copying import copy_to
from edge.store.engine import open_store, site_url
from edge.store.errors import StoreError
from edge.store.integrity import damage
from edge.store.passphrase import seal, unseal
from edge.store.secrets import SecretsError, SiteSecrets, identity_of, write_new
from models.times import rfc3339

FORMAT: Final = "intercom-edge backup 1"
MAX_SMALL_BYTES: Final = 4 * 1024 * 1024  # of everything but the database
_MANIFEST: Final = "manifest.json"
_DATABASE: Final = "edge.db"
_SECRETS: Final = "secrets.sealed"
_CHUNK_BYTES: Final = 1024 * 1024


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
        database, draft = Path(scratch) / _DATABASE, Path(scratch) / "draft"
        copy_to(site.store, database)
        at_ms = now_ms()
        manifest = json.dumps(
            {
                "format": FORMAT,
                "at": rfc3339(at_ms),
                "at_ms": at_ms,
                "store_key": identity_of((site.folder / "secrets" / "store.key").read_bytes()),
                "database_sha256": _sha256(database),
                "database_bytes": database.stat().st_size,
            }
        ).encode()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                archive.writestr(_MANIFEST, manifest)
                archive.write(site.folder / FILE_NAME, FILE_NAME)
                if passphrase is not None:
                    archive.writestr(_SECRETS, seal(_gathered(site.folder / "secrets"), passphrase, manifest))
                archive.write(database, _DATABASE)
            out.flush()
            os.fsync(out.fileno())
        size = database.stat().st_size
        draft.replace(file)
    return BackedUp(at_ms, size, passphrase is not None)


def restore(folder: Path, file: Path, passphrase: str | None) -> BackedUp:
    """Make the site *folder* what *file* says. No daemon may run there.

    Everything is checked before anything is replaced. What was there stays beside it: the database, and secrets that
    differ, under their name with ``.before-restore-…``. Events get a new numbering, so a central store takes them.
    Raises SiteError for a file that is no whole backup or does not fit, SecretsError for the passphrase, StoreError.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            manifest_bytes = _small(archive, _MANIFEST)
            manifest = _manifest(manifest_bytes, file)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".restore-") as scratch:
                database = Path(scratch) / _DATABASE
                with archive.open(_DATABASE) as packed:
                    _unpack(packed, database, manifest)
                kept = _opened(archive, manifest_bytes, passphrase)
                _refuse_foreign(folder, manifest, kept)
                _put_in_place(folder, database, _small(archive, FILE_NAME), kept)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise SiteError(f"{file} is no whole backup: {error}") from error
    return BackedUp(manifest["at_ms"], manifest["database_bytes"], kept is not None)


def _gathered(folder: Path) -> bytes:
    """Every secret by its name below *folder*."""
    files = {
        path.relative_to(folder).as_posix(): base64.b64encode(path.read_bytes()).decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    return json.dumps(files).encode()


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as packed:
        content = packed.read(MAX_SMALL_BYTES + 1)
    if len(content) > MAX_SMALL_BYTES:
        raise SiteError(f"{name} in the backup is too large")
    return content


def _manifest(content: bytes, file: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(content)
        if told["format"] != FORMAT:
            raise SiteError(f"{file} is of another program or a newer one: {told['format']!r}")
        return {
            "at_ms": int(told["at_ms"]),
            "store_key": str(told["store_key"]),
            "database_sha256": str(told["database_sha256"]),
            "database_bytes": int(told["database_bytes"]),
        }
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SiteError(f"{file} is no backup: its manifest can't be read") from error


def _unpack(packed: IO[bytes], target: Path, manifest: Mapping[str, Any]) -> None:
    """No more than the manifest says, so that a small file cannot fill the disk unseen."""
    left = manifest["database_bytes"]
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while chunk := packed.read(_CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                break
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    if left != 0 or _sha256(target) != manifest["database_sha256"]:
        raise SiteError("the database in the backup is not the one that was put in")


def _opened(archive: zipfile.ZipFile, manifest: bytes, passphrase: str | None) -> dict[str, bytes] | None:
    """The secrets in the backup; None where it has none or nobody asked for them."""
    if passphrase is None:
        return None
    if _SECRETS not in archive.namelist():
        raise SecretsError("the backup was made without a passphrase: it has no secrets")
    files = json.loads(unseal(_small(archive, _SECRETS), passphrase, manifest))
    try:
        opened = {str(name): base64.b64decode(content, validate=True) for name, content in files.items()}
    except (binascii.Error, TypeError, AttributeError) as error:
        raise SiteError("the secrets in the backup can't be read") from error
    if any(PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in opened):
        raise SiteError("a secret in the backup has a name that leads elsewhere")
    return opened


def _refuse_foreign(folder: Path, manifest: Mapping[str, Any], kept: Mapping[str, bytes] | None) -> None:
    """A database without its key would lock everybody out."""
    if kept is not None:
        key = kept.get("store.key", b"")
    else:
        path = folder / "secrets" / "store.key"
        key = path.read_bytes() if path.is_file() else b""
    if identity_of(key) != manifest["store_key"]:
        raise SiteError(
            "the secrets of this backup are not here: restore it with its passphrase, or beside the secrets it was "
            "made with"
        )


def _put_in_place(folder: Path, database: Path, settings: bytes, kept: Mapping[str, bytes] | None) -> None:
    config_file = folder / FILE_NAME
    fresh = not config_file.exists()
    draft = database.with_name(FILE_NAME)
    draft.write_bytes(settings)
    config = load(draft if fresh else config_file)
    url = site_url(config.store.url, folder)
    if not url.startswith("sqlite:///"):
        raise SiteError("the site's database is on a server: restore it there")
    _prove(database)
    suffix = f".before-restore-{rfc3339(now_ms()).replace(':', '')}"
    if kept is not None:
        _put_secrets(folder / "secrets", kept, suffix)
    target = Path(url.removeprefix("sqlite:///"))
    for end in ("", "-wal", "-shm"):
        old = target.with_name(target.name + end)
        if old.exists():
            old.rename(target.with_name(target.name + suffix + end))
    database.replace(target)
    if fresh:
        draft.replace(config_file)
    _told(folder)


def _prove(database: Path) -> None:
    """Bring the copy's schema up to date before anything is replaced by it."""
    store = open_store(f"sqlite:///{database}")
    try:
        wrong = damage(store)
        if wrong is not None:
            raise SiteError(f"the database in the backup is damaged: {wrong}")
        with store.write() as connection:
            outbox.begin_anew(connection)
    finally:
        store.close()


def _put_secrets(folder: Path, kept: Mapping[str, bytes], suffix: str) -> None:
    if folder.exists() and _gathered(folder) != _packed(kept):
        shutil.move(folder, folder.with_name(folder.name + suffix))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in kept.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(path, content)


def _packed(kept: Mapping[str, bytes]) -> bytes:
    return json.dumps({name: base64.b64encode(kept[name]).decode() for name in kept}).encode()


def _told(folder: Path) -> None:
    """The log says that it went back; that nothing opens the secrets is found here, not at a door."""
    SiteSecrets.load(folder)
    site = Site.open(folder)
    try:
        with site.admin("installer").edit() as edit:
            edit.audit("site.restore")
    except StoreError as error:
        raise SiteError(f"restored, but the log takes no row: {error}") from error
    finally:
        site.close()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
