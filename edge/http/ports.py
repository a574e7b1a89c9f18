"""What the HTTP side needs from the daemon."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure of the daemon. Label values are bounded: a device's MAC, never a resident."""

    name: str  # Prometheus name without the "intercom_edge_" prefix; counters end in "_total"
    value: float
    help: str
    labels: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an action came to: *code* is the command line's exit code (0 done, 1 failed, 3 refused)."""

    code: int
    body: Json


class Daemon(Protocol):
    def status(self) -> Json: ...

    def health(self) -> Mapping[str, str]:
        """Part of the daemon -> "ok", or what is wrong with it."""
        ...

    def samples(self) -> Iterable[Sample]: ...

    def live_devices(self) -> Mapping[str, Json]:
        """MAC -> ``{"sip": {…}, "mqtt": {…}}`` as in `edge device list`."""
        ...

    def live_apps(self) -> Mapping[str, Sequence[str]]:
        """Resident's id -> apps that can be rung now, in words."""
        ...

    def ladder(self, call_id: str) -> Json | None:
        """The messages of a call, oldest first; None if it is not (or no longer) known."""
        ...

    def capture(self, call_id: str) -> bytes | None:
        """The messages of a call as a capture file; None if it is not (or no longer) known."""
        ...

    def follow_sip(self, apartment: str | None, mac: str | None) -> AsyncIterator[Json] | None:
        """SIP messages as they pass, all or those of an apartment (its id) or a device; None if there is no such."""
        ...

    async def order(self, mac: str, verb: str, lines: Sequence[str], actor: str) -> Answer:
        """Have a device reboot, reset, arm, …, audited as *actor*; *lines* are for ``autop``."""
        ...

    def restore(self, prepared: str) -> Answer:
        """End, put the *prepared* folder of the site in place, begin anew. Returns before it ends."""
        ...

    async def open_door(self, mac: str, relay: int | None, actor: str) -> Answer:
        """Open *mac*'s relay (None: every relay that lists ``remote``), audited as *actor*."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request came to: an HTTP status and a body."""

    status: int
    body: Json


class SyncDoor(Protocol):
    """What the central store, and the command line, ask about sync."""

    async def is_central(self, bearer: str) -> bool:
        """Whether *bearer* is a fresh token that our central store signed for this edge."""
        ...

    def hint(self) -> None: ...

    async def push(self, mode: str, body: bytes) -> Reply:
        """Put a pushed ``snapshot`` or ``delta`` in force."""
        ...

    async def pull(self) -> Reply: ...

    async def status(self) -> Json: ...
