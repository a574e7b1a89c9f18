"""A leg that we ring: INVITE, CANCEL, and every 2xx that may still come (RFC 3261 §9.1, §13.2, RFC 6026)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from sip.client_tx import ClientTx, Failure
from sip.dialog import Dialog
from sip.flow import Destination, Flow, Handle
from sip.leg import ALLOW, SDP, STATUS_OF_FAILURE, SUPPORTED, Leg, LegOwner, LegTools
from sip.message import Request, Response
from sip.prack import needs_prack, prack_for
from sip.server_tx import ServerTx
from sip.session_timer import terms_of_answer
from sip.trunk_meter import Meter
from sip.uri import UriError

EARLY_DIALOGS_MAX: Final = 8  # of one leg, behind a forking proxy
SILENT_S: Final = 2.0  # how long a trunk's server may leave an INVITE without any answer, where there is another
VIA_BYTES: Final = 100  # of the Via that is added to a request, at most
RSEQ_DIGITS_MAX: Final = 10  # RFC 3262 §7.1: 32 bits


class RungOwner(LegOwner, Protocol):
    """What a leg that we ring tells beside. Of these, one of failed and answered comes at most once."""

    def leg_ringing(self, leg: "UacLeg", status: int, description: bytes) -> None:
        """A provisional answer above 100; *description* is early media of the one early dialog whose media counts."""
        ...

    def leg_answered(self, leg: "UacLeg", description: bytes) -> None:
        """The first 2xx; with a delayed offer `Leg.acknowledge_answer` must follow, otherwise the ACK is out."""
        ...

    def leg_failed(self, leg: "UacLeg", response: Response | None, status: int) -> None:
        """A final answer of 300 and more, or a failure of our own. The leg is over; `leg_over` follows."""
        ...


class Provider(Protocol):
    """What the leg to a trunk asks of it: `sip.trunk.Trunk`."""

    @property
    def meter(self) -> Meter: ...

    def carrier(self, to: Destination, size: int) -> Destination: ...

    def failed(self, to: Destination, response: Response | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Invitation:
    """How to ring: everything of the INVITE but tags and numbers."""

    to: Flow | Destination
    build: Callable[[int], Request]  # the INVITE with this CSeq number, without Via and body
    provider: Provider | None = None
    others: tuple[Destination, ...] = ()  # where to try next where *to* is silent or unavailable (RFC 3263 §4.3)


class UacLeg(Leg):
    """The side that we call."""

    def __init__(self, tools: LegTools, owner: RungOwner, invitation: Invitation) -> None:
        super().__init__(tools, owner, invitation.to if isinstance(invitation.to, Flow) else None)
        self._told = owner
        self._invitation = invitation
        self._tx: ClientTx | None = None
        self._place = invitation.to
        self._others = list(invitation.others)
        self._silence: Handle | None = None
        self._metered = False
        self._offer = b""
        self._prack_tried = False
        self._built: Request | None = None  # the INVITE last sent, or about to be
        self._early: dict[str, Dialog] = {}  # by To tag
        self._rseqs: dict[str, int] = {}  # by To tag, the last that got its PRACK
        self._media_tag: str | None = None  # the early dialog whose media counts: the first that has any
        self._given_up = False  # cancelled or failed: whatever 2xx comes is hung up

    @property
    def owns_call_id(self) -> bool:
        return True

    @property
    def request(self) -> Request:
        """The INVITE last sent."""
        return self._invite

    @property
    def _invite(self) -> Request:
        if self._built is None:
            self._built = self._build(1)
        return self._built

    def propose(self, description: bytes) -> None:
        """Our offer, before `ring`; empty where the 2xx is to bring theirs."""
        self._offer = self.last_description = description
        self._built = None

    def ring(self, tries: int = 0) -> None:
        """Send the INVITE."""
        request, place, provider = self._invite, self._place, self._invitation.provider
        if self.tools.digest is not None:
            self.tools.digest.authorise(request)
        if provider is not None and not self._metered:
            self._metered = True
            provider.meter.began()
        if provider is not None and isinstance(place, Destination):
            place = provider.carrier(place, len(request.render()) + VIA_BYTES)
        self._tx = self.tools.endpoint.request(
            request,
            place,
            lambda response: self._answered(request, response, tries),
            lambda failure: self._failed_to_answer(request, failure),
        )
        if self._others:
            timers = self.tools.endpoint.timers
            self._silence = timers.call_at(timers.time() + SILENT_S, lambda: self._silent(request))

    def cancel(self, reason: str | None = None) -> None:
        """Give up before an answer; *reason* is the value of a Reason header. A 2xx that crosses it is hung up."""
        if self.over:
            return
        if self.dialog is not None:  # answered already
            self.hang_up()
            return
        self._given_up = True
        self.stop()
        if self._tx is not None:
            self._tx.cancel(reason)
        else:  # nothing has left
            self.finish()

    def receive(self, tx: ServerTx, dialog: Dialog) -> None:
        if tx.request.method != "BYE" or self.dialog is not None or not dialog.accepts(tx.request):
            super().receive(tx, dialog)
            return
        tx.reply(200)  # no callee may give up an early dialog with BYE (RFC 3261 §15), but who does means it
        if not self.over and self._tx is not None:
            self._given_up = True
            self.stop()
            self._tx.cancel()
            self._told.leg_failed(self, None, 480)

    def stop(self) -> None:
        self._heard()
        super().stop()

    # --- another server ---------------------------------------------------------------------------------------------

    def _heard(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _silent(self, request: Request) -> None:
        """Not even a 100: timer B would outlast the ring time."""
        self._silence = None
        if request is self._invite and self._tx is not None and self._others:
            self._tx.abandon()  # a 2xx that comes all the same is a stray one, and is hung up
            self._try_another(None)

    def _try_another(self, response: Response | None) -> bool:
        """Whether there is another server, which is rung from now on."""
        provider, place = self._invitation.provider, self._place
        if provider is None or not isinstance(place, Destination):
            return False
        provider.failed(place, response)
        if not self._others:
            return False
        self._drop_early()
        self._place = self._others.pop(0)
        self._built = self._build(self._invite.cseq.number + 1)
        self.ring()
        return True

    # --- answers to the INVITE --------------------------------------------------------------------------------------

    def _answered(self, request: Request, response: Response, tries: int) -> None:
        if self._tx is not None and self._tx.flow is not None:
            self.flow = self._tx.flow
        if request is self._invite:
            self._heard()
        if response.status < 200:
            self._provisional(request, response)
        elif response.success:
            self._succeeded(request, response)
        elif request is self._invite:
            self._refused(response, tries)

    def _provisional(self, request: Request, response: Response) -> None:
        if response.status == 100 or self.over or self.dialog is not None:
            return
        dialog = self._early_dialog(request, response)
        if dialog is not None and needs_prack(response) and not self._acknowledged_in_order(response, dialog):
            return
        description = response.body if response.content_type == SDP else b""
        if description and response.to_tag:
            self._media_tag = self._media_tag or response.to_tag
            if self._media_tag != response.to_tag:
                description = b""
        self._told.leg_ringing(self, response.status, description)

    def _early_dialog(self, request: Request, response: Response) -> Dialog | None:
        tag = response.to_tag
        if not tag or (tag not in self._early and len(self._early) >= EARLY_DIALOGS_MAX):
            return None
        if tag not in self._early:
            try:
                self._early[tag] = Dialog.as_uac(request, response)
            except UriError:
                return None
            self.tools.dialogs.add_dialog(self._early[tag], self)
        return self._early[tag]

    def _acknowledged_in_order(self, response: Response, dialog: Dialog) -> bool:
        """RFC 3262 §4: PRACK for each reliable answer, once, in the order of RSeq. False: repeated, or one is missing
        before it; either is as if it had not come."""
        text = response.headers.get("RSeq") or ""
        last = self._rseqs.get(response.to_tag)
        if not text.isdecimal() or len(text) > RSEQ_DIGITS_MAX or (last is not None and int(text) != last + 1):
            return False
        self._rseqs[response.to_tag] = int(text)
        self.send(lambda early: prack_for(response, early), lambda _status, _response: None, within=dialog)
        return True

    def _succeeded(self, request: Request, response: Response) -> None:
        """A 2xx: the first wins, its repetitions get the ACK again, every other is acknowledged and hung up."""
        if self.dialog is not None and self.dialog.key.remote_tag == response.to_tag:
            self.acknowledged_again(response)
            return
        if self._given_up or self.dialog is not None or request is not self._invite:
            self.tools.strays.hang_up(response, self.flow, self.tools, offered=bool(request.body))
            if self._given_up:
                self.finish()
            return
        try:
            dialog = self._early.pop(response.to_tag, None)
            if dialog is None:
                dialog = Dialog.as_uac(request, response)
                self.tools.dialogs.add_dialog(dialog, self)
            dialog.confirm(response)
        except UriError:
            self._give_up(500, None)  # a 2xx without a usable Contact cannot even be acknowledged
            return
        self.dialog = dialog
        self._drop_early()
        self.learn_peer(response)
        self.session.agreed(terms_of_answer(response))
        if self._offer:
            self.acknowledge(response)
        else:
            self.pending.owed = response
        self._told.leg_answered(self, response.body if response.content_type == SDP else b"")

    def _refused(self, response: Response, tries: int) -> None:
        if self.over:
            self.finish()
        elif self._rung_again(response, tries):
            return
        elif self._requires_prack(response):
            self._prack_tried = True
            self._built = self._build(self._invite.cseq.number + 1)
            self.ring(tries)
        else:
            self._give_up(response.status, response)

    def _rung_again(self, response: Response, tries: int) -> bool:
        """Whether a refusal was only a challenge, or one server's."""
        if response.status in (401, 407):
            return self._try_again_with_credentials(response, tries)
        return response.status == 503 and self._try_another(response)

    def _try_again_with_credentials(self, response: Response, tries: int) -> bool:
        digest = self.tools.digest
        if digest is None or not digest.challenged(response, tries):
            return False
        self._drop_early()
        self._built = self._build(self._invite.cseq.number + 1)  # RFC 3261 §22.2: new CSeq, same Call-ID and From tag
        self.ring(tries + 1)
        return True

    def _requires_prack(self, response: Response) -> bool:
        """Where the callee is to make the offer, its reliable answer would bring it, and our PRACK would have to answer
        before the caller has: that is not agreed to."""
        required = response.status == 421 and "100rel" in response.options("Require")
        return required and bool(self._offer) and not self._prack_tried

    def _failed_to_answer(self, request: Request, failure: Failure) -> None:
        if request is not self._invite:
            return
        if self.over:
            self.finish()
        elif not self._try_another(None):
            self._give_up(STATUS_OF_FAILURE[failure], None)

    def _give_up(self, status: int, response: Response | None) -> None:
        self._given_up = True
        self.stop()
        self._told.leg_failed(self, response, status)
        self.finish()

    def finish(self) -> None:
        self._drop_early()
        if self._metered and self._invitation.provider is not None:
            self._metered = False
            self._invitation.provider.meter.ended()
        super().finish()

    def _drop_early(self) -> None:
        for dialog in self._early.values():
            self.tools.dialogs.drop_dialog(dialog)
        self._early.clear()

    def _build(self, cseq: int) -> Request:
        request = self._invitation.build(cseq)
        request.headers.set("Allow", ALLOW)
        request.headers.set("Supported", f"{SUPPORTED}, 100rel" if self._prack_tried else SUPPORTED)
        if self._offer:
            request.headers.set("Content-Type", SDP)
            request.body = self._offer
        return request
