"""No sequence of cards, contacts, buttons, orders, clocks and restarts opens what interlock, area and lock-down refuse.

The whole history is kept, and each grant is held against what it says, slowly and without the desk's own memory.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.snapshot import Snapshot, with_orders
from models.access import Area, CredentialKind, DoorOrder, OrderKind, Passback, UnlockMethod
from models.device import AreaSide
from models.device_events import DeviceEventType
from models.ids import AreaId, DeviceId
from tests.unit.edge.core.door_house import ANN, BOB, DEVICES, DOOR_A, GATE, MAC_OF, attempt, credential, house
from tests.unit.edge.doors.desk_kit import House, event, house_open

CARD = CredentialKind.RF_CARD
HOLD_S, PULLED_S, PASSES_S, FORGET_S = 3, 2, 15, 3_600
CARDS = {"04A1B2C3D4": ANN, "04FFEE0011": BOB}
DOORS = (GATE, DOOR_A)
OPENED, CLOSED, EXIT = DeviceEventType.DOOR_OPENED, DeviceEventType.DOOR_CLOSED, DeviceEventType.EXIT_BUTTON
LOCK = DoorOrder("o-1", OrderKind.LOCK_DOWN)


def other(door: DeviceId) -> DeviceId:
    return DOOR_A if door == GATE else GATE


def place() -> Snapshot:
    """Two doors of one interlock; the gate leads into a hard area, door A out of it; both have contacts."""
    sides = {GATE: AreaSide.ENTRY, DOOR_A: AreaSide.EXIT}
    devices = [
        replace(door, interlock="yard", area=AreaId("z"), area_side=sides[door.id], relays=door.relays[:1])
        for door in DEVICES[:2]
    ]
    held = [credential(CARD, value, resident=who) for value, who in CARDS.items()]
    return house(held, devices=devices, areas=[Area(AreaId("z"), "Cellar", Passback.HARD, forget_h=1)])


@dataclass(frozen=True)
class Card:
    value: str
    door: DeviceId


@dataclass(frozen=True)
class Report:
    kind: DeviceEventType
    door: DeviceId


@dataclass(frozen=True)
class Presence:
    door: DeviceId
    online: bool


@dataclass(frozen=True)
class Wait:
    seconds: int


@dataclass(frozen=True)
class Jump:
    seconds: int


@dataclass(frozen=True)
class Order:
    lock: bool


@dataclass(frozen=True)
class Restart:
    pass


Step = Card | Report | Presence | Wait | Jump | Order | Restart

at_doors = st.sampled_from(DOORS)
cards = st.builds(Card, st.sampled_from(list(CARDS)), at_doors)
reports = st.builds(Report, st.sampled_from([OPENED, CLOSED, CLOSED, EXIT, DeviceEventType.FIRE]), at_doors)
rest = st.one_of(
    st.builds(Presence, at_doors, st.booleans()),
    st.builds(Wait, st.sampled_from([1, 2, 5, 14, 15, 16, 600, 3_599, 3_600])),
    st.builds(Jump, st.sampled_from([-86_400, -3_600, 3_600, 86_400])),
    st.builds(Order, st.booleans()),
    st.just(Restart()),
)
paths = st.lists(st.one_of(cards, cards, reports, reports, rest), min_size=10, max_size=80)


@dataclass
class History:
    """What happened, by the monotonic clock."""

    entries: list[tuple[int, str, DeviceId, str]] = field(default_factory=list)  # when, what, door, who
    ahead_s: int = 0  # how far the wall clock has jumped
    walls: list[int] = field(default_factory=list)  # the wall clock at each entry

    def note(self, now_s: int, what: str, door: DeviceId, who: str = "") -> None:
        self.entries.append((now_s, what, door, who))
        self.walls.append(now_s + self.ahead_s)

    def age_s(self, number: int, now_s: int) -> int:
        """Of an entry, as a daemon can know it: over a restart by the wall clock alone."""
        restarts = [later for later in range(number + 1, len(self.entries)) if self.entries[later][1] == "restart"]
        if not restarts:
            return now_s - self.entries[number][0]
        last = restarts[-1]
        return max(0, self.walls[last] - self.walls[number]) + now_s - self.entries[last][0]

    def last(self, door: DeviceId, *kinds: str) -> tuple[int, str] | None:
        found = [(at, what) for at, what, where, _ in self.entries if where == door and what in kinds]
        return found[-1] if found else None

    def stands_open(self, door: DeviceId) -> bool:
        """Reported open, by a device that has been there ever since."""
        last = self.last(door, "opened", "closed", "offline")
        return last is not None and last[1] == "opened"

    def released(self, door: DeviceId, now_s: int) -> bool:
        last = self.last(door, "released", "closed", "restart")
        return last is not None and last[1] == "released" and now_s < last[0] + HOLD_S + PULLED_S

    def inside(self, who: str, now_s: int) -> bool:
        """Went in, by a door that opened within its time, and has not come out since."""
        went: tuple[int, bool] | None = None
        for number, (at_s, what, door, _) in enumerate(self.entries):
            if what != "opened":
                continue
            for then_s, before, where, holder in reversed(self.entries[:number]):
                if where == door and before in ("opened", "restart"):
                    break  # those let through before are through, or forgotten
                if where == door and before == "released" and holder == who and at_s < then_s + PASSES_S:
                    went = (number, door == GATE)
                    break
        return went is not None and went[1] and self.age_s(went[0], now_s) < FORGET_S


class Walk:
    def __init__(self, h: House) -> None:
        self.h = h
        self.history = History()
        self.number = 0
        self.locked = False
        self.now_s = 0
        self.online: dict[DeviceId, bool] = {}

    async def step(self, step: Step) -> None:
        self.number += 1
        match step:
            case Card():
                await self.card(step)
            case Report():
                await self.report(step)
            case Presence(door, online):
                await self.h.desk.presence(MAC_OF[door], online)
                self.online[door] = online
                if not online:
                    self.history.note(self.now_s, "offline", door)
            case Wait(seconds):
                self.h.clock.advance(seconds)
                self.now_s += seconds
            case Jump(seconds):
                self.h.clock.wall_ms += seconds * 1_000
                self.history.ahead_s += seconds
            case Order(lock):
                self.locked = lock
                self.h.world.snapshot = with_orders(self.h.world.snapshot, (LOCK,) if lock else ())

    async def card(self, step: Card) -> None:
        identity = f"c{self.number}"
        await self.h.desk.attempt(attempt(step.value, UnlockMethod.RF_CARD, at=step.door, id=identity))
        answer = self.h.plane.answers()[-1]
        if not answer["granted"]:
            assert answer["reason"] == "not_allowed"
            return
        who = CARDS[step.value]
        assert not self.locked
        assert not self.history.stands_open(other(step.door))
        assert not self.history.released(other(step.door), self.now_s)
        assert step.door != GATE or not self.history.inside(who, self.now_s)
        self.history.note(self.now_s, "released", step.door, who)

    async def report(self, step: Report) -> None:
        opened = len(self.h.plane.opened)
        await self.h.desk.event(event(step.kind, at=step.door, id=f"e{self.number}"))
        await self.h.settle(4)
        now = [mac for mac, _ in self.h.plane.opened[opened:]]
        if step.kind in (OPENED, CLOSED):
            assert now == []
            self.history.note(self.now_s, "opened" if step.kind is OPENED else "closed", step.door)
            return
        assert MAC_OF[step.door] in now  # whoever wants out gets out
        doors = DOORS if step.kind is DeviceEventType.FIRE else (step.door,)
        for door in doors:
            self.history.note(self.now_s, "released", door)


async def walked(path: list[Step]) -> None:
    async with AsyncExitStack() as stack:
        walk = Walk(await stack.enter_async_context(house_open(place())))
        for door in DOORS:
            await walk.step(Presence(door, online=True))
            await walk.step(Report(CLOSED, door))
        for step in path:
            if isinstance(step, Restart):
                await stack.aclose()
                h = walk.h
                again = house_open(h.world.snapshot, ledger=h.ledger, clock=h.clock)
                walk.h = await stack.enter_async_context(again)
                for door in DOORS:
                    walk.history.note(walk.now_s, "restart", door)
                    if not walk.online[door]:  # what it said while it was away is not believed to be so still
                        walk.history.note(walk.now_s, "offline", door)
            else:
                await walk.step(step)
        assert all(verb == "hold" for _, verb, _ in walk.h.plane.commands)


@settings(max_examples=150, deadline=None)
@given(paths)
def test_no_sequence_opens_what_the_doors_refuse(path: list[Step]) -> None:
    asyncio.run(walked(path))


def test_a_wall_clock_that_jumped_before_a_restart_is_believed() -> None:
    """Nothing else tells how long the daemon was away."""
    card = Card(next(iter(CARDS)), GATE)
    asyncio.run(walked([Wait(1), card, Report(OPENED, GATE), Jump(3_600), Restart(), card]))


def test_who_was_let_out_did_not_go_and_came_in_elsewhere_is_in() -> None:
    """What was granted earlier, and still might happen, is older than what was seen since."""
    inner = next(door for door in DOORS if door != GATE)
    value = next(iter(CARDS))
    at_gate = Card(value, GATE)
    asyncio.run(walked([Card(value, inner), Report(CLOSED, inner), at_gate, Report(OPENED, GATE), at_gate]))


def test_who_was_let_out_and_did_not_go_is_in() -> None:
    inner = next(door for door in DOORS if door != GATE)
    value = next(iter(CARDS))
    at_gate = Card(value, GATE)
    let_in = [at_gate, Report(OPENED, GATE), Report(CLOSED, GATE)]
    asyncio.run(walked([*let_in, Card(value, inner), Report(CLOSED, inner), at_gate]))
