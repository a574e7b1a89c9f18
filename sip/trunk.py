"""A telephone provider: how its legs are addressed and reached. Its registration: `sip.trunk_registration`."""

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sip.digest import DigestClient
from sip.endpoint import Endpoint
from sip.flow import Destination, Flow
from sip.message import Response
from sip.settings import TrunkSettings
from sip.trunk_meter import Meter
from sip.trunk_registration import Registration
from sip.trunk_servers import BACK_AFTER_S, Servers
from sip.uri import SipUri, UriError, escape_user

log: Final = logging.getLogger(__name__)

RESOLVE_EVERY_S: Final = 300.0
RESOLVE_AGAIN_S: Final = 5.0
UNREGISTER_WITHIN_S: Final = 1.0
UDP_BYTES_MAX: Final = 1300  # RFC 3261 §18.1.1: what is longer arrives in pieces, and cheap routers lose pieces
TCP_AGAIN_S: Final = 300.0

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Addresses of *host*, without blocking the loop. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class Trunk:
    """One account at one provider. A component: `run` keeps its addresses, and its registration where one is wanted."""

    def __init__(
        self,
        settings: TrunkSettings,
        password: str,
        endpoint: Endpoint,
        *,
        name: str = "trunk",
        resolve: Resolve = resolve_host,
    ) -> None:
        self.name = name
        self.settings = settings
        self.digest = DigestClient(settings.user, password)
        self.servers = Servers(endpoint.timers.time, [settings.host] if _is_address(settings.host) else [])
        self.meter = Meter(settings.max_calls, settings.max_calls_per_day, endpoint.timers.time)
        self._endpoint = endpoint
        self._resolve = resolve
        self._streams: dict[str, Flow] = {}  # by host: connections for what is too long for a datagram
        self._stream_tried_at: dict[str, float] = {}
        self.registration = Registration(self) if settings.register else None

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
        settings = self.settings
        return tuple(
            Destination(settings.transport.upper(), host, settings.port, settings.host)
            for host in self.servers.in_order()
        )

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
        port = target.port or 5060
        if not _is_address(host) or (host, port) == flow.remote:
            return flow if self._endpoint.wire.alive(flow) else self.destination or flow
        transport = (target.param("transport") or self.settings.transport).upper()
        return Destination(transport, host, port, self.settings.host)

    def owns(self, flow: Flow) -> bool:
        """Whether the provider is at the other end of *flow*. One that is reached by UDP may come by TCP, too."""
        transport = self.settings.transport.upper()
        fits = flow.transport == transport or (transport, flow.transport) == ("UDP", "TCP")
        return fits and flow.remote.host in self.servers

    def failed(self, to: Destination, response: Response | None = None) -> None:
        """*to* was silent, or unavailable by its *response* (503): the others are tried first for a while."""
        wanted = (response.headers.get("Retry-After") or "").split(";")[0].strip() if response is not None else ""
        self.servers.failed(to.host, float(wanted[:6]) if wanted.isdecimal() else BACK_AFTER_S)

    # --- component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Nothing to wait for: a house without its telephone provider still opens doors."""

    async def run(self) -> None:
        known_before = False
        while True:
            if not _is_address(self.settings.host):
                await self._look_up()
            if self.servers and not known_before and self.registration is not None:
                known_before = True
                self.registration.begin()
            await asyncio.sleep(RESOLVE_EVERY_S if self.servers else RESOLVE_AGAIN_S)

    async def stop(self) -> None:
        """Take the registration back, as far as the provider answers in time."""
        if self.registration is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.registration.end(), UNREGISTER_WITHIN_S)

    async def _look_up(self) -> None:
        try:
            found = list(await self._resolve(self.settings.host, self.settings.port))
        except OSError as error:
            if not self.servers:
                log.warning("the host name of %s has no address: %s", self.name, error)
            return
        self.servers.known(found)

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
        return "" if self.settings.port == 5060 else f":{self.settings.port}"

    @property
    def _domain(self) -> str:
        return f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
