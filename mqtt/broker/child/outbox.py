"""What a client still has to be sent, in order. Survives the connection of a session that is kept. Sans-IO but for one
event to wait on."""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

MAX_UNACKED: Final = 200
MAX_MESSAGES: Final = 20_000  # the daemon absorbs storms of wills
MAX_BYTES: Final = 4 << 20


@dataclass(slots=True)
class Outgoing:
    topic: str
    data: bytes
    qos: int
    retain: bool
    packet_id: int = 0
    dup: bool = False


class Outbox:
    """A queue with a window of unacknowledged messages."""

    def __init__(self) -> None:
        self._queue: deque[Outgoing] = deque()
        self._unacked: OrderedDict[int, Outgoing] = OrderedDict()
        self._bytes = 0
        self._last_id = 0
        self._more = asyncio.Event()

    def put(self, message: Outgoing) -> bool:
        """Queue *message*; False if there is no room for it."""
        if len(self._queue) >= MAX_MESSAGES or self._bytes + len(message.data) > MAX_BYTES:
            return False
        self._queue.append(message)
        self._bytes += len(message.data)
        self._more.set()
        return True

    def new_link(self) -> None:
        """The client is back: what has no ack goes first, in its old order, marked as a repetition (§4.4)."""
        for message in reversed(self._unacked.values()):
            message.dup = True
            self._queue.appendleft(message)
            self._bytes += len(message.data)
        self._unacked.clear()
        self._more.set()

    def lost_link(self) -> None:
        """What may not wait for a client is dropped."""
        kept = deque(message for message in self._queue if message.qos)
        self._bytes = sum(len(message.data) for message in kept)
        self._queue = kept

    def acked(self, packet_id: int) -> None:
        """The client has it; an id that is not waited for is nothing."""
        self._unacked.pop(packet_id, None)
        self._more.set()

    async def next(self) -> Outgoing:
        """The next message to send; waits for one, and for room in the window if it wants an ack."""
        while not self._queue or (self._queue[0].qos and len(self._unacked) >= MAX_UNACKED):
            self._more.clear()
            await self._more.wait()
        message = self._queue.popleft()
        self._bytes -= len(message.data)
        if message.qos:
            message.packet_id = message.packet_id if message.dup else self._fresh_id()
            self._unacked[message.packet_id] = message
        return message

    def _fresh_id(self) -> int:
        """§2.3.1: not 0 and not in use; the window is far smaller than the ids."""
        while True:
            self._last_id = self._last_id % 65_535 + 1
            if self._last_id not in self._unacked and all(m.packet_id != self._last_id for m in self._repeats()):
                return self._last_id

    def _repeats(self) -> list[Outgoing]:
        """Messages at the head of the queue that keep their id."""
        found: list[Outgoing] = []
        for message in self._queue:
            if not message.dup:
                break
            found.append(message)
        return found
