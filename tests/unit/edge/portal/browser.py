"""A key pair as WebCrypto makes it, and what it signs."""

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from edge.portal.keys import encode


class BrowserKey:
    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def point(self) -> bytes:
        encoding, form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        return self._key.public_key().public_bytes(encoding, form)

    @property
    def public(self) -> str:
        return encode(self.point)

    def sign(self, *words: str) -> str:
        first, second = decode_dss_signature(self._key.sign("\n".join(words).encode(), ec.ECDSA(hashes.SHA256())))
        return encode(first.to_bytes(32, "big") + second.to_bytes(32, "big"))
