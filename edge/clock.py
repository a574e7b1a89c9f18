"""The daemon's one clock."""

import time


class SystemClock:
    """Implements `edge.core.ports.Clock`."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()
