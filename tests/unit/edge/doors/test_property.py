"""No sequence of attempts, clocks, repetitions and restarts opens a door that the rules refuse."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.snapshot import Snapshot
from edge.doors.work import Heard, MessageKey
from edge.store.errors import StoreError
from models.access import CredentialKind
from models.ids import DeviceId
from models.log import LogKind
from tests.unit.edge.core.door_house import A101, BLOCKED, BROKEN, DOOR_A, GATE, NOW_MS, attempt, credential, house
from tests.unit.edge.doors.desk_kit import Disk, House, house_open
from tests.unit.edge.doors.oracle import Code, Oracle

NOW_S = NOW_MS // 1_000
CODES = {
    "482915": Code(),
    "731604": Code(uses=2),
    "960482": Code(from_s=NOW_S + 30, until_s=NOW_S + 300),
    "205713": Code(doors=frozenset({GATE})),
    "648201": Code(blocked=True),
    "317946": Code(doors=frozenset({DOOR_A}), uses=1),
}
WRONG = ("000001", "48291", "482915 ")


def community() -> Snapshot:
    return house(
        credential(
            CredentialKind.PIN,
            pin,
            BLOCKED if code.blocked else A101,
            valid_from_ms=code.from_s * 1_000 or None,
            valid_until_ms=code.until_s * 1_000,
            doors=frozenset(map(DeviceId, code.doors)),
            uses_left=code.uses,
        )
        for pin, code in CODES.items()
    )


@dataclass(frozen=True)
class Try:
    door: DeviceId
    pin: str
    identity: int


@dataclass(frozen=True)
class Wait:
    seconds: int


@dataclass(frozen=True)
class Jump:
    """The wall clock alone is set."""

    seconds: int


@dataclass(frozen=True)
class Restart:
    """The daemon dies and comes back, on a machine whose monotonic clock may begin anew."""

    mono_s: int


Step = Try | Wait | Jump | Restart

tries = st.builds(
    Try,
    st.sampled_from([GATE, GATE, DOOR_A, BROKEN]),
    st.one_of(st.sampled_from(list(CODES)), st.sampled_from(WRONG)),
    st.integers(0, 60),
)
bursts = st.builds(
    lambda door, first, count: [Try(door, WRONG[0], 1_000 + first * 10 + n) for n in range(count)],
    st.sampled_from([GATE, GATE, GATE, DOOR_A]),
    st.integers(0, 5_000),
    st.integers(1, 6),
)
waits = st.builds(Wait, st.sampled_from([0, 1, 29, 30, 60, 120, 240, 299, 300, 900, 3_600, 3_630, 90_000]))
jumps = st.builds(Jump, st.sampled_from([-100_000, -1, 1, 3_600, 100_000]))
restarts = st.builds(Restart, st.integers(0, 10**6))


def paths(*kinds: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Step]]:
    single = st.one_of(tries, *kinds).map(lambda step: [step])
    parts = st.one_of(bursts, bursts, waits.map(lambda step: [step]), waits.map(lambda step: [step]), single)
    return st.lists(parts, min_size=20, max_size=60).map(lambda found: [step for part in found for step in part])


class Walk:
    """A desk and the oracle, led along the same path."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.oracle = Oracle(CODES, disabled=frozenset({BROKEN}))
        self.mono_s = 0  # the oracle's clock never begins anew

    async def attempt(self, step: Try) -> None:
        h, identity = self.house, f"t{step.identity}"
        expected = self.oracle.told(step.door, identity, step.pin, h.clock.now_ms() // 1_000, self.mono_s)
        rows, answers = len(h.ledger.of(LogKind.ACCESS)), len(h.plane.told)
        await h.desk.attempt(attempt(step.pin, at=step.door, id=identity))
        assert len(h.plane.told) == answers + 1
        told = json.loads(h.plane.told[-1][1])
        assert told["reason"] == expected
        assert told["granted"] is bool(told["relays"]) is (expected == "granted")
        assert len(h.ledger.of(LogKind.ACCESS)) - rows <= 1


async def walked(path: list[Step]) -> None:
    async with AsyncExitStack() as stack:
        walk = Walk(await stack.enter_async_context(house_open(community())))
        for step in path:
            clock = walk.house.clock
            match step:
                case Try():
                    await walk.attempt(step)
                case Wait(seconds):
                    clock.advance(seconds)
                    walk.mono_s += seconds
                case Jump(seconds):
                    clock.wall_ms += seconds * 1_000
                case Restart(mono_s):
                    await stack.aclose()
                    clock.mono_s = float(mono_s)
                    again = house_open(community(), ledger=walk.house.ledger, clock=clock)
                    walk.house = await stack.enter_async_context(again)


@settings(max_examples=100, deadline=None)
@given(paths(jumps))
def test_desk_and_oracle_agree_whatever_the_wall_clock_does(path: list[Step]) -> None:
    asyncio.run(walked(path))


@settings(max_examples=100, deadline=None)
@given(paths(restarts))
def test_desk_and_oracle_agree_over_restarts(path: list[Step]) -> None:
    asyncio.run(walked(path))


disks = st.sampled_from(Disk)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(tries.map(lambda t: [t]), bursts, disks.map(lambda d: [d])), min_size=10, max_size=30))
def test_a_store_in_any_state_opens_nothing_that_the_rules_refuse(parts: list[list[Try | Disk]]) -> None:
    asyncio.run(opened_under_faults([step for part in parts for step in part]))


async def opened_under_faults(path: list[Try | Disk]) -> None:
    """Every grant told was right by the rules at that moment, no use is given twice, and all rows come in the end."""
    async with house_open(community(), commit_within_s=0.0) as h:
        judged: dict[tuple[DeviceId, str], str] = {}
        for step in path:
            if isinstance(step, Disk):
                h.ledger.mend()
                h.ledger.disk = step
                continue
            judged.setdefault((step.door, f"t{step.identity}"), step.pin)
            try:
                await h.desk.attempt(attempt(step.pin, at=step.door, id=f"t{step.identity}"))
            except StoreError:  # not answered at all: the device may ask again
                judged.pop((step.door, f"t{step.identity}"), None)
        h.ledger.mend()
        while h.desk.store_trouble is not None:
            await h.ledger.committed.wait()
            h.ledger.committed.clear()
            await asyncio.sleep(0)
        await h.settle()
        check_grants(h, judged)


def check_grants(h: House, judged: dict[tuple[DeviceId, str], str]) -> None:
    doors = {h.world.snapshot.devices[door].mac: door for door in (GATE, DOOR_A, BROKEN)}
    grants: dict[tuple[DeviceId, str], str] = {}
    for mac, body in h.plane.told:
        answer = json.loads(body)
        key = MessageKey(mac, Heard.ATTEMPT, answer["id"])
        assert h.ledger.answers[key][1] == body
        if answer["granted"]:
            grants[doors[mac], answer["id"]] = judged[doors[mac], answer["id"]]
    for (door, _), pin in grants.items():
        code = CODES[pin]
        assert door != BROKEN
        assert not code.blocked
        assert not code.doors or door in code.doors
        assert code.from_s <= NOW_S < code.until_s
    for pin, code in CODES.items():
        assert code.uses is None or sum(used == pin for used in grants.values()) <= code.uses
