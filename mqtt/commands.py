"""Commands that wait for a device's ack, matched by id and device."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final

from models.ids import Mac
from mqtt.payloads import Ack

MAX_WAITING: Final = 1000


@dataclass(slots=True)
class Sent:
    """A command that was sent and what came of it."""

    device: Mac
    sent_s: float  # monotonic seconds
    answer: asyncio.Future[Ack]


class Waiting:
    """The commands without an ack yet, at most `MAX_WAITING`."""

    def __init__(self) -> None:
        self._sent: dict[str, Sent] = {}

    @property
    def full(self) -> bool:
        return len(self._sent) >= MAX_WAITING

    def add(self, device: Mac, now_s: float) -> tuple[str, Sent]:
        """A fresh id that nobody can guess, and the place its ack will come to."""
        identity = secrets.token_hex(12)
        sent = self._sent[identity] = Sent(device, now_s, asyncio.get_running_loop().create_future())
        return identity, sent

    def drop(self, identity: str) -> None:
        """Nobody waits any more; an ack that comes later is nobody's."""
        self._sent.pop(identity, None)

    def answer(self, device: Mac, ack: Ack) -> Sent | None:
        """Wake who waits for *ack*; None if nobody does, or if another device was asked."""
        sent = self._sent.get(ack.id)
        if sent is None or sent.device != device or sent.answer.done():
            return None
        sent.answer.set_result(ack)
        return sent
