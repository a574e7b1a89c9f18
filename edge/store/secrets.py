"""Secrets of a site: files that nobody else may read, and passwords sealed at rest.

The database holds tags and sealed passwords; the keys to both are files beside it. A copy of one without the other
tells nothing.
"""

import contextlib
import hashlib
import os
import secrets
import stat
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PASSWORD_CHARS: Final = 32
KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12  # NIST SP 800-38D §8.2.1
_VERSION: Final = b"\x01"
_MAX_SECRET_BYTES: Final = 64 * 1024
# Safe in every vendor's configuration file, in a SIP header and in a mosquitto password file.
_PASSWORD_ALPHABET: Final = (string.ascii_letters + string.digits).encode("ascii")
_EVEN_BYTES: Final = 256 - 256 % len(_PASSWORD_ALPHABET)
_BYTE_TO_CHARACTER: Final = bytes(_PASSWORD_ALPHABET[byte % len(_PASSWORD_ALPHABET)] for byte in range(256))
_UNEVEN_BYTES: Final = bytes(range(_EVEN_BYTES, 256))


class SecretsError(Exception):
    """A secret is missing, unfit, or readable by others. The message names the file, never its content."""


def new_password() -> str:
    """A random password of 32 letters and digits (190 bits)."""
    # An import makes tens of thousands, so one draw for all characters; bytes that would favour some are dropped.
    chosen = b""
    while len(chosen) < PASSWORD_CHARS:
        chosen += secrets.token_bytes(2 * PASSWORD_CHARS).translate(_BYTE_TO_CHARACTER, _UNEVEN_BYTES)
    return chosen[:PASSWORD_CHARS].decode("ascii")


class Vault:
    """Seals short secrets for the database with AES-256-GCM, each bound to the row it is for.

    While a key is being replaced there are two; what was sealed with either opens.
    """

    __slots__ = ("_keys", "_reload")

    def __init__(self, key: bytes, *more: bytes, reload: Callable[[], Sequence[bytes]] | None = None) -> None:
        """*key*: 32 random bytes; *more*: others that may have sealed something. *reload* reads them anew, for a
        program that runs while they are replaced.
        """
        self._keys = tuple(_Key(each) for each in (key, *more))
        self._reload = reload

    def __repr__(self) -> str:
        return "Vault()"

    @property
    def key_id(self) -> str:
        """Names the key that seals, and tells nothing of it."""
        return self._keys[0].id

    def use(self, key_id: str) -> None:
        """Seal with the key of this id from now on; "" = with whichever there is. Raises SecretsError where it is not
        there: what is sealed with another key would be lost.
        """
        if not key_id or key_id == self.key_id:
            return
        if not any(key.id == key_id for key in self._keys):
            self._read_again()
        chosen = [key for key in self._keys if key.id == key_id]
        if not chosen:
            raise SecretsError("store.key is not the one that this database was made with: restore the right one")
        self._keys = (chosen[0], *(key for key in self._keys if key.id != key_id))

    def seal(self, secret: str, *, table: str, column: str, row: str) -> bytes:
        """*secret* sealed for one column of one row: moved to another it cannot be opened."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._keys[0].cipher.encrypt(nonce, secret.encode(), _bound(table, column, row))

    def unseal(self, sealed: bytes, *, table: str, column: str, row: str) -> str:
        """The secret. Raises SecretsError where it was sealed with another key, for another row, or was changed."""
        if sealed[:1] != _VERSION:
            raise SecretsError(f"{table} {row}: the sealed {column} is in a form this program does not know")
        bound = _bound(table, column, row)
        opened = self._open(sealed, bound)
        if opened is None and self._read_again():
            opened = self._open(sealed, bound)
        if opened is None:
            raise SecretsError(
                f"{table} {row}: the sealed {column} does not open: store.key is not the one it was made with"
            )
        return opened

    def _open(self, sealed: bytes, bound: bytes) -> str | None:
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        for key in self._keys:
            with contextlib.suppress(InvalidTag, ValueError):
                return key.cipher.decrypt(nonce, rest, bound).decode()
        return None

    def _read_again(self) -> bool:
        """Take the keys as they are on disk now; whether they are others."""
        if self._reload is None:
            return False
        keys = tuple(_Key(each) for each in self._reload())
        changed = {key.id for key in keys} != {key.id for key in self._keys}
        self._keys = keys
        return changed


class _Key:
    """A key and its name."""

    __slots__ = ("cipher", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise SecretsError(f"the store's key has {len(key)} bytes, {KEY_BYTES} are needed")
        self.cipher = AESGCM(key)
        self.id = identity_of(key)


def identity_of(secret: bytes) -> str:
    """Names a key or a pepper. Of 32 random bytes it tells nothing."""
    return hashlib.sha256(b"identity\0" + secret).hexdigest()[:16]


def _bound(table: str, column: str, row: str) -> bytes:
    return f"{table}\0{column}\0{row}".encode()


STORE_KEY: Final = "store.key"
PEPPER: Final = "pepper"
NEXT: Final = ".next"
"""What a key or pepper that is about to replace the present one is called meanwhile."""


@dataclass(frozen=True, slots=True)
class SiteSecrets:
    """The two secrets every site has, and where the others are."""

    folder: Path
    vault: Vault
    pepper: bytes = field(repr=False)  # for edge.core.tags.Tagger
    older_peppers: tuple[bytes, ...] = field(default=(), repr=False)  # that some tags were made with

    @classmethod
    def create(cls, site: Path) -> "SiteSecrets":
        """Make ``<site>/secrets`` (0700) with what is missing in it (0600), and load it. Never replaces a secret."""
        folder = site / "secrets"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (STORE_KEY, PEPPER):
            write_new(folder / name, secrets.token_bytes(KEY_BYTES))
        return cls.load(site)

    @classmethod
    def load(cls, site: Path) -> "SiteSecrets":
        """Load what `create` made. Raises SecretsError where a file is missing, unfit, or readable by others."""
        folder = site / "secrets"
        _refuse_open(folder)
        vault = Vault(*_store_keys(folder), reload=lambda: _store_keys(folder))
        older = _older_peppers(folder)  # before the present one, as the keys
        return cls(folder, vault, _sized(folder / PEPPER), older)

    def peppers(self, present: str) -> tuple[bytes, ...]:
        """All peppers, the one of the id *present* first ("" = the one of the file ``pepper``).

        Raises SecretsError where it is not there.
        """
        known = (self.pepper, *self.older_peppers)
        if not any(present in ("", identity_of(pepper)) for pepper in known):
            older = _older_peppers(self.folder)
            known = (_sized(self.folder / PEPPER), *older)
        first = [pepper for pepper in known if present in ("", identity_of(pepper))][:1]
        if not first:
            raise SecretsError("secrets/pepper is not the one that this database was made with: restore the right one")
        return (*first, *(pepper for pepper in known if pepper != first[0]))

    def reloaded(self) -> "SiteSecrets":
        """As the files are now."""
        return SiteSecrets.load(self.folder.parent)

    def text(self, name: str) -> str | None:
        """The text in ``secrets/<name>`` without the line end (``trunk_password``); None where there is no such file.

        Raises SecretsError where others may read it.
        """
        path = self.folder / _plain_name(name)
        return _read(path).decode().rstrip("\r\n") if path.exists() else None

    def write_text(self, name: str, text: str) -> None:
        """Write ``secrets/<name>`` (0600) all or nothing, replacing an older one."""
        path = self.folder / _plain_name(name)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        write_new(draft, text.encode())
        draft.replace(path)


def _store_keys(folder: Path) -> tuple[bytes, ...]:
    """The key, and the one that is about to replace it, read first: else the replacement could slip between."""
    successor = _if_there(folder / (STORE_KEY + NEXT))
    key = _sized(folder / STORE_KEY)
    return (key,) if successor is None else (key, successor)


def _older_peppers(folder: Path) -> tuple[bytes, ...]:
    found = (_if_there(path) for path in sorted(folder.glob(f"{PEPPER}.*")))
    return tuple(pepper for pepper in found if pepper is not None)


def _if_there(path: Path) -> bytes | None:
    return _sized(path) if path.exists() else None


def _plain_name(name: str) -> str:
    if name != Path(name).name or name.startswith("."):
        raise SecretsError(f"{name!r} is not the name of a secret")
    return name


def write_new(path: Path, content: bytes) -> None:
    """Make *path* (0600) with *content*, on disk when this returns; an existing file stays as it is."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # fails where the name is taken: two processes never end up with different keys
    except FileExistsError:
        pass  # the older one stays, as promised
    finally:
        draft.unlink()


def _read(path: Path) -> bytes:
    _refuse_open(path)
    try:
        with path.open("rb") as file:
            return file.read(_MAX_SECRET_BYTES)
    except OSError as error:
        raise SecretsError(f"{path}: {error.strerror}") from error


def _sized(path: Path) -> bytes:
    content = _read(path)
    if len(content) != KEY_BYTES:
        raise SecretsError(f"{path} has {len(content)} bytes, {KEY_BYTES} are needed")
    return content


def _refuse_open(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise SecretsError(f"{path}: {error.strerror}") from error
    if mode & 0o077:
        right = "700" if path.is_dir() else "600"
        raise SecretsError(f"{path} can be read by others (mode {mode:03o}): chmod {right} {path}")
