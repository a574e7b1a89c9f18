"""How long a decision takes with 100,000 credentials in memory, the HMAC of the value included.

Run it as ``python -m benchmarks.decision``; it prints rows of a Markdown table.
"""

import gc
import platform
import random
import statistics
import time
from collections.abc import Callable

from edge.core.access import DoorState, decide
from edge.core.snapshot import Snapshot, build
from edge.core.tags import Tagger
from models.access import Area, Attempt, Credential, CredentialKind, UnlockMethod
from models.community import Apartment, Building, Community
from models.device import AreaSide, Device, DeviceType, Relay
from models.ids import ApartmentId, AreaId, BuildingId, CommunityId, CredentialId, DeviceId, Mac, ScheduleId, SipUser
from models.schedule import Schedule, WeeklyRow

CREDENTIALS = 100_000
APARTMENTS = 5_000
ATTEMPTS = 50_000
NOW_MS = 1_767_268_800_000
COMMUNITY = Community(CommunityId("c-bench"), "Bench", "Europe/Berlin")
TAGGER = Tagger(b"benchmark pepper", COMMUNITY.id)
DOOR = Device(
    DeviceId("d-1"),
    Mac("0c1105000001"),
    "Gate",
    DeviceType.DOOR_PHONE,
    SipUser("10000001"),
    relays=(Relay(1, methods=frozenset(UnlockMethod)),),
)
STRICT = Device(
    DeviceId("d-2"),
    Mac("0c1105000002"),
    "Strict",
    DeviceType.DOOR_PHONE,
    SipUser("10000002"),
    relays=(Relay(1, methods=frozenset(UnlockMethod), schedule=ScheduleId("s-1")),),
    interlock="yard",
    area=AreaId("z-1"),
    area_side=AreaSide.ENTRY,
)
WEEK = Schedule(ScheduleId("s-1"), "all week", tuple(WeeklyRow(day, 0, 24 * 60) for day in range(7)))


def card(number: int) -> str:
    return f"{number * 2_654_435_761 % 2**32:08X}"


def pin(number: int) -> str:
    return f"{number * 7_368_787 % 10**8:08}"


def community() -> Snapshot:
    """Half cards, half PINs; every tenth has a schedule, a validity and a use count."""
    homes = [Apartment(ApartmentId(f"a-{n}"), BuildingId("b-1"), str(n)) for n in range(APARTMENTS)]
    credentials = []
    for n in range(CREDENTIALS):
        kind, value = (CredentialKind.RF_CARD, card(n)) if n % 2 else (CredentialKind.PIN, pin(n))
        limits = {"schedule": WEEK.id, "valid_until_ms": NOW_MS + 1, "uses_left": 3} if n % 10 < 2 else {}
        home = homes[n % APARTMENTS].id
        credentials.append(Credential(CredentialId(f"k-{n}"), kind, TAGGER.tag(kind, value), home, **limits))  # type: ignore[arg-type]
    return build(
        1,
        COMMUNITY,
        buildings=[Building(BuildingId("b-1"), "1")],
        apartments=homes,
        devices=[DOOR, STRICT],
        areas=[Area(AreaId("z-1"), "Cellar")],
        schedules=[WEEK],
        credentials=credentials,
    )


def attempts(value_of: Callable[[int], str], method: UnlockMethod, parity: int, door: Device = DOOR) -> list[Attempt]:
    chosen = random.Random(1)
    numbers = [chosen.randrange(CREDENTIALS // 2) * 2 + parity for _ in range(ATTEMPTS)]
    return [Attempt(str(i), door.mac, method, value_of(n), NOW_MS) for i, n in enumerate(numbers)]


def measure(snapshot: Snapshot, tried: list[Attempt]) -> list[float]:
    """Microseconds of each decision, sorted."""
    took = []
    for attempt in tried:
        began = time.perf_counter_ns()
        decide(attempt, snapshot, DoorState(), NOW_MS, TAGGER)
        took.append((time.perf_counter_ns() - began) / 1_000)
    return sorted(took)


def main() -> None:
    began = time.perf_counter()
    snapshot = community()
    built_s = time.perf_counter() - began
    cases = {
        "card, known": attempts(card, UnlockMethod.RF_CARD, 1),
        "card, door with hours, interlock, area": attempts(card, UnlockMethod.RF_CARD, 1, STRICT),
        "PIN, known": attempts(pin, UnlockMethod.PIN, 0),
        "PIN, wrong": attempts(lambda n: pin(n)[:-1], UnlockMethod.PIN, 0),
    }
    measure(snapshot, cases["card, known"][:5_000])
    gc.collect()
    gc.freeze()  # as the daemon does with what it loads at the start
    print(f"{CREDENTIALS:,} credentials, built in {built_s:.1f} s; Python {platform.python_version()}")
    print("\n| decision | p50 us | p99 us | max us |\n|---|---|---|---|")
    for name, tried in cases.items():
        took = measure(snapshot, tried)
        p99 = statistics.quantiles(took, n=100)[98]
        print(f"| {name} | {statistics.median(took):.1f} | {p99:.1f} | {took[-1]:.0f} |")


if __name__ == "__main__":
    main()
