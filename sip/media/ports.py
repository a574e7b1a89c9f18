"""Pool of even RTP ports, each with the odd RTCP port above it (RFC 3550 §11)."""

import random
from collections import deque
from typing import Final

DRAIN_S: Final = 10.0  # late packets of an ended call must not reach the next one


class PortsExhausted(Exception):
    """No port pair is free now; the call gets 503."""


class PortPool:
    """Pairs in [port_min, port_max]; a released one rests for *drain_s* before it is given out again.

    The first round is in random order, so that a stranger cannot guess the ports of the next call.
    """

    def __init__(self, port_min: int, port_max: int, *, drain_s: float = DRAIN_S) -> None:
        first = port_min + port_min % 2
        if not 1024 <= first < port_max <= 65535:
            raise ValueError(f"no even port pair above 1023 in {port_min}-{port_max}")
        pairs = list(range(first, port_max, 2))
        random.SystemRandom().shuffle(pairs)
        self._rest: deque[tuple[int, float]] = deque((port, 0.0) for port in pairs)
        self._drain_s = drain_s
        self.size: Final = len(pairs)

    @property
    def resting(self) -> int:
        """Pairs that are not in use, drained or not."""
        return len(self._rest)

    def take(self, now: float) -> int:
        """The RTP port of a free pair. *now* is monotonic seconds. Raises PortsExhausted."""
        if not self._rest or self._rest[0][1] > now:
            raise PortsExhausted(f"all {self.size} RTP port pairs are in use or draining")
        return self._rest.popleft()[0]

    def release(self, port: int, now: float) -> None:
        """Take *port* back; it rests first."""
        self._rest.append((port, now + self._drain_s))
