"""A leg that is no SIP dialog: a resident's app, rung by whoever keeps its WebSocket. The call sees a leg like others.

Descriptions are those of RTP, as for a telephone: the app's side turns them into WebRTC (`sip.media.webrtc`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from edge.core.call_events import CancelReason
from models.call import CallPlan, Target
from models.ids import CallId
from sip.message import Response

APP_KEY: Final = "app:"  # how the ContactRef of an app begins
APP_HOST: Final = "127.0.0.1"  # where the app's side has its RTP


@dataclass(frozen=True, slots=True)
class Summons:
    """Who is rung, and by whom."""

    call: CallId
    leg: int
    target: Target
    key: str  # the ContactRef's
    plan: CallPlan
    caller: str  # a name, or a number
    offer: bytes  # the caller's description as this leg gets it; empty where it brought none


class RungApp(Protocol):
    """The app's side of a leg. After `cancel` or `hang_up` it must not call the leg."""

    def cancel(self, reason: CancelReason) -> None:
        """Ring no more."""
        ...

    def hang_up(self) -> None: ...

    def confirmed(self) -> None:
        """The caller has acknowledged the answer: from here the microphone may pass."""
        ...

    def reoffer(self, description: bytes) -> bytes:
        """The answer to a new description of the caller's; empty where it cannot be used."""
        ...


class Apps(Protocol):
    """Where apps are rung."""

    def ring(self, summons: Summons, leg: "AppLeg") -> RungApp | None:
        """Ring; None where the app has just gone. Tells *leg*, not before it has returned."""
        ...


class AppLegOwner(Protocol):
    """What the leg tells its call; as `sip.leg_uac.RungOwner` has it."""

    def app_ringing(self, leg: "AppLeg", description: bytes) -> None: ...

    def app_answered(self, leg: "AppLeg", description: bytes) -> None: ...

    def app_failed(self, leg: "AppLeg", status: int) -> None: ...

    def app_hung_up(self, leg: "AppLeg") -> None: ...

    def app_wants_picture(self, leg: "AppLeg") -> None: ...

    def app_over(self, leg: "AppLeg") -> None: ...


OnFinal = Callable[[int, Response | None], None]


class AppLeg:
    """Belongs to one call. The app's side calls `ringing`, `answer`, `fail`, `leave`; each ignored once it is over."""

    peer_allows: Final = frozenset({"INVITE", "UPDATE"})

    def __init__(self, apps: Apps, owner: AppLegOwner) -> None:
        self._apps = apps
        self._owner = owner
        self._rung: RungApp | None = None
        self._answered = False
        self.over = False

    # --- for the app's side -----------------------------------------------------------------------------------------

    def ringing(self, description: bytes = b"") -> None:
        """It rings; *description*: where the picture before the answer goes."""
        if not self.over:
            self._owner.app_ringing(self, description)

    def answer(self, description: bytes) -> bool:
        """Answer was pressed. False where that was too late."""
        if self.over or self._answered:
            return False
        self._answered = True
        self._owner.app_answered(self, description)
        return not self.over

    def fail(self, status: int) -> None:
        """It will not answer: 603 declined, 480 gone."""
        if not self.over and not self._answered:
            self.over = True
            self._owner.app_failed(self, status)
            self._owner.app_over(self)

    def leave(self) -> None:
        """The app hung up, or is lost."""
        if not self.over:
            self.over = True
            self._owner.app_hung_up(self)
            self._owner.app_over(self)

    def want_picture(self) -> None:
        """The picture cannot be shown until a key frame comes."""
        if not self.over:
            self._owner.app_wants_picture(self)

    # --- for the call -----------------------------------------------------------------------------------------------

    def ring(self, summons: Summons) -> None:
        """Ring it. `app_failed` follows at once where it has gone."""
        self._rung = self._apps.ring(summons, self)
        if self._rung is None:
            self.fail(480)

    def cancel(self, reason: CancelReason) -> None:
        if not self.over:
            self.over = True
            if self._rung is not None:
                self._rung.cancel(reason)
            self._owner.app_over(self)

    def hang_up(self) -> None:
        if not self.over:
            self.over = True
            if self._rung is not None:
                self._rung.hang_up()
            self._owner.app_over(self)

    def confirmed(self) -> None:
        if self._rung is not None and not self.over:
            self._rung.confirmed()

    # --- as a side of a bridged call (`sip.b2bua_exchange`) ---------------------------------------------------------

    @property
    def talks(self) -> bool:
        return self._answered and not self.over

    def may_offer(self, _method: str) -> bool:
        return self.talks

    def offer(self, _method: str, description: bytes, on_final: OnFinal) -> None:
        """A new description; one that asks for an offer is refused, since the browser's connection stands."""
        answer = self._rung.reoffer(description) if description and self._rung is not None else b""
        if answer:
            on_final(200, Response(200, body=answer))
        else:
            on_final(488, None)

    def inform(self, _content_type: str, _body: bytes, on_final: OnFinal) -> None:
        """Nothing that a door says by INFO is for an app."""
        on_final(415, None)

    def acknowledge_answer(self, _description: bytes) -> None:
        """An app never makes the offer."""
