"""What one call costs the B2BUA, message by message: CPU without the kernel's share, on the real loop's timers.

Run it as ``python -m benchmarks.sip_call_steps [--profile]``; it prints rows of a Markdown table. Under load
from outside, beside a yardstick: `benchmarks.sip_calls`.
"""

import asyncio
import cProfile
import pstats
import re
import statistics
import sys
import time
from collections.abc import Callable
from typing import Final

from benchmarks.sip_calls_server import KEY, BenchDesk, NoMedia
from benchmarks.sip_server import BenchAccounts, ForgetfulStore, SystemClock
from edge.core.settings import CallSettings
from edge.runtime import settle_memory
from models.ids import SipUser
from sip.b2bua import B2bua
from sip.bindings import Binding
from sip.endpoint import Endpoint
from sip.flow import Address, Destination, Flow
from sip.registrar import Registrar
from sip.service import LoopTimers
from sip.settings import SipSettings

ROUNDS: Final = 7
CALLS: Final = 300
US: Final = Address("192.0.2.1", 5060)
DOOR: Final = Flow("UDP", US, Address("192.0.2.10", 5060))
MONITOR: Final = Flow("UDP", US, Address("192.0.2.20", 5060))
_KEPT: Final = re.compile(rb"^(?:Via|From|To|Call-ID|CSeq): .*\r\n", re.MULTILINE)
_CONTACT: Final = re.compile(rb"^Contact: <([^>]*)>", re.MULTILINE)
_TO: Final = re.compile(rb"^To: (.*)\r\n", re.MULTILINE)
SDP: Final = (
    b"v=0\r\no=panel 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8 101\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
)


class TwoPeers:
    """A wire that keeps what was sent last to each side."""

    def __init__(self) -> None:
        self.to_door = self.to_monitor = b""

    def send(self, flow: Flow, data: bytes) -> bool:
        if flow.remote == DOOR.remote:
            self.to_door = data
        else:
            self.to_monitor = data
        return True

    def route(self, to: Destination, opened: Callable[[Flow | None], object]) -> None:
        opened(None)

    def alive(self, flow: Flow) -> bool:
        return True

    def contact_address(self, to: Flow | Destination) -> Address:
        return US


def request(method: str, uri: bytes, number: int, cseq: int, to: bytes, body: bytes = b"") -> bytes:
    """What the door sends."""
    kind = b"Content-Type: application/sdp\r\n" if body else b""
    return (
        b"%b %b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK-%d-%d%b\r\nMax-Forwards: 70\r\n"
        b'From: "Gate" <sip:gate@192.0.2.1>;tag=v%d\r\nTo: %b\r\nCall-ID: %d-9@192.0.2.10\r\nCSeq: %d %b\r\n'
        b"Contact: <sip:gate@192.0.2.10:5060>\r\nAllow: INVITE, ACK, CANCEL, OPTIONS, BYE, INFO, UPDATE, PRACK\r\n"
        b"User-Agent: bench-panel/1\r\n%bContent-Length: %d\r\n\r\n%b"
    ) % (method.encode(), uri, number, cseq, method.encode(), number, to, number, cseq, method.encode(), kind,
         len(body), body)  # fmt: skip


def answer(to: bytes, status: bytes, body: bytes = b"") -> bytes:
    """What the monitor answers to the request *to*."""
    kept = b"".join(_KEPT.findall(to))
    if b"tag=m" not in kept:
        kept = _TO.sub(rb"To: \1;tag=m\r\n", kept)
    kind = b"Content-Type: application/sdp\r\n" if body else b""
    contact = b"Contact: <sip:hall@192.0.2.20:5060>\r\n"
    return b"SIP/2.0 %b\r\n%b%b%bContent-Length: %d\r\n\r\n%b" % (status, kept, contact, kind, len(body), body)


class House:
    """The B2BUA between a door and a monitor. `call` goes through one call and adds up what each message cost."""

    def __init__(self) -> None:
        self.peers, clock = TwoPeers(), SystemClock()
        settings = SipSettings(source_rate_per_s=0, bans=False, ping_interval_s=0)
        self.endpoint = Endpoint(settings, "bench", BenchAccounts(), clock=clock, timers=LoopTimers(), wire=self.peers)
        registrar = Registrar(settings, ForgetfulStore(), alive=self.peers.alive)
        far_ms = clock.now_ms() + 86_400_000
        registrar.table.put(Binding(SipUser("hall"), KEY.key, "sip:hall@192.0.2.20:5060", MONITOR, far_ms))
        self.b2bua = B2bua(self.endpoint, registrar, BenchDesk(), NoMedia(), CallSettings(), realm="bench")
        self.endpoint.vouch = lambda _request, _flow: "bench"
        self.cost_s: dict[str, float] = {}

    def _hear(self, what: str, data: bytes, flow: Flow) -> None:
        began = time.process_time()
        self.endpoint.receive(data, flow)
        self.cost_s[what] = self.cost_s.get(what, 0.0) + time.process_time() - began

    def call(self, number: int) -> None:
        peers, uri = self.peers, b"sip:101@192.0.2.1"
        self._hear("INVITE: 100, INVITE on", request("INVITE", uri, number, 1, b"<%b>" % uri, SDP), DOOR)
        rung = peers.to_monitor
        self._hear("180: passed on", answer(rung, b"180 Ringing"), MONITOR)
        self._hear("200: ACK, 200 on", answer(rung, b"200 OK", SDP), MONITOR)
        found, to = _CONTACT.search(peers.to_door), _TO.search(peers.to_door)
        if found is None or to is None or not peers.to_door.startswith(b"SIP/2.0 200"):
            raise AssertionError(peers.to_door)
        self._hear("ACK", request("ACK", found[1], number, 1, to[1]), DOOR)
        self._hear("BYE: 200, BYE on", request("BYE", found[1], number, 2, to[1]), DOOR)
        self._hear("200 to our BYE: over", answer(peers.to_monitor, b"200 OK"), MONITOR)
        if self.b2bua.calls:
            raise AssertionError("the call is not over")


async def calls(house: House, first: int) -> dict[str, float]:
    """CPU of each message in microseconds."""
    house.cost_s.clear()
    for number in range(first, first + CALLS):
        house.call(number)
        await asyncio.sleep(0)  # the loop sorts out its timers
    return {what: seconds / CALLS * 1e6 for what, seconds in house.cost_s.items()}


async def main(profiled: bool) -> None:
    house = House()
    await calls(house, 0)
    settle_memory()
    if profiled:
        with cProfile.Profile() as profile:
            await calls(house, CALLS)
        pstats.Stats(profile).sort_stats("tottime").print_stats(50)
        return
    rounds = [await calls(house, CALLS * (1 + n)) for n in range(ROUNDS)]
    print(f"| a call's messages ({ROUNDS} rounds of {CALLS}) | median µs | best µs |\n|---|---|---|")
    for what in rounds[0]:
        times = [one[what] for one in rounds]
        print(f"| {what} | {statistics.median(times):.0f} | {min(times):.0f} |")
    whole = [sum(one.values()) for one in rounds]
    print(f"| the whole call | {statistics.median(whole):.0f} | {min(whole):.0f} |")


if __name__ == "__main__":
    asyncio.run(main("--profile" in sys.argv))
