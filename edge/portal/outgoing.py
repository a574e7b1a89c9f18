"""A call that an app placed: what the other side does becomes messages, what the app does reaches its leg."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.portal.calling_hub import CallingHub
from models.call import CallPlan
from models.ids import CallId
from sip.leg_app_caller import AppCallerLeg
from sip.media.webrtc_sdp import Unusable

_NOBODY: Final = 480
_REASONS: Final[Mapping[int, str]] = {
    403: "blocked", 486: "busy", 600: "busy", 603: "declined", 607: "declined", 608: "declined"
}  # fmt: skip


class Kind(enum.Enum):
    """Values are words of the protocol."""

    LOOK = "look"
    NEIGHBOUR = "neighbour"
    GUARD = "guard"


@dataclass(frozen=True, slots=True)
class Dialled:
    """Whom an app calls, and how that is shown."""

    kind: Kind
    user: str  # as it is dialled in the house
    to: str


Tell = Callable[["Outgoing", Mapping[str, object]], None]


class Outgoing:
    """Implements `sip.leg_app_caller.CallingApp`. *told* sends to the app; *over* is called once, at the end."""

    def __init__(self, session: str, dialled: Dialled, at_ms: int, tell: Tell, over: Callable[["Outgoing"], None]):
        self.session, self.dialled, self.at_ms = session, dialled, at_ms
        self.hub = CallingHub(self._want_picture, video=dialled.kind is Kind.LOOK)
        self.plan = CallPlan()
        self.leg: AppCallerLeg | None = None
        self.connected = False
        self.talk = dialled.kind is not Kind.LOOK  # whether the microphone may pass
        self.over = False
        self.failed = ""  # the reason, where it was over before it was placed
        self._rang = False
        self._tell, self._when_over = tell, over

    @property
    def call(self) -> CallId:
        """Known once it is placed."""
        return self.leg.call if self.leg is not None else CallId("")

    # --- what the other side does -----------------------------------------------------------------------------------

    def rings(self) -> None:
        self._rang = True

    def answered(self, description: bytes) -> bool:
        try:
            self.hub.answered(description)
        except Unusable:
            return False
        self.connected = True
        self.set_talk(on=self.talk)
        self._tell(self, {"type": "connected", "call": self.call, "by": self.dialled.to})
        return True

    def reoffer(self, description: bytes) -> bytes:
        try:
            return self.hub.reoffered(description)
        except Unusable:
            return b""

    def ended(self, status: int) -> None:
        self._end(self._reason(status))

    # --- what the app does ------------------------------------------------------------------------------------------

    def set_talk(self, *, on: bool) -> None:
        """Open or shut the microphone."""
        self.talk = on
        if self.connected and on:
            self.hub.open(self.session)
        elif self.connected:
            self.hub.shut()

    def leave(self, reason: str = "over") -> None:
        """The app hangs up, or is lost."""
        leg = self.leg
        if self.over or leg is None:
            return
        self._end(reason)
        leg.leave()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _end(self, reason: str) -> None:
        if self.over:
            return
        self.over = True
        if self.leg is None:
            self.failed = reason
        else:
            self.connected = False
            self._tell(self, {"type": "ended", "call": self.call, "reason": reason})
        self._when_over(self)

    def _reason(self, status: int) -> str:
        if self.connected:
            return "over"
        if status == _NOBODY:
            return "timeout" if self._rang else "unreachable"
        return _REASONS.get(status, "failed")

    def _want_picture(self) -> None:
        if self.leg is not None:
            self.leg.want_picture()
