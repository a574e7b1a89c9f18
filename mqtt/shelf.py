"""The devices' configurations as the broker holds them, retained: put there when they differ, and only then."""

import hashlib
import logging
from collections.abc import Callable
from typing import Final

from models.ids import Mac
from mqtt.client import Link, LinkDown, Received
from mqtt.topics import CONFIG, Topics

log = logging.getLogger(__name__)

MAX_HELD: Final = 10_000  # digests of configurations; one beyond is written again at each change, which harms nothing


class ConfigShelf:
    """Knows by digest what the broker retains, from what it tells after each connection and from what we put there."""

    def __init__(self, topics: Topics, link: Link, clear: Callable[[Mac, str], None]) -> None:
        """*clear* removes a retained message of a topic, later."""
        self._topics = topics
        self._link = link
        self._clear = clear
        self._held: dict[Mac, bytes] = {}
        self._settled = False
        self.settled: Callable[[], None] = _nobody
        """Called when the broker has told all it holds, after each connection."""

    @property
    def ready(self) -> bool:
        """Whether we know what the broker holds, and can change it."""
        return self._settled and self._link.connected

    def doubt(self) -> None:
        """A new connection: the broker tells anew."""
        self._held.clear()
        self._settled = False

    def heard(self, device: Mac, message: Received, known: bool) -> None:
        """A message stands at, or came by, the configuration topic of *device*."""
        if not message.retain:
            return  # our own, coming by
        if not known and message.payload:
            self._clear(device, message.topic)
        elif len(self._held) < MAX_HELD:
            self._held[device] = _digest(message.payload)

    def settle(self) -> None:
        """Everything retained has been told."""
        self._settled = True
        self.settled()

    async def put(self, device: Mac, payload: bytes) -> bool:
        """See that *payload* is what the broker retains for *device*; whether it had to be sent. Raises LinkDown."""
        digest = _digest(payload)
        if self._held.get(device) == digest:
            return False
        if not self._settled:
            raise LinkDown("it is not known yet what the broker holds")
        await self._link.publish(self._topics.down(device, CONFIG), payload, retain=True)
        if device in self._held or len(self._held) < MAX_HELD:
            self._held[device] = digest
        return True

    def forget(self, device: Mac) -> None:
        """The device was removed, and what was retained for it goes."""
        self._held.pop(device, None)


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()


def _nobody() -> None:
    """Nobody has to be told."""
