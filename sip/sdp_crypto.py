"""Keys of SRTP in a description: a=crypto (RFC 4568), AES-CM with HMAC-SHA1, one master key, no MKI.

Whoever can read the signalling can listen: SDES protects over TLS only.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass
from typing import Final

from sip.sdp import Attribute, Media

KEY_BYTES: Final = 30  # master key of 16 and salt of 14 (RFC 3711 §8.2)
STRONG: Final = "AES_CM_128_HMAC_SHA1_80"
SUITES: Final = (STRONG, "AES_CM_128_HMAC_SHA1_32")
SECURE_PROTOCOLS: Final = frozenset({"RTP/SAVP", "RTP/SAVPF"})
PLAIN_PROTOCOLS: Final = frozenset({"RTP/AVP", "RTP/AVPF"})

# tag, suite, key, and perhaps a lifetime; with an MKI or session parameters it is not for us (RFC 4568 §6.3).
_LINE: Final = re.compile(
    r"([0-9]{1,9}) (\w{1,64}) inline:([A-Za-z0-9+/=]{40,64})(?:\|(?:2\^)?[0-9]{1,20})?\s*", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Crypto:
    """One a=crypto line."""

    tag: int
    suite: str
    key: bytes

    @staticmethod
    def new(tag: int = 1, suite: str = STRONG) -> "Crypto":
        """A fresh key of ours."""
        return Crypto(tag, suite, secrets.token_bytes(KEY_BYTES))

    @property
    def attribute(self) -> Attribute:
        return Attribute("crypto", f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}")

    def __repr__(self) -> str:
        return f"Crypto({self.tag}, {self.suite})"  # never the key


def cryptos(media: Media) -> tuple[Crypto, ...]:
    """The keys of a line that we can use, the preferred one first."""
    found = (_parse(attribute.value or "") for attribute in media.named("crypto"))
    return tuple(crypto for crypto in found if crypto is not None)


def _parse(value: str) -> Crypto | None:
    match = _LINE.fullmatch(value)
    if match is None or match[2] not in SUITES:
        return None
    try:
        key = base64.b64decode(match[3], validate=True)
    except binascii.Error:
        return None
    return Crypto(int(match[1]), match[2], key) if len(key) == KEY_BYTES else None
