import json
from dataclasses import replace

from edge.core.panel_access import access_config
from edge.core.schedule import holidays_of, parse_hours
from models.access import DoorOrder, OrderKind
from models.ids import ScheduleId
from models.schedule import Schedule
from tests.unit.edge.core.door_house import DEVICES, GATE, NOW_MS, house

NIGHT, OTHER = ScheduleId("s-night"), ScheduleId("s-other")


def schedule(identity: ScheduleId) -> Schedule:
    hours = parse_hours("mon 08:00-18:00; hol closed")
    return Schedule(identity, identity, hours.rows, hours.holiday)


def test_a_panel_is_told_its_hours_and_its_lock_down() -> None:
    devices = [replace(DEVICES[0], open_schedule=NIGHT), *DEVICES[1:]]
    open_house = house(devices=devices, schedules=[schedule(NIGHT), schedule(OTHER)])
    open_house = replace(open_house, holidays=holidays_of(["12-25", "2026-04-06"]))
    told = access_config(open_house, open_house.devices[GATE], NOW_MS)
    assert told["open_schedule"] == NIGHT
    assert told["schedules"] == [{"id": NIGHT, "hours": "mon 08:00-18:00; hol closed"}]
    assert told["holidays"] == ["2026-04-06", "12-25"]
    assert told["lock_down"] is False
    json.dumps(told)
    locked = house(devices=devices, schedules=[schedule(NIGHT)], orders=[DoorOrder("o", OrderKind.LOCK_DOWN)])
    told = access_config(locked, locked.devices[GATE], NOW_MS)
    assert (told["open_schedule"], told["lock_down"]) == (None, True)


def test_the_relays_are_all_there() -> None:
    snapshot = house()
    relays = access_config(snapshot, snapshot.devices[GATE], NOW_MS)["relays"]
    assert isinstance(relays, list)
    assert [(relay["number"], relay["security"], relay["enabled"]) for relay in relays] == [
        (1, False, True), (2, False, False), (1, True, True),
    ]  # fmt: skip
