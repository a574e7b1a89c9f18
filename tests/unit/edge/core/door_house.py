"""A small community with doors of every kind, for tests of access."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from edge.core.snapshot import Snapshot, build
from edge.core.tags import Tagger, hint, normalised
from models.access import Area, Attempt, Credential, CredentialKind, DoorOrder, UnlockMethod
from models.community import Apartment, Building, Community, Resident
from models.device import Device, DeviceType, Place, Relay
from models.ids import (
    ApartmentId,
    BuildingId,
    CommunityId,
    CredentialId,
    DeviceId,
    Mac,
    ResidentId,
    ScheduleId,
    SipUser,
)
from models.schedule import Schedule
from models.service import Activation, ServiceState

NOW_MS = 1_767_268_800_000  # Thursday 2026-01-01 12:00 UTC, 13:00 in Berlin
DAY_MS = 86_400_000
SITE = CommunityId("c-test")
TAGGER = Tagger(b"0123456789abcdef", SITE)

A, B = BuildingId("b-a"), BuildingId("b-b")
A101, A102, B101, B201, BLOCKED, OFF = (
    ApartmentId(f"a-{name}") for name in ("a101", "a102", "b101", "b201", "blocked", "off")
)
GATE, DOOR_A, PRIVATE, MONITOR, BROKEN, ACCESS = (
    DeviceId(f"d-{name}") for name in ("gate", "door-a", "private", "monitor", "broken", "access")
)
MAC_OF = {
    device: Mac(f"0c110500000{n}") for n, device in enumerate((GATE, DOOR_A, PRIVATE, MONITOR, BROKEN, ACCESS), start=1)
}
ANN, BOB, CAT = ResidentId("r-ann"), ResidentId("r-bob"), ResidentId("r-cat")
OFFICE_HOURS = ScheduleId("s-office")

ALL_METHODS = frozenset(UnlockMethod)


def door(device: DeviceId, **changes: Any) -> Device:
    """A public door phone serving all buildings, with a relay for everything."""
    wanted: dict[str, Any] = {
        "name": device.removeprefix("d-"),
        "type": DeviceType.DOOR_PHONE,
        "relays": (Relay(1, methods=ALL_METHODS, hold_s=3, dtmf="1"),),
        **changes,
    }
    sip_user = SipUser(f"1000000{MAC_OF[device][-1]}")
    return Device(id=device, mac=MAC_OF[device], sip_user=sip_user, **wanted)


DEVICES = (
    door(
        GATE,
        relays=(
            Relay(1, methods=ALL_METHODS, hold_s=3, dtmf="1"),
            Relay(2, methods=frozenset({UnlockMethod.RF_CARD}), enabled=False),
            Relay(1, security=True, methods=frozenset({UnlockMethod.RF_CARD, UnlockMethod.REMOTE}), hold_s=7),
        ),
        fire_group="yard",
    ),
    door(DOOR_A, place=Place.BUILDING, buildings=frozenset({A}), fire_group="yard"),
    door(PRIVATE, place=Place.APARTMENT, apartment=A101, buildings=frozenset(), type=DeviceType.DOOR_PHONE_SINGLE),
    door(MONITOR, place=Place.APARTMENT, apartment=A101, type=DeviceType.INDOOR_MONITOR, relays=()),
    door(BROKEN, enabled=False),
    door(ACCESS, type=DeviceType.ACCESS_CONTROL, relays=(Relay(1, methods=frozenset({UnlockMethod.RF_CARD})),)),
)

APARTMENTS = (
    Apartment(A101, A, "101", floor="1", accessible_floors=("B1", "1"), web_relay=4),
    Apartment(A102, A, "102", floor="1"),
    Apartment(B101, B, "101", floor="1"),
    Apartment(B201, B, "201", floor="2"),
    Apartment(BLOCKED, A, "103", service=ServiceState.BLOCKED),
    Apartment(OFF, A, "104", service=ServiceState.OFF),
)

RESIDENTS = (
    Resident(ANN, (A101, B201), "Ann", "Ames", SipUser("50000001")),
    Resident(BOB, (A102,), "Bob", "Brook", SipUser("50000002"), activation=Activation.EXPIRED),
    Resident(CAT, (BLOCKED, A102), "Cat", "Carr", SipUser("50000003")),
)


def credential(
    kind: CredentialKind, value: str, apartment: ApartmentId = A101, *, id: str = "", **changes: Any
) -> Credential:
    """A credential of *value*; its id is the value itself unless given."""
    spelled = normalised(kind, value)
    assert spelled is not None
    return Credential(
        CredentialId(id or f"k-{kind.value}-{value}"),
        kind,
        TAGGER.tag(kind, spelled),
        apartment,
        hint=hint(kind, spelled),
        **changes,
    )


def house(
    credentials: Iterable[Credential] = (),
    *,
    devices: Iterable[Device] = DEVICES,
    apartments: Iterable[Apartment] = APARTMENTS,
    schedules: Iterable[Schedule] = (),
    orders: Iterable[DoorOrder] = (),
    areas: Iterable[Area] = (),
    **community: Any,
) -> Snapshot:
    return build(
        1,
        replace(Community(SITE, "Test", "Europe/Berlin"), **community),
        buildings=(Building(A, "A"), Building(B, "B")),
        apartments=apartments,
        residents=RESIDENTS,
        devices=devices,
        schedules=schedules,
        orders=orders,
        areas=areas,
        credentials=credentials,
        caller_whitelist=("+4930123456",),
    )


def attempt(
    value: str = "482915", method: UnlockMethod = UnlockMethod.PIN, *, at: DeviceId = GATE, id: str = "t1", **more: Any
) -> Attempt:
    return Attempt(id, MAC_OF.get(at, Mac("0c11050000ff")), method, value, NOW_MS, **more)
