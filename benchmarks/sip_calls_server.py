"""A B2BUA alone, for load from outside: whoever calls rings one monitor at *host*:6090; nobody is asked for a login.

python -m benchmarks.sip_calls_server MEDIA [host [port]]        # MEDIA: relay or none; ends by SIGTERM or SIGINT
"""

import asyncio
import signal
import sys
from collections.abc import Sequence

from benchmarks.sip_server import BenchAccounts, ForgetfulStore, SystemClock
from edge.core.call_events import ContactRef, RequestOpen
from edge.core.settings import CallSettings
from edge.runtime import settle_memory
from models.call import Caller, CallPlan, CallRecord, LegKind, PlannedLeg, Stage, Target
from models.ids import CallId, SipUser
from sip.b2bua import B2bua
from sip.bindings import Binding
from sip.flow import Address, Flow
from sip.media.engine import End, Facing, MediaListener, MediaSession, PeerLine
from sip.media.recordings import Recording
from sip.media.relay import RtpRelay
from sip.media.rtp import StreamStats
from sip.media.settings import MediaSettings
from sip.service import SipService
from sip.settings import SipSettings

MONITOR_PORT = 6090
MONITOR = Target(LegKind.MONITOR, "hall", "Hall")
PLAN = CallPlan((Stage((PlannedLeg(MONITOR, True, "bench"),), 20.0),))
KEY = ContactRef("hall")


class BenchDesk:
    """`edge.core.ports.CallDesk`: one plan for all."""

    def identify(self, sip_user: str) -> Caller | None:
        return Caller(SipUser(sip_user))

    def identify_outside(self, number: str) -> Caller:
        return Caller(None, trunk_number=number)

    def caller_name(self, caller: Caller) -> str:
        return "Gate"

    def plan(self, caller: Caller, dialled: str) -> CallPlan:
        return PLAN

    def reach(self, target: Target) -> Sequence[ContactRef]:
        return (KEY,)

    def busy(self, caller: Caller) -> bool:
        return False

    def changed(self, record: CallRecord) -> None:
        """Rows go nowhere."""

    def request_open(self, call: CallId, plan: CallPlan, party: Target | Caller, request: RequestOpen) -> bool:
        return False

    def talking(self, call: CallId, answered_by: Target) -> None:
        """Nobody asks."""

    def ended(self, call: CallId) -> None:
        """Nobody asks."""


class NoMedia:
    """`MediaEngine` and `MediaSession` without packets: descriptions are written all the same."""

    def open(self, listener: MediaListener, *, digits: bool = True) -> MediaSession:
        return self

    def allocate(self, end: End, line: int, kind: str, host: str, facing: Facing | None = None) -> int:
        return 30_000

    def describe(self, end: End, line: int, peer: PeerLine | None) -> None:
        """No packets."""

    def connect(self, one: End, other: End) -> None:
        """No packets."""

    def play(self, end: End, recording: Recording, payload: int) -> None:
        """No packets."""

    def release(self, end: End) -> tuple[StreamStats, ...]:
        return ()

    def stats(self, end: End) -> tuple[StreamStats, ...]:
        return ()

    def close(self) -> None:
        """Nothing is open."""


async def main(media: str = "relay", host: str = "127.0.0.1", port: str = "5060") -> None:
    settings = SipSettings(listen=(host,), port=int(port), source_rate_per_s=0, ping_interval_s=0)
    clock = SystemClock()
    service = SipService(settings, "bench", BenchAccounts(), ForgetfulStore(), clock)
    relay = RtpRelay(MediaSettings(port_min=10_000, port_max=59_999, silence_s=0)) if media == "relay" else None
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    if relay is not None:
        await relay.start()
    calls = B2bua(service.endpoint, service.registrar, BenchDesk(), relay or NoMedia(), CallSettings(), realm="bench")
    service.endpoint.vouch = lambda _request, _flow: "bench"
    settle_memory()  # as the daemon does
    await service.start()
    remote = Address(host, MONITOR_PORT)
    flow = Flow("UDP", Address(host, int(port)), remote)
    far_ms = clock.now_ms() + 86_400_000
    service.registrar.table.put(Binding(SipUser("hall"), KEY.key, f"sip:hall@{remote}", flow, far_ms))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        print("listening", service.listening, flush=True)
        await stopping.wait()
        running.cancel()
    await calls.end_all(0.5)
    await service.stop()
    if relay is not None:
        await relay.stop()
    print(dict(service.endpoint.counters), "calls left", calls.calls)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
