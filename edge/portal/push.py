"""Web Push (RFC 8030, 8291, 8292): a ring for an app that sleeps. The payload names the call and nothing else."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives import serialization
from py_vapid import Vapid02
from pywebpush import WebPushException, webpush_async

from edge.portal import keys

TTL_S: Final = 30  # the library's default of 0 drops the ring of a sleeping phone
TIMEOUT_S: Final = 10.0
QUEUED_MAX: Final = 256
REMEMBERED_MAX: Final = 1024
AT_ONCE: Final = 8
BACK_OFF_S: Final = 60.0  # after 429, also where the service wants more: a ring is over by then
TRY_AGAIN_AFTER_S: Final = (0.5, 2.0)  # where the service failed; later the call is over
ENDPOINT_CHARS_MAX: Final = 1024
TOPIC_CHARS_MAX: Final = 32  # RFC 8030 §5.4
RING: Final = "ring"
OVER: Final = "over"
_GONE: Final = frozenset({404, 410})
_TOO_MANY: Final = 429
_THEIR_FAULT: Final = 500

_K = TypeVar("_K")
_V = TypeVar("_V")

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


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A message in the queue; *until_s*: after that nobody rings any more, monotonic seconds."""

    session: str
    subscription: Mapping[str, str]
    kind: str
    call: str
    until_s: float


class _Web:
    """What the library posts with: one client, that follows nobody who sends it elsewhere."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client

    async def post(self, url: str, **options: Any) -> aiohttp.ClientResponse:
        return await self._client.post(url, allow_redirects=False, **options)


class Pusher:
    """Sends in the background; what does not fit in its queue is dropped. *forget* is told of subscriptions that are
    gone."""

    def __init__(self, pem: str, contact: str, forget: Callable[[str], None]) -> None:
        """*contact*: for the service's operators, ``mailto:`` or ``https://``."""
        self._key: Any = Vapid02.from_pem(pem.encode())
        self._contact = contact
        self._forget = forget
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(QUEUED_MAX)
        self._silent_until: dict[str, float] = {}
        self._over: dict[tuple[str, str], None] = {}  # session and call that rings there no more

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
        if kind == OVER:
            _keep(self._over, (session, call), None)
        self._queue.put_nowait(_Waiting(session, subscription, kind, call, time.monotonic() + TTL_S))

    async def run(self) -> None:
        async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._send_all(_Web(client)))

    async def _send_all(self, web: _Web) -> None:
        while True:
            waiting = await self._queue.get()
            for wait_s in (0.0, *TRY_AGAIN_AFTER_S):
                await asyncio.sleep(wait_s)
                if self._is_late(waiting):
                    break
                status = await self._send(web, waiting)
                if status < _THEIR_FAULT:
                    self._answered(waiting.session, status)
                    break
                log.info("a push failed", extra={"status": status})

    def _is_late(self, waiting: _Waiting) -> bool:
        now_s = time.monotonic()
        if waiting.kind != OVER and (waiting.session, waiting.call) in self._over:
            return True
        return waiting.until_s < now_s or self._silent_until.get(waiting.session, 0.0) > now_s

    async def _send(self, web: _Web, waiting: _Waiting) -> int:
        """The service's status; as of its own fault where it could not be asked."""
        subscription, message = waiting.subscription, {"v": 1, "type": waiting.kind, "call": waiting.call}
        browser_keys: dict[str, str | bytes] = {name: subscription[name] for name in ("p256dh", "auth")}
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await webpush_async(
                    {"endpoint": subscription["endpoint"], "keys": browser_keys},
                    json.dumps(message),
                    vapid_private_key=self._key,
                    vapid_claims={"sub": self._contact},
                    ttl=TTL_S,
                    headers={"Urgency": "high", "Topic": waiting.call[:TOPIC_CHARS_MAX]},
                    timeout=aiohttp.ClientTimeout(TIMEOUT_S),
                    aiohttp_session=web,
                )
        except WebPushException as error:
            return int(getattr(error.response, "status", 400))  # without a response: our own data cannot be sent
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("a push was not sent", extra={"why": type(error).__name__})
            return _THEIR_FAULT
        except ValueError as error:  # keys that are none
            log.warning("a push was not sent", extra={"why": type(error).__name__})
            return 400
        return 201

    def _answered(self, session: str, status: int) -> None:
        if status < 300:
            return
        if status in _GONE:
            self._forget(session)
        elif status == _TOO_MANY:
            _keep(self._silent_until, session, time.monotonic() + BACK_OFF_S)
        log.info("a push was refused", extra={"status": status})


def _keep(known: dict[_K, _V], key: _K, value: _V) -> None:
    """The newest `REMEMBERED_MAX`."""
    known.pop(key, None)
    known[key] = value
    while len(known) > REMEMBERED_MAX:
        known.pop(next(iter(known)))
