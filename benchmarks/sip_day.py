"""A day of a house in a minute or two: registrations, calls and races of every kind under a clock that is moved.

python -m benchmarks.sip_day [--hours 24]        # prints memory by the hour; 1 if it grew by 5 % after the first tenth

The SIP endpoint, registrar, B2BUA and machines are the real ones; wire, time and media are the fakes of the tests, and
keep nothing of what has passed. So many calls an hour that every bounded memory (texts read, traces of calls) is full
after the first tenth.
"""

import argparse
import gc
import itertools
import random
import sys
import tracemalloc
from typing import Final

from sip.message import Request, Response
from tests.fakes.b2bua import CallBench, Peer, plan, sdp, target
from tests.fakes.sip import answer

CALLS_AN_HOUR: Final = 800
REGISTERS_AN_HOUR: Final = 200
ALL_OVER_S: Final = 420.0  # talk, and every transaction's own time
GROWTH_MAX: Final = 0.05
SEED: Final = 7


class House:
    """One visitor, two monitors and an app, who answer, give up, hang up or fall silent as chance has it."""

    def __init__(self) -> None:
        self.bench = CallBench()
        self.bench.media.ports_left = 10**9
        self.chance = random.Random(SEED)
        self.numbers = itertools.count(1)
        self.bench.endpoint.handle(
            "REGISTER", lambda tx: self.bench.registrar.answer(tx, self.bench.clock.now_ms()), []
        )

    def forget(self) -> None:
        """What the fakes remember of what has passed."""
        bench = self.bench
        bench.wire.sent.clear()
        bench.desk.records.clear()
        bench.desk.over.clear()
        bench.desk.talks.clear()
        bench.desk.callers.clear()
        bench.desk.dialled.clear()
        bench.media.connected.clear()
        bench.media.released.clear()

    def register(self) -> None:
        peer = self.chance.choice((self.bench.monitor, self.bench.monitor_2, self.bench.app))
        request = peer.outside("REGISTER", peer.user)
        request.headers.set("Call-ID", f"registration-{peer.user}")
        request.headers.set("To", f"<sip:{peer.user}@edge>")
        request.headers.set("Expires", "300")
        request.headers.set("CSeq", f"{next(self.numbers)} REGISTER")
        peer.send(request)
        for message in [m for m in peer.waiting() if isinstance(m, Response) and m.status == 401]:
            peer.renew(request)
            request.headers.set("CSeq", f"{next(self.numbers)} REGISTER")
            answer(request, message, peer.user, self.bench.accounts.passwords[peer.user])
            peer.send(request)
        self.forget()

    def call(self) -> None:
        """One call, from INVITE to silence, with everything that may cross."""
        bench, chance = self.bench, self.chance
        bench.desk.plan_ = plan([target(bench.monitor.user), target(bench.monitor_2.user)], [target(bench.app.user)])
        try:
            invite = bench.door.invite()
        except AssertionError:  # a challenge or a refusal in place of the 100: it is busy with the last one
            self.forget()
            return
        for peer in (bench.monitor, bench.monitor_2):
            self._rung(peer, chance.choice(("rings", "answers", "both", "busy", "silent", "early bye")))
        deed = chance.random()
        if deed < 0.3:
            self._cancel(invite)
        elif deed < 0.5:
            bench.advance(chance.uniform(0, 45))
        success = next((m for m in bench.door.waiting() if isinstance(m, Response) and m.status == 200), None)
        if success is not None and success.cseq.method == "INVITE":
            if chance.random() < 0.9:
                bench.door.inside(success, "ACK")
            if chance.random() < 0.3:
                bench.door.inside(success, "INVITE", sdp("192.0.2.50", direction="sendonly"))
            if chance.random() < 0.8:
                bench.door.inside(success, "BYE")
        self._settle()

    def _rung(self, peer: Peer, how: str) -> None:
        leg = next((m for m in peer.waiting() if isinstance(m, Request) and m.method == "INVITE"), None)
        if leg is None:
            return
        if how in ("rings", "both", "early bye"):
            peer.respond(leg, 180)
        if how in ("answers", "both"):
            peer.respond(leg, 200, sdp(peer.flow.remote.host))
        if how == "busy":
            peer.respond(leg, 486)
        if how == "early bye":
            peer.inside(leg, "BYE")

    def _cancel(self, invite: Request) -> None:
        cancel = Request("CANCEL", invite.uri, invite.headers.copy())
        cancel.headers.set("CSeq", f"{invite.cseq.number} CANCEL")
        self.bench.door.send(cancel)

    def _settle(self) -> None:
        """Nobody answers any more; what waits for somebody gives up."""
        self.bench.advance(self.chance.uniform(1, 20))
        self.forget()


def memory() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def live_a_day(hours: int) -> int:
    house = House()
    tracemalloc.start()
    events = [house.call] * CALLS_AN_HOUR + [house.register] * REGISTERS_AN_HOUR
    settled_after = -(-hours // 10)
    settled = 0
    for hour in range(1, hours + 1):
        house.chance.shuffle(events)
        began = house.bench.timers.now
        for event in events:
            event()
        house.bench.advance(max(ALL_OVER_S, 3600 - (house.bench.timers.now - began)))
        house.forget()
        now = memory()
        settled = now if hour == settled_after else settled
        print(f"hour {hour:2}: {now / 1e6:.2f} MB, calls left {house.bench.b2bua.calls}", flush=True)
    growth = now / settled - 1
    counters = house.bench.endpoint.counters
    print(f"\n{sum(counters.values())} events, {counters['handler_errors']} errors; growth {100 * growth:+.1f} %")
    left = house.bench.b2bua.calls or house.bench.timers.pending > 1
    return int(growth > GROWTH_MAX or bool(left) or counters["handler_errors"] > 0)


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--hours", type=int, default=24)
    return live_a_day(arguments.parse_args().hours)


if __name__ == "__main__":
    sys.exit(main())
