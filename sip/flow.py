"""Where a message came from and where one goes: addresses, flows, and what the endpoint needs from the outside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Address(NamedTuple):
    """An IP address (IPv6 without brackets) and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Undo `str`. Raises ValueError."""
        host, colon, port = text.rpartition(":")
        if not colon or not host:
            raise ValueError(f"{text!r} is not host:port")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Flow(NamedTuple):
    """One way to one peer: a UDP socket of ours and the peer's address, or a connection.

    Requests to a device go down the flow on which it registered, whatever its Contact says.
    """

    transport: str  # UDP, TCP, TLS
    local: Address
    remote: Address
    connection: int = 0  # number of the connection, never used twice in a process; 0 for UDP

    @property
    def reliable(self) -> bool:
        return self.transport != "UDP"

    def same_peer(self, other: "Flow") -> bool:
        """Whether both lead to the same socket of the same peer."""
        if self.connection or other.connection:
            return self.connection == other.connection
        return self.remote == other.remote


@dataclass(frozen=True, slots=True)
class Destination:
    """A peer that we call first: the trunk. *host* is an IP address; names are resolved by the caller."""

    transport: str
    host: str
    port: int
    tls_name: str = ""  # the name its certificate must carry (TLS)


class Handle(Protocol):
    def cancel(self) -> None: ...


class Timers(Protocol):
    """The part of an event loop that the endpoint uses; tests bring one whose time they move."""

    def time(self) -> float:
        """Monotonic seconds."""
        ...

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Handle: ...


class Wire(Protocol):
    """What carries bytes: `sip.transport.Transports`, or a fake."""

    def send(self, flow: Flow, data: bytes) -> bool:
        """Send one message. False: it cannot go there any more (connection closed, no route)."""
        ...

    def route(self, to: Destination, opened: Callable[[Flow | None], object]) -> None:
        """Find or open a flow to *to*, and say which: at once, or when the connection is there; None: it failed."""
        ...

    def alive(self, flow: Flow) -> bool:
        """Whether *flow* can still be used (a connection that is open, a UDP socket that is bound)."""
        ...

    def contact_address(self, to: Flow | Destination) -> Address:
        """The address under which the peer at the other end reaches us: for Via and Contact."""
        ...
