"""The caller's leg: answers to the INVITE that began the call (RFC 3261 §13.3, RFC 3262 as the answering side)."""

from typing import Protocol

from sip.dialog import Dialog
from sip.flow import Flow
from sip.leg import ALLOW, SDP, Leg, LegOwner, LegTools
from sip.message import Request
from sip.prack import ReliableProvisionals
from sip.server_tx import ServerTx, new_tag
from sip.uri import escape_user


class CallerOwner(LegOwner, Protocol):
    """What the caller's leg tells beside."""

    def caller_cancelled(self) -> None:
        """CANCEL, BYE or a dead transport before our final answer; 487 has been sent."""
        ...

    def caller_confirmed(self, description: bytes) -> None:
        """The first ACK, with the description it carried."""
        ...


class UasLeg(Leg):
    """The side that called us. Raises UriError if the INVITE has no usable Contact."""

    def __init__(self, tools: LegTools, owner: CallerOwner, tx: ServerTx, contact_user: str) -> None:
        super().__init__(tools, owner, tx.flow)
        self._told = owner
        self._tx = tx
        self._contact = self.contact(escape_user(contact_user), tx.flow)
        self._reliable: ReliableProvisionals | None = None
        if "100rel" in tx.request.options("Require"):
            self._reliable = ReliableProvisionals(tx, tools.endpoint.timers, lambda: self.give_up(504))
        self._early_media: bytes = b""
        self._hang_up_when_confirmed = False
        self.dialog: Dialog | None = Dialog.as_uas(tx.request, tx.local_tag, self._contact)
        self.learn_peer(tx.request)
        tools.dialogs.add_dialog(self.dialog, self)
        tx.on_cancel = lambda _cancel: self.give_up()
        tx.on_lost = self.give_up

    @property
    def owns_call_id(self) -> bool:
        return False

    @property
    def request(self) -> Request:
        """The INVITE that began it."""
        return self._tx.request

    @property
    def request_flow(self) -> Flow:
        """Where it came from."""
        return self._tx.flow

    @property
    def answered(self) -> bool:
        """Whether a final answer went out."""
        return self._tx.answered

    # --- answers ----------------------------------------------------------------------------------------------------

    def progress(self, status: int, description: bytes = b"") -> None:
        """Send a provisional answer; *description* is early media."""
        if self.answered or self.over:
            return
        if self._reliable is not None and not (description or self._tx.request.body):
            return  # RFC 3262 §5: the first reliable answer to an INVITE without an offer would have to bring ours
        response = self._tx.response(status)
        response.headers.set("Contact", self._contact)
        response.headers.set("Allow", ALLOW)
        if description:
            self._early_media = description
            response.headers.set("Content-Type", SDP)
            response.body = self.last_description = description
        if self._reliable is None:
            self._tx.respond(response)
        else:
            self._reliable.send(response)

    def answer(self, description: bytes) -> None:
        """Answer with 200. `caller_confirmed` follows with the ACK; without one the leg hangs up."""
        if self.answered or self.over or self.dialog is None:
            return
        if self._reliable is not None and self._reliable.waits:
            # RFC 3262 §3 forbids a 2xx only while a description waits for its PRACK; waiting always is simpler.
            self._reliable.when_clear(lambda: self.answer(description))
            return
        if self._early_media and self._early_media != description:
            self._fork()
        self.dialog.confirmed = True
        self.await_ack(self._tx, self.success(self._tx, description), self._confirmed)

    def refuse_call(self, status: int) -> None:
        """The final answer is a refusal; the leg is over."""
        if self.over:
            return
        self.stop()
        self._tx.reply(status)
        self.finish()

    def hang_up(self) -> None:
        """BYE, but not before the ACK or its time-out (RFC 3261 §15.1.1)."""
        if self.pending.ack is not None and not self.over:
            self._hang_up_when_confirmed = True
        elif not self.answered:
            self.refuse_call(480)
        else:
            super().hang_up()

    def hang_up_now(self) -> None:
        """BYE at once: the daemon stops and cannot wait for the ACK."""
        if self.pending.ack is not None:
            self.pending.ack.stop()
            self.pending.ack = None
        self.hang_up()

    def give_up(self, status: int = 487) -> None:
        """The caller cancelled (RFC 3261 §9.2), or cannot be reached any more. Nothing after a final answer."""
        if self.over or self.answered:
            return
        self.stop()
        self._tx.reply(status)
        self._told.caller_cancelled()
        self.finish()

    # --- inside -----------------------------------------------------------------------------------------------------

    def receive(self, tx: ServerTx, dialog: Dialog) -> None:
        if tx.request.method == "PRACK" and self._reliable is not None and dialog.accepts(tx.request):
            self._reliable.acknowledged(tx)
        elif tx.request.method == "BYE" and not self.answered and dialog.accepts(tx.request):
            tx.reply(200)  # RFC 3261 §15: the caller may give up an early dialog with BYE, too
            self.give_up()
        else:
            super().receive(tx, dialog)

    def stop(self) -> None:
        if self._reliable is not None:
            self._reliable.stop()
        super().stop()

    def _confirmed(self, description: bytes) -> None:
        if self._hang_up_when_confirmed:
            super().hang_up()
        else:
            self._told.caller_confirmed(description)

    def _fork(self) -> None:
        """The answer differs from the early media that another leg gave, and within one dialog it may not (RFC 3261
        §13.2.1). To the caller it is as if a proxy had forked: another To tag, another dialog."""
        if self.dialog is None:
            return
        self.tools.dialogs.drop_dialog(self.dialog)
        self._tx.local_tag = new_tag()
        self.dialog = Dialog.as_uas(self._tx.request, self._tx.local_tag, self._contact)
        self.tools.dialogs.add_dialog(self.dialog, self)
