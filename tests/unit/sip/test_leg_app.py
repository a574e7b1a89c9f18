"""A resident's app as a leg of a call, beside a monitor: who rings, what the visitor hears, who wins."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from edge.core.call_events import CancelReason, ContactRef
from models.call import LegKind, LegState, Target
from sip.leg_app import AppLeg, Summons
from sip.sdp import parse
from tests.fakes.b2bua import MONITOR, CallBench, plan, sdp, target

ANNA = Target(LegKind.APP, "50000001", "Anna")
HUB = sdp("127.0.0.1", 7000, formats="8")


@dataclass
class FakeApp:
    summons: Summons
    leg: AppLeg
    said: list[object] = field(default_factory=list)

    def cancel(self, reason: CancelReason) -> None:
        self.said.append(reason)

    def hang_up(self) -> None:
        self.said.append("hang up")

    def confirmed(self) -> None:
        self.said.append("confirmed")

    def reoffer(self, description: bytes) -> bytes:
        return HUB


@dataclass
class FakeApps:
    here: bool = True
    rung: list[FakeApp] = field(default_factory=list)

    def ring(self, summons: Summons, leg: AppLeg) -> FakeApp | None:
        if not self.here:
            return None
        self.rung.append(FakeApp(summons, leg))
        return self.rung[-1]


@dataclass
class AppBench:
    bench: CallBench
    apps: FakeApps


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> AppBench:
    bench, apps = CallBench(), FakeApps()
    bench.b2bua._tools = replace(bench.b2bua._tools, apps=apps)
    by_sip = bench.desk.reach

    def reach(whom: Target) -> Sequence[ContactRef]:
        return (ContactRef("app:s-1"),) if whom is ANNA else by_sip(whom)

    monkeypatch.setattr(bench.desk, "reach", reach)
    return AppBench(bench, apps)


def ring_anna(house: AppBench, *beside: Target) -> FakeApp:
    house.bench.desk.plan_ = plan([*beside, ANNA])
    house.bench.door.invite()
    return house.apps.rung[0]


def test_an_app_is_rung_with_the_callers_description(house: AppBench) -> None:
    app = ring_anna(house)
    assert (app.summons.key, app.summons.target, app.summons.caller) == ("app:s-1", ANNA, 'Gate "A"')
    (audio,) = parse(app.summons.offer).media
    assert audio.host == "127.0.0.1"


def test_the_picture_comes_before_an_answer_though_a_monitor_rings_too(house: AppBench) -> None:
    app = ring_anna(house, target(MONITOR))
    app.leg.ringing(HUB)
    early = house.bench.door.response(183)
    assert parse(early.body).media[0].formats == ("8",)
    assert house.bench.media.connected[-1] == (-1, app.summons.leg)


def test_the_answer_wins_and_the_monitor_is_cancelled(house: AppBench) -> None:
    app = ring_anna(house, target(MONITOR))
    invite = house.bench.monitor.request("INVITE")
    house.bench.monitor.respond(invite, 180)
    app.leg.ringing(HUB)
    assert app.leg.answer(HUB)
    assert not app.leg.answer(HUB)
    assert house.bench.monitor.request("CANCEL").headers.get("Reason") is not None
    answers = [m for m in house.bench.door.waiting() if getattr(m, "status", 0) == 200]
    assert len(answers) == 1
    assert app.said == []
    house.bench.door.inside(answers[0], "ACK")
    assert app.said == ["confirmed"]
    house.bench.door.inside(answers[0], "BYE")
    assert app.said == ["confirmed", "hang up"]
    assert house.bench.desk.record.answered_by == app.summons.leg
    assert house.bench.desk.over


def test_a_decline_ends_the_call_for_all(house: AppBench) -> None:
    app = ring_anna(house)
    app.leg.fail(603)
    house.bench.door.response(603)
    assert house.bench.desk.record.legs[0].state is LegState.DECLINED


def test_an_app_that_has_gone_gives_way_to_the_next_stage(house: AppBench) -> None:
    house.apps.here = False
    house.bench.desk.plan_ = plan([ANNA], [target(MONITOR)])
    house.bench.door.invite()
    house.bench.monitor.request("INVITE")
    assert house.bench.desk.record.legs[0].state is LegState.FAILED


def test_a_visitor_who_gives_up_silences_the_app(house: AppBench) -> None:
    house.bench.desk.plan_ = plan([ANNA])
    invite = house.bench.door.invite()
    (app,) = house.apps.rung
    house.bench.door.cancel(invite)
    assert app.said == [CancelReason.NONE]
    assert not app.leg.answer(HUB)
    assert house.bench.desk.over


def test_a_lost_app_ends_the_talk(house: AppBench) -> None:
    app = ring_anna(house)
    app.leg.ringing(HUB)
    house.bench.door.response(183)
    app.leg.answer(HUB)
    house.bench.door.inside(house.bench.door.response(200), "ACK")
    app.leg.leave()
    house.bench.door.request("BYE")
