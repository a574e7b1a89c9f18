"""A panel holds what the rules would grant it, and nothing that needs the edge's eye."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from edge.core.access import DoorState, decide
from edge.core.panel_rights import PanelRights, digest_of, method_of
from edge.core.snapshot import Snapshot, build
from models.access import Area, Attempt, Credential, CredentialKind, Home, Origin, Passback, Reason, UnlockMethod
from models.device import AreaSide, Device, Place, Relay
from models.ids import AreaId, CredentialId, DeviceId
from models.schedule import Schedule, WeeklyRow
from models.service import AccessPermission, FeaturePlan, PinMode, ServiceState
from tests.unit.edge.core import door_house
from tests.unit.edge.core.door_house import A101, A102, DOOR_A, GATE, NOW_MS, OFFICE_HOURS, PRIVATE, TAGGER, door

CARD, PIN = "04A1B2C3D4", "719264"
KEYS = {CredentialKind.PIN: PIN}
ABOUT_TIME = {Reason.NOT_YET_VALID, Reason.OUTSIDE_SCHEDULE}
"""What a panel judges by itself, from what it was told."""


def credential(kind: CredentialKind = CredentialKind.RF_CARD, **changes: Any) -> Credential:
    value = KEYS.get(kind, CARD)
    told: dict[str, Any] = {"apartment": A101, "home": Home.BOTH, **changes}
    return Credential(CredentialId("k-1"), kind, TAGGER.tag(kind, value), **told)


def world(held: Credential, *devices: Device, **community: Any) -> Snapshot:
    base = door_house.house()
    return build(
        base.revision,
        replace(base.community, **community),
        buildings=base.buildings.values(),
        apartments=base.apartments.values(),
        residents=base.residents.values(),
        devices=devices or [d for d in base.devices.values()],
        schedules=[Schedule(OFFICE_HOURS, "Office", (WeeklyRow(0, 480, 1080),))],
        credentials=[held],
        areas=[Area(AreaId("z-hard"), "Hard", Passback.HARD), Area(AreaId("z-soft"), "Soft")],
    )


def holders(held: Credential, *devices: Device, **community: Any) -> set[DeviceId]:
    return set(PanelRights(world(held, *devices, **community), NOW_MS).doors_of(held))


def test_it_goes_to_the_doors_that_serve_its_holder() -> None:
    assert holders(credential()) >= {GATE, DOOR_A}
    assert holders(credential(doors=frozenset({GATE}))) == {GATE}
    assert GATE not in holders(credential(home=Home.EDGE))


@pytest.mark.parametrize(
    "spoiled",
    [
        door(GATE, enabled=False),
        door(GATE, relays=()),
        door(GATE, relays=(Relay(1, methods=frozenset({UnlockMethod.PIN})),)),
        door(GATE, relays=(Relay(1, methods=frozenset(UnlockMethod), two_factor=True),)),
        door(GATE, interlock="lobby"),
        door(GATE, area=AreaId("z-hard"), area_side=AreaSide.ENTRY),
    ],
    ids=["disabled", "no relay", "other methods", "card and PIN", "interlock", "hard passback"],
)
def test_what_needs_the_edge_keeps_it_away(spoiled: Device) -> None:
    assert holders(credential(), spoiled) == set()


@pytest.mark.parametrize(
    "changes",
    [{"uses_left": 5}, {"valid_until_ms": NOW_MS}, {"apartment": "a-nowhere"}, {"schedule": "s-gone"}],
    ids=["uses", "over", "home", "hours"],
)
def test_what_a_panel_cannot_keep_count_of_stays_at_the_edge(changes: dict[str, Any]) -> None:
    assert holders(credential(**changes)) == set()


def test_service_plan_and_permission_count() -> None:
    off = replace(door_house.house().apartments[A101], service=ServiceState.OFF)
    blocked = replace(off, service=ServiceState.BLOCKED)
    card, pin = CredentialKind.RF_CARD, CredentialKind.PIN
    for home, kind, held in ((off, card, False), (blocked, card, True), (blocked, pin, False)):
        snapshot = world(credential(kind), door(GATE))
        changed = replace(snapshot, apartments={**snapshot.apartments, A101: home})
        assert bool(set(PanelRights(changed, NOW_MS).doors_of(credential(kind)))) is held
    assert holders(credential(CredentialKind.PIN), door(GATE), plan=FeaturePlan.BASIC) == set()
    private = door(PRIVATE, place=Place.APARTMENT, apartment=A101)
    managers = credential(origin=Origin.MANAGER)
    assert holders(managers, private, permission=AccessPermission.PUBLIC_ONLY) == set()
    assert holders(managers, private) == {PRIVATE}


def test_whoever_holds_it_would_be_granted_by_the_edge() -> None:
    """Or is refused for the time only, which the panel judges by what it was told."""
    kinds = (CredentialKind.RF_CARD, CredentialKind.PIN, CredentialKind.FACE)
    for kind, home, mode in product(kinds, (A101, A102), PinMode):
        for held in _variants(kind, home):
            snapshot = world(held, pin_mode=mode)
            method = method_of(kind, mode)
            for identity in PanelRights(snapshot, NOW_MS).doors_of(held):
                apartment = snapshot.apartments[home]
                attempt = Attempt(
                    "t", snapshot.devices[identity].mac, method, KEYS.get(kind, CARD), NOW_MS, apartment.number,
                    snapshot.buildings[apartment.building].name,
                )  # fmt: skip
                reason = decide(attempt, snapshot, DoorState(), NOW_MS, TAGGER).decision.reason
                assert reason is Reason.GRANTED or reason in ABOUT_TIME


def _variants(kind: CredentialKind, home: Any) -> Iterable[Credential]:
    base = credential(kind, apartment=home)
    yield base
    yield replace(base, valid_from_ms=NOW_MS + 1)
    yield replace(base, schedule=OFFICE_HOURS)
    yield replace(base, doors=frozenset({DOOR_A}))
    yield replace(base, origin=Origin.MANAGER)


def test_the_version_changes_with_whatever_the_panel_is_told() -> None:
    snapshot = world(credential())
    rights = PanelRights(snapshot, NOW_MS)
    first = rights.version(credential())
    others = [
        credential(valid_until_ms=NOW_MS + 1),
        credential(schedule=OFFICE_HOURS),
        credential(home=Home.PANEL),
        replace(credential(), tag=TAGGER.tag(CredentialKind.RF_CARD, "04FFFFFF")),
    ]
    assert first == rights.version(credential())
    assert len({first, *map(rights.version, others)}) == 5
    wider = {**snapshot.schedules, OFFICE_HOURS: Schedule(OFFICE_HOURS, "Office", (WeeklyRow(0, 0, 1440),))}
    timed = credential(schedule=OFFICE_HOURS)
    assert PanelRights(replace(snapshot, schedules=wider), NOW_MS).version(timed) != rights.version(timed)


def test_neither_entry_nor_version_gives_a_value_away() -> None:
    told = str(PanelRights(world(credential()), NOW_MS).entry(credential()))
    assert CARD not in told
    assert credential().tag.hex() not in told


def test_the_digest_is_of_lines_that_a_panel_can_make() -> None:
    assert digest_of({}) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    one, two = CredentialId("k-1"), CredentialId("k-2")
    assert digest_of({two: "b", one: "a"}) == digest_of({one: "a", two: "b"})
    assert digest_of({one: "a"}) != digest_of({one: "b"})
