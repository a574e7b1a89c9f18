"""What the portal needs of the house, and its settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edge.cameras.stored import Camera
from edge.core.ports import Clock, World
from edge.core.snapshot import Snapshot
from edge.portal.asking import Asking
from edge.portal.face import Face
from edge.portal.presses import OpenDoor
from edge.portal.push import Pusher
from edge.portal.turn import TurnSettings
from models.call import Caller, CallPlan, Target
from models.ids import CallId, Mac
from sip.leg_app_caller import AppCallerLeg, CallingApp


class Calls(Protocol):
    """The SIP side, as the portal uses it."""

    def opened(self, call: CallId, label: str) -> None:
        """A relay was opened from the app."""
        ...

    def place(self, caller: Caller, dialled: str, app: CallingApp, offer: bytes) -> AppCallerLeg | None:
        """An app calls; None: there are too many calls, or the daemon stops."""
        ...


class Planning(Protocol):
    """Who may call whom, and who talks: the call desk."""

    def plan(self, caller: Caller, dialled: str) -> CallPlan: ...

    def answered_by(self, call: CallId) -> Target | None: ...


@dataclass(frozen=True, slots=True)
class PortalPorts:
    """What the portal needs of the house. Calls are attached later: they need the portal first."""

    world: World
    clock: Clock
    asking: Asking
    online: Callable[[Mac], bool]  # whether a device is on the device plane
    open_door: OpenDoor
    pusher: Pusher | None = None
    load_cameras: Callable[[], Mapping[str, Camera]] = dict  # reads the store, in a thread

    @property
    def snapshot(self) -> Snapshot:
        return self.world.snapshot


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """*public_url* without a path; *addresses*: those that browsers are offered."""

    public_url: str
    addresses: tuple[str, ...]
    push_services: tuple[str, ...] = ()
    turn: TurnSettings | None = None
    face: Face = field(default_factory=Face)
