"""What SIP costs before anybody thinks about calls: reading, checking, writing, and a registration with digest.

Run it as ``python -m benchmarks.sip_wire``; it prints rows of a Markdown table. Microseconds of CPU, no socket: the
kernel's share comes on top. Under load from outside: `benchmarks.sip_server` in the place of the yardstick.
"""

import platform
import statistics
import time
from collections.abc import Callable

from benchmarks.sip_server import BenchAccounts, ForgetfulStore, SystemClock
from sip.digest import digest_response, ha1
from sip.endpoint import Endpoint
from sip.flow import Address, Destination, Flow, Handle
from sip.message import Request, response_to
from sip.parser import check, parse
from sip.plain_register import PlainRegistrations
from sip.registrar import Registrar
from sip.service import LoopTimers
from sip.settings import SipSettings

ROUNDS = 7
MESSAGES = 2_000
REALM = "127.0.0.1"
FLOW = Flow("UDP", Address("127.0.0.1", 5060), Address("127.0.0.1", 6000))
REGISTER = """REGISTER sip:127.0.0.1:5060 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:6000;rport;branch=z9hG4bK-{number}-{cseq}
Max-Forwards: 70
From: <sip:{user}@127.0.0.1>;tag=1r{number}
To: <sip:{user}@127.0.0.1>
Call-ID: {number}-9@127.0.0.1
CSeq: {cseq} REGISTER
Contact: <sip:{user}@127.0.0.1:6000;transport=UDP>
Expires: 600
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, INFO, UPDATE, PRACK
User-Agent: bench-panel/1
{credentials}Content-Length: 0

""".replace("\n", "\r\n")


class Nowhere:
    """A wire that keeps the last message."""

    def __init__(self) -> None:
        self.last = b""

    def send(self, flow: Flow, data: bytes) -> bool:
        self.last = data
        return True

    def route(self, to: Destination, opened: Callable[[Flow | None], object]) -> None:
        opened(None)

    def alive(self, flow: Flow) -> bool:
        return True

    def contact_address(self, to: Flow | Destination) -> Address:
        return FLOW.local


class NoTimers(LoopTimers):
    """Answers are kept for 32 s; no benchmark lasts as long."""

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> Handle:
        return self

    def cancel(self) -> None:
        """Nothing was set."""


def register(number: int, cseq: int, credentials: str = "") -> bytes:
    user = f"u{number % 10_000}"
    return REGISTER.format(number=number, cseq=cseq, user=user, credentials=credentials).encode()


def answer(number: int, challenge: bytes) -> bytes:
    """The second REGISTER of a dialogue."""
    nonce = challenge.partition(b'nonce="')[2].partition(b'"')[0].decode()
    user = f"u{number % 10_000}"
    fields = {"nonce": nonce, "uri": "sip:127.0.0.1:5060", "nc": "00000001", "cnonce": "abc", "qop": "auth"}
    proof = digest_response("MD5", ha1("MD5", user, REALM, "pass"), fields, "REGISTER")
    credentials = (
        f'Authorization: Digest username="{user}",realm="{REALM}",uri="sip:127.0.0.1:5060",nonce="{nonce}",'
        f'response="{proof}",algorithm=MD5,cnonce="abc",qop=auth,nc=00000001\r\n'
    )
    return register(number, 2, credentials)


def cpu_us(work: Callable[[int], object], first: int) -> float:
    """CPU of one call of *work*, which is given numbers from *first* on."""
    began = time.process_time()
    for number in range(first, first + MESSAGES):
        work(number)
    return (time.process_time() - began) / MESSAGES * 1e6


def row(name: str, times_us: list[float]) -> None:
    print(f"| {name} | {statistics.median(times_us):.1f} | {min(times_us):.1f} |")


def wire() -> None:
    raw = [register(number, 1) for number in range(MESSAGES)]
    parsed = [message for data in raw if isinstance(message := parse(data), Request)]
    row("parse, lazily", [cpu_us(lambda n: parse(raw[n]), 0) for _ in range(ROUNDS)])
    row("parse and check", [cpu_us(lambda n: check(parse(raw[n])), 0) for _ in range(ROUNDS)])
    row("parse and write", [cpu_us(lambda n: parse(raw[n]).render(), 0) for _ in range(ROUNDS)])
    answered = [cpu_us(lambda n: response_to(parsed[n], 200, to_tag="t").render(), 0) for _ in range(ROUNDS)]
    row("answer and write", answered)


def registrations(way: str, *, short: bool) -> None:
    settings, nowhere = SipSettings(digest=("MD5",), source_rate_per_s=0, bans=False), Nowhere()
    endpoint = Endpoint(settings, REALM, BenchAccounts(), clock=SystemClock(), timers=NoTimers(), wire=nowhere)
    registrar = Registrar(settings, ForgetfulStore(), alive=nowhere.alive)
    endpoint.handle("REGISTER", lambda tx: registrar.answer(tx, endpoint.clock.now_ms()))
    endpoint.shortcut = PlainRegistrations(endpoint, registrar) if short else None
    first_us, second_us = [], []
    for start in range(0, ROUNDS * MESSAGES, MESSAGES):
        challenges: dict[int, bytes] = {}

        def challenged(number: int, challenges: dict[int, bytes] = challenges) -> None:
            endpoint.receive(register(number, 1), FLOW)
            challenges[number] = nowhere.last

        first_us.append(cpu_us(challenged, start))
        seconds = {number: answer(number, challenge) for number, challenge in challenges.items()}

        def proven(number: int, seconds: dict[int, bytes] = seconds) -> None:
            endpoint.receive(seconds[number], FLOW)

        second_us.append(cpu_us(proven, start))
        if not nowhere.last.startswith(b"SIP/2.0 200"):
            raise AssertionError(nowhere.last)
    row(f"REGISTER without credentials: 401, {way}", first_us)
    row(f"REGISTER with digest: 200, bound, {way}", second_us)


def main() -> None:
    print(f"Python {platform.python_version()}, {MESSAGES} messages, {ROUNDS} rounds")
    print("| what | median µs | best µs |\n|---|---|---|")
    wire()
    registrations("the usual way", short=True)
    registrations("the long way", short=False)


if __name__ == "__main__":
    main()
