"""A server transaction as its user sees it: the machine of `sip.invite_server` or `sip.non_invite`, driven."""

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from models.ids import SipUser
from sip.flow import Flow, Handle
from sip.invite_server import InviteServerTransaction
from sip.message import Request, Response, response_to
from sip.non_invite import NonInviteServerTransaction
from sip.transaction import Effect, Input, State

if TYPE_CHECKING:
    from sip.endpoint import Endpoint


class ServerTx:
    """One request and our answers to it.

    *user* is who the digest proved; *peer* names who was vouched for instead (the trunk); both are empty for a request
    inside a dialog that came from where the dialog goes. Retransmissions, CANCEL's own answer and the ACK to a refusal
    are dealt with below this. For INVITE, 100 has been sent.
    """

    __slots__ = (
        "_endpoint", "_handle", "_key", "_last", "_lingers", "_machine", "answer_flow", "flow", "local_tag",
        "on_cancel", "on_lost", "peer", "request", "user",
    )  # fmt: skip

    def __init__(self, endpoint: "Endpoint", key: tuple[object, ...], request: Request, flow: Flow) -> None:
        self._endpoint = endpoint
        self._key = key
        self._last = b""
        self._handle: Handle | None = None
        self._lingers = False
        self.request = request
        self.flow = flow
        self.answer_flow = endpoint.answer_flow(request, flow)
        self.user: SipUser | None = None
        self.peer = ""
        self.local_tag = request.to_tag or new_tag()  # To tag of every answer but 100
        self.on_cancel: Callable[[Request], None] | None = None  # the INVITE was cancelled: answer 487 to it
        self.on_lost: Callable[[], None] | None = None  # a refusal was never acknowledged, or the peer is out of reach
        kind = InviteServerTransaction if request.method == "INVITE" else NonInviteServerTransaction
        self._machine: InviteServerTransaction | NonInviteServerTransaction = kind(
            endpoint.timers.time(), reliable=flow.reliable
        )

    @property
    def state(self) -> State:
        return self._machine.state

    @property
    def answered(self) -> bool:
        """Whether a final answer went out."""
        return self.state not in (State.TRYING, State.PROCEEDING)

    def response(self, status: int, reason: str | None = None) -> Response:
        """A response to fill and `respond` with: tags and the headers to copy are in place."""
        return response_to(self.request, status, reason, self.local_tag if status > 100 else None)

    def reply(self, status: int, reason: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        """Respond without a body."""
        response = self.response(status, reason)
        for name, value in (headers or {}).items():
            response.headers.set(name, value)
        self.respond(response)

    def respond(self, response: Response) -> None:
        """Send *response*. A 2xx to INVITE is sent again by calling this again (RFC 3261 §13.3.1.4).

        What the transaction no longer allows (a provisional after the final answer, a second final one) is dropped.
        """
        if response.status < 200:
            event = Input.SEND_1XX
        elif self.request.method != "INVITE":
            event = Input.SEND_FINAL
        else:
            event = Input.SEND_2XX if response.success else Input.SEND_ERROR
        data = response.render()
        if Effect.TRANSMIT in self._feed(event):
            self._last = data
            self._send()
        if self.answered and self.request.method != "INVITE":
            self._endpoint.remember_answer(self._key, self.answer_flow, self._last)

    # --- for the endpoint ---

    def retransmitted(self) -> None:
        """The request came again."""
        if Effect.RETRANSMIT in self._feed(Input.REQUEST) and self._last:
            self._send()

    def acknowledged(self) -> bool:
        """An ACK came. True: it is one for the transaction user (to a 2xx)."""
        return Effect.PASS in self._feed(Input.ACK)

    def _send(self) -> None:
        if not self._endpoint.transmit(self.answer_flow, self._last, self.request.call_id):
            self._feed(Input.TRANSPORT_ERROR)

    def _feed(self, event: Input) -> tuple[Effect, ...]:
        effects = self._machine.feed(event, self._endpoint.timers.time())
        self._arm()
        if Effect.REPORT_TIMEOUT in effects or Effect.REPORT_TRANSPORT_ERROR in effects:
            self._endpoint.count("transactions_lost")
            if self.on_lost is not None:
                self.on_lost()
        return effects

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        machine = self._machine
        if machine.terminated:
            self._endpoint.forget_server(self._key, self)
        elif self.request.method != "INVITE":  # `Endpoint.remember_answer`
            return
        elif (lingers_s := machine.LINGERS_S.get(machine.state)) is not None:
            if not self._lingers:
                self._lingers = True
                self._endpoint.lingering.later(lingers_s, self._fire)
        elif machine.due:
            self._handle = self._endpoint.timers.call_at(min(machine.due.values()), self._fire)

    def _fire(self) -> None:
        self._handle = None
        now = self._endpoint.timers.time()
        for timer, at in sorted(self._machine.due.items(), key=lambda item: item[1]):
            if at <= now and timer in self._machine.due and Effect.RETRANSMIT in self._feed(timer):
                self._send()
        if self._handle is None:
            self._arm()


def new_tag() -> str:
    """A From or To tag: 64 random bits (RFC 3261 §19.3 asks for 32)."""
    return secrets.token_hex(8)
