"""A TCP or TLS connection of the endpoint, whoever opened it."""

import asyncio
import itertools
import math
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, cast

from sip.flow import Address, Flow
from sip.framer import StreamFramer
from sip.parser import ParseError

WRITE_BUFFER_BYTES_MAX: Final = 512 * 1024  # a peer that does not read is cut off
FIRST_MESSAGE_S: Final = 32.0  # an accepted connection must say something whole within this
UNFINISHED_S: Final = 10.0  # and never hold part of a message for longer than this
IDLE_S: Final = 7500.0  # longer than any registration lasts

_numbers = itertools.count(1)


class Receiver(Protocol):
    """Who is given what comes out of connections."""

    def receive(self, data: bytes, flow: Flow) -> None: ...

    def refuse_stream(self, error: ParseError, flow: Flow) -> None: ...

    def wait_s(self, source: Address) -> float:
        """0.0: one more message may pass; otherwise after how many seconds; infinite: never, close the connection."""
        ...


class Connection(asyncio.Protocol):
    """One connection. It closes itself where the framing breaks; `due` closes it where the peer is too slow."""

    def __init__(
        self,
        transport_name: str,
        receiver: Receiver,
        opened: Callable[["Connection"], bool],
        closed: Callable[["Connection"], None],
        *,
        accepted: bool,
    ) -> None:
        """*opened* may refuse the connection by False. *transport_name*: TCP or TLS."""
        self.accepted = accepted
        self.flow: Flow | None = None  # None before it is open
        self._name = transport_name
        self._receiver = receiver
        self._opened = opened
        self._closed = closed
        self._framer = StreamFramer()
        self._waiting: deque[bytes] = deque()  # complete messages over the rate; bounded, for reading is paused then
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._resume: asyncio.TimerHandle | None = None
        self._opened_at = self._last_read = self._unfinished_since = self._loop.time()
        self._spoke = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if not local or not remote:  # gone before we looked
            self._transport.abort()
            return
        self.flow = Flow(self._name, Address(*local[:2]), Address(*remote[:2]), next(_numbers))
        if not self._opened(self):
            self.flow = None
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._resume is not None:
            self._resume.cancel()
        self._transport = None
        self._waiting.clear()
        if self.flow is not None:
            self._closed(self)

    def data_received(self, data: bytes) -> None:
        if self.flow is None or self._transport is None:
            return
        was_unfinished = self._framer.unfinished
        messages = self._framer.feed(data)
        if self._framer.pongs:
            self._framer.pongs = 0
            self._transport.write(b"\r\n")  # RFC 5626 §4.4.1
        self._last_read = self._loop.time()
        if messages or not was_unfinished:
            self._unfinished_since = self._last_read
        self._waiting.extend(messages)
        if self._resume is None:
            self._deliver()
        if self._framer.broken is not None and self._transport is not None:
            self._receiver.refuse_stream(self._framer.broken, self.flow)  # RFC 3261 §18.3: nothing more can be read
            self._transport.close()

    def send(self, data: bytes) -> bool:
        """Write; False where the connection is closed or its peer does not read."""
        if self._transport is None or self._transport.is_closing():
            return False
        if self._transport.get_write_buffer_size() + len(data) > WRITE_BUFFER_BYTES_MAX:
            self._transport.abort()
            return False
        self._transport.write(data)
        return True

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def check_time(self, now: float) -> None:
        """Close the connection if its peer has had its time."""
        silent = self.accepted and not self._spoke and now - self._opened_at > FIRST_MESSAGE_S
        stuck = self._framer.unfinished and now - self._unfinished_since > UNFINISHED_S
        if self._transport is not None and (silent or stuck or now - self._last_read > IDLE_S):
            self._transport.abort()

    def _deliver(self) -> None:
        """Hand over messages at the rate that this source may send; beyond it the peer has to wait."""
        paused, self._resume = self._resume is not None, None
        while self._waiting and self.flow is not None and self._transport is not None:
            wait_s = self._receiver.wait_s(self.flow.remote)
            if wait_s == math.inf:
                self._transport.abort()
                return
            if wait_s > 0:
                self._transport.pause_reading()
                self._resume = self._loop.call_later(wait_s, self._deliver)
                return
            self._spoke = True
            self._receiver.receive(self._waiting.popleft(), self.flow)
        if paused and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
