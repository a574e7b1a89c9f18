"""Logins as lines of a password file: salted hashes in the format mosquitto reads, checked by our own broker too.

    user:$7$<iterations>$<salt, base64>$<PBKDF2-HMAC-SHA-512, base64>

Device passwords are random and long, so a few iterations are enough: each connection costs the broker one check.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from mqtt.accounts import Account

ITERATIONS: Final = 101  # mosquitto_passwd's own number
_SALT_BYTES: Final = 12
_HASH_BYTES: Final = 64


def hash_password(password: str, salt: bytes) -> str:
    """The part of a line after the user."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, _HASH_BYTES)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def verify(password: str, hashed: str) -> bool:
    """Whether *password* is the one of *hashed*; a malformed *hashed* is nobody's."""
    try:
        _, kind, iterations, salt, digest = hashed.split("$")
        wanted = base64.b64decode(digest, validate=True)
        if kind != "7":
            return False
        made = hashlib.pbkdf2_hmac(
            "sha512", password.encode(), base64.b64decode(salt, validate=True), int(iterations), len(wanted)
        )
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(made, wanted)


class Hasher:
    """Hashes each password once: an unchanged login keeps its line, so a rewritten file differs only where it must."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[str, str]] = {}  # user -> (password, hash)

    def hashes(self, accounts: Iterable[Account]) -> Mapping[str, str]:
        """User to hash, for *accounts* and nobody else. CPU: about 0.1 ms for each new password."""
        lines: dict[str, tuple[str, str]] = {}
        for account in accounts:
            kept = self._lines.get(account.user)
            if kept is None or kept[0] != account.password:
                kept = (account.password, hash_password(account.password, os.urandom(_SALT_BYTES)))
            lines[account.user] = kept
        self._lines = lines
        return {user: hashed for user, (_, hashed) in lines.items()}


def write_private(path: Path, text: str) -> None:
    """Replace *path* by *text* in one step, readable by the daemon's user only."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(fresh, path)
