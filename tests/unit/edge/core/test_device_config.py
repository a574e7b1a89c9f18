"""What a device is told of itself: pure, the same for the same world, never longer than a message may be."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

from edge.core.device_config import (
    MAX_CONFIG_BYTES,
    DeviceConfigs,
    config_id,
    confirmed_revision,
    digest,
    payload,
)
from edge.core.snapshot import Snapshot, build
from models.access import DoorOrder, OrderKind, UnlockMethod
from models.community import Apartment, Building, Community, Resident
from models.device import ContactDisplay, Device, DeviceType, Place, Relay
from models.ids import ApartmentId, BuildingId, CommunityId, DeviceId, Mac, ResidentId, ScheduleId, SipUser
from models.schedule import Holidays, Schedule, Span, WeeklyRow
from models.service import ServiceState

A, B = BuildingId("b-a"), BuildingId("b-b")
OFFICE = ScheduleId("s-office")
METHODS = frozenset({UnlockMethod.PIN, UnlockMethod.DTMF})


def device(number: int, **changes: Any) -> Device:
    told: dict[str, Any] = {"name": f"D{number}", "type": DeviceType.DOOR_PHONE, **changes}
    mac, user = Mac(f"0c11050000{number:02}"), SipUser(f"100000{number:02}")
    return Device(DeviceId(f"d-{number}"), mac, sip_user=user, **told)


GATE = device(
    1,
    relays=(
        Relay(1, name="Gate", methods=METHODS, hold_s=3, dtmf="1", schedule=OFFICE),
        Relay(1, security=True, enabled=False),
    ),
)  # fmt: skip
DOOR_A = device(2, buildings=frozenset({A}))
MONITOR = device(
    3, name="Hall", type=DeviceType.INDOOR_MONITOR, place=Place.APARTMENT, apartment=ApartmentId("a-10"),
    works_offline=True, static_address="192.0.2.10",
)  # fmt: skip
GUARD = device(4, name="Porter", type=DeviceType.GUARD_PHONE)


def home(number: str, building: BuildingId = A, **changes: Any) -> Apartment:
    return Apartment(ApartmentId(f"{building}-{number}"), building, number, **changes)


HOMES = (
    Apartment(ApartmentId("a-10"), A, "10"),  # with the monitor
    home("2", whitelisted=True, name="Weiß"),
    home("9", has_handset=True),
    home("3"),  # nothing there, not whitelisted: not connected
    home("4", has_handset=True, service=ServiceState.BLOCKED),
    home("2", B, has_handset=True),
)
ANNA = Resident(ResidentId("r-anna"), (ApartmentId("a-10"),), "Anna", "Weiß", SipUser("50000001"))


def world(*extra: Device, **changes: Any) -> Snapshot:
    parts: dict[str, Any] = {
        "buildings": [Building(A, "A"), Building(B, "B")],
        "apartments": HOMES,
        "residents": [ANNA],
        "devices": [GATE, DOOR_A, MONITOR, GUARD, *extra],
        "schedules": [
            Schedule(OFFICE, "Office", (WeeklyRow(0, 480, 1080),), (), {date(2026, 12, 24): (Span(1320, 120),)}),
            Schedule(ScheduleId("s-other"), "Other"),
        ],
        **changes,
    }
    return build(7, Community(CommunityId("c-1"), "Park", "Europe/Berlin"), **parts)


def of(device: Device, snapshot: Snapshot | None = None, now_ms: int = 0) -> dict[str, Any]:
    return json.loads(payload(DeviceConfigs(snapshot or world(), now_ms).of(device), 7))


def test_a_door_is_told_its_relays_and_only_the_hours_that_it_needs() -> None:
    told = of(GATE, world(holidays=Holidays(frozenset({date(2026, 4, 6)}), frozenset({(12, 25)}))))
    assert (told["id"], told["revision"], told["pin_mode"]) == ("config-7", 7, "pin")
    assert told["relays"] == [
        {
            "relay": "1", "name": "Gate", "enabled": True, "methods": ["dtmf", "pin"], "hold_s": 3, "dtmf": "1",
            "schedule": OFFICE, "two_factor": False, "trigger_s": 0,
        },
        {
            "relay": "s1", "name": "", "enabled": False, "methods": [], "hold_s": 5, "dtmf": "", "schedule": None,
            "two_factor": False, "trigger_s": 0,
        },
    ]  # fmt: skip
    assert told["schedules"] == [
        {
            "id": OFFICE,
            "name": "Office",
            "week": [{"day": "mon", "from": "08:00", "to": "18:00"}],
            "holiday": [],
            "days": {"2026-12-24": [{"from": "22:00", "to": "02:00"}]},
        }
    ]
    assert told["holidays"] == ["2026-04-06", "12-25"]
    assert told["door"] == {"schedule": None, "open_schedule": None, "lock_down": None}


def test_it_may_dial_whom_it_serves_and_who_may_be_called() -> None:
    """Not connected and blocked apartments are not on the list; a number that two have names its building."""
    assert of(GATE)["whitelist"] == ["A*2", "9", "10", "B*2"]
    assert of(DOOR_A)["whitelist"] == ["2", "9", "10"]
    assert of(GATE)["handsets"] == ["9", "B*2"], "decision 30"
    assert of(GATE)["fallback"] == [{"apartment": "10", "address": "192.0.2.10"}], "decision 31"


def test_a_private_door_knows_its_own_apartment_alone() -> None:
    private = device(5, type=DeviceType.DOOR_PHONE_SINGLE, place=Place.APARTMENT, apartment=ApartmentId("a-10"))
    told = of(private, world(private))
    assert told["whitelist"] == ["10"]
    assert [contact["name"] for contact in told["contacts"]] == ["10", "Hall", "Anna Weiß"]


def test_the_directory_shows_what_the_contact_display_says() -> None:
    def names(shown: ContactDisplay) -> list[tuple[str, str, str]]:
        door = replace(DOOR_A, contact_display=shown)
        return [(c["kind"], c["name"], c["dial"]) for c in of(door)["contacts"]]

    homes = [("apartment", "Weiß", "2"), ("apartment", "9", "9"), ("apartment", "10", "10")]
    people = [("monitor", "Hall", "10"), ("app", "Anna Weiß", "10")]
    assert names(ContactDisplay.APARTMENTS) == homes
    assert names(ContactDisplay.MONITORS_AND_APPS) == people
    assert names(ContactDisplay.ALL) == [*homes, *people]


def test_inside_one_looks_in_at_doors_and_reaches_the_guard() -> None:
    told = of(MONITOR)
    assert [(c["kind"], c["dial"]) for c in told["contacts"]] == [
        ("door", GATE.sip_user), ("door", DOOR_A.sip_user), ("guard", "guard")
    ]  # fmt: skip
    assert "whitelist" not in told
    assert "relays" not in told
    assert [c["kind"] for c in of(GUARD)["contacts"]] == ["door", "door"]


def test_a_lock_down_is_told_and_what_opens_is_not() -> None:
    """What is retained must never open a door by coming back."""
    hour = 3_600_000
    orders = [
        DoorOrder("o-1", OrderKind.LOCK_DOWN, until_ms=hour),
        DoorOrder("o-2", OrderKind.LOCK_DOWN, GATE.id, until_ms=2 * hour),
        DoorOrder("o-3", OrderKind.LOCK_DOWN, building=A),
        DoorOrder("o-4", OrderKind.HOLD_OPEN, GATE.id),
    ]
    told = of(GATE, world(orders=orders))["door"]
    assert told == {"schedule": None, "open_schedule": None, "lock_down": {"until": "1970-01-01T02:00:00.000Z"}}
    assert of(DOOR_A, world(orders=orders))["door"]["lock_down"] == {"until": None}


def test_under_a_lock_down_no_hours_open_by_themselves() -> None:
    """A panel that knows nothing of lock-downs would go by its opening hours."""
    door = replace(GATE, open_schedule=OFFICE)
    assert of(door, world(door))["door"]["open_schedule"] == OFFICE
    locked = world(door, orders=[DoorOrder("o-1", OrderKind.LOCK_DOWN, until_ms=1)])
    told = of(door, locked)["door"]
    assert told == {"schedule": None, "open_schedule": None, "lock_down": {"until": "1970-01-01T00:00:00.001Z"}}
    assert of(door, locked, now_ms=1)["door"] == of(door, world(door))["door"], "it is over"


def test_equal_worlds_give_equal_digests_and_others_do_not() -> None:
    first, again = (DeviceConfigs(world(), 0).of(GATE) for _ in range(2))
    assert digest(first) == digest(again)
    assert payload(first, 7) != payload(first, 8)
    assert digest(DeviceConfigs(world(), 0).of(replace(GATE, name="Gate 2"))) != digest(first)


def test_what_would_be_too_long_is_left_out_and_named() -> None:
    crowd = [home(str(number), name="N" * 60, has_handset=True) for number in range(1, 3000)]
    body = payload(DeviceConfigs(world(apartments=[*HOMES[:1], *crowd]), 0).of(GATE), 7)
    told = json.loads(body)
    assert len(body) <= MAX_CONFIG_BYTES
    assert told["left_out"] == ["contacts"]
    assert len(told["whitelist"]) == 3000
    assert told["relays"]


def test_an_ack_names_the_revision() -> None:
    assert confirmed_revision(config_id(12)) == 12
    assert confirmed_revision("12") == 12
    for other in ("", "config-", "config--1", "x", "config-٣", "9" * 40):
        assert confirmed_revision(other) is None


def test_nothing_secret_is_in_it() -> None:
    told = json.dumps([of(each) for each in (GATE, DOOR_A, MONITOR, GUARD)])
    assert "password" not in told
    assert "50000001" not in told, "an app's number is nobody's business at a door"


def test_the_weather_is_for_indoor_monitors_alone():
    snapshot = world()
    weather = {"temperature_c": 12, "condition": "rain", "at": "2027-01-06T12:00:00Z"}
    with_it, without = DeviceConfigs(snapshot, 0, weather), DeviceConfigs(snapshot, 0)
    assert with_it.of(MONITOR) == {**without.of(MONITOR), "weather": weather}
    for other in (GATE, GUARD):
        assert with_it.of(other) == without.of(other)
