"""The servers of one provider in the order to try them (RFC 3263 §4.3); one that failed stands back for a while."""

from collections.abc import Callable, Sequence
from typing import Final

from sip.flow import Destination

BACK_AFTER_S: Final = 60.0
BACK_AFTER_MAX_S: Final = 600.0  # whatever its Retry-After says


class Servers:
    """*time*: monotonic seconds."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._all: tuple[Destination, ...] = ()
        self._back_at: dict[Destination, float] = {}  # of those that failed

    def __bool__(self) -> bool:
        return bool(self._all)

    def known(self, servers: Sequence[Destination]) -> None:
        """What the name stands for now."""
        self._all = tuple(servers)
        self._back_at = {server: at for server, at in self._back_at.items() if server in self._all}

    def at(self, host: str) -> tuple[Destination, ...]:
        """Those on the address *host*."""
        return tuple(one for one in self._all if one.host == host)

    def in_order(self) -> tuple[Destination, ...]:
        """All of them: the healthy ones as the resolver had them, then those that failed, the earliest back first."""
        if not self._back_at:
            return self._all
        now = self._time()
        self._back_at = {server: at for server, at in self._back_at.items() if at > now}
        return tuple(sorted(self._all, key=lambda server: self._back_at.get(server, 0.0)))

    def failed(self, server: Destination, back_after_s: float = BACK_AFTER_S) -> None:
        """*server* was silent or unavailable."""
        if server in self._all:
            self._back_at[server] = self._time() + min(back_after_s, BACK_AFTER_MAX_S)

    def answered(self, server: Destination) -> None:
        self._back_at.pop(server, None)
