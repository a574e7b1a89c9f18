"""A site from the file that `edge.admin.backup` wrote: everything is checked first, then put in its place.

The two halves may be done by two processes: the command line checks, and a daemon that runs puts in place, between its
end and its new beginning.
"""

import base64
import binascii
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from edge.admin.backup import DATABASE, FORMAT, MANIFEST, SECRETS, BackedUp, gathered, sha256_of
from edge.admin.site import Site, SiteError, now_ms
from edge.config import FILE_NAME, load
from edge.store import outbox
from edge.store.engine import open_store, site_url
from edge.store.errors import StoreError
from edge.store.integrity import damage
from edge.store.passphrase import unseal
from edge.store.secrets import SecretsError, SiteSecrets, identity_of, write_new
from models.times import rfc3339

MAX_SMALL_BYTES: Final = 4 * 1024 * 1024  # of everything but the database
PREPARED: Final = re.compile(r"\.restore-[a-z0-9_]{8}")
"""Name of a prepared folder inside the site's."""
_SECRETS_FOLDER: Final = "secrets"
_CHUNK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Prepared:
    """A backup that is unpacked beside its site, proven, and not yet in force."""

    folder: Path  # inside the site's folder; its name matches `PREPARED`
    backup: BackedUp


def restore(folder: Path, file: Path, passphrase: str | None) -> BackedUp:
    """Make the site *folder* what *file* says. No daemon may run there. Raises as `prepare` and `put_in_place` do."""
    prepared = prepare(folder, file, passphrase)
    try:
        put_in_place(folder, prepared.folder)
    finally:
        shutil.rmtree(prepared.folder, ignore_errors=True)
    return prepared.backup


def prepare(folder: Path, file: Path, passphrase: str | None) -> Prepared:
    """Unpack *file* beside the site *folder*, which is made where it is not there, and check everything.

    A daemon may run. The prepared folder is the caller's to remove; nothing is left of what was refused.
    Raises SiteError for a file that is no whole backup or does not fit, SecretsError for the passphrase, StoreError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".restore-"))
    try:
        return Prepared(scratch, _unpacked(folder, scratch, file, passphrase))
    except BaseException as error:
        shutil.rmtree(scratch, ignore_errors=True)
        if isinstance(error, (zipfile.BadZipFile, KeyError, EOFError)):
            raise SiteError(f"{file} is no whole backup: {error}") from error
        raise


def put_in_place(folder: Path, prepared: Path) -> None:
    """Replace the site *folder* by what is *prepared*. No daemon may run there.

    What was there stays beside it: the database, and secrets that differ, under their name with ``.before-restore-…``.
    Events get a new numbering, so a central store takes them. An `edge.toml` that is there stays in force.
    """
    suffix = f".before-restore-{rfc3339(now_ms()).replace(':', '')}"
    target = _database_of(folder, prepared)
    kept, present = prepared / _SECRETS_FOLDER, folder / _SECRETS_FOLDER
    if kept.exists() and not (present.exists() and gathered(present) == gathered(kept)):
        if present.exists():
            present.rename(present.with_name(present.name + suffix))
        kept.rename(present)
    for end in ("", "-wal", "-shm"):
        old = target.with_name(target.name + end)
        if old.exists():
            old.rename(target.with_name(target.name + suffix + end))
    (prepared / DATABASE).replace(target)
    if not (folder / FILE_NAME).exists():
        (prepared / FILE_NAME).replace(folder / FILE_NAME)
    _told(folder)


def _unpacked(folder: Path, scratch: Path, file: Path, passphrase: str | None) -> BackedUp:
    with zipfile.ZipFile(file) as archive:
        manifest_bytes = _small(archive, MANIFEST)
        manifest = _manifest(manifest_bytes, file)
        with archive.open(DATABASE) as packed:
            _unpack(packed, scratch / DATABASE, manifest)
        kept = _opened(archive, manifest_bytes, passphrase)
        _refuse_foreign(folder, manifest, kept)
        (scratch / FILE_NAME).write_bytes(_small(archive, FILE_NAME))
    if kept is not None:
        _write_secrets(scratch / _SECRETS_FOLDER, kept)
    _database_of(folder, scratch)  # raises before anything is replaced
    _prove(scratch / DATABASE)
    return BackedUp(manifest["at_ms"], manifest["database_bytes"], kept is not None)


def _database_of(folder: Path, prepared: Path) -> Path:
    """Where the database belongs, by the settings that will be in force."""
    present = folder / FILE_NAME
    url = site_url(load(present if present.exists() else prepared / FILE_NAME).store.url, folder)
    if not url.startswith("sqlite:///"):
        raise SiteError("the site's database is on a server: restore it there")
    return Path(url.removeprefix("sqlite:///"))


def _write_secrets(folder: Path, kept: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=0o700)
    for name, content in kept.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(path, content)


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
    if left != 0 or sha256_of(target) != manifest["database_sha256"]:
        raise SiteError("the database in the backup is not the one that was put in")


def _opened(archive: zipfile.ZipFile, manifest: bytes, passphrase: str | None) -> dict[str, bytes] | None:
    """The secrets in the backup; None where it has none or nobody asked for them."""
    if passphrase is None:
        return None
    if SECRETS not in archive.namelist():
        raise SecretsError("the backup was made without a passphrase: it has no secrets")
    files = json.loads(unseal(_small(archive, SECRETS), passphrase, manifest))
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
