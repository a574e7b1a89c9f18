"""What monitors tell is kept where it is theirs to tell, and only who lives there has one armed."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from edge.admin import apartments, buildings, devices, macs, residents
from edge.admin.devices import Placing
from edge.admin.site import Site
from edge.core.snapshot import Snapshot
from edge.portal.asking import NotDone
from edge.portal.monitors import Monitors
from edge.store.snapshot import load_snapshot
from models.community import Resident
from models.device import DeviceType
from models.device_events import OpenResult
from models.ids import Mac

HALL, GATE = Mac("0c1105e00002"), Mac("0c1105e00001")


@dataclass(frozen=True)
class Outcome:
    result: OpenResult | None
    why: str = ""


@dataclass
class Home:
    snapshot: Snapshot
    anna: Resident
    ben: Resident
    monitors: Monitors
    ordered: list[tuple[Any, ...]]
    outcome: Outcome


@pytest.fixture
def home(site: Site) -> Home:
    with site.admin("installer").edit() as edit:
        macs.add(edit, [HALL, GATE])
        buildings.add(edit, "1")
        for number in ("101", "102"):
            apartments.add(edit, f"1/{number}")
        anna = residents.add(edit, "1/101", first_name="Anna", last_name="Berg")
        ben = residents.add(edit, "1/102", first_name="Ben", last_name="Berg")
        devices.add(edit, HALL, name="Hall", type=DeviceType.INDOOR_MONITOR, placing=Placing(apartment="1/101"))
        devices.add(edit, GATE, name="Gate", type=DeviceType.DOOR_PHONE, placing=Placing())
    with site.store.read() as connection:
        snapshot = load_snapshot(connection)
    ports: Any = SimpleNamespace(
        snapshot=snapshot, clock=SimpleNamespace(now_ms=lambda: 0), online=lambda mac: mac == HALL
    )
    monitors = Monitors(ports, lambda: None)
    made = Home(snapshot, snapshot.residents[anna], snapshot.residents[ben], monitors, [], Outcome(OpenResult.OPENED))

    async def order(*asked: Any) -> Outcome:
        made.ordered.append(asked)
        return made.outcome

    monitors.order, monitors.arming = order, frozenset({HALL})
    return made


def shown(home: Home) -> dict[str, Any]:
    (one,) = home.monitors.shown(home.anna)
    return one


def test_relays_and_arming_are_shown_as_they_were_told_last(home: Home) -> None:
    assert (shown(home)["armed"], shown(home)["relays"], shown(home)["online"]) == (None, [], True)
    for number, told in ((2, True), (1, "OFF"), (3, "ajar")):
        home.monitors.hear({"type": "device", "device": HALL, "event": "relay", "n": number, "state": told})
    home.monitors.hear({"type": "device", "device": HALL, "event": "arming", "armed": True})
    home.monitors.hear({"type": "call", "device": HALL, "event": "arming", "armed": False})
    assert shown(home)["armed"]
    assert shown(home)["relays"] == [{"relay": "1", "on": False}, {"relay": "2", "on": True}]


def test_what_is_no_monitors_is_not_kept(home: Home) -> None:
    home.monitors.hear({"type": "device", "device": GATE, "event": "arming", "armed": True})
    home.monitors.hear({"type": "device", "device": "0c1105ffffff", "event": "arming", "armed": True})
    assert home.monitors._known == {}
    assert home.monitors.shown(home.ben) == []


async def test_who_lives_there_arms_it_and_it_holds_once_it_is_confirmed(home: Home) -> None:
    assert await home.monitors.arm(home.anna, HALL, armed=True) == {"armed": True}
    assert home.ordered == [(HALL, "arm", (), "app: Anna Berg")]
    assert shown(home)["armed"]
    home.outcome = Outcome(OpenResult.NO_ACK, "silent")
    with pytest.raises(NotDone, match="silent") as refused:
        await home.monitors.arm(home.anna, HALL, armed=False)
    assert refused.value.reason == "no_answer"
    assert shown(home)["armed"]


async def test_nobody_else_does_and_no_other_device(home: Home) -> None:
    for resident, mac in ((home.ben, HALL), (home.anna, GATE)):
        with pytest.raises(NotDone) as refused:
            await home.monitors.arm(resident, mac, armed=True)
        assert refused.value.reason == "not_allowed"
    home.monitors.arming = frozenset()
    with pytest.raises(NotDone):
        await home.monitors.arm(home.anna, HALL, armed=True)
    assert home.ordered == []
