"""What a driver is, and the files that it makes. Pure: it renders and parses, it never connects, it has no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from models.ids import Mac
from provisioning.desired import DesiredState

if TYPE_CHECKING:
    from provisioning.api import DeviceApi

Items = Mapping[str, str]
"""Settings by the vendor's own names."""

Method = Literal["GET", "POST", "PUT", "DELETE"]


class Unfit(ValueError):
    """A value that the vendor's devices can't take; the message says which."""


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """What is known of a device before it is spoken to. *model*, *firmware*: as it last said; "" = it never did."""

    mac: str
    model: str = ""
    firmware: str = ""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    path: str  # below the provisioning URL, as the device asks for it
    body: bytes = field(repr=False)
    media_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a family can be told. Where the model is not known, the safe subset: less is claimed, less is set."""

    fetches: bool = False  # asks an HTTP server for its files
    fallback: bool = False  # holds a dial list for when the edge is dead
    panel_credentials: bool = False
    max_relays: int = 1
    known: bool = True  # False: the safe subset


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request of a vendor's HTTP API. *item*: what it sets, for the report."""

    item: str
    method: Method
    path: str = field(repr=False)  # of one vendor a password is in it
    body: bytes = field(default=b"", repr=False)  # passwords are in it
    media_type: str = ""


class DeviceDriver(Protocol):
    """What one vendor's family of devices needs."""

    @property
    def name(self) -> str: ...

    @property
    def api(self) -> "DeviceApi | None":
        """The HTTP API of the family's devices; None where we know of none that we push to."""
        ...

    def matches(self, device: DeviceIdentity) -> bool:
        """Whether *device* is one of the family: by its model, or by the maker of its network card while none is
        known."""
        ...

    def capabilities(self, model: str, *, is_door: bool) -> Capabilities: ...

    def asked_by(self, path: str) -> Mac | None:
        """The MAC that a device of this family puts into the name *path*; None where it asks for no such file."""
        ...

    def render(self, desired: DesiredState) -> Sequence[ConfigFile]:
        """The files of a device, equal for equal states. Raises Unfit."""
        ...

    def parse(self, body: bytes) -> Items:
        """Settings in a file of this family. Raises ValueError for what is no such file."""
        ...

    def calls(self, desired: DesiredState) -> Sequence[ApiCall]:
        """Requests that set a device which fetches nothing, in their order."""
        ...

    def opening(self, relay: int) -> ApiCall | None:
        """The request that opens a relay for its hold time; None where we know none."""
        ...
