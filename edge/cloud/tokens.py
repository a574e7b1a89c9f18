"""Short-lived bearer tokens: JSON Web Tokens (RFC 7519) signed by `EdDSA` (RFC 8037) with Ed25519, nothing else."""

import base64
import binascii
import json
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAX_LIFE_S: Final = 300  # decision 52
LIFE_S: Final = 240
LEEWAY_S: Final = 30
REMEMBERED_S: Final = 600
MAX_REMEMBERED: Final = 100_000
MAX_TOKEN_CHARS: Final = 2_048
_HEADER: Final = {"alg": "EdDSA", "typ": "JWT"}


class TokenError(Exception):
    """The token is not good; the message says in which respect, and nothing of its content."""


@dataclass(frozen=True, slots=True)
class Claims:
    issuer: str
    id: str
    expires_s: float


def issue(key: Ed25519PrivateKey, *, issuer: str, audience: str, now_s: float, life_s: int = LIFE_S) -> str:
    """A token for one request. *now_s*: Unix seconds by the clock of whoever reads it."""
    issued = int(now_s)
    claims = {
        "iss": issuer, "aud": audience, "iat": issued, "exp": issued + life_s, "jti": secrets.token_urlsafe(16),
    }  # fmt: skip
    text = f"{_encode(_HEADER)}.{_encode(claims)}"
    return f"{text}.{_base64(key.sign(text.encode()))}"


def issuer_of(token: str) -> str:
    """Who says to have issued it: nothing is checked yet. Raises TokenError."""
    return str(_claims(token).get("iss", ""))


def check(token: str, key: Ed25519PublicKey, *, audiences: frozenset[str], now_s: float) -> Claims:
    """What *token* says, signed with *key*, for one of *audiences*, at *now_s*. Raises TokenError."""
    claims = _claims(token)
    header, body, signature = token.split(".")
    if _decode(header).get("alg") != "EdDSA":  # RFC 8725 §3.1: never the token's own choice
        raise TokenError("the token is signed by another algorithm")
    try:
        key.verify(_bytes(signature), f"{header}.{body}".encode())
    except InvalidSignature:
        raise TokenError("the token's signature is wrong") from None
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not any(isinstance(each, str) and each in audiences for each in named):
        raise TokenError("the token is for somebody else")
    expires, identity = claims.get("exp"), claims.get("jti")
    if isinstance(expires, bool) or not isinstance(expires, int | float) or not isinstance(identity, str):
        raise TokenError("the token lacks exp or jti")
    if expires <= now_s - LEEWAY_S:
        raise TokenError("the token has expired")
    if expires > now_s + MAX_LIFE_S + LEEWAY_S:
        raise TokenError("the token lives for too long")
    if not 0 < len(identity) <= MAX_TOKEN_CHARS:
        raise TokenError("the token has no fit jti")
    return Claims(str(claims.get("iss", "")), identity, float(expires))


class SeenTokens:
    """Ids of the tokens of the last ten minutes: each is good once."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def first_time(self, claims: Claims, now_s: float) -> bool:
        """Whether this token was not shown before; it is remembered. When too many are, the new ones are refused."""
        while self._seen and next(iter(self._seen.values())) <= now_s - REMEMBERED_S:
            self._seen.popitem(last=False)
        key = (claims.issuer, claims.id)
        if key in self._seen or len(self._seen) >= MAX_REMEMBERED:
            return False
        self._seen[key] = now_s
        return True


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(token) > MAX_TOKEN_CHARS or len(parts) != 3:
        raise TokenError("this is no token")
    return _decode(parts[1])


def _encode(value: object) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenError("this is no token") from error


def _decode(text: str) -> dict[str, Any]:
    try:
        value = json.loads(_bytes(text))
    except (ValueError, RecursionError) as error:
        raise TokenError("this is no token") from error
    if not isinstance(value, dict):
        raise TokenError("this is no token")
    return value
