"""The device's side of HTTP logins: Basic, and Digest with MD5 as these devices speak it (RFC 7616, RFC 7617)."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from typing import Final

_PARAMETER: Final = re.compile(r'([a-z]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', re.IGNORECASE | re.ASCII)


class DigestGate:
    """Asks for a login and checks the answer. A nonce holds until the device is started again."""

    def __init__(self, realm: str) -> None:
        self._realm = realm
        self._nonce = secrets.token_hex(16)

    @property
    def challenge(self) -> str:
        return f'Digest realm="{self._realm}", nonce="{self._nonce}", qop="auth", algorithm=MD5'

    def lets_in(self, header: str, method: str, target: str, user: str, password: str) -> bool:
        """Whether *header* (Authorization) proves *password* for this request."""
        scheme, _, rest = header.partition(" ")
        told = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest)}
        if scheme.lower() != "digest" or told.get("username") != user or told.get("nonce") != self._nonce:
            return False
        if told.get("uri") != target or told.get("qop") != "auth":
            return False
        a1, a2 = _md5(f"{user}:{self._realm}:{password}"), _md5(f"{method}:{target}")
        wanted = _md5(":".join((a1, self._nonce, told.get("nc", ""), told.get("cnonce", ""), "auth", a2)))
        return hmac.compare_digest(wanted, told.get("response", ""))


def basic_lets_in(header: str, user: str, password: str) -> bool:
    """Whether *header* (Authorization: Basic) is this login."""
    scheme, _, rest = header.partition(" ")
    try:
        shown = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(shown.encode(), f"{user}:{password}".encode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
