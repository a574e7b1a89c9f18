"""A community for tests of calls: two buildings, an apartment of each kind, doors, guards.

Building "A" has apartments 101 (call type 5, everything in it), 102 (one monitor), 103 … as named below; building
"B 2" has a 101 too.
"""

from dataclasses import replace
from typing import Any

from edge.core.plan import make_plan
from edge.core.plan_legs import Circumstances
from edge.core.settings import CallSettings
from edge.core.snapshot import Snapshot, build
from models.access import UnlockMethod
from models.call import Caller, CallPlan, CallType
from models.community import Apartment, Building, Community, Resident
from models.device import Device, DeviceType, Place, Relay
from models.ids import ApartmentId, BuildingId, CommunityId, DeviceId, Mac, ResidentId, SipUser
from models.service import Activation, ServiceState

NOW_MS = 1_767_268_800_000
A, B = BuildingId("b-a"), BuildingId("b-b")
DTMF = frozenset({UnlockMethod.DTMF})


def apartment(number: str, building: BuildingId = A, **fields: Any) -> Apartment:
    return Apartment(ApartmentId(f"a-{building[-1]}{number}"), building, number, **fields)


def device(number: int, name: str, kind: DeviceType, **fields: Any) -> Device:
    identity = DeviceId(f"d-{number}")
    return Device(identity, Mac(f"0c11050000{number:02x}"), name, kind, SipUser(f"100000{number:02}"), **fields)


def monitor(number: int, name: str, home: Apartment, **fields: Any) -> Device:
    return device(number, name, DeviceType.INDOOR_MONITOR, place=Place.APARTMENT, apartment=home.id, **fields)


def resident(number: int, name: str, *homes: Apartment, **fields: Any) -> Resident:
    first, last = name.split()
    return Resident(
        ResidentId(f"r-{first.lower()}"),
        tuple(h.id for h in homes),
        first,
        last,
        SipUser(f"200000{number:02}"),
        **fields,
    )


A101 = apartment("101", call_type=CallType(5), landlines=("+43111222333", "+43444555666"), network_group="g1")
A102 = apartment("102", network_group="g1")
A103 = apartment("103")  # nothing, not whitelisted
A104 = apartment("104", whitelisted=True)  # app only
A105 = apartment("105", has_handset=True)
A106 = apartment("106", service=ServiceState.BLOCKED)
A107 = apartment("107", service=ServiceState.OFF)
A2_123 = apartment("2#123")
B101 = apartment("101", B)
B201 = apartment("201", B)
APARTMENTS = (A101, A102, A103, A104, A105, A106, A107, A2_123, B101, B201)

GATE = device(1, "Gate", DeviceType.DOOR_PHONE, network_group="g1")
DOOR_A = device(
    2,
    "Entrance",
    DeviceType.DOOR_PHONE,
    place=Place.BUILDING,
    buildings=frozenset({A}),
    network_group="g1",
    relays=(
        Relay(1, methods=DTMF, dtmf="1"),
        Relay(2, methods=frozenset({UnlockMethod.PIN}), dtmf="2"),
        Relay(3, methods=DTMF, dtmf="3", enabled=False),
        Relay(4, methods=DTMF),
        Relay(1, security=True, methods=DTMF, dtmf="9#"),
    ),
)
DOOR_B = device(3, "entrance", DeviceType.DOOR_PHONE_SINGLE, place=Place.BUILDING, buildings=frozenset({B}))
PRIVATE = device(4, "Flat door", DeviceType.DOOR_PHONE_SINGLE, place=Place.APARTMENT, apartment=A102.id)
GUARD_1 = device(5, "Porter", DeviceType.GUARD_PHONE, network_group="g1")
GUARD_2 = device(6, "Night porter", DeviceType.GUARD_PHONE)
GUARD_OFF = device(7, "Old porter", DeviceType.GUARD_PHONE, enabled=False)
MON_101 = monitor(11, "Living room", A101)
MON_101_OFF = monitor(12, "Cellar", A101, enabled=False)
MON_102 = monitor(13, "Hall", A102)
MON_106 = monitor(14, "Blocked hall", A106)
MON_107 = monitor(15, "Off hall", A107)
MON_B101 = monitor(16, "B hall", B101)
MON_B201 = monitor(17, "B lounge", B201)
MON_2_123 = monitor(18, "Long hall", A2_123)
DEVICES = (
    GATE, DOOR_A, DOOR_B, PRIVATE, GUARD_1, GUARD_2, GUARD_OFF, MON_101, MON_101_OFF, MON_102, MON_106, MON_107,
    MON_B101, MON_B201, MON_2_123,
)  # fmt: skip

ANN = resident(1, "Ann Able", A101, A106)
BOB = resident(2, "Bob Baker", A101, activation=Activation.EXPIRED)
CAT = resident(3, "Cat Cook", A104)
DAN = resident(4, "Dan Dean", A106)
EVE = resident(5, "Eve East", A102, activation_until_ms=NOW_MS)
OFF = resident(6, "Olaf Off", A107)
RESIDENTS = (ANN, BOB, CAT, DAN, EVE, OFF)

COMMUNITY = Community(CommunityId("c-test"), "Test", "Europe/Vienna", community_calls=True, landline_service=True)


def snapshot(**changes: Any) -> Snapshot:
    """The community; *changes* are fields of `Community`."""
    return build(
        1,
        replace(COMMUNITY, **changes),
        buildings=(Building(A, "A"), Building(B, "B 2")),
        apartments=APARTMENTS,
        residents=RESIDENTS,
        devices=DEVICES,
        caller_whitelist=("+43900900900",),
        emergency_numbers=("+43133000144", "112"),
    )


HOUSE = snapshot()


def caller(who: Device | Resident | Caller | str) -> Caller:
    match who:
        case Caller():
            return who
        case Device():
            return Caller(who.sip_user, device=who.id)
        case Resident():
            return Caller(who.sip_user, resident=who.id)
        case _:
            return Caller(None, trunk_number=who)


def plan(
    who: Device | Resident | Caller | str,
    dialled: str,
    house: Snapshot = HOUSE,
    settings: CallSettings | None = None,
    trunk: bool = True,
) -> CallPlan:
    return make_plan(Circumstances(house, settings or CallSettings(), trunk, NOW_MS), caller(who), dialled)
