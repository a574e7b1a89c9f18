"""Web Push (RFC 8030, 8291, 8292): a ring for an app that sleeps. The payload names the call and nothing else."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from py_vapid import Vapid02
from pywebpush import WebPushException, webpush_async

from edge.portal import keys

TTL_S: Final = 30  # the library's default of 0 drops the ring of a sleeping phone
TIMEOUT_S: Final = 10.0
QUEUED_MAX: Final = 256
AT_ONCE: Final = 8
BACK_OFF_S: Final = 60.0
ENDPOINT_CHARS_MAX: Final = 1024
TOPIC_CHARS_MAX: Final = 32  # RFC 8030 §5.4
_GONE: Final = frozenset({404, 410})
_TOO_MANY: Final = 429

log = logging.getLogger(__name__)


def make_key() -> str:
    """A new VAPID key as PEM text, to be kept in ``secrets/``."""
    made = Vapid02()
    made.generate_keys()
    return str(made.private_pem().decode())


def allowed(endpoint: str, services: Sequence[str]) -> bool:
    """Whether *endpoint* is one of a push service that this site uses: whoever chooses it makes us send there.

    *services* are host names, ``*.name`` for all below one. Anything but loopback must be https.
    """
    if len(endpoint) > ENDPOINT_CHARS_MAX or not endpoint.isascii():
        return False
    try:
        parts = urlsplit(endpoint)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    if parts.username or parts.password or not _named(host, services):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _named(host: str, services: Sequence[str]) -> bool:
    return any(host.endswith(one[1:]) if one.startswith("*.") else host == one for one in services)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Pusher:
    """Sends in the background; what does not fit in its queue is dropped. *forget* is told of subscriptions that are
    gone."""

    def __init__(self, pem: str, contact: str, forget: Callable[[str], None]) -> None:
        """*contact*: for the service's operators, ``mailto:`` or ``https://``."""
        self._key: Any = Vapid02.from_pem(pem.encode())
        self._contact = contact
        self._forget = forget
        self._queue: asyncio.Queue[tuple[str, Mapping[str, str], Mapping[str, object]]] = asyncio.Queue(QUEUED_MAX)
        self._silent_until: dict[str, float] = {}

    @property
    def public_key(self) -> str:
        """What the browser subscribes with."""
        encoding, form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        return keys.encode(self._key.public_key.public_bytes(encoding, form))

    def push(self, session: str, subscription: Mapping[str, str], kind: str, call: str) -> None:
        """Tell the app of *session* that *call* rings, or is ``over``."""
        if self._queue.full():
            log.warning("a push is dropped: %d wait already", QUEUED_MAX)
            return
        self._queue.put_nowait((session, subscription, {"v": 1, "type": kind, "call": call}))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._send_all())

    async def _send_all(self) -> None:
        while True:
            session, subscription, message = await self._queue.get()
            if self._silent_until.get(session, 0.0) > time.monotonic():
                continue
            await self._send(session, subscription, message)

    async def _send(self, session: str, subscription: Mapping[str, str], message: Mapping[str, object]) -> None:
        browser_keys: dict[str, str | bytes] = {name: subscription[name] for name in ("p256dh", "auth")}
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await webpush_async(
                    {"endpoint": subscription["endpoint"], "keys": browser_keys},
                    json.dumps(message),
                    vapid_private_key=self._key,
                    vapid_claims={"sub": self._contact},
                    ttl=TTL_S,
                    headers={"Urgency": "high", "Topic": str(message["call"])[:TOPIC_CHARS_MAX]},
                    timeout=TIMEOUT_S,
                )
        except WebPushException as error:
            self._refused(session, getattr(error.response, "status", 0) or getattr(error.response, "status_code", 0))
        except (OSError, TimeoutError, ValueError) as error:
            log.warning("a push was not sent", extra={"why": type(error).__name__})

    def _refused(self, session: str, status: int) -> None:
        if status in _GONE:
            self._forget(session)
        elif status == _TOO_MANY:
            self._silent_until[session] = time.monotonic() + BACK_OFF_S
            while len(self._silent_until) > QUEUED_MAX:
                self._silent_until.pop(next(iter(self._silent_until)))
        log.info("a push was refused", extra={"status": status})
