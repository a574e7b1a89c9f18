"""Time and wire of a SIP endpoint, in a test's hands: nothing waits, nothing opens a socket."""

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.core.ports import KeptBinding
from models.binding import ContactBinding
from models.device import DigestOffer
from models.ids import SipUser
from sip.digest import digest_response, ha1, parse_digest
from sip.endpoint import Endpoint
from sip.flow import Address, Destination, Flow
from sip.message import Headers, Request, Response
from sip.parser import parse
from sip.settings import SipSettings

REALM = "c-test"
SERVER = Address("192.0.2.1", 5060)
PHONE = Address("192.0.2.50", 5060)


@dataclass
class FakeHandle:
    when: float
    callback: Callable[..., object]
    args: tuple[Any, ...]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeTimers:
    """`sip.flow.Timers` whose time the test moves."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self._queue: list[tuple[float, int, FakeHandle]] = []
        self._numbers = itertools.count()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> FakeHandle:
        handle = FakeHandle(when, callback, args)
        heapq.heappush(self._queue, (when, next(self._numbers), handle))
        return handle

    def advance(self, seconds: float = 0.0) -> None:
        """Move time on, running what falls due at its own moment."""
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end + 1e-9:
            when, _, handle = heapq.heappop(self._queue)
            if not handle.cancelled:
                self.now = max(self.now, when)
                handle.callback(*handle.args)
        self.now = end

    @property
    def pending(self) -> int:
        return sum(not handle.cancelled for _, _, handle in self._queue)


class FakeClock:
    """`edge.core.ports.Clock` on the same time; Unix time is the monotonic one here."""

    def __init__(self, timers: FakeTimers) -> None:
        self._timers = timers

    def now_ms(self) -> int:
        return int(self._timers.now * 1000)

    def monotonic(self) -> float:
        return self._timers.now


@dataclass
class FakeWire:
    """`sip.flow.Wire` that remembers what was sent. Flows in *dead* cannot be used."""

    sent: list[tuple[Flow, bytes]] = field(default_factory=list)
    dead: set[Flow] = field(default_factory=set)
    opening: list[Callable[[Flow | None], object]] = field(default_factory=list)
    connects_at_once: bool = True

    def send(self, flow: Flow, data: bytes) -> bool:
        if flow in self.dead:
            return False
        self.sent.append((flow, data))
        return True

    def route(self, to: Destination, opened: Callable[[Flow | None], object]) -> None:
        if self.connects_at_once:
            opened(flow_to(to.host, to.port, to.transport, 0 if to.transport == "UDP" else 900))
        else:
            self.opening.append(opened)

    def alive(self, flow: Flow) -> bool:
        return flow not in self.dead

    def contact_address(self, to: Flow | Destination) -> Address:
        return SERVER

    def messages(self) -> list[Request | Response]:
        """All that was sent, parsed."""
        return [parse(data) for _, data in self.sent]

    def take(self) -> Request | Response:
        """The one message sent since the last look."""
        assert len(self.sent) == 1, self.messages()
        return parse(self.sent.pop()[1])

    def response(self) -> Response:
        message = self.take()
        assert isinstance(message, Response), message
        return message

    def request(self) -> Request:
        message = self.take()
        assert isinstance(message, Request), message
        return message


@dataclass
class FakeAccounts:
    """`edge.core.ports.SipAccounts`: passwords by user."""

    passwords: dict[str, str] = field(default_factory=lambda: {"10000001": "secret", "10000002": "other"})
    offers: dict[str, DigestOffer] = field(default_factory=dict)
    fallen_back: list[str] = field(default_factory=list)

    def password(self, sip_user: str) -> str | None:
        return self.passwords.get(sip_user)

    def digest_offer(self, sip_user: str) -> DigestOffer:
        return self.offers.get(sip_user, DigestOffer.BOTH)

    def digest_failed_to_answer(self, sip_user: str) -> None:
        self.fallen_back.append(sip_user)
        self.offers[sip_user] = DigestOffer.MD5


@dataclass
class FakeBindingStore:
    """`edge.core.ports.BindingStore` in memory."""

    rows: dict[tuple[str, str], ContactBinding] = field(default_factory=dict)
    saves: int = 0

    def load(self) -> Sequence[ContactBinding]:
        return tuple(self.rows.values())

    def save(self, changed: Sequence[KeptBinding], removed: Sequence[tuple[SipUser, str]]) -> None:
        self.saves += 1
        for key in removed:
            self.rows.pop(key, None)
        self.rows.update({(one.sip_user, one.key): one.stored() for one in changed})


@dataclass
class Bench:
    """An endpoint with everything around it in the test's hands."""

    settings: SipSettings = field(default_factory=lambda: SipSettings(source_rate_per_s=0))
    timers: FakeTimers = field(default_factory=FakeTimers)
    wire: FakeWire = field(default_factory=FakeWire)
    accounts: FakeAccounts = field(default_factory=FakeAccounts)

    def __post_init__(self) -> None:
        self.clock = FakeClock(self.timers)
        self.endpoint = Endpoint(
            self.settings, REALM, self.accounts, clock=self.clock, timers=self.timers, wire=self.wire
        )

    def receive(self, message: Request | Response | bytes, flow: Flow | None = None) -> None:
        data = message if isinstance(message, bytes) else message.render()
        self.endpoint.receive(data, flow or flow_to(*PHONE))

    def authorised(self, message: Request, user: str = "10000001", password: str | None = None) -> Request:
        """*message* with the answer to a fresh challenge for it, as a phone's second try: next CSeq, other branch."""
        plain = again(message)
        before = len(self.wire.sent)
        self.receive(plain)
        challenge = parse(self.wire.sent.pop(before)[1])
        assert isinstance(challenge, Response)
        assert challenge.status == 401, challenge
        return answer(again(message), challenge, user, password or self.accounts.passwords[user])


def flow_to(host: str, port: int, transport: str = "UDP", connection: int = 0) -> Flow:
    return Flow(transport, SERVER, Address(host, port), connection)


_branches = itertools.count(1)


def request(
    method: str,
    uri: str = "sip:101@edge",
    *,
    user: str = "10000001",
    to: str | None = None,
    cseq: int = 1,
    call_id: str = "call-1",
    branch: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Request:
    """A request as a phone sends it."""
    branch = f"z9hG4bK-{next(_branches)}" if branch is None else branch
    made = Request(
        method,
        uri,
        Headers(
            (
                ("Via", f"SIP/2.0/UDP {PHONE};branch={branch};rport"),
                ("Max-Forwards", "70"),
                ("From", f"<sip:{user}@edge>;tag=from-{call_id}"),
                ("To", to or (f"<sip:{user}@edge>" if method == "REGISTER" else f"<{uri}>")),
                ("Call-ID", call_id),
                ("CSeq", f"{cseq} {method}"),
                ("Contact", f"<sip:{user}@{PHONE}>"),
            )
        ),
        body,
    )
    for name, value in (headers or {}).items():
        made.headers.set(name, value)
    if body and "Content-Type" not in made.headers:
        made.headers.set("Content-Type", "application/sdp")
    return made


def again(message: Request) -> Request:
    """The same request as a new transaction: next CSeq, other branch."""
    copy = Request(message.method, message.uri, message.headers.copy(), message.body)
    copy.headers.set("CSeq", f"{message.cseq.number + 1} {message.method}")
    copy.headers.set("Via", f"SIP/2.0/UDP {PHONE};branch=z9hG4bK-{next(_branches)};rport")
    return copy


def answer(
    message: Request,
    challenge: Response,
    user: str = "10000001",
    password: str = "secret",
    algorithm: str = "SHA-256",
    **changes: str,
) -> Request:
    """*message* with credentials for the challenge of *algorithm*; *changes* spoil single fields."""
    for line in challenge.headers.get_all("WWW-Authenticate"):
        asked = parse_digest(line)
        if asked is not None and asked["algorithm"] == algorithm:
            break
    else:
        raise AssertionError(f"no {algorithm} challenge in {challenge.headers!r}")
    fields = {
        "username": user, "realm": asked["realm"], "nonce": asked["nonce"], "uri": message.uri, "nc": "00000001",
        "cnonce": "abc", "qop": "auth", "algorithm": algorithm,
    } | changes  # fmt: skip
    secret = ha1(algorithm, fields["username"], fields["realm"], password)
    fields.setdefault("response", digest_response(algorithm, secret, fields, message.method))
    bare = ("nc", "qop", "algorithm")
    message.headers.set(
        "Authorization",
        "Digest " + ", ".join(f"{k}={v}" if k in bare else f'{k}="{v}"' for k, v in fields.items()),
    )
    return message
