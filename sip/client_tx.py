"""A client transaction as its user sees it: the machine of `sip.invite_client` or `sip.non_invite`, driven."""

import enum
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sip.flow import Destination, Flow, Handle
from sip.invite_client import InviteClientTransaction
from sip.message import Headers, Request, Response
from sip.non_invite import NonInviteClientTransaction
from sip.transaction import T1, Effect, Input, State

if TYPE_CHECKING:
    from sip.endpoint import Endpoint

CANCELLED_FOR_S: Final = 64 * T1  # RFC 3261 §9.1: how long to wait for the final answer after a CANCEL
BRANCH_COOKIE: Final = "z9hG4bK"


class Failure(enum.Enum):
    """Why a request got no final answer."""

    TIMEOUT = "timeout"  # treat as 408 (RFC 3261 §8.1.3.1)
    TRANSPORT = "transport"  # treat as 503
    CANCELLED = "cancelled"  # given up before it left, or no answer came after the CANCEL


OnResponse = Callable[[Response], None]
OnFailure = Callable[[Failure], None]


class ClientTx:
    """One request of ours and what comes back.

    *on_response* gets each provisional answer, each 2xx to an INVITE again and again (each wants an ACK, and 2xx with
    another To tag is another dialog), and one other final answer, whose ACK is sent here. *on_failure* comes at most
    once, never before `Endpoint.request` has returned, and never after a final answer.
    """

    __slots__ = (
        "_cancel_reason", "_cancel_sent", "_data", "_deadline", "_endpoint", "_handle", "_lingers", "_machine", "_over",
        "branch", "flow", "on_failure", "on_response", "request",
    )  # fmt: skip

    def __init__(
        self, endpoint: "Endpoint", request: Request, on_response: OnResponse, on_failure: OnFailure, branch: str = ""
    ) -> None:
        self._endpoint = endpoint
        self._machine: InviteClientTransaction | NonInviteClientTransaction | None = None
        self._handle: Handle | None = None
        self._deadline: Handle | None = None
        self._lingers = False
        self._data = b""
        self._cancel_reason: str | None = None
        self._cancel_sent = False
        self._over = False  # a failure was reported, or the user lost interest
        self.request = request
        self.flow: Flow | None = None  # None while a connection is being opened
        self.branch = branch or new_branch()
        self.on_response = on_response
        self.on_failure = on_failure

    @property
    def state(self) -> State:
        return State.TERMINATED if self._machine is None else self._machine.state

    def cancel(self, reason: str | None = None) -> None:
        """Give up an INVITE that has no final answer yet; *reason* is the value of a Reason header (RFC 3326).

        The CANCEL leaves once a provisional answer is there (RFC 3261 §9.1). Whatever final answer wins the race is
        passed up as always.
        """
        if self.request.method != "INVITE" or self._cancel_reason is not None or self._over:
            return
        self._cancel_reason = reason or ""
        if self._machine is None:
            self._fail(Failure.CANCELLED)
        elif self._machine.state is State.PROCEEDING:
            self._send_cancel()

    def abandon(self) -> None:
        """Forget a request whose answer no longer matters; nothing is passed up any more."""
        self._over = True
        self._close()

    # --- for the endpoint ---

    def start(self, to: Flow | Destination) -> None:
        if isinstance(to, Flow):
            self._opened(to)
        else:
            self._endpoint.wire.route(to, self._opened)

    def received(self, response: Response) -> None:
        """A response with our branch and method."""
        if self._machine is None:
            return
        if response.status < 200:
            event = Input.RECV_1XX
        elif self.request.method != "INVITE":
            event = Input.RECV_FINAL
        else:
            event = Input.RECV_2XX if response.success else Input.RECV_ERROR
        effects = self._machine.feed(event, self._endpoint.timers.time())
        self._arm()
        if Effect.SEND_ACK in effects and self.flow is not None:
            self._endpoint.transmit(self.flow, self._ack_for(response).render(), self.request.call_id)
        if Effect.PASS not in effects or self._over:
            return
        if response.final and self._deadline is not None:
            self._deadline.cancel()
        if event is Input.RECV_1XX and self._cancel_reason is not None and not self._cancel_sent:
            self._send_cancel()
        self.on_response(response)

    def lost(self) -> None:
        """The connection that carried the request is gone."""
        if self.state in (State.CALLING, State.TRYING, State.PROCEEDING):
            self._fail(Failure.TRANSPORT)
        self._close()

    def _opened(self, flow: Flow | None) -> None:
        if self._over:
            return
        if flow is None:
            self._fail(Failure.TRANSPORT)
            return
        self.flow = flow
        self._endpoint.stamp(self.request, flow, self.branch)
        self._data = self.request.render()
        kind = InviteClientTransaction if self.request.method == "INVITE" else NonInviteClientTransaction
        self._machine = kind(self._endpoint.timers.time(), reliable=flow.reliable)
        self._endpoint.remember_client(self)
        self._arm()
        self._send()

    def _send(self) -> None:
        if self.flow is not None and self._machine is not None:
            if self._endpoint.transmit(self.flow, self._data, self.request.call_id):
                return
            self._run(self._machine.feed(Input.TRANSPORT_ERROR, self._endpoint.timers.time()))
            self._arm()

    def _run(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            if effect is Effect.RETRANSMIT:
                self._send()
            elif effect is Effect.REPORT_TIMEOUT:
                self._fail(Failure.TIMEOUT)
            elif effect is Effect.REPORT_TRANSPORT_ERROR:
                self._fail(Failure.TRANSPORT)

    def _fail(self, failure: Failure) -> None:
        """Report later: the caller may still be inside `Endpoint.request`."""
        if not self._over:
            self._over = True
            self._endpoint.count(f"requests_failed_{failure.value}")
            self._endpoint.timers.call_at(self._endpoint.timers.time(), self.on_failure, failure)

    def _send_cancel(self) -> None:
        if self.flow is None:
            return
        self._cancel_sent = True
        request = self.request
        headers = Headers(
            [(name, value) for name in ("From", "To", "Call-ID") for value in request.headers.get_all(name)]
        )
        headers.add("CSeq", f"{request.cseq.number} CANCEL")
        headers.add("Max-Forwards", "70")
        for route in request.headers.get_all("Route"):
            headers.add("Route", route)
        if self._cancel_reason:
            headers.add("Reason", self._cancel_reason)
        cancel = Request("CANCEL", request.uri, headers)
        ClientTx(self._endpoint, cancel, _ignore, _ignore, self.branch).start(self.flow)
        self._deadline = self._endpoint.timers.call_at(
            self._endpoint.timers.time() + CANCELLED_FOR_S, self._cancel_unanswered
        )

    def _cancel_unanswered(self) -> None:
        if self._machine is not None and self._machine.state is State.PROCEEDING:
            self._fail(Failure.CANCELLED)
            self._close()

    def _ack_for(self, response: Response) -> Request:
        """RFC 3261 §17.1.1.3: same Request-URI, top Via, Route, From, Call-ID and CSeq number; To of the response."""
        request = self.request
        headers = Headers([("Via", request.headers.get_all("Via")[0])])
        for name in ("Route", "From", "Call-ID"):
            for value in request.headers.get_all(name):
                headers.add(name, value)
        headers.add("To", response.headers.get("To") or "")
        headers.add("CSeq", f"{request.cseq.number} ACK")
        headers.add("Max-Forwards", "70")
        return Request("ACK", request.uri, headers)

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        machine = self._machine
        if machine is None or machine.terminated:
            self._endpoint.forget_client(self)
        elif (lingers_s := machine.LINGERS_S.get(machine.state)) is not None:
            if not self._lingers:
                self._lingers = True
                self._endpoint.lingering.later(lingers_s, self._fire)
        elif machine.due:
            self._handle = self._endpoint.timers.call_at(min(machine.due.values()), self._fire)

    def _fire(self) -> None:
        self._handle = None
        now = self._endpoint.timers.time()
        machine = self._machine
        if machine is None:
            return
        for timer, at in sorted(machine.due.items(), key=lambda item: item[1]):
            if at <= now and timer in machine.due:
                self._run(machine.feed(timer, now))
        self._arm()

    def _close(self) -> None:
        for handle in (self._handle, self._deadline):
            if handle is not None:
                handle.cancel()
        self._handle = self._deadline = None
        self._machine = None
        self._endpoint.forget_client(self)


def new_branch() -> str:
    return BRANCH_COOKIE + secrets.token_hex(10)


def _ignore(_: object) -> None:
    """The answer to a CANCEL says nothing: the INVITE's own answer does (RFC 3261 §9.1)."""
