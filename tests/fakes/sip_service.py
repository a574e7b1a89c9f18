"""The real SIP service on real sockets, for the time of a block."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from sip.service import SipService
from sip.settings import SipSettings
from tests.fakes.sip import REALM, FakeAccounts, FakeBindingStore

WITHIN_S = 3.0


class SystemClock:
    """`edge.core.ports.Clock` of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class Running:
    """A SIP service that runs while the block does."""

    settings: SipSettings
    store: FakeBindingStore = field(default_factory=FakeBindingStore)
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    tls: ssl.SSLContext | None = None
    client_tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Self:
        self.service = SipService(
            self.settings, REALM, self.accounts, self.store, SystemClock(), tls=self.tls, client_tls=self.client_tls
        )
        self.endpoint = self.service.endpoint
        await self.service.start()
        self._stack = contextlib.AsyncExitStack()
        group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._task = group.create_task(self.service.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await self._stack.aclose()
        await self.service.stop()
        await asyncio.sleep(0)  # connections say good-bye in the next round of the loop

    @property
    def udp(self) -> tuple[str, int]:
        return _host_port(self.service.listening.udp[0])

    @property
    def tcp(self) -> tuple[str, int]:
        return _host_port(self.service.listening.tcp[0])

    def live(self, user: str) -> list[str]:
        """Contacts of *user* that can be rung now."""
        return [binding.contact for binding in self.service.registrar.live(user, SystemClock().now_ms())]


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


async def until(condition: Callable[[], object], within_s: float = WITHIN_S) -> None:
    """Return once *condition* holds. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # the condition is of the code under test, which has no event for it
            await asyncio.sleep(0.005)
