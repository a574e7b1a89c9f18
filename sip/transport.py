"""The sockets of the endpoint: UDP, TCP and TLS on each listen address, and the connections (`sip.flow.Wire`)."""

import asyncio
import errno
import logging
import math
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sip.backlog import REGISTER, Backlog
from sip.doorstep import Doorstep
from sip.endpoint import Endpoint
from sip.flow import Address, Destination, Flow
from sip.parser import ParseError
from sip.stream import Connection
from sip.udp import RECEIVE_BUFFER_BYTES, UdpSocket, source_towards

log: Final = logging.getLogger(__name__)

CONNECTIONS_MAX: Final = 8192
CONNECTIONS_OF_A_SOURCE_MAX: Final = 1024  # many devices may sit behind one address
CONNECT_S: Final = 5.0
BACKLOG: Final = 512
FREE_PORT_TRIES: Final = 20  # a port that is free for UDP may be taken for TCP
SWEEP_S: Final = 1.0
SOURCES_REMEMBERED_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the endpoint listens, as ``host:port``."""

    udp: tuple[str, ...] = ()
    tcp: tuple[str, ...] = ()
    tls: tuple[str, ...] = ()


class Transports:
    """Carries bytes for an `Endpoint`. Create, give it to the endpoint as its wire, `start`, then `run`."""

    def __init__(
        self,
        listen: Sequence[str],
        port: int,
        *,
        tls_port: int = 0,
        tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
        handshakes_per_s: float = 0.0,
    ) -> None:
        """*port* 0: one free port for all addresses, UDP and TCP. TLS is served where *tls* is given.

        *handshakes_per_s*: how many TLS connections may begin in a second; 0: no limit.
        """
        self._listen = tuple(listen)
        self._port = port
        self._tls_port = tls_port
        self._doorstep = None if tls is None else Doorstep(tls, handshakes_per_s, self._accepted_tls, self._count)
        self._client_tls = client_tls
        self._endpoint: Endpoint | None = None
        self._udp: list[UdpSocket] = []
        self._udp_by_local: dict[Address, UdpSocket] = {}
        self._servers: list[tuple[str, asyncio.Server]] = []
        self._connections: dict[int, Connection] = {}
        self._sources: Counter[str] = Counter()  # accepted connections by address
        self._outgoing: dict[Destination, int] = {}  # the connection we opened there
        self._opening: dict[Destination, list[Callable[[Flow | None], object]]] = {}
        self._registrations: Backlog | None = None
        self._group: asyncio.TaskGroup | None = None
        self._towards: dict[str, str] = {}  # peer address -> our address on the way there

    @property
    def listening(self) -> Listening:
        """The addresses in use; ports are the real ones."""
        streams: dict[str, list[str]] = {"TCP": [], "TLS": []}
        for name, server in self._servers:
            streams[name].extend(str(Address(*bound.getsockname()[:2])) for bound in server.sockets)
        return Listening(
            tuple(str(udp.local) for udp in self._udp), tuple(sorted(streams["TCP"])), tuple(sorted(streams["TLS"]))
        )

    @property
    def receive_buffer_bytes(self) -> int:
        """What the kernel granted, the smallest of all sockets."""
        return min((udp.receive_buffer_bytes for udp in self._udp), default=RECEIVE_BUFFER_BYTES)

    async def start(self, endpoint: Endpoint) -> None:
        """Bind everything, then begin to read. Raises OSError; nothing stays bound then."""
        self._endpoint = endpoint
        try:
            await self._bind()
        except OSError:
            await self.stop()
            raise
        loop = asyncio.get_running_loop()
        self._registrations = Backlog(endpoint.receive, loop.call_soon, loop.time)
        for udp in self._udp:
            udp.start(loop)
        if self.receive_buffer_bytes < RECEIVE_BUFFER_BYTES:
            log.warning(
                "the kernel gives SIP %d KB for datagrams that wait, a storm needs %d; sysctl -w net.core.rmem_max=%d",
                self.receive_buffer_bytes // 1024,
                RECEIVE_BUFFER_BYTES // 1024,
                RECEIVE_BUFFER_BYTES,
            )

    async def run(self) -> None:
        """Open connections when asked and close those whose peer is too slow, until cancelled."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            self._group = group
            for to in self._opening:
                group.create_task(self._connect(to), name=f"connect {to.transport}")
            if self._doorstep is not None:
                group.create_task(self._doorstep.run(), name="tls handshakes")
            try:
                while True:
                    await asyncio.sleep(SWEEP_S)
                    now = loop.time()
                    for connection in list(self._connections.values()):
                        connection.check_time(now)
            finally:
                self._group = None

    async def stop(self) -> None:
        """Close all. Idempotent."""
        for _, server in self._servers:
            server.close()
        if self._doorstep is not None:
            self._doorstep.close()
        for connection in list(self._connections.values()):
            connection.close()
        for udp in self._udp:
            udp.close()
        if self._registrations is not None:
            self._registrations.clear()
        self._servers.clear()
        self._udp.clear()
        self._udp_by_local.clear()
        for waiting in [self._opening.pop(to) for to in list(self._opening)]:
            for opened in waiting:
                opened(None)

    # --- Wire -----------------------------------------------------------------------------------------------------

    def send(self, flow: Flow, data: bytes) -> bool:
        if flow.connection:
            connection = self._connections.get(flow.connection)
            return connection is not None and connection.send(data)
        if flow.reliable:  # of before a restart: the connection is gone
            return False
        udp = self._udp_for(flow)
        return udp is not None and udp.send(data, flow.remote)

    def route(self, to: Destination, opened: Callable[[Flow | None], object]) -> None:
        if to.transport == "UDP":
            remote = Address(to.host, to.port)
            udp = self._udp_towards(to.host)
            opened(None if udp is None else Flow("UDP", udp.local, remote))
            return
        connection = self._connections.get(self._outgoing.get(to, 0))
        if connection is not None and connection.open:
            opened(connection.flow)
        elif to in self._opening:
            self._opening[to].append(opened)
        elif to.transport == "TLS" and self._client_tls is None:
            opened(None)
        else:
            self._opening[to] = [opened]
            if self._group is not None:  # else `run` begins with it
                self._group.create_task(self._connect(to), name=f"connect {to.transport}")

    def alive(self, flow: Flow) -> bool:
        if not flow.reliable:
            return self._udp_for(flow) is not None
        connection = self._connections.get(flow.connection)
        return connection is not None and connection.open

    def contact_address(self, to: Flow | Destination) -> Address:
        """The listening address of the transport on the way to the peer."""
        host = to.host if isinstance(to, Destination) else to.remote.host
        if to.transport == "UDP":
            udp = self._udp_for(to) if isinstance(to, Flow) else self._udp_towards(host)
            if udp is None:
                return Address(self._source(host), self._port)
            return Address(self._source(host), udp.local.port) if udp.wildcard else udp.local
        host = to.local.host if isinstance(to, Flow) else self._local_host(host) or self._source(host)
        ports = [bound.getsockname()[1] for name, s in self._servers if name == to.transport for bound in s.sockets]
        if ports:
            return Address(host, ports[0])
        # We do not listen on this transport: the peer has to use the connection that is there (RFC 5923).
        return Address(host, to.local.port if isinstance(to, Flow) else self._port or 5060)

    # --- Receiver of connections ----------------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow) -> None:
        if self._endpoint is not None:
            self._endpoint.receive(data, flow)

    def refuse_stream(self, error: ParseError, flow: Flow) -> None:
        if self._endpoint is not None:
            self._endpoint.refuse_stream(error, flow)

    def wait_s(self, source: Address) -> float:
        if self._endpoint is None:
            return 0.0
        now = self._endpoint.timers.time()
        if self._endpoint.gate.banned(source, now):
            return math.inf
        wait = self._endpoint.gate.wait_s(source, now)
        if wait > 0:
            self._endpoint.count("streams_slowed")
        return wait

    # --- inside ---------------------------------------------------------------------------------------------------

    def _count(self, name: str) -> None:
        if self._endpoint is not None:
            self._endpoint.count(name)

    def _datagram(self, data: bytes, source: Address, udp: UdpSocket) -> bool:
        """Whether it was worked on: a registration waits, and who is not heard costs nothing."""
        endpoint = self._endpoint
        if endpoint is None:
            return False
        now = endpoint.timers.time()
        if endpoint.gate.banned(source, now):
            endpoint.count("datagrams_of_banned")
            return False
        if endpoint.gate.wait_s(source, now) > 0:
            endpoint.count("datagrams_over_limit")
            return False
        flow = Flow("UDP", udp.local, source)
        if self._registrations is None or not data.startswith(REGISTER):
            endpoint.receive(data, flow)
            return True
        if not self._registrations.put(data, flow):
            endpoint.count("registrations_dropped")
        return False

    async def _bind(self) -> None:
        for attempt in range(FREE_PORT_TRIES):
            try:
                await self._bind_port(self._port)
                return
            except OSError as error:
                if self._port or error.errno != errno.EADDRINUSE or attempt == FREE_PORT_TRIES - 1:
                    raise
                await self.stop()

    async def _bind_port(self, port: int) -> None:
        """UDP and TCP on the same port of each address; with port 0 the first one found is everybody's."""
        tls_port = self._tls_port
        for host in self._listen:
            try:
                udp = UdpSocket(Address(host, port), self._datagram)
            except OSError as error:
                if host == "::" and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                    log.warning("this machine has no IPv6; SIP listens on IPv4 only")
                    continue
                raise
            self._udp.append(udp)
            self._udp_by_local[udp.local] = udp
            port = udp.local.port
            await self._serve("TCP", host, port, lambda: self._accepted("TCP"))
            if self._doorstep is not None:
                tls_port = await self._serve("TLS", host, tls_port, self._doorstep.visitor)

    def _accepted(self, name: str) -> Connection:
        return Connection(name, self, self._opened, self._closed, accepted=True)

    def _accepted_tls(self) -> Connection:
        return self._accepted("TLS")

    async def _serve(self, name: str, host: str, port: int, protocol: Callable[[], asyncio.Protocol]) -> int:
        server = await asyncio.get_running_loop().create_server(
            protocol,
            host,
            port,
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=BACKLOG,
            reuse_address=True,  # TCP only: lets a restarted daemon bind while old connections linger in TIME_WAIT
        )
        self._servers.append((name, server))
        return int(server.sockets[0].getsockname()[1])

    async def _connect(self, to: Destination) -> None:
        flow: Flow | None = None
        local = self._local_host(to.host)
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(to.transport, self, self._opened, self._closed, accepted=False),
                    to.host,
                    to.port,
                    ssl=self._client_tls if to.transport == "TLS" else None,
                    server_hostname=(to.tls_name or to.host) if to.transport == "TLS" else None,
                    local_addr=(local, 0) if local else None,
                )
            flow = connection.flow
            if flow is not None:
                self._outgoing[to] = flow.connection
        except (OSError, TimeoutError):
            self._count("connects_failed")
        finally:
            for opened in self._opening.pop(to, []):
                opened(flow)

    def _opened(self, connection: Connection) -> bool:
        flow = connection.flow
        if flow is None or self._endpoint is None:
            return False
        host = flow.remote.host
        full = len(self._connections) >= CONNECTIONS_MAX or self._sources[host] >= CONNECTIONS_OF_A_SOURCE_MAX
        if connection.accepted and (full or self._endpoint.gate.banned(flow.remote, self._endpoint.timers.time())):
            self._endpoint.count("connections_refused")
            return False
        if connection.accepted:
            self._sources[host] += 1
        self._connections[flow.connection] = connection
        return True

    def _closed(self, connection: Connection) -> None:
        flow = connection.flow
        if flow is None or self._connections.pop(flow.connection, None) is None:
            return
        if connection.accepted:
            self._sources[flow.remote.host] -= 1
            if not self._sources[flow.remote.host]:
                del self._sources[flow.remote.host]
        else:
            self._outgoing = {to: number for to, number in self._outgoing.items() if number != flow.connection}
        if self._endpoint is not None:
            self._endpoint.connection_lost(flow)

    def _udp_for(self, flow: Flow) -> UdpSocket | None:
        """The socket of *flow*; after a restart on another port, one that reaches the same network."""
        return self._udp_by_local.get(flow.local) or self._udp_towards(flow.remote.host)

    def _udp_towards(self, host: str) -> UdpSocket | None:
        ipv6 = ":" in host
        fitting = [udp for udp in self._udp if udp.ipv6 is ipv6]
        if len(fitting) > 1:
            source = self._source(host)
            fitting.sort(key=lambda udp: udp.local.host != source)
        return fitting[0] if fitting else None

    def _local_host(self, host: str) -> str | None:
        """The address to call *host* from, where we listen on certain addresses only."""
        fitting = [udp for udp in self._udp if udp.ipv6 is (":" in host)]
        return fitting[0].local.host if fitting and not fitting[0].wildcard else None

    def _source(self, host: str) -> str:
        known = self._towards.get(host)
        if known is None:
            if len(self._towards) >= SOURCES_REMEMBERED_MAX:
                self._towards.clear()  # also lets a changed route be seen, sooner or later
            known = self._towards[host] = source_towards(host)
        return known
