"""Proof that an app has its key: ECDSA over P-256 as WebCrypto makes it (FIPS 186-5; IEEE P1363 form, 64 bytes)."""

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

POINT_BYTES: Final = 65  # SEC 1 §2.3.3, uncompressed
_NUMBER_BYTES: Final = 32
_TEXT_MAX: Final = 512


def decode(text: str) -> bytes:
    """Base64url without padding. Raises ValueError."""
    if len(text) > _TEXT_MAX or "=" in text:
        raise ValueError("not base64url")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_point(text: str) -> bytes:
    """The key that an app sent, checked to be a point of the curve. Raises ValueError."""
    point = decode(text)
    if len(point) != POINT_BYTES:
        raise ValueError("a public key has 65 bytes")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    return point


def proves(point: bytes, signature: str, *words: str) -> bool:
    """Whether *signature* over *words*, joined by line ends, was made by the key whose public half is *point*."""
    try:
        given = decode(signature)
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return False
    if len(given) != 2 * _NUMBER_BYTES:
        return False
    first, second = (int.from_bytes(part, "big") for part in (given[:_NUMBER_BYTES], given[_NUMBER_BYTES:]))
    try:
        key.verify(encode_dss_signature(first, second), "\n".join(words).encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
