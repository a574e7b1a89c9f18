"""The RTP relay: one thread with epoll on connected sockets, which also reads RFC 4733 events on the way.

Only the thread touches sockets and streams once they are registered; the event loop posts work to it, and it posts
digits back with `call_soon_threadsafe`.
"""

import asyncio
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVarTuple, Unpack

from sip.media.engine import End, Facing, MediaListener, MediaUnavailable, PeerLine
from sip.media.latch import Address
from sip.media.playout import Playout
from sip.media.ports import PortPool
from sip.media.rtp import StreamStats
from sip.media.settings import MediaSettings
from sip.media.sockets import bind_pair
from sip.media.stream import PACKET_BYTES_MAX, Pin, Stream

SWITCH_INTERVAL_S: Final = 0.0005  # the interpreter's default of 5 ms would delay packets while the loop computes
_POLL_S: Final = 1.0
_READY_MAX: Final = 64
_SWEEP_S: Final = 1.0
_Args = TypeVarTuple("_Args")


@dataclass(frozen=True, slots=True)
class _Running:
    """What exists between `start` and `stop`."""

    loop: asyncio.AbstractEventLoop
    epoll: select.epoll
    wake_fd: int
    failed: asyncio.Future[None]


class RtpRelay:
    """A `MediaEngine`. `start` and `stop` on the event loop; a failure of the thread is raised by `run`."""

    name = "rtp"

    def __init__(self, settings: MediaSettings) -> None:
        self._silence_s = settings.silence_s
        self.pool = PortPool(settings.port_min, settings.port_max)
        self._streams: dict[Stream, None] = {}
        self._pins: dict[int, Pin] = {}
        self._local: set[Address] = set()  # our own media addresses: never a peer
        self._playing: list[Stream] = []  # those that get a recording; the thread's
        self._work: deque[Callable[[], None]] = deque()
        self._running: _Running | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._waking = False  # the thread will be woken when this turn of the loop is over

    # --- component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the thread; after that sessions can be opened."""
        loop = asyncio.get_running_loop()
        running = _Running(loop, select.epoll(), os.eventfd(0, os.EFD_NONBLOCK), loop.create_future())
        running.epoll.register(running.wake_fd, select.EPOLLIN)
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
        self._stopping = False
        self._running = running
        self._thread = threading.Thread(target=self._run, args=(running,), name="rtp-relay", daemon=True)
        self._thread.start()

    async def run(self) -> None:
        """Wait for a failure of the thread, which ends the daemon."""
        if self._running is not None:
            await asyncio.shield(self._running.failed)

    async def stop(self) -> None:
        """End the thread and close every socket. Idempotent."""
        thread, self._thread = self._thread, None
        running = self._running
        if thread is None or running is None:
            return
        self._stopping = True
        os.eventfd_write(running.wake_fd, 1)
        await asyncio.to_thread(thread.join)
        self._running = None
        self._do_work()
        for stream in self._streams:
            stream.close()
        for owned in (self._pins, self._streams, self._local, self._playing):
            owned.clear()
        running.failed.cancel()
        running.epoll.close()
        os.close(running.wake_fd)

    # --- sessions, on the event loop --------------------------------------------------------------------------------

    def open(self, listener: MediaListener, *, digits: bool = True) -> "RelaySession":
        """Media of one more call."""
        return RelaySession(self, listener)

    @property
    def streams(self) -> int:
        """Media lines that hold ports now."""
        return len(self._streams)

    def is_ours(self, address: Address | None) -> bool:
        """Whether *address* is a media address of this relay; two of them facing each other would be a loop."""
        return address in self._local

    def _bind(self, listener: MediaListener, end: End, kind: str, host: str) -> Stream:
        running = self._running
        if running is None:
            raise MediaUnavailable("the RTP relay is not running")
        rtp, rtcp, port = bind_pair(self.pool, host, time.monotonic())

        def digit(value: str) -> None:
            self._tell(running, listener.media_digit, end, value)

        def silent() -> None:
            self._tell(running, listener.media_silent, end)

        stream = Stream(kind, host, port, Pin(rtp), Pin(rtcp), on_digit=digit, on_silent=silent)
        self._streams[stream] = None
        self._local.update({(host, port), (host, port + 1)})
        for pin in (stream.rtp, stream.rtcp):
            self._pins[pin.sock.fileno()] = pin
            running.epoll.register(pin.sock, select.EPOLLIN)
        return stream

    def _unbind(self, stream: Stream) -> None:
        self.pool.release(stream.port, time.monotonic())
        running = self._running
        if running is None:  # stopped: everything is closed
            return
        del self._streams[stream]
        self._local.difference_update({(stream.host, stream.port), (stream.host, stream.port + 1)})
        for pin in (stream.rtp, stream.rtcp):
            del self._pins[pin.sock.fileno()]
            running.epoll.unregister(pin.sock)
        # Closed by the thread, which may be using it. A descriptor number reused within its round does no harm.
        self._post(stream.close)

    def _post(self, work: Callable[[], None]) -> None:
        """Have the thread do *work*. It is woken once for all that one turn of the loop brings, and after that turn:
        awake it would only wait for the interpreter, and hold up who is at work."""
        running = self._running
        if running is None:
            return
        self._work.append(work)
        if not self._waking:
            self._waking = True
            running.loop.call_soon(self._wake, running)

    def _wake(self, running: _Running) -> None:
        self._waking = False
        if self._running is running:
            os.eventfd_write(running.wake_fd, 1)

    # --- the thread -------------------------------------------------------------------------------------------------

    def _run(self, running: _Running) -> None:
        try:
            self._forward(running)
        except Exception as error:  # noqa: BLE001 - handed to `run`, which raises it on the loop
            self._tell(running, _fail, running.failed, error)

    def _forward(self, running: _Running) -> None:
        poll, pins = running.epoll.poll, self._pins
        view = memoryview(bytearray(PACKET_BYTES_MAX + 1))
        swept = time.monotonic()
        while not self._stopping:
            ready = poll(self._play(time.monotonic()) if self._playing else _POLL_S, _READY_MAX)
            now = time.monotonic()
            self._do_work()  # before the packets: what was posted earlier holds for them
            for fd, _ in ready:
                pin = pins.get(fd)
                if pin is not None:
                    pin.readable(view, now)
                elif fd == running.wake_fd:
                    os.eventfd_read(fd)
            if now - swept >= _SWEEP_S:
                swept = now
                self._sweep(now)

    def _play(self, now: float) -> float:
        """Send what is due of the recordings; seconds until the next frame is."""
        self._playing = [stream for stream in self._playing if stream.play_due(now)]
        due = min((stream.playout.due for stream in self._playing if stream.playout is not None), default=now + _POLL_S)
        return max(0.0, due - now)

    def _do_work(self) -> None:
        while self._work:
            self._work.popleft()()

    def _sweep(self, now: float) -> None:
        if self._silence_s <= 0:
            return
        for stream in list(self._streams):
            stream.check_silence(now, self._silence_s)

    def _tell(self, running: _Running, function: Callable[[Unpack[_Args]], object], *args: *_Args) -> None:
        try:
            running.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self._stopping = True


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


class RelaySession:
    """A `MediaSession` of the relay."""

    def __init__(self, relay: RtpRelay, listener: MediaListener) -> None:
        self._relay = relay
        self._listener = listener
        self._ends: dict[End, dict[int, Stream]] = {}
        self._facing: dict[End, End] = {}

    def allocate(self, end: End, line: int, kind: str, host: str, facing: Facing | None = None) -> int:
        lines = self._ends.setdefault(end, {})
        if line not in lines:
            lines[line] = self._relay._bind(self._listener, end, kind, host)
            self._join(end, line)
        return lines[line].port

    def describe(self, end: End, line: int, peer: PeerLine | None) -> None:
        stream = self._ends.get(end, {}).get(line)
        if stream is not None:
            self._relay._post(lambda: stream.describe(peer, self._relay.is_ours))

    def connect(self, one: End, other: End) -> None:
        for end in (one, other):
            before = self._facing.pop(end, None)
            if before is not None:
                self._facing.pop(before, None)
                self._part(end)
                self._part(before)
        self._facing[one], self._facing[other] = other, one
        for line in self._ends.get(one, {}):
            self._join(one, line)

    def _part(self, end: End) -> None:
        for stream in self._ends.get(end, {}).values():
            self._relay._post(stream.part)

    def _join(self, end: End, line: int) -> None:
        facing = self._facing.get(end)
        here = self._ends.get(end, {}).get(line)
        there = self._ends.get(facing, {}).get(line) if facing is not None else None
        if here is not None and there is not None:
            self._relay._post(lambda: here.join(there))

    def play(self, end: End, line: int, frames: Sequence[bytes], payload: int) -> None:
        stream = self._ends.get(end, {}).get(line)
        if stream is None:
            return
        relay = self._relay

        def begin() -> None:
            stream.playout = Playout(frames, payload, time.monotonic(), stream.send)
            relay._playing.append(stream)

        relay._post(begin)

    def release(self, end: End) -> tuple[StreamStats, ...]:
        stats = self.stats(end)
        facing = self._facing.pop(end, None)
        if facing is not None:
            self._facing.pop(facing, None)
            self._part(facing)
        for stream in self._ends.pop(end, {}).values():
            self._relay._unbind(stream)
        return stats

    def stats(self, end: End) -> tuple[StreamStats, ...]:
        return tuple(stream.stats for _, stream in sorted(self._ends.get(end, {}).items()))

    def close(self) -> None:
        for end in list(self._ends):
            self.release(end)
