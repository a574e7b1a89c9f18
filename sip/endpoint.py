"""The SIP endpoint: bytes from the wire become transactions and reach the transaction users that registered for them.

It has no socket and no clock of its own: a `Wire` carries bytes, `Timers` tell and keep time.
"""

import hashlib
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from edge.core.ports import Clock, SipAccounts
from models.ids import SipUser
from sip.admission import Capabilities, is_scanner, refusal
from sip.authenticator import Authenticator
from sip.client_tx import BRANCH_COOKIE, ClientTx, OnFailure, OnResponse, new_branch
from sip.flow import Address, Destination, Flow, Timers, Wire
from sip.gate import CHALLENGED, SCANNER, WRONG, Gate
from sip.lingering import Lingering
from sip.message import Request, Response, Via, response_to
from sip.parser import ParseError, check, parse
from sip.server_tx import ServerTx
from sip.settings import SipSettings
from sip.trace import UNTRACED, Trace
from sip.transaction import T1
from sip.uri import UriError

log: Final = logging.getLogger(__name__)

TIMER_J_S: Final = 64 * T1  # RFC 3261 §17.2.2: how long the answer to a non-INVITE is repeated
KEEP_ALIVES: Final = frozenset((b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b"\0", b""))

Key = tuple[object, ...]
Handler = Callable[[ServerTx], None]


class Dialogs(Protocol):
    """What the endpoint asks the keeper of dialogs."""

    def flow_of(self, request: Request) -> Flow | None:
        """Where the peer of the dialog is to which *request* (with a To tag) belongs; None if there is no such."""
        ...


class Endpoint:
    """Transactions over a wire.

    - `handle(method, …)` registers the user of new requests; it is given proven ones only (see `_identify`).
    - `request(…)` and `send_ack(…)` send; `address_for(…)` is what belongs into our Contact.
    - `dialogs`, `vouch`, `on_ack`, `on_stray_success` are set by the transaction users that need them.
    """

    def __init__(
        self, settings: SipSettings, realm: str, accounts: SipAccounts, *, clock: Clock, timers: Timers, wire: Wire
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.timers = timers
        self.wire = wire
        self.gate = Gate(
            settings.source_rate_per_s, settings.source_burst, settings.trusted_sources, bans=settings.bans
        )
        self.authenticator = Authenticator(realm, accounts, settings.digest, fallback=settings.digest_fallback)
        self.capabilities = Capabilities()
        self.lingering = Lingering(timers)
        self.counters: Counter[str] = Counter()  # for metrics; names are stable
        self.trace = Trace()
        self.dialogs: Dialogs | None = None
        self.vouch: Callable[[Request, Flow], str | None] | None = None  # the trunk: its name, for what comes from it
        self.on_ack: Callable[[Request, Flow], None] | None = None  # an ACK to a 2xx
        self.on_stray_success: Callable[[Response, Flow], None] | None = None  # 2xx to an INVITE long forgotten
        self.shortcut: Callable[[bytes, Flow], bool] | None = None  # answers a REGISTER alone; False: the long way
        self.on_connection_lost: list[Callable[[Flow], None]] = []
        self._handlers: dict[str, Handler] = {}
        self._clients: dict[tuple[str, str], ClientTx] = {}  # by branch and method
        self._servers: dict[Key, ServerTx] = {}
        self._invites: dict[tuple[str, int, str], ServerTx] = {}  # by Call-ID, CSeq number, From tag
        self._answers: dict[Key, tuple[Flow, bytes]] = {}  # non-INVITE transactions in Completed
        self._tags = hashlib.blake2s(key=secrets.token_bytes(16), digest_size=8)

    # --- for transaction users ------------------------------------------------------------------------------------

    def handle(self, method: str, handler: Handler, accepts: Iterable[str] = ()) -> None:
        """Give new requests of *method* to *handler*. *accepts*: media types of the body; none named: any."""
        self._handlers[method] = handler
        self.capabilities.accepts[method] = frozenset(accepts)

    def request(
        self, request: Request, to: Flow | Destination, on_response: OnResponse, on_failure: OnFailure
    ) -> ClientTx:
        """Send *request* in a transaction of its own. Via is added here, Max-Forwards too where it is missing."""
        tx = ClientTx(self, request, on_response, on_failure)
        tx.start(to)
        return tx

    def send_ack(self, ack: Request, to: Flow) -> bool:
        """Send an ACK to a 2xx; the same one may be sent again. False: the flow is dead."""
        if "Via" not in ack.headers:
            self.stamp(ack, to, new_branch())
        return self.transmit(to, ack.render(), ack.call_id)

    def address_for(self, to: Flow | Destination) -> Address:
        """The address under which the peer reaches us: for Contact."""
        return self.wire.contact_address(to)

    # --- from the wire --------------------------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow) -> None:
        """One datagram, or one message of a stream. Never raises."""
        if data in KEEP_ALIVES:
            return
        self.counters["messages_received"] += 1
        try:
            if data.startswith(b"REGISTER ") and self._takes_shortcut(data, flow):
                return
            message = parse(data, flow.reliable)
            keep = not data.startswith(UNTRACED)
            if keep or self.trace.followed:
                self.trace.record(message.call_id, False, flow, data, self.clock.now_ms(), keep=keep)
            if isinstance(message, Response):
                self._response(message, flow)
            else:
                self._request(message, flow)
        except ParseError as error:
            self._unreadable(error, flow)
        except Exception:  # noqa: BLE001  # the entry point of a datagram: one bad packet must not end the daemon
            self.counters["handler_errors"] += 1
            log.exception("a SIP message could not be handled", extra={"peer": str(flow.remote)})

    def _takes_shortcut(self, data: bytes, flow: Flow) -> bool:
        return self.shortcut is not None and not self.trace.followed and self.shortcut(data, flow)

    def refuse_stream(self, error: ParseError, flow: Flow) -> None:
        """A stream could not be framed: answer if anything can be; the connection is about to be closed."""
        self._unreadable(error, flow)

    def connection_lost(self, flow: Flow) -> None:
        """A connection is gone: what waits for an answer on it has failed."""
        for tx in [tx for tx in self._clients.values() if tx.flow == flow]:
            tx.lost()
        for listener in self.on_connection_lost:
            listener(flow)

    # --- requests -------------------------------------------------------------------------------------------------

    def _request(self, request: Request, flow: Flow) -> None:
        try:
            key = transaction_key(request, flow.transport)
        except UriError:
            raise ParseError(400, "Malformed Via") from None
        if request.method == "ACK":
            self._ack(request, flow, key)
            return
        known = self._servers.get(key)
        if known is not None:
            known.retransmitted()
        elif not self.answer_again(key, request.call_id):
            self._locate(request, flow)
            check(request)
            if request.method == "CANCEL":
                self._cancel(request, flow, key)
            else:
                self._new_request(request, flow, key)

    def _new_request(self, request: Request, flow: Flow, key: Key) -> None:
        if is_scanner(request.headers.get("User-Agent") or ""):
            self.strike(flow, SCANNER)
            return
        no = refusal(request, self.capabilities)
        if no is not None:
            self.counters[f"refused_{no.status}"] += 1
            self._answer_statelessly(no.response(request, self._tag(request)), request, flow)
            return
        identity = self._identify(request, flow)
        if identity is None:
            return
        merged = (request.call_id, request.cseq.number, request.from_tag)
        if not request.to_tag and merged in self._invites and request.method == "INVITE":  # RFC 3261 §8.2.2.2
            self._answer_statelessly(response_to(request, 482, to_tag=self._tag(request)), request, flow)
            return
        tx = ServerTx(self, key, request, flow)
        tx.user, tx.peer = identity
        self._servers[key] = tx
        if request.method == "INVITE":
            self._invites[merged] = tx
            tx.reply(100)
        self._dispatch(tx)

    def _dispatch(self, tx: ServerTx) -> None:
        handler = self._handlers.get(tx.request.method)
        if handler is None:  # OPTIONS; anything else without a handler was refused
            response = tx.response(200)
            self.capabilities.describe(response)
            tx.respond(response)
            return
        try:
            handler(tx)
        except Exception:
            if not tx.answered:
                tx.reply(500)
            raise

    def _identify(self, request: Request, flow: Flow) -> tuple[SipUser | None, str] | None:
        """Who sends this: digest user and vouched peer. None: it was answered.

        A request inside a dialog is taken without a challenge if it comes from where the dialog's peer is. It names
        a Call-ID and two tags that only the peers know, and comes from the same socket: as much proof as the
        transport gives, without a round trip for each digit pressed, and with phones that answer no challenge there.
        From any other place it must prove itself like a new one, so a phone whose NAT moved can go on.
        """
        if request.to_tag and request.method != "REGISTER":
            home = self.dialogs.flow_of(request) if self.dialogs is not None else None
            if home is None:
                self._answer_statelessly(response_to(request, 481), request, flow)
                return None
            if home.same_peer(flow):
                return None, ""
        elif request.method == "OPTIONS":
            return None, ""  # says what every answer of ours says; monitors ping with it
        if self.vouch is not None and (peer := self.vouch(request, flow)) is not None:
            return None, peer
        verdict = self.authenticator.check(request, self.timers.time())
        self.counters[f"digest_{verdict.why}"] += 1
        if verdict.user is not None:
            self.gate.proven(flow.remote)
            return verdict.user, ""
        if verdict.why != "stale" and self.strike(flow, CHALLENGED if verdict.why == "no_answer" else WRONG):
            return None
        response = response_to(request, verdict.status, to_tag=self._tag(request))
        if verdict.challenges:
            response.headers.set("WWW-Authenticate", verdict.challenges)
        self._answer_statelessly(response, request, flow)
        return None

    def _ack(self, request: Request, flow: Flow, key: Key) -> None:
        tx = self._servers.get(key)
        if tx is not None and not tx.acknowledged():
            return
        check(request)
        home = self.dialogs.flow_of(request) if self.dialogs is not None and request.to_tag else None
        if home is None or home.remote.host != flow.remote.host:
            self.counters["acks_ignored"] += 1  # to our stateless refusals, mostly
        elif self.on_ack is not None:
            self.on_ack(request, flow)

    def _cancel(self, request: Request, flow: Flow, key: Key) -> None:
        """RFC 3261 §9.2. A NATed peer may have changed its sent-by meanwhile, so the branch alone is enough when
        Call-ID, CSeq and From tag agree."""
        tx = self._servers.get((*key[:-1], "INVITE"))
        if tx is None:
            again = self._invites.get((request.call_id, request.cseq.number, request.from_tag))
            tx = again if again is not None and again.request.via.branch == request.via.branch else None
        if tx is not None and tx.flow.remote.host != flow.remote.host:
            tx = None
        if tx is None:
            self._answer_statelessly(response_to(request, 481, to_tag=self._tag(request)), request, flow)
            return
        own = ServerTx(self, key, request, flow)
        own.local_tag = tx.local_tag
        self._servers[key] = own
        own.reply(200)
        if not tx.answered and tx.on_cancel is not None:
            tx.on_cancel(request)

    # --- responses ------------------------------------------------------------------------------------------------

    def _response(self, response: Response, flow: Flow) -> None:
        try:
            vias = response.headers.get_all("Via")
            tx = self._clients.get((response.via.branch, response.cseq.method))
            if len(vias) > 1 or "," in vias[0]:  # RFC 3261 §8.1.3.3
                tx = None
        except UriError:
            raise ParseError(400, "Malformed Via") from None
        if tx is not None:
            check(response)
            tx.received(response)
            return
        self.counters["responses_ignored"] += 1
        if response.success and response.cseq.method == "INVITE" and self.on_stray_success is not None:
            check(response)
            self.on_stray_success(response, flow)

    # --- for the transactions -------------------------------------------------------------------------------------

    def transmit(self, flow: Flow, data: bytes, call_id: str) -> bool:
        """Hand one message to the wire. False: it cannot go there any more."""
        self.counters["messages_sent"] += 1
        keep = not data.startswith(UNTRACED) and b" REGISTER\r\n" not in data
        if keep or self.trace.followed:
            self.trace.record(call_id, True, flow, data, self.clock.now_ms(), keep=keep)
        return self.wire.send(flow, data)

    def stamp(self, request: Request, flow: Flow, branch: str) -> None:
        """Put our Via on top of *request*."""
        ours = self.wire.contact_address(flow)
        rport = "" if flow.reliable else ";rport"  # RFC 3581
        request.headers.insert_first("Via", f"SIP/2.0/{flow.transport} {ours}{rport};branch={branch}")
        if "Max-Forwards" not in request.headers:
            request.headers.set("Max-Forwards", "70")

    def answer_flow(self, request: Request, flow: Flow) -> Flow:
        """Where answers to *request* go (RFC 3261 §18.2.2, RFC 3581 §4)."""
        if flow.reliable or self.settings.force_rport or request.via.param("rport") is not None:
            return flow
        return flow._replace(remote=Address(flow.remote.host, request.via.port or 5060))

    def remember_client(self, tx: ClientTx) -> None:
        self._clients[tx.branch, tx.request.method] = tx

    def forget_client(self, tx: ClientTx) -> None:
        self._clients.pop((tx.branch, tx.request.method), None)

    def answer_again(self, key: Key, call_id: str) -> bool:
        """Whether the non-INVITE request of *key* came before; if so it gets the same answer (trap 29)."""
        answer = self._answers.get(key)
        if answer is None:
            return False
        self.counters["retransmissions_absorbed"] += 1
        self.transmit(*answer, call_id)
        return True

    def remember_answer(self, key: Key, flow: Flow, data: bytes) -> None:
        """A non-INVITE server transaction has its final answer: all that is left of it is these bytes (timer J)."""
        self._servers.pop(key, None)
        if flow.reliable:
            return
        self._answers[key] = flow, data
        self.lingering.later(TIMER_J_S, self._answers.pop, key, None)

    def forget_server(self, key: Key, tx: ServerTx) -> None:
        self._servers.pop(key, None)
        request = tx.request
        if request.method == "INVITE":
            self._invites.pop((request.call_id, request.cseq.number, request.from_tag), None)

    def count(self, name: str) -> None:
        self.counters[name] += 1

    def strike(self, flow: Flow, weight: float) -> bool:
        """Note an offence of the sender. True: it gets no answer."""
        if not self.gate.strike(flow.remote, weight, self.timers.time()):
            return False
        self.counters["offenders_ignored"] += 1
        return True

    # --- answers without a transaction ----------------------------------------------------------------------------

    def _unreadable(self, error: ParseError, flow: Flow) -> None:
        self.counters["parse_errors"] += 1
        if error.request is not None:
            try:
                response = response_to(error.request, error.status, error.reason, self._tag(error.request))
                self._answer_statelessly(response, error.request, flow)
            except UriError:
                return  # too broken to answer; counted above

    def _answer_statelessly(self, response: Response, request: Request, flow: Flow) -> None:
        """RFC 3261 §8.2.7: a refusal keeps no state, so a flood of requests cannot fill the memory. A retransmission
        is judged again, with the same To tag; the ACK to it matches nothing and is dropped."""
        self.transmit(self.answer_flow(request, flow), response.render(), request.call_id)

    def _tag(self, request: Request) -> str:
        """A To tag that is the same for the same request."""
        headers = request.headers
        return self.tag_for(headers.get("Call-ID") or "", headers.get("CSeq") or "", headers.get("From") or "")

    def tag_for(self, call_id: str, cseq: str, from_: str) -> str:
        tag = self._tags.copy()
        tag.update(f"{call_id}\n{cseq}\n{from_}".encode("utf-8", "replace"))
        return tag.hexdigest()

    def _locate(self, request: Request, flow: Flow) -> None:
        """Note in the top Via where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4)."""
        via = request.via
        wants_port = via.param("rport") is not None
        if via.host.strip("[]") == flow.remote.host and not wants_port:
            return
        params = [param for param in via.params if param[0] not in ("received", "rport")]
        if wants_port:
            params.append(("rport", str(flow.remote.port)))
        params.append(("received", flow.remote.host.partition("%")[0]))
        request.headers.replace_via(Via(via.transport, via.host, via.port, tuple(params)))


def transaction_key(request: Request, transport: str) -> Key:
    """What makes a request the same one again (RFC 3261 §17.2.3); ACK has the key of its INVITE. Raises UriError.

    The method comes last. *transport* belongs to it so that an answer never goes down a way that was not asked on.
    """
    via = request.via
    method = "INVITE" if request.method == "ACK" else request.method
    if via.branch.startswith(BRANCH_COOKIE) and len(via.branch) > len(BRANCH_COOKIE):
        return transport, via.branch, via.host, via.port or 5060, method
    # RFC 2543 peers: the ACK has another To tag than the INVITE, so an INVITE is known without it.
    to_tag = "" if method in ("INVITE", "CANCEL") else request.to_tag
    return transport, request.uri, to_tag, request.from_tag, request.call_id, request.cseq.number, str(via), method
