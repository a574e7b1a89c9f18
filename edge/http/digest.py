"""HTTP Digest (RFC 7616) and Basic (RFC 7617) for devices: what is asked of them, and whether an answer is right.

Nonces are signed times, so nothing is kept of who asked. They hold for five minutes; within them a request may come
again, which only fetches the same file once more.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

REALM: Final = "intercom-edge"
NONCE_LIVES_S: Final = 300
MAX_HEADER: Final = 2048
_ALGORITHMS: Final[Mapping[str, Callable[[bytes], "hashlib._Hash"]]] = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}
_PARAMETER: Final = re.compile(r'([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.IGNORECASE | re.ASCII)
_NONE: Final = "nobody has this password, for it is longer than any"


@dataclass(frozen=True, slots=True)
class Shown:
    """Who a request says that it is from."""

    user: str
    proves: Callable[[str], bool]
    """Whether it knows this password."""


class Challenger:
    """Asks for logins and reads them. *secret*: of this process, 32 random bytes."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)

    def challenges(self, now_s: float) -> list[str]:
        """Values of WWW-Authenticate, the strongest first; a device takes the first that it knows."""
        nonce = self._nonce(int(now_s))
        digests = [f'Digest realm="{REALM}", qop="auth", algorithm={a}, nonce="{nonce}"' for a in _ALGORITHMS]
        return [*digests, f'Basic realm="{REALM}", charset="UTF-8"']

    def read(self, header: str | None, method: str, target: str, now_s: float) -> Shown | None:
        """What *header* (Authorization) says of a request *method* *target*; None where it says nothing of worth."""
        if not header or len(header) > MAX_HEADER:
            return None
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "basic":
            return _basic(rest)
        return self._digest(rest, method, target, now_s) if scheme.lower() == "digest" else None

    def _digest(self, rest: str, method: str, target: str, now_s: float) -> Shown | None:
        told = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest)}
        make = _ALGORITHMS.get(told.get("algorithm", "MD5"))
        if make is None or told.get("realm") != REALM or told.get("qop") != "auth" or told.get("uri") != target:
            return None
        if not self._is_ours(told.get("nonce", ""), now_s) or not told.get("cnonce") or not told.get("nc"):
            return None

        def proves(password: str) -> bool:
            def digest(*parts: str) -> str:
                return make(":".join(parts).encode()).hexdigest()

            a1, a2 = digest(told["username"], REALM, password), digest(method, target)
            wanted = digest(a1, told["nonce"], told["nc"], told["cnonce"], "auth", a2)
            return hmac.compare_digest(wanted.encode(), told.get("response", "").lower().encode())

        return Shown(told["username"], proves) if told.get("username") else None

    def _nonce(self, at_s: int) -> str:
        stamp = f"{at_s:x}"
        return f"{stamp}.{hmac.new(self._secret, stamp.encode(), hashlib.sha256).hexdigest()[:32]}"

    def _is_ours(self, nonce: str, now_s: float) -> bool:
        stamp = nonce.partition(".")[0]
        if not re.fullmatch(r"[0-9a-f]{1,16}", stamp, re.ASCII):
            return False
        at_s = int(stamp, 16)
        fresh = 0 <= now_s - at_s < NONCE_LIVES_S
        return fresh and hmac.compare_digest(self._nonce(at_s).encode(), nonce.encode())


def _basic(rest: str) -> Shown | None:
    try:
        user, colon, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Shown(user, lambda known: hmac.compare_digest(known.encode(), password.encode())) if colon else None


def is_right(shown: Shown | None, known: str | None) -> bool:
    """Whether *shown* proves *known*. Takes as long for nobody (None) as for somebody."""
    right = shown is not None and shown.proves(known if known is not None else _NONE)
    return right and known is not None
