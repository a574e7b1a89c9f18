"""An app that calls: the caller's side of a call that came by no INVITE. The call sees a caller like others.

Descriptions are those of RTP, as in `sip.leg_app`. What an app hears before the answer is its own ringing tone.
"""

import secrets
from typing import Final, Protocol

from models.ids import CallId
from sip.leg_app import OnFinal
from sip.message import Headers, Request, Response


class CallingApp(Protocol):
    """The app's side of a call that it placed. After `ended` it must not call the leg."""

    def rings(self) -> None:
        """It rings at the other side."""
        ...

    def answered(self, description: bytes) -> bool:
        """The other side is there; False: its description cannot be used."""
        ...

    def reoffer(self, description: bytes) -> bytes:
        """The answer to a new description of the other side's; empty where it cannot be used."""
        ...

    def ended(self, status: int) -> None:
        """It is over: *status* of a refusal, or 200 after a talk."""
        ...


class AppCallerOwner(Protocol):
    """What the leg tells its call."""

    def caller_confirmed(self, description: bytes) -> None: ...

    def app_caller_left(self, leg: "AppCallerLeg") -> None:
        """The app hung up, before the answer or after it."""
        ...

    def app_caller_wants_picture(self, leg: "AppCallerLeg") -> None: ...

    def app_caller_over(self, leg: "AppCallerLeg") -> None: ...


class AppCallerLeg:
    """Belongs to one call. The app's side calls `leave` and `want_picture`; both ignored once it is over."""

    peer_allows: Final = frozenset({"INVITE", "UPDATE"})

    def __init__(self, call: CallId, app: CallingApp, owner: AppCallerOwner, offer: bytes) -> None:
        """*offer*: the app's description."""
        self.call = call
        self.request = Request("INVITE", "sip:app", Headers([("Call-ID", secrets.token_hex(16))]), offer)
        self._app = app
        self._owner = owner
        self._answered = False
        self.over = False

    # --- for the app's side -----------------------------------------------------------------------------------------

    def leave(self) -> None:
        """The app hangs up, or is lost."""
        if not self.over:
            self.over = True
            self._owner.app_caller_left(self)
            self._owner.app_caller_over(self)

    def want_picture(self) -> None:
        """The picture cannot be shown until a key frame comes."""
        if self.talks:
            self._owner.app_caller_wants_picture(self)

    # --- for the call, as `sip.leg_uas.UasLeg` has them -------------------------------------------------------------

    def progress(self, _status: int, _description: bytes = b"") -> None:
        if not self.over and not self._answered:
            self._app.rings()

    def answer(self, description: bytes) -> None:
        if self.over or self._answered:
            return
        self._answered = True
        if self._app.answered(description):
            self._owner.caller_confirmed(b"")  # nothing can be lost between us: there is no ACK to wait for
        else:
            self.hang_up()
            self._owner.app_caller_left(self)

    def refuse_call(self, status: int) -> None:
        if not self.over:
            self.over = True
            self._app.ended(status)
            self._owner.app_caller_over(self)

    def hang_up(self) -> None:
        self.refuse_call(200 if self._answered else 480)

    def hang_up_now(self) -> None:
        self.hang_up()

    # --- as a side of a bridged call (`sip.b2bua_exchange`) ---------------------------------------------------------

    @property
    def talks(self) -> bool:
        return self._answered and not self.over

    def may_offer(self, _method: str) -> bool:
        return self.talks

    def offer(self, _method: str, description: bytes, on_final: OnFinal) -> None:
        """A new description; one that asks for an offer is refused, since the browser's connection stands."""
        answer = self._app.reoffer(description) if description else b""
        if answer:
            on_final(200, Response(200, body=answer))
        else:
            on_final(488, None)

    def inform(self, _content_type: str, _body: bytes, on_final: OnFinal) -> None:
        on_final(415, None)

    def acknowledge_answer(self, _description: bytes) -> None:
        """An app never asks for an offer."""
