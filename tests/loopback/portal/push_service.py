"""A push service on loopback, and a browser's half of Web Push: its keys, and reading what came (RFC 8291)."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

POINT = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Subscriber:
    """A browser's subscription."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(*POINT)

    def at(self, endpoint: str) -> dict[str, str]:
        """As `PushSubscription.toJSON()` has it, flat."""
        return {"endpoint": endpoint, "p256dh": encoded(self.point), "auth": encoded(self.auth)}

    def read(self, body: bytes) -> Any:
        """RFC 8291 §3.4 over RFC 8188 §2: one record. Raises where it was not meant for this browser."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        secret = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        keyed = _derived(self.auth, secret, b"WebPush: info\x00" + self.point + theirs, 32)
        key = _derived(salt, keyed, b"Content-Encoding: aes128gcm\x00", 16)
        nonce = _derived(salt, keyed, b"Content-Encoding: nonce\x00", 12)
        text, _, padding = AESGCM(key).decrypt(nonce, sealed, None).rpartition(b"\x02")
        assert not padding.strip(b"\x00")
        return json.loads(text)


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF with one block (RFC 5869)."""
    key = hmac.digest(salt, secret, hashlib.sha256)
    return hmac.digest(key, info + b"\x01", hashlib.sha256)[:length]


@dataclass(frozen=True, slots=True)
class Push:
    """A message as the service got it."""

    path: str
    headers: Mapping[str, str]  # by small letters
    body: bytes

    def vapid(self) -> tuple[str, Mapping[str, Any]]:
        """The sender's key and its claims, the signature checked (RFC 8292 §2, RFC 7518 §3.4)."""
        scheme, _, rest = self.headers["authorization"].partition(" ")
        assert scheme.lower() == "vapid"
        fields = dict(part.strip().split("=", 1) for part in rest.split(","))
        head, claims, signature = fields["t"].split(".")
        assert json.loads(decoded(head))["alg"] == "ES256"
        first, second = (int.from_bytes(decoded(signature)[at : at + 32], "big") for at in (0, 32))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(fields["k"]))
        key.verify(encode_dss_signature(first, second), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        return fields["k"], json.loads(decoded(claims))


class PushService:
    """Answers with the next of *statuses*, then with 201."""

    def __init__(self, host: str) -> None:
        self.origin = ""
        self.host = host
        self.statuses: list[int] = []
        self.asked: list[Push] = []
        self._came = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["PushService"]:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._take)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, 0)
            await site.start()
            self.origin = f"http://{self.host}:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    async def nth(self, number: int, within_s: float = 20.0) -> Push:
        """The *number*-th message, from 1."""
        async with asyncio.timeout(within_s), self._came:
            await self._came.wait_for(lambda: len(self.asked) >= number)
        return self.asked[number - 1]

    async def told(self, browser: Subscriber, kind: str, after: int) -> Any:
        """What the first message of *kind* says to *browser*, the first *after* messages left out."""
        while True:
            message = browser.read((await self.nth(after + 1)).body)
            if message["type"] == kind:
                return message
            after += 1

    async def _take(self, request: web.Request) -> web.Response:
        async with self._came:
            self.asked.append(
                Push(request.path, {k.lower(): v for k, v in request.headers.items()}, await request.read())
            )
            self._came.notify_all()
        status = self.statuses.pop(0) if self.statuses else 201
        headers = {"Location": f"{self.origin}/elsewhere"} if status == 307 else {}
        return web.Response(status=status, headers=headers)
