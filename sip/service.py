"""The SIP side as a component of the daemon: sockets, endpoint and registrar, put together."""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

from edge.core.ports import BindingStore, Clock, SipAccounts
from sip.bindings import Binding, Offline
from sip.endpoint import Endpoint
from sip.flow import Handle
from sip.keepalive import TICKS_A_SECOND, Pinger
from sip.plain_register import PlainRegistrations
from sip.registrar import Registrar
from sip.settings import SipSettings
from sip.transport import Listening, Transports

EXPIRE_EVERY_S: Final = 1.0
DEFENCE_COUNTERS: Final = (
    "digest_wrong", "offenders_ignored", "datagrams_of_banned", "datagrams_over_limit", "connections_refused",
    "tls_handshakes_refused",
)  # fmt: skip


class LoopTimers:
    """`sip.flow.Timers` on the running event loop, whose clock is the monotonic one."""

    time = staticmethod(time.monotonic)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Handle:
        return asyncio.get_running_loop().call_at(when, callback, *args)


class SipService:
    """Start it after its transaction users have registered at `endpoint`, for it serves from then on."""

    name = "sip"

    def __init__(
        self,
        settings: SipSettings,
        realm: str,
        accounts: SipAccounts,
        store: BindingStore,
        clock: Clock,
        *,
        tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self.transports = Transports(
            settings.listen,
            settings.port,
            tls_port=settings.tls_port,
            tls=tls,
            client_tls=client_tls,
            handshakes_per_s=settings.tls_handshakes_per_s,
        )
        self.endpoint = Endpoint(settings, realm, accounts, clock=clock, timers=LoopTimers(), wire=self.transports)
        self.registrar = Registrar(settings, store, alive=self.transports.alive)
        table = self.registrar.table
        self._pinger = Pinger(self.endpoint, table, settings.ping_interval_s) if settings.ping_interval_s > 0 else None
        self.endpoint.shortcut = PlainRegistrations(self.endpoint, self.registrar)
        self.endpoint.handle("REGISTER", lambda tx: self.registrar.answer(tx, clock.now_ms()))
        self.endpoint.capabilities.extensions.add("path")
        self.endpoint.on_connection_lost.append(table.connection_lost)
        table.on_online.append(self._online)
        table.on_offline.append(self._offline)
        table.on_moved.append(self._moved)
        table.on_bound.append(self._bound)

    @property
    def listening(self) -> Listening:
        """The addresses in use, once started."""
        return self.transports.listening

    def defence(self) -> dict[str, int]:
        """What the installer should know of attacks and storms: banned sources now, and counts since the start."""
        counted = {name: self.endpoint.counters[name] for name in DEFENCE_COUNTERS}
        banned = self.endpoint.gate.banned_count(self.endpoint.timers.time())
        buffer = self.transports.receive_buffer_bytes
        return {"banned_sources": banned, **counted, "receive_buffer_bytes": buffer}

    async def start(self) -> None:
        """Bind, then take over the bindings of before the restart. Raises OSError where an address is taken."""
        await self.transports.start(self.endpoint)
        self.registrar.load(self._clock.now_ms())

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.transports.run(), name="sip connections")
            group.create_task(self._keep_time(), name="sip bindings")

    async def stop(self) -> None:
        await self.transports.stop()

    async def _keep_time(self) -> None:
        """Expiry and pings. Ticks that were missed are not made up for."""
        expire_at = 0.0
        while True:
            await asyncio.sleep(1 / TICKS_A_SECOND)
            if self._pinger is not None:
                self._pinger.tick()
            if time.monotonic() >= expire_at:
                expire_at = time.monotonic() + EXPIRE_EVERY_S
                self.registrar.expire(self._clock.now_ms())

    def _online(self, binding: Binding) -> None:
        self.endpoint.gate.registered(binding.flow.remote)

    def _offline(self, binding: Binding, _: Offline) -> None:
        self.endpoint.gate.unregistered(binding.flow.remote)

    def _moved(self, before: Binding, after: Binding) -> None:
        self.endpoint.gate.unregistered(before.flow.remote)
        self.endpoint.gate.registered(after.flow.remote)

    def _bound(self, before: Binding | None, after: Binding | None) -> None:
        here = before.flow.remote.host if before is not None else None
        there = after.flow.remote.host if after is not None else None
        if here == there:
            return
        if there is not None:
            self.endpoint.gate.bound(there)
        if here is not None:
            self.endpoint.gate.unbound(here)
