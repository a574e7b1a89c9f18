"""Registrations wait their turn, so that a call does not wait behind thousands of them.

After a power cut every telephone of a house registers within a second, and all of it lies in one socket. What is no
REGISTER is dealt with as it is read; REGISTERs are put here and worked off in slices between which the loop reads on.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from sip.flow import Flow

SLICE_S: Final = 0.001
WAITING_BYTES_MAX: Final = 4 * 1024 * 1024  # as much as waits in the socket; what is more is lost, and comes again
REGISTER: Final = b"REGISTER "  # how it begins


class Backlog:
    """*receive* is given each message in its turn; *soon* calls something in the loop's next round; *time*: seconds."""

    def __init__(
        self,
        receive: Callable[[bytes, Flow], None],
        soon: Callable[[Callable[[], None]], object],
        time: Callable[[], float],
    ) -> None:
        self._receive, self._soon, self._time = receive, soon, time
        self._queue: deque[tuple[bytes, Flow]] = deque()
        self._known: dict[bytes, Flow] = {}  # what is in the queue
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, data: bytes, flow: Flow) -> bool:
        """Work *data* off later. A repetition of what waits already is that (RFC 3261 §17.2.2). False: no room."""
        if self._known.get(data) == flow:
            return True
        if self._bytes + len(data) > WAITING_BYTES_MAX:
            return False
        if not self._queue:
            self._soon(self._work)
        self._queue.append((data, flow))
        self._known[data] = flow
        self._bytes += len(data)
        return True

    def clear(self) -> None:
        """Forget what waits."""
        self._queue.clear()
        self._known.clear()
        self._bytes = 0

    def _work(self) -> None:
        until = self._time() + SLICE_S
        while self._queue:
            data, flow = self._queue.popleft()
            self._known.pop(data, None)
            self._bytes -= len(data)
            self._receive(data, flow)
            if self._time() >= until:
                break
        if self._queue:
            self._soon(self._work)
