"""An app that calls: its INVITE to the other side, its answer, its end; no message of it is on the wire."""

from dataclasses import dataclass, field

from models.call import Caller, CallOutcome, EndedBy, Refusal
from models.ids import ResidentId, SipUser
from sip.leg_app_caller import AppCallerLeg
from sip.sdp import parse
from tests.fakes.b2bua import MONITOR, CallBench, plan, sdp, target

ANNA = Caller(SipUser("50000001"), resident=ResidentId("r-1"))
HUB = sdp("127.0.0.1", 7000, formats="8")


@dataclass
class CallingAnna:
    usable: bool = True
    said: list[object] = field(default_factory=list)

    def rings(self) -> None:
        self.said.append("rings")

    def answered(self, description: bytes) -> bool:
        self.said.append("answered")
        return self.usable

    def reoffer(self, description: bytes) -> bytes:
        return HUB

    def ended(self, status: int) -> None:
        self.said.append(status)


def placed(bench: CallBench, app: CallingAnna) -> AppCallerLeg:
    bench.desk.plan_ = plan([target(MONITOR)])
    leg = bench.b2bua.place(ANNA, MONITOR, app, HUB)
    assert leg is not None
    return leg


def test_it_rings_is_answered_and_hangs_up() -> None:
    bench, app = CallBench(), CallingAnna()
    leg = placed(bench, app)
    invite = bench.monitor.request("INVITE")
    assert [media.kind for media in parse(invite.body).media] == ["audio"]
    bench.monitor.respond(invite, 180)
    bench.monitor.respond(invite, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    assert app.said == ["rings", "answered"]
    assert bench.media.connected
    leg.leave()
    bench.monitor.respond(bench.monitor.request("BYE"), 200)
    record = bench.desk.record
    assert (record.outcome, record.ended_by) == (CallOutcome.ANSWERED, EndedBy.VISITOR)
    assert app.said == ["rings", "answered"], "who hangs up is not told that it is over"
    assert bench.b2bua.calls == 0


def test_it_gives_up_while_it_rings() -> None:
    bench, app = CallBench(), CallingAnna()
    leg = placed(bench, app)
    invite = bench.monitor.request("INVITE")
    bench.monitor.respond(invite, 180)
    leg.leave()
    bench.monitor.respond(bench.monitor.request("CANCEL"), 200)
    bench.monitor.respond(invite, 487)
    bench.monitor.request("ACK")
    assert bench.desk.record.outcome is CallOutcome.CANCELLED
    assert bench.b2bua.calls == 0


def test_the_other_side_declines_or_hangs_up() -> None:
    bench, app = CallBench(), CallingAnna()
    placed(bench, app)
    invite = bench.monitor.request("INVITE")
    bench.monitor.respond(invite, 603)
    bench.monitor.request("ACK")
    assert app.said == [603]
    placed(bench, app)
    invite = bench.monitor.request("INVITE")
    bench.monitor.respond(invite, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    bench.monitor.inside(invite, "BYE")
    assert app.said == [603, "answered", 200]
    assert bench.b2bua.calls == 0


def test_an_answer_that_cannot_be_used_ends_the_call() -> None:
    bench, app = CallBench(), CallingAnna(usable=False)
    placed(bench, app)
    bench.monitor.respond(bench.monitor.request("INVITE"), 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    bench.monitor.respond(bench.monitor.request("BYE"), 200)
    assert app.said == ["answered", 200]
    assert bench.b2bua.calls == 0


def test_a_refused_plan_rings_nobody_and_tells_the_app_at_once() -> None:
    bench, app = CallBench(), CallingAnna()
    bench.desk.plan_ = plan(refusal=Refusal.BLOCKED, status=403)
    leg = bench.b2bua.place(ANNA, MONITOR, app, HUB)
    assert leg is not None
    assert leg.over
    assert app.said == [403]
    assert bench.desk.record.outcome is CallOutcome.REFUSED
    assert bench.monitor.quiet()


def test_the_end_of_the_daemon_ends_it_and_no_other_is_taken() -> None:
    bench, app = CallBench(), CallingAnna()
    placed(bench, app)
    bench.monitor.request("INVITE")
    bench.b2bua._stopping = True
    assert bench.b2bua.place(ANNA, MONITOR, app, HUB) is None
