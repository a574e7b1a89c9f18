"""A registrar alone, for load from outside: users u0..u9999, password "pass", as the scripts of the yardstick want it.

python -m benchmarks.sip_server [host [port [realm [certificate key]]]]        # TLS on the next port; ends by SIGTERM
"""

import asyncio
import signal
import ssl
import sys
import time
from collections.abc import Sequence

from edge.core.ports import KeptBinding
from edge.runtime import settle_memory
from models.binding import ContactBinding
from models.device import DigestOffer
from models.ids import SipUser
from sip.service import SipService
from sip.settings import SipSettings


class BenchAccounts:
    def password(self, sip_user: str) -> str | None:
        return "pass" if sip_user.startswith("u") else None

    def digest_offer(self, sip_user: str) -> DigestOffer:
        return DigestOffer.BOTH

    def digest_failed_to_answer(self, sip_user: str) -> None:
        raise AssertionError(f"{sip_user} was never offered SHA-256")


class ForgetfulStore:
    def load(self) -> Sequence[ContactBinding]:
        return ()

    def save(self, changed: Sequence[KeptBinding], removed: Sequence[tuple[SipUser, str]]) -> None:
        """Bindings live in memory alone here."""


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


def context(certificate: str, key: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


async def main(host: str = "127.0.0.1", port: str = "5060", realm: str = "127.0.0.1", *pem: str) -> None:
    settings = SipSettings(
        listen=(host,), port=int(port), tls_port=int(port) + 1, digest=("MD5",), source_rate_per_s=0, bans=False,
        ping_interval_s=0, tls_handshakes_per_s=0,
    )  # fmt: skip
    tls = context(*pem) if pem else None
    service = SipService(settings, realm, BenchAccounts(), ForgetfulStore(), SystemClock(), tls=tls)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    settle_memory()
    await service.start()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        print("listening", service.listening, flush=True)
        await stopping.wait()
        running.cancel()
    await service.stop()
    print(dict(service.endpoint.counters), "bindings", len(service.registrar.table))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
