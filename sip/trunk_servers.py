"""The addresses of one provider in the order to try them (RFC 3263 §4.3); one that failed stands back for a while."""

from collections.abc import Callable, Sequence
from typing import Final

BACK_AFTER_S: Final = 60.0
BACK_AFTER_MAX_S: Final = 600.0  # whatever its Retry-After says


class Servers:
    """*time*: monotonic seconds."""

    def __init__(self, time: Callable[[], float], hosts: Sequence[str] = ()) -> None:
        self._time = time
        self._hosts = list(hosts)
        self._back_at: dict[str, float] = {}  # of those that failed

    def __contains__(self, host: object) -> bool:
        return host in self._hosts

    def __bool__(self) -> bool:
        return bool(self._hosts)

    def known(self, hosts: Sequence[str]) -> None:
        """What the name stands for now."""
        self._hosts = list(hosts)
        self._back_at = {host: at for host, at in self._back_at.items() if host in self._hosts}

    def in_order(self) -> tuple[str, ...]:
        """All of them: the healthy ones as the resolver had them, then those that failed, the earliest back first."""
        now = self._time()
        self._back_at = {host: at for host, at in self._back_at.items() if at > now}
        return tuple(sorted(self._hosts, key=lambda host: self._back_at.get(host, 0.0)))

    def failed(self, host: str, back_after_s: float = BACK_AFTER_S) -> None:
        """*host* was silent or unavailable."""
        if host in self._hosts:
            self._back_at[host] = self._time() + min(back_after_s, BACK_AFTER_MAX_S)

    def answered(self, host: str) -> None:
        self._back_at.pop(host, None)
