"""A telephone provider: how its legs are addressed and reached. Its registration: `sip.trunk_registration`."""

import asyncio
import contextlib
import logging
from typing import Final

from sip.digest import DigestClient
from sip.endpoint import Endpoint
from sip.flow import Destination, Flow
from sip.locating import PORTS, Ask, is_address, locate
from sip.message import Response
from sip.names import Names, Resolver, draw, look_up
from sip.settings import TrunkSettings
from sip.trunk_meter import Meter
from sip.trunk_registration import Registration
from sip.trunk_servers import BACK_AFTER_S, Servers
from sip.uri import SipUri, UriError, escape_user

log: Final = logging.getLogger(__name__)

LOOK_UP_EVERY_MIN_S: Final = 5.0  # whatever DNS says of how long it is right
LOOK_UP_EVERY_MAX_S: Final = 3600.0
LOOK_UP_AGAIN_MAX_S: Final = 300.0  # after failures, or where there is no server
UNREGISTER_WITHIN_S: Final = 1.0
UDP_BYTES_MAX: Final = 1300  # RFC 3261 §18.1.1: what is longer arrives in pieces, and cheap routers lose pieces
TCP_AGAIN_S: Final = 300.0


class Trunk:
    """One account at one provider. A component: `run` keeps its addresses, and its registration where one is wanted."""

    def __init__(
        self,
        settings: TrunkSettings,
        password: str,
        endpoint: Endpoint,
        *,
        name: str = "trunk",
        resolver: Resolver | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.digest = DigestClient(settings.user, password)
        self.servers = Servers(endpoint.timers.time)
        self.meter = Meter(settings.max_calls, settings.max_calls_per_day, endpoint.timers.time)
        self._endpoint = endpoint
        self._resolver = resolver or Names()
        self._failures = 0  # look-ups in a row
        self._begun = False  # the registration
        self._streams: dict[str, Flow] = {}  # by host: connections for what is too long for a datagram
        self._stream_tried_at: dict[str, float] = {}
        self.registration = Registration(self) if settings.register else None
        if is_address(settings.host):
            self._at_address()

    # --- for calls --------------------------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether a call may be tried: the provider's address is known, and it has registered us if it wants to."""
        return bool(self.servers) and (self.registration is None or self.registration.registered)

    @property
    def endpoint(self) -> Endpoint:
        return self._endpoint

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where requests outside a dialog go, in this order; none while the host name is not resolved."""
        return self.servers.in_order()

    @property
    def destination(self) -> Destination | None:
        """The first of them."""
        return next(iter(self.destinations), None)

    def carrier(self, to: Destination, size: int) -> Destination:
        """*to*, or the same server over TCP where *size* bytes are too long for UDP and it is known to take TCP.

        Whether it does is found out meanwhile: a call does not wait for a provider that has UDP only.
        """
        if to.transport != "UDP" or size <= UDP_BYTES_MAX:
            return to
        stream = self._streams.get(to.host)
        by_tcp = Destination("TCP", to.host, to.port, to.tls_name)
        if stream is not None and self._endpoint.wire.alive(stream):
            return by_tcp
        self._try_stream(by_tcp)
        return to

    @property
    def identity(self) -> str:
        """Our account as a URI."""
        return f"sip:{escape_user(self.settings.user)}@{self._domain}"

    @property
    def shown(self) -> str:
        """The site's number as a URI, for people who are called: From, and P-Asserted-Identity."""
        return f"sip:{escape_user(self.settings.number or self.settings.user)}@{self._domain}"

    def uri_of(self, number: str) -> str:
        """The Request-URI of a telephone number (E.164, or short for emergencies)."""
        return f"sip:{escape_user(number)}@{self._domain}{self._port}"

    @property
    def registrar_uri(self) -> str:
        """The Request-URI of our REGISTER (RFC 3261 §10.2)."""
        return f"sip:{self._domain}{self._port}"

    @property
    def routes(self) -> tuple[str, ...]:
        """Route headers for requests outside a dialog (RFC 3608)."""
        return self.registration.service_route if self.registration is not None else ()

    def way(self, uri: str, flow: Flow) -> Flow | Destination:
        """Where a request to *uri* inside a dialog goes: a provider may move a call to another of its servers."""
        try:
            target = SipUri.parse(uri)
        except UriError:
            return flow
        host = target.host.strip("[]")
        usual = next((one.transport for one in self.servers.at(flow.remote.host)), flow.transport)
        transport = (target.param("transport") or usual).upper()
        port = target.port or PORTS.get(transport, 5060)
        if not is_address(host) or (host, port) == flow.remote:
            return flow if self._endpoint.wire.alive(flow) else self.destination or flow
        return Destination(transport, host, port, self.settings.host)

    def owns(self, flow: Flow) -> bool:
        """Whether the provider is at the other end of *flow*. One that is reached by UDP may come by TCP, too.

        The port is not looked at: over TCP it is any, and over UDP providers call from other ports than the one they
        are called at. It would prove nothing either: who can send in an address's name can choose the port with it.
        """
        ways = {server.transport for server in self.servers.at(flow.remote.host)}
        return flow.transport in ways or ("UDP" in ways and flow.transport == "TCP")

    def failed(self, to: Destination, response: Response | None = None) -> None:
        """*to* was silent, or unavailable by its *response* (503): the others are tried first for a while."""
        wanted = (response.headers.get("Retry-After") or "").split(";")[0].strip() if response is not None else ""
        self.servers.failed(to, float(wanted[:6]) if wanted.isdecimal() else BACK_AFTER_S)

    # --- component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Nothing to wait for: a house without its telephone provider still opens doors."""

    async def run(self) -> None:
        """Look the name up, again whenever what DNS said has had its time; register once there is a server."""
        while True:
            wait_s = await self._look_up()
            if self.servers and not self._begun and self.registration is not None:
                self._begun = True
                self.registration.begin()
            await asyncio.sleep(wait_s)

    async def stop(self) -> None:
        """Take the registration back, as far as the provider answers in time."""
        if self.registration is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.registration.end(), UNREGISTER_WITHIN_S)

    def _at_address(self) -> None:
        """An address needs no look-up."""
        try:
            next(self._search())
        except StopIteration as end:
            self.servers.known(end.value.targets)

    async def _look_up(self) -> float:
        """Find the servers; seconds until it is time to look again. What was known stays until DNS says otherwise."""
        found = await look_up(self._search(), self._resolver)
        if found.targets and (found.sure or not self.servers):
            self.servers.known(found.targets)
        if found.targets and found.sure:
            self._failures = 0
            return min(max(found.ttl_s, LOOK_UP_EVERY_MIN_S), LOOK_UP_EVERY_MAX_S)
        if not self.servers and not self._failures:
            log.warning("no server of %s is known: DNS has none for %s", self.name, self.settings.host)
        self._failures += 1
        again_s = LOOK_UP_EVERY_MIN_S * 2.0 ** min(self._failures - 1, 16)
        return min(max(again_s, 0.0 if found.targets else found.ttl_s), LOOK_UP_AGAIN_MAX_S)

    def _search(self) -> Ask:
        settings = self.settings
        return locate(settings.host, settings.port, settings.transport, draw)

    def _try_stream(self, to: Destination) -> None:
        now = self._endpoint.timers.time()
        if now < self._stream_tried_at.get(to.host, 0.0) + TCP_AGAIN_S:
            return
        self._stream_tried_at[to.host] = now

        def opened(flow: Flow | None) -> None:
            if flow is not None:
                self._streams[to.host] = flow

        self._endpoint.wire.route(to, opened)

    @property
    def _port(self) -> str:
        return "" if self.settings.port in (0, 5060) else f":{self.settings.port}"

    @property
    def _domain(self) -> str:
        return f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
