"""What a vendor's HTTP API is to us: requests to send and replies to read. Pure, as drivers are.

A family that has one says so by `DeviceDriver.api`. Who sends (`edge.fleet`) has one request in flight for each device.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from provisioning.desired import DesiredState, Login
from provisioning.driver import ApiCall, Items


class Refusal(ValueError):
    """The device said no, in its own words."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a device says that it is. "" = it does not say."""

    model: str = ""
    firmware: str = ""
    mac: str = ""  # 12 lower-case hex digits


@dataclass(frozen=True, slots=True)
class Section:
    """Settings that are read together, and written where they differ."""

    name: str
    wanted: Items = field(repr=False)
    read: tuple[ApiCall, ...]  # none: it can't be read back
    parse: Callable[[Sequence[bytes]], Items]
    """The settings in the replies to `read`. Raises Refusal, ValueError."""
    write: Callable[[Items, Items], Sequence[ApiCall]]
    """Requests that set these of the wanted ones; the second: all that the device has."""
    secret: frozenset[str] = frozenset()  # never shown; may come back in another shape, or not at all
    reboot: bool = False  # what was written is lost unless the device is rebooted
    exact: bool = False  # what the device has beside the wanted ones goes: it is written as ""


@dataclass(frozen=True, slots=True)
class Holder:
    """A credential as a panel holds it."""

    key: str  # our id of the credential; "" = it is none of ours
    fields: Items = field(repr=False)
    ref: str = ""  # the panel's own name of it; "" = it has none yet


@dataclass(frozen=True, slots=True)
class Page:
    holders: tuple[Holder, ...]
    last: bool


class Holders(Protocol):
    """The credentials at a panel."""

    def record(self, entry: Mapping[str, object], told: Told) -> Holder | None:
        """*entry* (`edge.core.panel_rights`, with its ``value`` and the numbers of the ``relays`` it opens) as it is
        held; None: the panel can't say it, so it stays with the edge."""
        ...

    def page(self, number: int, told: Told) -> ApiCall:
        """Asks for one page; the first is 1."""
        ...

    def read(self, body: bytes, told: Told) -> Page:
        """Raises Refusal, ValueError."""
        ...

    def put(self, holders: Sequence[Holder], told: Told) -> Sequence[ApiCall]:
        """New ones, and with a *ref* ones that replace what is there."""
        ...

    def remove(self, refs: Sequence[str], told: Told) -> Sequence[ApiCall]: ...


class Sight(enum.Enum):
    """What a panel may say that happened."""

    CODE_OPENED = "code_opened"
    CODE_REFUSED = "code_refused"
    CARD_OPENED = "card_opened"
    CARD_REFUSED = "card_refused"
    FACE_OPENED = "face_opened"
    FACE_REFUSED = "face_refused"
    EXIT_BUTTON = "exit_button"
    RELAY = "relay"
    DOOR_OPENED = "door_opened"
    DOOR_CLOSED = "door_closed"
    FORCED = "forced"
    HELD_OPEN = "held_open"
    TAMPER = "tamper"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that a panel says. *value*: what was presented, for the rules' eyes only: never logged, never kept."""

    what: Sight
    value: str = field(default="", repr=False)
    relay: int = 0
    at_ms: int | None = None  # the device's own clock; None = it tells no time
    number: int | None = None  # of the row in the device's log


@dataclass(frozen=True, slots=True)
class LogBook:
    """A device's own log that is asked for in pages, the newest row first."""

    page: Callable[[int], ApiCall]
    read: Callable[[bytes], Sequence[Sighting]]
    """Rows in the reply, with their numbers. One that says nothing to us is left out. Raises Refusal, ValueError."""


@dataclass(frozen=True, slots=True)
class LongPoll:
    """A device's own log that is subscribed to and pulled."""

    subscribe: Callable[[bool], ApiCall]
    """Asks for a channel; with True for all that the device still has, else for what is new from now on."""
    channel: Callable[[bytes], str]
    pull: Callable[[str], ApiCall]
    read: Callable[[bytes], Sequence[Sighting]]
    wait_s: float


class DeviceApi(Protocol):
    """A vendor's HTTP API."""

    @property
    def auth(self) -> Literal["digest", "basic"]: ...

    @property
    def factory(self) -> tuple[Login, ...]:
        """Logins that such devices come with, to be replaced."""
        ...

    @property
    def holders(self) -> Holders | None: ...

    @property
    def log(self) -> LogBook | LongPoll | None: ...

    def probe(self) -> ApiCall | None:
        """Asks what the device is, and changes nothing; None: there is no such request."""
        ...

    def told(self, body: bytes) -> Told:
        """The reply to `probe`. Raises Refusal, ValueError."""
        ...

    def check(self, body: bytes) -> None:
        """Raises Refusal where the body of a good status says no."""
        ...

    def sections(self, desired: DesiredState, told: Told) -> Sequence[Section]: ...

    def trigger(self, relay: int, hold_s: int) -> ApiCall | None:
        """Opens a relay for its hold time; None: the device has no such relay."""
        ...

    def replace_login(self, current: Login, wanted: Login) -> Sequence[ApiCall]:
        """What puts *wanted* in the place of a login from the factory, where the settings do not."""
        ...

    def order(self, verb: str, fields: Mapping[str, object]) -> Sequence[ApiCall] | None:
        """What carries out a verb of the device plane (reboot, reset, autop, upgrade); None: it can't be told."""
        ...


@runtime_checkable
class HearsHooks(Protocol):
    """A family that reports by asking an address of ours."""

    def heard(self, query: Mapping[str, str], body: bytes) -> Sequence[Sighting]:
        """What a report says. Raises ValueError for what is no report."""
        ...


@runtime_checkable
class HearsSyslog(Protocol):
    """A family that reports by syslog."""

    def heard_line(self, line: str) -> Sighting | None: ...
