"""A B2BUA with everything around it in the test's hands, and phones that a test speaks through, message by message."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge.core.call_events import ContactRef, RequestOpen
from edge.core.settings import CallSettings
from models.access import UnlockMethod
from models.call import Caller, CallPlan, CallRecord, DigitSource, LegKind, PlannedLeg, Stage, Target
from models.ids import ApartmentId, CallId, DeviceId, SipUser
from sip.b2bua import B2bua
from sip.b2bua_srtp import Srtp
from sip.bindings import Binding
from sip.flow import Flow
from sip.media.engine import End, Facing, MediaListener, MediaUnavailable, PeerLine
from sip.media.recordings import Recordings
from sip.media.rtp import StreamStats
from sip.message import Headers, Request, Response, response_to
from sip.parser import parse
from sip.registrar import Registrar
from sip.settings import TrunkSettings
from sip.trunk import Trunk
from sip.trunks import Trunks
from tests.fakes.sip import REALM, Bench, FakeAccounts, FakeBindingStore, FakeWire, answer, flow_to

DOOR, MONITOR, MONITOR_2, APP = "10000001", "10000002", "10000003", "10000004"
USERS = (DOOR, MONITOR, MONITOR_2, APP)
TRUNK_HOST = "198.51.100.7"
OWNER = Caller(SipUser(DOOR), device=DeviceId("d-door"))


def sdp(host: str, port: int = 4000, *, formats: str = "8 101", extra: str = "", direction: str = "sendrecv") -> bytes:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n"
        f"a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n{extra}"
    ).encode()


def target(user: str, kind: LegKind = LegKind.MONITOR, group: str = "") -> Target:
    return Target(kind, user, f"name of {user}", network_group=group)


LANDLINE = Target(LegKind.LANDLINE, "+74951234567", "…4567")


def plan(*stages: Sequence[Target], **fields: object) -> CallPlan:
    """An allowed plan of a door's call, each stage 20 s."""
    made = tuple(Stage(tuple(PlannedLeg(t, True, "") for t in targets), 20.0) for targets in stages)
    given = {
        "apartment": ApartmentId("a-1"), "door": DeviceId("d-door"), "digits_from": DigitSource.CALLEE,
        "door_codes": {"5": "1"},
    } | fields  # fmt: skip
    return CallPlan(made, **given)  # type: ignore[arg-type]  # fields by name


@dataclass
class FakeDesk:
    """`edge.core.ports.CallDesk` with one plan for everybody."""

    registrar: Registrar
    now_ms: "object"
    plan_: CallPlan = field(default_factory=CallPlan)
    records: list[CallRecord] = field(default_factory=list)
    opens: list[tuple[object, str, UnlockMethod]] = field(default_factory=list)
    grants: bool = True
    dialled: list[str] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    over: list[CallId] = field(default_factory=list)
    talks: list[Target] = field(default_factory=list)

    def identify(self, sip_user: str) -> Caller | None:
        return OWNER if sip_user == DOOR else Caller(SipUser(sip_user), device=DeviceId(f"d-{sip_user}"))

    def identify_outside(self, number: str) -> Caller:
        return Caller(None, trunk_number=number)

    def caller_name(self, caller: Caller) -> str:
        return 'Gate "A"'

    def plan(self, caller: Caller, dialled: str) -> CallPlan:
        self.dialled.append(dialled)
        self.callers.append(caller)
        return self.plan_

    def reach(self, target: Target) -> Sequence[ContactRef]:
        if target.kind is LegKind.LANDLINE:
            return (ContactRef("trunk"),)
        return tuple(ContactRef(b.key) for b in self.registrar.live(target.address, self.now_ms()))  # type: ignore[operator]

    def busy(self, caller: Caller) -> bool:
        return False

    def changed(self, record: CallRecord) -> None:
        self.records.append(record)

    def request_open(self, call: CallId, plan: CallPlan, party: Target | Caller, request: RequestOpen) -> bool:
        self.opens.append((party, request.label, request.method))
        return self.grants

    def talking(self, call: CallId, answered_by: Target) -> None:
        self.talks.append(answered_by)

    def ended(self, call: CallId) -> None:
        self.over.append(call)

    @property
    def record(self) -> CallRecord:
        return self.records[-1]


@dataclass
class FakeMedia:
    """`sip.media.engine.MediaEngine` and its one session, which remembers."""

    listener: MediaListener | None = None
    ports: dict[tuple[End, int], int] = field(default_factory=dict)
    peers: dict[tuple[End, int], PeerLine | None] = field(default_factory=dict)
    connected: list[tuple[End, End]] = field(default_factory=list)
    released: list[End] = field(default_factory=list)
    played: list[tuple[End, int, int, int]] = field(default_factory=list)  # end, line, frames, payload
    counted: dict[End, tuple[StreamStats, ...]] = field(default_factory=dict)  # what `stats` says
    ports_left: int = 1000
    closed: bool = False

    def open(self, listener: MediaListener, *, digits: bool = True) -> "FakeMedia":
        self.listener = listener
        self.ports, self.peers, self.closed = {}, {}, False
        return self

    def allocate(self, end: End, line: int, kind: str, host: str, facing: Facing | None = None) -> int:
        if (end, line) not in self.ports:
            if self.ports_left == 0:
                raise MediaUnavailable("no ports")
            self.ports_left -= 1
            self.ports[end, line] = 30000 + 2 * len(self.ports)
        return self.ports[end, line]

    def describe(self, end: End, line: int, peer: PeerLine | None) -> None:
        self.peers[end, line] = peer

    def connect(self, one: End, other: End) -> None:
        self.connected.append((one, other))

    def play(self, end: End, line: int, frames: Sequence[bytes], payload: int) -> None:
        assert (end, line) in self.ports
        self.played.append((end, line, len(frames), payload))

    def release(self, end: End) -> tuple[StreamStats, ...]:
        self.released.append(end)
        return self.counted.get(end, ())

    def stats(self, end: End) -> tuple[StreamStats, ...]:
        return self.counted.get(end, ())

    def close(self) -> None:
        self.closed = True


_branches = itertools.count(1)


@dataclass
class Peer:
    """A phone, or the trunk: what was sent to its flow, and what it sends."""

    bench: "CallBench"
    user: str
    flow: Flow
    tag: str = "peer"
    cseq: int = 1

    # --- reading ---

    def waiting(self) -> list[Request | Response]:
        return [parse(data) for flow, data in self.bench.wire.sent if flow == self.flow]

    def take(self) -> Request | Response:
        """The next message to this peer."""
        for index, (flow, data) in enumerate(self.bench.wire.sent):
            if flow == self.flow:
                del self.bench.wire.sent[index]
                return parse(data)
        raise AssertionError(f"nothing for {self.user}; others: {self.bench.wire.messages()}")

    def request(self, method: str) -> Request:
        message = self.take()
        assert isinstance(message, Request), message
        assert message.method == method, message
        return message

    def response(self, status: int) -> Response:
        message = self.take()
        assert isinstance(message, Response), message
        assert message.status == status, message
        return message

    def quiet(self) -> bool:
        return not self.waiting()

    # --- sending ---

    def send(self, message: Request | Response) -> None:
        self.bench.endpoint.receive(message.render(), self.flow)

    def respond(
        self,
        request: Request,
        status: int,
        body: bytes = b"",
        *,
        tag: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Answer *request* as this phone."""
        response = response_to(request, status, to_tag=self.tag if tag is None else tag)
        response.headers.set("Contact", f"<sip:{self.user}@{self.flow.remote}>")
        for name, value in (headers or {}).items():
            response.headers.set(name, value)
        if body:
            response.headers.set("Content-Type", "application/sdp")
            response.body = body
        self.send(response)
        return response

    def outside(self, method: str, dialled: str, body: bytes = b"", **headers: str) -> Request:
        """A request that begins a dialog, unproven."""
        call_id = f"call-{next(_branches)}"
        made = Request(method, f"sip:{dialled}@edge")
        self._fill(made, f"<sip:{self.user}@edge>;tag={self.tag}", f"<sip:{dialled}@edge>", call_id, body)
        for name, value in headers.items():
            made.headers.set(name.replace("_", "-"), value)
        return made

    def invite(self, dialled: str = "101", body: bytes | None = None, **headers: str) -> Request:
        """A proven INVITE, on its way; the 100 is taken."""
        invite = self.outside("INVITE", dialled, sdp(self.flow.remote.host) if body is None else body, **headers)
        self.send(invite)
        challenge = self.response(401)
        self.renew(invite)
        answer(invite, challenge, self.user, self.bench.accounts.passwords[self.user])
        self.send(invite)
        self.response(100)
        return invite

    def inside(self, dialog: Request | Response, method: str, body: bytes = b"", **headers: str) -> Request:
        """A request inside the dialog that *dialog* shows: an INVITE that came, or the answer to one's own. Sent."""
        if isinstance(dialog, Request):  # we were called
            ours, theirs = f"{dialog.headers.get('To')};tag={self.tag}", str(dialog.headers.get("From"))
        else:
            ours, theirs = str(dialog.headers.get("From")), str(dialog.headers.get("To"))
        assert dialog.contact is not None
        made = Request(method, dialog.contact.uri)
        if method != "ACK":
            self.cseq += 1
        self._fill(made, ours, theirs, dialog.call_id, body)
        if method == "ACK":
            made.headers.set("CSeq", f"{dialog.cseq.number} ACK")
        for name, value in headers.items():
            made.headers.set(name.replace("_", "-"), value)
        self.send(made)
        return made

    def cancel(self, invite: Request) -> None:
        headers = Headers([(name, str(invite.headers.get(name))) for name in ("Via", "From", "To", "Call-ID")])
        headers.set("CSeq", f"{invite.cseq.number} CANCEL")
        self.send(Request("CANCEL", invite.uri, headers))
        self.response(200)

    def ack_refusal(self, invite: Request, response: Response) -> None:
        headers = Headers([(name, str(invite.headers.get(name))) for name in ("Via", "From", "Call-ID")])
        headers.set("To", str(response.headers.get("To")))
        headers.set("CSeq", f"{invite.cseq.number} ACK")
        self.send(Request("ACK", invite.uri, headers))

    def _fill(self, made: Request, from_: str, to: str, call_id: str, body: bytes) -> None:
        self._new_via(made)
        for name, value in (
            ("Max-Forwards", "70"), ("From", from_), ("To", to), ("Call-ID", call_id),
            ("CSeq", f"{self.cseq} {made.method}"), ("Contact", f"<sip:{self.user}@{self.flow.remote}>"),
        ):  # fmt: skip
            made.headers.set(name, value)
        if body:
            made.headers.set("Content-Type", "application/sdp")
            made.body = body

    def renew(self, request: Request) -> None:
        """Make *request* a new try: next number, other branch."""
        self.cseq += 1
        request.headers.set("CSeq", f"{self.cseq} {request.method}")
        self._new_via(request)

    def _new_via(self, made: Request) -> None:
        made.headers.set("Via", f"SIP/2.0/UDP {self.flow.remote};branch=z9hG4bKp{next(_branches)};rport")


class CallBench(Bench):
    """The bench with a B2BUA on it; DOOR, two monitors and an app are there, all but the door registered."""

    def __init__(
        self,
        settings: CallSettings | None = None,
        *,
        trunk: TrunkSettings | None = None,
        more_trunks: Mapping[str, TrunkSettings] | None = None,
        recordings: Recordings | None = None,
        end_on_silence: bool = True,
        srtp: Srtp = Srtp.PLAIN,
    ) -> None:
        super().__init__(wire=FakeWire(), accounts=FakeAccounts({user: f"pw{user}" for user in USERS}))
        self.registrar = Registrar(self.settings, FakeBindingStore(), alive=self.wire.alive)
        self.desk = FakeDesk(self.registrar, self.clock.now_ms)
        self.media = FakeMedia()
        self.trunk = Trunk(trunk, "trunkpw", self.endpoint) if trunk is not None else None
        others = [Trunk(one, "otherpw", self.endpoint, name=name) for name, one in (more_trunks or {}).items()]
        trunks = [*([self.trunk] if self.trunk is not None else []), *others]
        self.b2bua = B2bua(
            self.endpoint,
            self.registrar,
            self.desk,
            self.media,
            settings or CallSettings(),
            realm=REALM,
            trunks=Trunks(trunks) if trunks else None,
            recordings=recordings,
            end_on_silence=end_on_silence,
            srtp=srtp,
        )
        self.door = self.peer(DOOR, "192.0.2.50")
        self.monitor = self.peer(MONITOR, "192.0.2.60")
        self.monitor_2 = self.peer(MONITOR_2, "192.0.2.61")
        self.app = self.peer(APP, "192.0.2.70")
        self.provider = Peer(self, "trunk", flow_to(TRUNK_HOST, 5060), tag="far")
        for peer in (self.monitor, self.monitor_2, self.app):
            self.register(peer)

    def peer(self, user: str, host: str) -> Peer:
        return Peer(self, user, flow_to(host, 5060), tag=f"tag-{user}")

    def register(self, peer: Peer, contact: str = "") -> None:
        self.registrar.table.put(
            Binding(
                sip_user=SipUser(peer.user),
                key=f"key-{peer.user}",
                contact=contact or f"sip:{peer.user}@{peer.flow.remote};ob;x=1",
                flow=peer.flow,
                expires_at_ms=self.clock.now_ms() + 3_600_000,
            )
        )

    def advance(self, seconds: float) -> None:
        self.timers.advance(seconds)

    def answered_call(self, callee: Peer | None = None, body: bytes | None = None) -> tuple[Response, Request]:
        """A call that talks: the 200 as the door has it, and the INVITE as the callee has it."""
        callee = callee or self.monitor
        if not self.desk.plan_.stages:
            self.desk.plan_ = plan([target(callee.user)])
        self.door.invite()
        leg = callee.request("INVITE")
        callee.respond(
            leg, 200, body or sdp(callee.flow.remote.host), headers={"Allow": "INVITE, ACK, BYE, UPDATE, INFO"}
        )
        callee.request("ACK")
        success = self.door.response(200)
        self.door.inside(success, "ACK")
        assert self.door.quiet()
        return success, leg
