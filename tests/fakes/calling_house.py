"""The real SIP side with a B2BUA, RTP relay and trunk on real sockets; only the desk is the test's."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from edge.core.settings import CallSettings
from models.call import CallPlan
from models.device import DigestOffer
from models.ids import SipUser
from sip.b2bua import B2bua
from sip.bindings import Binding
from sip.flow import Address, Destination, Flow, Wire
from sip.media.engine import MediaEngine, MediaListener, MediaSession
from sip.media.relay import RelaySession, RtpRelay
from sip.media.settings import MediaSettings
from sip.names import Resolver
from sip.settings import SipSettings, TrunkSettings
from sip.trunk import Trunk
from sip.trunks import Trunks
from tests.fakes.b2bua import FakeDesk
from tests.fakes.sip import REALM, FakeAccounts
from tests.fakes.sip_service import Running, SystemClock, until
from tests.peers.sipcheck import problems


class JudgedWire:
    """The wire of the endpoint, and everything that goes over it judged before it is sent, over TLS too."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.sent = 0
        self.malformed: list[str] = []
        self.dialled: list[Destination] = []  # where we opened a way ourselves

    def send(self, flow: Flow, data: bytes) -> bool:
        self.sent += 1
        self.malformed += [f"{flow.transport}: {one} in {data!r}" for one in problems(data, udp=not flow.reliable)]
        return self._wire.send(flow, data)

    def route(self, to: Destination, opened: Callable[[Flow | None], object]) -> None:
        self.dialled.append(to)
        self._wire.route(to, opened)

    def alive(self, flow: Flow) -> bool:
        return self._wire.alive(flow)

    def contact_address(self, to: Flow | Destination) -> Address:
        return self._wire.contact_address(to)


@dataclass
class CallingHouse:
    """``async with CallingHouse(ip, users, plan) as house: …``; listens on *ip*:5060, UDP and TCP, with *tls* on 5061.

    When the block ends, every message that it sent was well-formed.
    """

    ip: str
    users: tuple[str, ...]  # each with the password pw<user>
    plan: CallPlan
    trunk_settings: TrunkSettings | None = None
    trunk_password: str = ""
    more_trunks: Mapping[str, TrunkSettings] = field(default_factory=dict)  # by name, with the same password
    client_tls: ssl.SSLContext | None = None  # where we connect: to a trunk
    settings: CallSettings = field(default_factory=CallSettings)
    media_ports: tuple[int, int] = (30000, 30399)
    media: MediaEngine | None = None  # None: our own relay; another one is started and stopped by the test
    tls: ssl.SSLContext | None = None  # for those who connect to us
    port: int = 5060  # TLS is on the next one
    also: tuple[str, ...] = ()  # further addresses to listen on
    resolver: Resolver | None = None  # DNS for the trunk, which is looked up where this is given

    async def __aenter__(self) -> Self:
        sip = SipSettings(listen=(self.ip, *self.also), port=self.port, tls_port=self.port + 1, source_rate_per_s=0)
        accounts = FakeAccounts({user: f"pw{user}" for user in self.users})
        self._running = Running(sip, accounts=accounts, tls=self.tls, client_tls=self.client_tls)
        await self._running.__aenter__()
        service = self._running.service
        self.endpoint, self.registrar = service.endpoint, service.registrar
        self.endpoint.wire = self.wire = JudgedWire(service.transports)
        self.relay = RtpRelay(MediaSettings(port_min=self.media_ports[0], port_max=self.media_ports[1]))
        await self.relay.start()
        self.desk = FakeDesk(self.registrar, SystemClock().now_ms, self.plan)
        self.trunk = None
        self._looking: asyncio.Future[None] | None = None
        trunks = [Trunk(one, self.trunk_password, self.endpoint, name=name) for name, one in self.more_trunks.items()]
        if self.trunk_settings is not None:
            self.trunk = Trunk(self.trunk_settings, self.trunk_password, self.endpoint, resolver=self.resolver)
            trunks.append(self.trunk)
            if self.resolver is not None:
                self._looking = asyncio.ensure_future(self.trunk.run())
            elif self.trunk.registration is not None:
                self.trunk.registration.begin()
        self.sessions: list[RelaySession] = []
        self.b2bua = B2bua(
            self.endpoint,
            self.registrar,
            self.desk,
            self,
            self.settings,
            realm=REALM,
            trunks=Trunks(trunks) if trunks else None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.b2bua.end_all()
        if self._looking is not None:
            self._looking.cancel()
        if self.trunk is not None:
            await self.trunk.stop()
        await self.relay.stop()
        await self._running.__aexit__()
        assert self.wire.malformed == []

    def open(self, listener: MediaListener, *, digits: bool = True) -> MediaSession:
        """`MediaEngine`: that of the test, or the relay's sessions, remembered."""
        if self.media is not None:
            return self.media.open(listener, digits=digits)
        session = self.relay.open(listener)
        self.sessions.append(session)
        return session

    @property
    def server(self) -> str:
        return str(Address(self.ip, self.port))

    def server_by(self, transport: str) -> str:
        """Where devices of *transport* (udp, tcp, tls) find it."""
        return str(Address(self.ip, self.port + 1)) if transport == "tls" else self.server

    def offer_md5(self, user: str) -> None:
        """For a phone that does not register where SHA-256 is offered too (decision 34)."""
        self.offer(user, DigestOffer.MD5)

    def offer(self, user: str, what: DigestOffer) -> None:
        """The algorithms that *user* is offered."""
        self._running.accounts.offers[user] = what

    def register(self, user: str, host: str, port: int = 5060) -> None:
        """A contact binding of a phone on *host*:*port* that does not register itself, over UDP."""
        remote = Address(host, port)
        self.registrar.table.put(
            Binding(
                sip_user=SipUser(user),
                key=f"key-{user}",
                contact=f"sip:{user}@{remote}",
                flow=Flow("UDP", Address(self.ip, self.port), remote),
                expires_at_ms=SystemClock().now_ms() + 3_600_000,
            )
        )

    async def over(self, within_s: float = 5.0) -> None:
        """Return once no call has a leg on the wire any more."""
        await until(lambda: self.b2bua.calls == 0 and self.desk.records, within_s)

    async def until(self, condition: Callable[[], object], within_s: float = 5.0) -> None:
        await until(condition, within_s)
