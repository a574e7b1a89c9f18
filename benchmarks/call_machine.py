"""What thinking about a call costs: its plan, and the machine from INVITE to BYE.

Run it as ``python -m benchmarks.call_machine``; it prints rows of a Markdown table.
"""

import platform
import statistics
import time
from collections.abc import Callable

from edge.core.call import CallMachine
from edge.core.call_events import (
    CallerConfirmed,
    CallerHungUp,
    ContactRef,
    Digit,
    DigitCarrier,
    Event,
    LegAnswered,
    LegRinging,
    Opened,
    Start,
    Tick,
)
from edge.core.plan import make_plan
from edge.core.plan_legs import Circumstances
from edge.core.settings import CallSettings
from edge.core.snapshot import Snapshot, build
from models.access import UnlockMethod
from models.call import Caller, CallPlan, CallType, Target
from models.community import Apartment, Building, Community, Resident
from models.device import Device, DeviceType, Place, Relay
from models.ids import ApartmentId, BuildingId, CallId, CommunityId, DeviceId, Mac, ResidentId, SipUser

APARTMENTS = 2_000
ROUNDS = 3_000
NOW_MS = 1_767_268_800_000
SETTINGS = CallSettings()
DOOR = Device(
    DeviceId("d-0"),
    Mac("0c1105000000"),
    "Gate",
    DeviceType.DOOR_PHONE,
    SipUser("10000000"),
    relays=(Relay(1, methods=frozenset(UnlockMethod), dtmf="1"),),
)
ANSWERED: list[tuple[Event, float]] = [
    (Start(), 0.0),
    (LegRinging(0), 0.1),
    (LegRinging(1), 0.1),
    (LegAnswered(0), 3.0),
    (CallerConfirmed(), 3.1),
    (Digit(0, "1", DigitCarrier.RFC4733), 4.0),
    (Opened("1"), 4.0),
    (CallerHungUp(), 9.0),
]
SILENT: list[tuple[Event, float]] = [(Start(), 0.0), *((Tick(), 20.0 * turn) for turn in range(1, 5))]


def community() -> Snapshot:
    """Every apartment has two monitors, two apps and two landlines."""
    homes = [
        Apartment(
            ApartmentId(f"a-{n}"), BuildingId("b-1"), str(n), call_type=CallType(5), landlines=("+43111", "+43222")
        )
        for n in range(APARTMENTS)
    ]
    monitors = [
        Device(
            DeviceId(f"d-{n}"),
            Mac(f"0c11{n:08x}"),
            f"Monitor {n}",
            DeviceType.INDOOR_MONITOR,
            SipUser(f"{10_000_000 + n}"),
            place=Place.APARTMENT,
            apartment=homes[n % APARTMENTS].id,
        )
        for n in range(1, 2 * APARTMENTS + 1)
    ]
    residents = [
        Resident(ResidentId(f"r-{n}"), (homes[n % APARTMENTS].id,), "Ann", str(n), SipUser(f"{50_000_000 + n}"))
        for n in range(2 * APARTMENTS)
    ]
    return build(
        1,
        Community(CommunityId("c-bench"), "Bench", "Europe/Berlin", landline_service=True),
        buildings=[Building(BuildingId("b-1"), "1")],
        apartments=homes,
        devices=[DOOR, *monitors],
        residents=residents,
    )


def reach(target: Target) -> tuple[ContactRef, ...]:
    return (ContactRef(target.address),)


def call(plan: CallPlan, events: list[tuple[Event, float]]) -> None:
    machine = CallMachine(CallId("c-1"), plan, "Gate", "7", NOW_MS, reach, SETTINGS)
    for event, now in events:
        machine.feed(event, now)
    if machine.record.ended_by is None:
        raise RuntimeError("the call did not end")


def measure(work: Callable[[], object]) -> list[float]:
    """Microseconds of each round."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        work()
        took.append((time.perf_counter_ns() - began) / 1_000)
    return took


def main() -> None:
    snapshot = community()
    about = Circumstances(snapshot, SETTINGS, True, NOW_MS)
    caller = Caller(DOOR.sip_user, device=DOOR.id)
    plan = make_plan(about, caller, "7")
    cases: dict[str, Callable[[], object]] = {
        f"plan, {APARTMENTS:,} apartments": lambda: make_plan(about, caller, "7"),
        "answered call, 8 events": lambda: call(plan, ANSWERED),
        "call type 5 to the end, silent": lambda: call(plan, SILENT),
    }
    print(f"Python {platform.python_version()}, {ROUNDS:,} rounds")
    print("\n| what | p50 us | p99 us |\n|---|---|---|")
    for name, work in cases.items():
        took = measure(work)
        print(f"| {name} | {statistics.median(took):.1f} | {statistics.quantiles(took, n=100)[98]:.1f} |")


if __name__ == "__main__":
    main()
