"""What the live link makes of messages, by script: a message in, calls of the desk out."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from edge.core.answers import rfc3339
from models.ids import CommunityId, Mac
from mqtt.client import Received
from mqtt.commands import Waiting
from mqtt.devices import Devices
from mqtt.lanes import Lanes
from mqtt.live import LiveIngest
from mqtt.topics import Topics, Up
from tests.mqtt_lab.fakes import Offsets, ScriptedDesk, SetClock

DOOR, OTHER = Mac("0c1105000001"), Mac("0c1105000002")
TOPICS = Topics("intercom", CommunityId("c-1"))


class Bench:
    """The ingest with its surroundings; jobs are done when `work` is called."""

    def __init__(self, stored_ms: dict[Mac, int] | None = None) -> None:
        self.clock = SetClock()
        self.desk = ScriptedDesk()
        self.offsets = Offsets(stored_ms)
        self.devices = Devices(TOPICS, self.clock, self.offsets)
        self.devices.desk = self.desk
        self.devices.known = frozenset({DOOR})
        self.waiting = Waiting()
        self.jobs: list[Callable[[], Awaitable[None]]] = []
        self.full = False
        self.cleared: list[str] = []
        lanes = Lanes(max_jobs_per_lane=1, max_jobs=1)
        lanes.offer = self._offer  # type: ignore[method-assign]  # the order of jobs is the test's
        self.ingest = LiveIngest(self.devices, self.waiting, lanes, lambda _, topic: self.cleared.append(topic))

    def _offer(self, device: Mac, job: Callable[[], Awaitable[None]], *, always: bool = False) -> bool:
        if self.full and not always:
            return False
        self.jobs.append(job)
        return True

    async def say(
        self, kind: Up, payload: object, *, device: Mac = DOOR, retain: bool = False, dup: bool = False
    ) -> None:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        topic = f"intercom/c-1/{device}/up/{kind.value}"
        self.ingest.receive(device, kind, Received(topic, raw, 1, retain, dup, 1, 1))
        await self.work()

    async def work(self) -> None:
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            await job()

    def attempt(self, age_s: float = 0.0) -> dict[str, object]:
        return {"id": "a", "at": rfc3339(self.clock.ms - round(1000 * age_s)), "method": "pin", "value": "123456"}


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_an_attempt_reaches_the_desk(bench: Bench) -> None:
    await bench.say(Up.ATTEMPT, bench.attempt())
    assert [(a.device, a.value, a.too_late) for a in bench.desk.attempts] == [(DOOR, "123456", False)]


@pytest.mark.parametrize(("dup", "late"), [(False, False), (True, True)])
async def test_an_old_attempt_is_late_only_if_it_can_have_waited(bench: Bench, dup: bool, late: bool) -> None:
    await bench.say(Up.ATTEMPT, bench.attempt(age_s=11), dup=dup)
    assert [a.too_late for a in bench.desk.attempts] == [late]


async def test_a_device_that_just_came_back_may_send_what_it_kept(bench: Bench) -> None:
    await bench.say(Up.STATE, b"online")
    await bench.say(Up.ATTEMPT, bench.attempt(age_s=11))
    bench.clock.pass_s(30)
    await bench.say(Up.ATTEMPT, bench.attempt(age_s=11))
    assert [a.too_late for a in bench.desk.attempts] == [True, False]


async def test_a_retained_attempt_is_refused_and_cleared(bench: Bench) -> None:
    await bench.say(Up.ATTEMPT, bench.attempt(), retain=True)
    await bench.say(Up.ACK, {"id": "a", "ok": True}, retain=True)
    assert bench.desk.attempts == []
    assert bench.cleared == [f"intercom/c-1/{DOOR}/up/{kind}" for kind in ("attempt", "ack")]
    assert bench.devices.refusals.counts == {("attempt", "retained"): 1, ("ack", "retained"): 1}


async def test_a_bad_message_is_counted_and_changes_nothing(bench: Bench) -> None:
    for kind in (Up.ATTEMPT, Up.HELLO, Up.ACK, Up.STATE):
        await bench.say(kind, b"{")
    assert bench.desk.attempts == bench.desk.hellos == bench.desk.presences == []
    assert sum(bench.devices.refusals.counts.values()) == 4


async def test_an_attempt_that_finds_no_room_is_dropped_and_counted(bench: Bench) -> None:
    bench.full = True
    await bench.say(Up.ATTEMPT, bench.attempt())
    assert bench.desk.attempts == []
    assert bench.devices.counts["attempts_dropped"] == 1


async def test_a_desk_that_fails_costs_one_message(bench: Bench) -> None:
    bench.desk.fail = 1
    await bench.say(Up.ATTEMPT, bench.attempt())
    await bench.say(Up.ATTEMPT, bench.attempt())
    assert len(bench.desk.attempts) == 1
    assert bench.devices.counts["desk_failures"] == 1


async def test_a_live_hello_teaches_the_clock_and_a_retained_one_does_not(bench: Bench) -> None:
    await bench.say(Up.HELLO, {"model": "R29", "at": "1970-01-01T00:00:05Z"}, retain=True)
    assert bench.offsets.stored == {}
    await bench.say(Up.HELLO, {"model": "R29", "at": "1970-01-01T00:00:05Z"}, dup=True)
    assert bench.offsets.stored == {}
    await bench.say(Up.HELLO, {"model": "R29", "at": "1970-01-01T00:00:05Z"})
    assert bench.offsets.stored == {DOOR: 5000 - bench.clock.ms}
    assert [hello.live for hello in bench.desk.hellos] == [False, False, True]


async def test_a_clock_that_hardly_moved_is_not_stored_again(bench: Bench) -> None:
    await bench.say(Up.HELLO, {"at": rfc3339(bench.clock.ms + 1000)})
    await bench.say(Up.HELLO, {"at": rfc3339(bench.clock.ms + 1400)})
    assert bench.offsets.stored == {DOOR: 1000}
    assert bench.devices.clocks.offset_ms(DOOR) == 1400
    await bench.say(Up.HELLO, {"at": rfc3339(bench.clock.ms + 1500)})
    assert bench.offsets.stored == {DOOR: 1500}


@pytest.mark.parametrize(("stored_ms", "late"), [(0, False), (1000, True)])
async def test_a_stored_offset_of_0_is_an_unknown_one(stored_ms: int, late: bool) -> None:
    bench = Bench({DOOR: stored_ms})
    await bench.say(Up.ATTEMPT, bench.attempt(age_s=60))
    assert [a.too_late for a in bench.desk.attempts] == [late]


async def test_an_ack_wakes_its_command_and_teaches_the_clock(bench: Bench) -> None:
    identity, sent = bench.waiting.add(DOOR, bench.clock.s)
    await bench.say(Up.ACK, {"id": identity, "ok": False, "error": "expired", "at": rfc3339(bench.clock.ms + 7000)})
    assert not sent.answer.result().ok
    assert bench.offsets.stored == {DOOR: 7000}


async def test_an_ack_after_three_seconds_teaches_nothing(bench: Bench) -> None:
    identity, sent = bench.waiting.add(DOOR, bench.clock.s)
    bench.clock.pass_s(3)
    await bench.say(Up.ACK, {"id": identity, "ok": True, "at": rfc3339(bench.clock.ms + 7000)})
    assert sent.answer.result().ok
    assert bench.offsets.stored == {}


async def test_presence_is_told_when_it_changes(bench: Bench) -> None:
    for state in (b"online", b"online", b"offline", b"online"):
        await bench.say(Up.STATE, state)
    assert bench.desk.told == [(DOOR, True), (DOOR, False), (DOOR, True)]


async def test_a_flapping_device_is_told_as_it_stands_when_there_is_time(bench: Bench) -> None:
    for state in (b"online", b"offline") * 50 + (b"online",):
        topic = f"intercom/c-1/{DOOR}/up/state"
        bench.ingest.receive(DOOR, Up.STATE, Received(topic, state, 1, False, False, 1, 1))
    assert len(bench.jobs) == 1
    await bench.work()
    assert bench.desk.presences == [(DOOR, True)]


async def test_a_presence_that_could_not_be_stored_is_told_again(bench: Bench) -> None:
    bench.desk.fail = 1
    await bench.say(Up.STATE, b"online")
    await bench.say(Up.STATE, b"online")
    assert bench.desk.presences == [(DOOR, True)]


async def test_who_is_not_repeated_after_an_outage_goes_offline(bench: Bench) -> None:
    await bench.say(Up.STATE, b"online")
    bench.devices.presence.doubt()
    bench.ingest.settle()
    await bench.work()
    assert bench.desk.presences == [(DOOR, True), (DOOR, False)]


async def test_the_desk_hears_once_of_each_device_that_is_not_there(bench: Bench) -> None:
    bench.devices.known = frozenset({DOOR, OTHER})
    await bench.say(Up.STATE, b"online")
    for _ in range(2):
        bench.ingest.settle()
        await bench.work()
    assert bench.desk.told == [(DOOR, True), (OTHER, False)]


async def test_what_a_removed_device_left_is_cleared_and_its_attempts_are_judged(bench: Bench) -> None:
    await bench.say(Up.STATE, b"offline", device=OTHER, retain=True)
    await bench.say(Up.HELLO, {"model": "R29"}, device=OTHER)
    await bench.say(Up.STATE, b"", device=OTHER)  # our own clearing comes back
    await bench.say(Up.ATTEMPT, bench.attempt(), device=OTHER)
    assert bench.cleared == [f"intercom/c-1/{OTHER}/up/{kind}" for kind in ("state", "hello")]
    assert [a.device for a in bench.desk.attempts] == [OTHER]
    assert bench.desk.presences == []


async def test_events_are_the_other_links_work(bench: Bench) -> None:
    await bench.say(Up.EVENT, {"id": "e", "at": "2026-03-01T09:30:00Z", "type": "exit_button"})
    assert bench.jobs == []
    await asyncio.sleep(0)
    assert bench.desk.events == []


async def test_a_clock_that_is_exactly_right_is_known_after_a_restart(bench: Bench) -> None:
    await bench.say(Up.HELLO, {"model": "M", "at": rfc3339(bench.clock.ms)})
    again = Bench(dict(bench.offsets.stored))
    await again.say(Up.ATTEMPT, again.attempt(age_s=11))
    assert [a.too_late for a in again.desk.attempts] == [True]
