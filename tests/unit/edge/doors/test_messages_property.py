"""Messages twice, late, in another order, over lost links, restarts and both summer-time nights: what moves a relay.

The real ingests and the real desk beside an oracle that keeps all that was sent and judges each message from nothing.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.answers import rfc3339
from edge.core.schedule import parse_week
from models.access import CredentialKind
from models.ids import Mac
from models.schedule import Schedule
from mqtt.client import Received
from mqtt.commands import Waiting
from mqtt.devices import Devices
from mqtt.events import EventIngest
from mqtt.lanes import Lanes
from mqtt.live import LiveIngest
from mqtt.topics import Topics, Up
from tests.mqtt_lab.fakes import Offsets
from tests.unit.edge.core.door_house import GATE, MAC_OF, OFFICE_HOURS, SITE, credential, house
from tests.unit.edge.doors.desk_kit import HandClock, House, house_open

DOOR = MAC_OF[GATE]
TOPICS = Topics("intercom", SITE)
GOOD, WRONG = "04A1B2C3D4", "04FFFFFFFF"
WEEK = "sat 22:00-02:30; sun 01:45-02:15; sun 03:10-03:20; mon 00:00-24:00"
DAY_MS, MAX_AGE_MS, DISTRUST_S = 86_400_000, 10_000, 30

# Berlin by the law of the European Union, not by the time zone database: summer from 1 h UTC to 1 h UTC.
SUMMER_MS, WINTER_MS = 1_774_746_000_000, 1_792_890_000_000  # 2026-03-29 and 2026-10-25, both at 01:00 UTC
STARTS_MS = st.sampled_from([SUMMER_MS, WINTER_MS]).flatmap(
    lambda night: st.integers(-4 * 60, 2 * 60).map(lambda minutes: night + minutes * 60_000)
)


def minutes_of(week: str) -> frozenset[int]:
    """Every minute of the wall clock's week that *week* lists, found by walking."""
    found: set[int] = set()
    for row in parse_week(week):
        minute = row.weekday * 1_440 + row.from_minute
        end = row.weekday * 1_440 + row.to_minute + (0 if row.to_minute > row.from_minute else 1_440)
        found |= {each % (7 * 1_440) for each in range(minute, end)}
    return frozenset(found)


OPEN_MINUTES = minutes_of(WEEK)


def open_at(wall_ms: int) -> bool:
    local_ms = wall_ms + (7_200_000 if SUMMER_MS <= wall_ms < WINTER_MS else 3_600_000)
    minutes = local_ms // 60_000 + 3 * 1_440  # the first of January 1970 was a Thursday
    return minutes % (7 * 1_440) in OPEN_MINUTES


@dataclass(frozen=True)
class Make:
    """The device makes a message; *heard*: it arrives at once. Else it waits at the device or the broker."""

    attempt: bool
    good: bool
    heard: bool


@dataclass(frozen=True)
class Again:
    """One of the messages made so far arrives, first or once more."""

    which: int
    dup: bool
    retain: bool


@dataclass(frozen=True)
class Wait:
    seconds: int


@dataclass(frozen=True)
class Jump:
    seconds: int


@dataclass(frozen=True)
class Hello:
    """The device tells its time."""


@dataclass(frozen=True)
class Flap:
    """Both links were lost and are back; the broker tells that the device is online."""


@dataclass(frozen=True)
class Marker:
    """Our own marker comes back."""


@dataclass(frozen=True)
class Restart:
    pass


Step = Make | Again | Wait | Jump | Hello | Flap | Marker | Restart

steps = st.one_of(
    st.builds(Make, st.booleans(), st.booleans(), st.booleans()),
    st.builds(Again, st.integers(0, 50), st.booleans(), st.sampled_from([False, False, False, True])),
    st.builds(Wait, st.sampled_from([1, 9, 11, 29, 31, 600, 1_800, 3_600])),
    st.one_of(
        st.builds(Jump, st.sampled_from([-86_400, -3_600, -600, 600, 3_600, 86_400])),
        st.sampled_from([Hello(), Flap(), Marker(), Restart()]),
    ),
)
CLOCKS_OFF_MS = st.sampled_from([0, 4_000, -1_700_000_000_000])  # right, a little ahead, from 1970


@dataclass
class Message:
    attempt: bool
    good: bool
    id: str
    at_ms: int


@dataclass
class Oracle:
    """Decisions 4 and 5 told a second time."""

    dealt_with: dict[str, int] = field(default_factory=dict)  # id -> wall clock when it was
    offset_ms: int | None = None
    connected_s: float | None = None
    caught_up: bool = False

    def moves(self, message: Message, wall_ms: int, now_s: float, *, dup: bool, retain: bool) -> bool:
        """Whether *message*, arriving now, opens; and note that it was dealt with."""
        if retain:
            return False
        first = self.dealt_with.get(message.id)
        if first is not None and wall_ms - first < DAY_MS:
            return False
        self.dealt_with[message.id] = wall_ms
        just_back = self.connected_s is not None and now_s - self.connected_s < DISTRUST_S
        waited = dup or just_back or (not message.attempt and not self.caught_up)
        if waited or self.offset_ms is not None:
            age_ms = wall_ms - (message.at_ms - (self.offset_ms or 0))
            if abs(age_ms) > MAX_AGE_MS:
                return False
        return not message.attempt or (message.good and open_at(wall_ms))


class Plane:
    """Both ingests on one desk; what they hand over is done in order, at once."""

    def __init__(self, home: House, stored_ms: dict[Mac, int], session: int) -> None:
        self.jobs: list[Callable[[], Awaitable[None]]] = []
        self.offsets = Offsets(dict(stored_ms))
        self.devices = Devices(TOPICS, home.clock, self.offsets)
        self.devices.desk = home.desk
        self.devices.known = frozenset({DOOR})
        lanes = Lanes(max_jobs_per_lane=1, max_jobs=1)
        lanes.offer = self._offer  # type: ignore[method-assign]  # the order of jobs is the test's
        self.live = LiveIngest(self.devices, Waiting(), lanes, lambda _mac, _topic: None)
        self.events = EventIngest(self.devices, lanes, lambda _m, _t: None, lambda _message: None, lambda _s: None)
        self.session = session
        self.events.connected(session)

    def _offer(self, device: Mac, job: Callable[[], Awaitable[None]], *, always: bool = False) -> bool:
        self.jobs.append(job)
        return True

    async def hear(self, kind: Up, payload: bytes, *, dup: bool = False, retain: bool = False) -> None:
        topic = f"{TOPICS.root}/{DOOR}/up/{kind.value}"
        message = Received(topic, payload, 1, retain, dup, 1, self.session)
        (self.events if kind is Up.EVENT else self.live).receive(DOOR, kind, message)
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            await job()


class Walk:
    def __init__(self, home: House, clock_off_ms: int) -> None:
        self.clock_off_ms = clock_off_ms
        self.oracle = Oracle()
        self.made: list[Message] = []
        self.moved: list[str] = []
        self.plane = Plane(home, {}, 1)
        self.home = home

    def take(self, home: House) -> None:
        """The daemon started again."""
        self.home = home
        self.plane = Plane(home, dict(self.plane.offsets.stored), 1)
        self.oracle.caught_up, self.oracle.connected_s = False, None
        if self.oracle.offset_ms == 0:
            self.oracle.offset_ms = 1  # as it is stored: 0 is "not known" there

    async def step(self, step: Step) -> None:
        clock = self.home.clock
        match step:
            case Make(is_attempt, good, heard):
                at_ms = clock.wall_ms + self.clock_off_ms
                self.made.append(Message(is_attempt, good, f"m{len(self.made)}", at_ms))
                if heard:
                    await self.arrives(self.made[-1], dup=False, retain=False)
            case Again(which, dup, retain):
                if self.made:
                    await self.arrives(self.made[which % len(self.made)], dup=dup, retain=retain)
            case _:
                before = self.count()
                await self.happens(step)
                await self.home.settle(4)
                assert self.count() == before, "nothing moves by itself"

    async def happens(self, step: Step) -> None:
        clock = self.home.clock
        match step:
            case Wait(seconds):
                clock.advance(seconds)
            case Jump(seconds):
                clock.wall_ms += seconds * 1_000
            case Hello():
                at = rfc3339(clock.wall_ms + self.clock_off_ms)
                await self.plane.hear(Up.HELLO, json.dumps({"model": "M", "at": at}).encode())
                self.oracle.offset_ms, self.oracle.connected_s = self.clock_off_ms, clock.mono_s
            case Flap():
                self.plane.session += 1
                self.plane.events.connected(self.plane.session)
                await self.plane.hear(Up.STATE, b"online", retain=True)
                self.oracle.caught_up, self.oracle.connected_s = False, clock.mono_s
            case Marker():
                self.plane.events.caught_up()
                self.oracle.caught_up = True

    def count(self) -> tuple[int, int]:
        return sum(answer["granted"] for answer in self.home.plane.answers()), len(self.home.plane.opened)

    async def arrives(self, message: Message, *, dup: bool, retain: bool) -> None:
        clock, plane, rows = self.home.clock, self.home.plane, len(self.home.ledger.rows)
        repeated = message.id in self.moved
        expected = self.oracle.moves(message, clock.wall_ms, clock.mono_s, dup=dup, retain=retain)
        told, opened = len(plane.told), len(plane.opened)
        at = rfc3339(message.at_ms)
        if message.attempt:
            value = GOOD if message.good else WRONG
            body = {"id": message.id, "at": at, "method": "rf_card", "value": value}
            await self.plane.hear(Up.ATTEMPT, json.dumps(body).encode(), dup=dup, retain=retain)
        else:
            body = {"id": message.id, "at": at, "type": "exit_button"}
            await self.plane.hear(Up.EVENT, json.dumps(body).encode(), dup=dup, retain=retain)
        await self.home.settle(4)
        answers = [json.loads(answer) for _, answer in plane.told[told:]]
        assert len(plane.opened) - opened == (expected and not message.attempt)
        if not message.attempt or retain:
            assert answers == []
        elif expected:
            assert [answer["granted"] for answer in answers] == [True]
        else:  # refused, or the first answer once more: its id moves no relay a second time
            assert [answer["granted"] for answer in answers] == [repeated and self.remembered(message)]
        if expected:
            self.moved.append(message.id)
            assert len(self.home.ledger.rows) > rows, "what moves a relay has its row"

    def remembered(self, message: Message) -> bool:
        """Whether the first answer is given again; an older one may have been replaced by a refusal meanwhile."""
        (_, body) = next((key, told[1]) for key, told in self.home.ledger.answers.items() if key.id == message.id)
        return bool(json.loads(body)["granted"])


async def walked(start_ms: int, clock_off_ms: int, path: list[Step]) -> None:
    snapshot = house(
        [credential(CredentialKind.RF_CARD, GOOD, schedule=OFFICE_HOURS)],
        schedules=[Schedule(OFFICE_HOURS, "office", parse_week(WEEK))],
    )
    async with AsyncExitStack() as stack:
        clock = HandClock(start_ms)
        walk = Walk(await stack.enter_async_context(house_open(snapshot, clock=clock)), clock_off_ms)
        for step in path:
            if isinstance(step, Restart):
                ledger = walk.home.ledger
                await stack.aclose()
                walk.take(await stack.enter_async_context(house_open(snapshot, ledger=ledger, clock=clock)))
            else:
                await walk.step(step)


@settings(max_examples=150, deadline=None)
@given(STARTS_MS, CLOCKS_OFF_MS, st.lists(steps, min_size=10, max_size=60))
def test_nothing_that_arrives_moves_a_relay_but_what_the_rules_let(
    start_ms: int, clock_off_ms: int, path: list[Step]
) -> None:
    asyncio.run(walked(start_ms, clock_off_ms, path))
