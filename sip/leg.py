"""One dialog with a device or the trunk: what both kinds of legs share (RFC 3261 §12.2, §14, §15; RFC 3311, 6086).

What a leg hears is told to its owner, the call; it knows nothing of the other legs. How legs begin: `sip.leg_uas` and
`sip.leg_uac`; what a peer may ask inside the dialog: `sip.leg_requests`.
"""

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from sip import leg_requests
from sip.ack_wait import AckWait
from sip.client_tx import Failure
from sip.dialog import Dialog
from sip.digest import DigestClient
from sip.endpoint import Endpoint
from sip.flow import Destination, Flow
from sip.message import Message, Request, Response
from sip.server_tx import ServerTx
from sip.session_timer import SessionKeeper, put_into_answer, terms_of_answer, terms_of_request
from sip.strays import Strays, Way, refusal_of
from sip.uri import UriError

SDP: Final = "application/sdp"
ALLOW: Final = "INVITE, ACK, CANCEL, BYE, UPDATE, INFO, OPTIONS, PRACK"
SUPPORTED: Final = "timer"
STATUS_OF_FAILURE: Final = {Failure.TIMEOUT: 408, Failure.TRANSPORT: 503, Failure.CANCELLED: 487}
GLARE_WAIT_S: Final = {True: (2.1, 4.0), False: (0.0, 2.0)}  # RFC 3261 §14.1, by who owns the Call-ID
_DIALOG_GONE: Final = frozenset({408, 481})  # RFC 3261 §12.2.1.2

OnFinal = Callable[[int, Response | None], None]  # status; the response, None where the failure is our own finding


class LegOwner(Protocol):
    """What a leg tells its call."""

    def leg_hung_up(self, leg: "Leg") -> None:
        """BYE came, or the dialog is lost. Comes at most once; after it only `leg_over`."""
        ...

    def leg_offers(self, leg: "Leg", tx: ServerTx) -> None:
        """A re-INVITE, or an UPDATE with a description: answer it by `Leg.accept` or `Leg.refuse`, now or later."""
        ...

    def leg_pressed(self, leg: "Leg", digit: str) -> None:
        """A digit by INFO."""
        ...

    def leg_asks(self, leg: "Leg", tx: ServerTx) -> None:
        """An INFO for the other side: answer it."""
        ...

    def leg_over(self, leg: "Leg") -> None:
        """Nothing more will be sent or heard. Comes exactly once, last."""
        ...


class DialogTable(Protocol):
    """Where in-dialog requests find their leg."""

    def add_dialog(self, dialog: Dialog, leg: "Leg") -> None: ...

    def drop_dialog(self, dialog: Dialog) -> None: ...


@dataclass(frozen=True, slots=True)
class LegTools:
    """What every leg works with."""

    endpoint: Endpoint
    dialogs: DialogTable
    way: Way
    strays: Strays
    digest: DigestClient | None = None  # answers challenges: the trunk's
    user: str | None = None  # the device's or app's SIP user; None: a trunk
    trunk: str = ""  # that trunk's name


@dataclass(slots=True)
class Pending:
    """What is open between us and the peer; RFC 6337 says what may overlap."""

    theirs: ServerTx | None = None  # their re-INVITE or UPDATE that is not answered
    ours: int = 0  # re-INVITEs and UPDATEs of ours without a final answer
    ack: AckWait | None = None
    acks: dict[int, Request] = field(default_factory=dict)  # by CSeq of our INVITE: sent again for each 2xx
    owed: Response | None = None  # a 2xx with an offer, whose ACK must bring the answer


class Leg:
    """The base of both kinds."""

    def __init__(self, tools: LegTools, owner: LegOwner, flow: Flow | None) -> None:
        self.tools = tools
        self.owner = owner
        self.flow = flow
        self.dialog: Dialog | None = None  # the one that counts; those of forks: `sip.leg_uac`
        self.peer_allows: frozenset[str] = frozenset()
        self.pending = Pending()
        self.session = SessionKeeper(tools.endpoint.timers, self._refresh, lambda: self.lost(bye=True))
        self.last_description = b""  # what we last told the peer
        self.over = False  # the owner hears no more of it but `leg_over`
        self._gone = False

    # --- requests of ours -------------------------------------------------------------------------------------------

    @property
    def owns_call_id(self) -> bool:
        """Whether we began the dialog."""
        raise NotImplementedError

    @property
    def talks(self) -> bool:
        """Whether the dialog is confirmed, so that offers and questions can pass."""
        return self.dialog is not None and self.dialog.confirmed and not self.over

    def may_offer(self, method: str) -> bool:
        """Whether an offer can go out now without a collision of our own making."""
        waits = self.pending.ack is not None and (method == "INVITE" or self.pending.ack.carries_offer)
        return self.talks and not (self.pending.ours or self.pending.theirs or waits)

    def offer(self, method: str, description: bytes, on_final: OnFinal, *, lengthened: bool = False) -> None:
        """Send a re-INVITE or UPDATE. A re-INVITE without *description* asks for an offer: after the 2xx
        `acknowledge_answer` must follow. Otherwise the ACK is out before *on_final* is called."""
        self.pending.ours += 1
        if description:
            self.last_description = description

        def final(status: int, response: Response | None) -> None:
            self.pending.ours -= 1
            if status == 422 and response is not None and not lengthened and self.session.lengthened(response):
                self.offer(method, description, on_final, lengthened=True)
                return
            if response is not None and response.success:
                self._succeeded_again(method, description, response)
            if not self.over:
                on_final(status, response)
            if status in _DIALOG_GONE:
                self.lost(bye=status == 408)  # one that did not answer in time may be there all the same

        self.send(lambda dialog: self._offering(dialog, method, description), final)

    def acknowledge(self, response: Response, description: bytes = b"") -> None:
        """ACK a 2xx to an INVITE of ours; the same ACK then answers every repetition of that 2xx."""
        if self.dialog is None:
            return
        if description:
            self.last_description = description
        number = response.cseq.number
        ack = self.pending.acks[number] = self.dialog.ack(number, content_type=SDP, body=description)
        self.send_ack(ack)

    def acknowledge_answer(self, description: bytes) -> None:
        """ACK with our answer to the offer in the 2xx; nothing where none is owed."""
        owed, self.pending.owed = self.pending.owed, None
        if owed is not None:
            self.acknowledge(owed, description)

    def inform(self, content_type: str, body: bytes, on_final: OnFinal) -> None:
        """Send an INFO."""

        def final(status: int, response: Response | None) -> None:
            on_final(status, response)
            if status == 481:
                self.lost()

        self.send(lambda dialog: dialog.request("INFO", content_type=content_type, body=body), final)

    def hang_up(self) -> None:
        """End the dialog with BYE. The owner hears `leg_over` when that is answered, or given up."""
        if self.over:
            return
        self.stop()
        self._bye()

    # --- answers of ours --------------------------------------------------------------------------------------------

    def receive(self, tx: ServerTx, dialog: Dialog) -> None:
        """A request inside *dialog*, which is one of this leg's."""
        leg_requests.receive(self, tx, dialog)

    def receive_ack(self, ack: Request) -> None:
        """An ACK inside this dialog."""
        if self.pending.ack is not None:
            self.pending.ack.acknowledge(ack)

    def accept(self, tx: ServerTx, description: bytes, on_ack: Callable[[bytes], None] | None = None) -> None:
        """Answer a re-INVITE or UPDATE. *on_ack* gets the description in the ACK, where the 2xx carried an offer."""
        self.pending.theirs = None
        if self.over:
            return
        if self.dialog is not None:
            self.dialog.refresh(tx.request)
        response = self.success(tx, description)
        if tx.request.method == "INVITE":
            self.await_ack(tx, response, on_ack or _no_more)
        else:
            tx.respond(response)

    def refuse(self, tx: ServerTx, status: int) -> None:
        """Refuse a re-INVITE, UPDATE or INFO; the session goes on as it was."""
        if self.pending.theirs is tx:
            self.pending.theirs = None
        if not tx.answered:
            leg_requests.refuse(tx, status)

    def success(self, tx: ServerTx, description: bytes) -> Response:
        """A 200 to an INVITE or UPDATE with what ours carry, to be sent."""
        response = tx.response(200)
        if self.dialog is not None:
            response.headers.set("Contact", self.dialog.contact)
        response.headers.set("Allow", ALLOW)
        response.headers.set("Supported", SUPPORTED)
        if description:
            response.headers.set("Content-Type", SDP)
            response.body = self.last_description = description
        terms = terms_of_request(tx.request)
        if terms is not None:
            put_into_answer(response, tx.request, terms)
        self.session.agreed(terms)
        return response

    def await_ack(self, tx: ServerTx, response: Response, on_ack: Callable[[bytes], None]) -> None:
        """Send a 2xx to an INVITE until its ACK."""

        def acknowledged(description: bytes) -> None:
            self.pending.ack = None
            on_ack(description)

        def timed_out() -> None:
            self.pending.ack = None
            self.lost(bye=True)  # RFC 3261 §13.3.1.4

        carries_offer = bool(response.body) and not tx.request.body
        self.pending.ack = AckWait(
            tx, response, self.tools.endpoint.timers, acknowledged, timed_out, carries_offer=carries_offer
        )

    # --- sending ----------------------------------------------------------------------------------------------------

    def send(
        self,
        make: Callable[[Dialog], Request],
        on_final: OnFinal,
        tries: int = 0,
        within: Dialog | None = None,
    ) -> None:
        """Send what *make* builds inside the dialog (*within*: an early one); where the trunk challenges, it is built
        again."""
        dialog, digest = within or self.dialog, self.tools.digest
        if dialog is None or self.flow is None:
            on_final(481, None)
            return
        request = make(dialog)
        if digest is not None:
            digest.authorise(request)

        def answered(response: Response) -> None:
            if not response.final or (response.success and self.acknowledged_again(response)):
                return
            if response.status in (401, 407) and digest is not None and digest.challenged(response, tries):
                self.send(make, on_final, tries + 1, within)
            else:
                on_final(response.status, response)

        self.tools.endpoint.request(
            request,
            self.tools.way(dialog.next_hop, self.flow),
            answered,
            lambda failure: on_final(STATUS_OF_FAILURE[failure], None),
        )

    def send_ack(self, ack: Request) -> None:
        """Send an ACK to a 2xx along the dialog's way."""
        if self.dialog is None or self.flow is None:
            return

        def opened(flow: Flow | None) -> None:
            if flow is not None:  # else the peer repeats its 2xx, and this is tried again
                self.tools.endpoint.send_ack(ack, flow)

        way = self.tools.way(self.dialog.next_hop, self.flow)
        if isinstance(way, Flow):
            opened(way)
        else:
            self.tools.endpoint.wire.route(way, opened)

    def acknowledged_again(self, response: Response) -> bool:
        """Whether *response* is a 2xx to an INVITE that has its ACK: it gets the same again (RFC 3261 §13.2.2.4)."""
        ack = self.pending.acks.get(response.cseq.number) if response.cseq.method == "INVITE" else None
        if ack is not None:
            self.send_ack(ack)
        return ack is not None

    def contact(self, user: str, flow: Flow | Destination) -> str:
        """Our Contact towards the peer at the other end of *flow*."""
        transport = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
        return f"<sip:{user}@{self.tools.endpoint.address_for(flow)}{transport}>"

    def learn_peer(self, message: Message) -> None:
        """What the peer can do, from its INVITE or its answer."""
        lines = message.headers.get_all("Allow")
        if lines:
            self.peer_allows = frozenset(one.strip().upper() for line in lines for one in line.split(","))

    # --- the end ----------------------------------------------------------------------------------------------------

    def lost(self, *, bye: bool = False) -> None:
        """The dialog is gone at the other side, or has to be given up with BYE."""
        if self.over:
            return
        self.stop()
        self.owner.leg_hung_up(self)
        if bye:
            self._bye()
        else:
            self.finish()

    def stop(self) -> None:
        """From here nothing is told any more."""
        self.over = True
        self.session.stop()
        if self.pending.ack is not None:
            self.pending.ack.stop()
            self.pending.ack = None
        if self.pending.theirs is not None:  # RFC 3261 §15.1.2
            self.refuse(self.pending.theirs, 487)

    def finish(self) -> None:
        """The dialog is over on the wire too."""
        if self._gone:
            return
        self._gone = True
        if self.dialog is not None:
            self.tools.dialogs.drop_dialog(self.dialog)
        self.owner.leg_over(self)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _bye(self) -> None:
        if self.pending.owed is not None:  # RFC 3261 §13.2.2.4: an offer must be answered, if only to refuse it
            self.acknowledge_answer(refusal_of(self.pending.owed.body))
        self.send(lambda dialog: dialog.request("BYE"), lambda _status, _response: self.finish())

    def _succeeded_again(self, method: str, description: bytes, response: Response) -> None:
        """A 2xx to a re-INVITE or UPDATE of ours."""
        self._refreshed(response)
        if method != "INVITE":
            return
        if description:
            self.acknowledge(response)
        elif self.over:
            self.acknowledge(response, refusal_of(response.body))
        else:
            self.pending.owed = response

    def _offering(self, dialog: Dialog, method: str, description: bytes) -> Request:
        request = dialog.request(method, content_type=SDP, body=description)
        request.headers.set("Allow", ALLOW)
        request.headers.set("Supported", SUPPORTED)
        self.session.mark(request)
        return request

    def _refreshed(self, response: Response) -> None:
        if self.dialog is not None:
            with contextlib.suppress(UriError):  # a Contact that is none: the old target stays
                self.dialog.refresh(response)
        self.session.agreed(terms_of_answer(response))

    def _refresh(self) -> None:
        """The session timer asks for a refresh (RFC 4028 §7.4): without an offer where the peer takes UPDATE."""
        method = "UPDATE" if "UPDATE" in self.peer_allows else "INVITE"
        if not self.may_offer(method):
            self.session.refresh_failed()
            return

        def final(status: int, _response: Response | None) -> None:
            if status == 491:
                low, high = GLARE_WAIT_S[self.owns_call_id]
                self.session.refresh_failed(low + (high - low) * secrets.randbelow(1001) / 1000)
            elif status >= 300:
                self.session.refresh_failed()

        self.offer(method, b"" if method == "UPDATE" else self.last_description, final)


def _no_more(_description: bytes) -> None:
    """The ACK to an answer carries nothing."""
