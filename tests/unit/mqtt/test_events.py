"""What the events link makes of messages: an ack after the commit, order within a device, age before the marker."""

import json
from collections.abc import Awaitable, Callable

import pytest

from edge.core.answers import rfc3339
from models.ids import CommunityId, Mac
from mqtt.client import Received
from mqtt.devices import Devices
from mqtt.events import EventIngest
from mqtt.lanes import Lanes
from mqtt.topics import Topics, Up
from tests.mqtt_lab.fakes import Offsets, ScriptedDesk, SetClock

DOOR = Mac("0c1105000001")
TOPICS = Topics("intercom", CommunityId("c-1"))


class Bench:
    def __init__(self) -> None:
        self.clock = SetClock()
        self.desk = ScriptedDesk()
        self.devices = Devices(TOPICS, self.clock, Offsets())
        self.devices.desk = self.desk
        self.jobs: list[Callable[[], Awaitable[None]]] = []
        self.full = False
        self.cleared: list[str] = []
        self.acked: list[int] = []
        self.again_after_s: list[float] = []
        lanes = Lanes(max_jobs_per_lane=1, max_jobs=1)
        lanes.offer = self._offer  # type: ignore[method-assign]  # the order of jobs is the test's
        self.ingest = EventIngest(
            self.devices,
            lanes,
            lambda _, topic: self.cleared.append(topic),
            lambda message: self.acked.append(message.mid),
            self.again_after_s.append,
        )
        self.session = 0
        self.connect(caught_up=True)

    def _offer(self, device: Mac, job: Callable[[], Awaitable[None]], *, always: bool = False) -> bool:
        self.jobs.append(job)
        return not self.full

    def connect(self, *, caught_up: bool) -> None:
        self.session += 1
        self.ingest.connected(self.session)
        if caught_up:
            self.ingest.caught_up()

    def hear(self, mid: int, *, age_s: float = 0.0, dup: bool = False, retain: bool = False, bad: bool = False) -> None:
        at = rfc3339(self.clock.ms - round(1000 * age_s))
        payload = b"{" if bad else json.dumps({"id": f"e{mid}", "at": at, "type": "exit_button"}).encode()
        topic = f"intercom/c-1/{DOOR}/up/event"
        self.ingest.receive(DOOR, Up.EVENT, Received(topic, payload, 1, retain, dup, mid, self.session))

    async def work(self) -> None:
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            await job()


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_an_event_is_acknowledged_after_the_desk_has_it(bench: Bench) -> None:
    bench.hear(1)
    assert bench.acked == []
    await bench.work()
    assert [event.id for event in bench.desk.events] == ["e1"]
    assert bench.acked == [1]


async def test_what_the_desk_could_not_store_comes_again_and_nothing_overtakes_it(bench: Bench) -> None:
    bench.desk.fail = 1
    bench.hear(1)
    bench.hear(2)
    await bench.work()
    assert bench.acked == []
    assert [event.id for event in bench.desk.tried] == ["e1"]
    assert len(bench.again_after_s) == 1
    bench.connect(caught_up=False)
    bench.hear(1, dup=True)
    bench.hear(2, dup=True)
    await bench.work()
    assert [event.id for event in bench.desk.events] == ["e1", "e2"]
    assert bench.acked == [1, 2]


async def test_a_failing_desk_is_asked_again_ever_later(bench: Bench) -> None:
    for attempt in range(4):
        bench.desk.fail = 1
        bench.hear(attempt)
        await bench.work()
        bench.connect(caught_up=True)
    assert bench.again_after_s == sorted(bench.again_after_s)
    assert bench.again_after_s[-1] > bench.again_after_s[0]


async def test_a_message_of_an_old_connection_is_left_to_the_new_one(bench: Bench) -> None:
    bench.hear(1)
    bench.connect(caught_up=True)
    await bench.work()
    assert bench.desk.tried == []
    assert bench.acked == []


async def test_a_kept_sessions_messages_come_before_we_are_told_of_the_connection(bench: Bench) -> None:
    bench.session += 1
    bench.hear(1, age_s=11)
    bench.ingest.connected(bench.session)
    await bench.work()
    assert [(event.id, event.too_late) for event in bench.desk.events] == [("e1", True)]
    assert bench.acked == [1]


async def test_before_the_marker_an_old_event_is_too_late_and_after_it_only_with_dup(bench: Bench) -> None:
    bench.connect(caught_up=False)
    bench.hear(1, age_s=11)
    bench.hear(2, age_s=9)
    bench.ingest.caught_up()
    bench.hear(3, age_s=11)
    bench.hear(4, age_s=11, dup=True)
    await bench.work()
    assert {event.id: event.too_late for event in bench.desk.events} == {
        "e1": True,
        "e2": False,
        "e3": False,
        "e4": True,
    }


async def test_a_state_on_this_link_starts_the_distrust_in_order(bench: Bench) -> None:
    bench.ingest.receive(DOOR, Up.STATE, Received("", b"online", 0, False, False, 0, bench.session))
    bench.hear(1, age_s=11)
    await bench.work()
    assert bench.desk.events[0].too_late


async def test_a_bad_event_is_counted_and_gone(bench: Bench) -> None:
    bench.hear(1, bad=True)
    assert bench.acked == [1]
    assert bench.devices.refusals.counts == {("event", "not_json"): 1}


async def test_a_retained_event_is_refused_and_cleared(bench: Bench) -> None:
    bench.hear(1, retain=True)
    await bench.work()
    assert bench.desk.tried == []
    assert bench.acked == [1]
    assert bench.cleared == [f"intercom/c-1/{DOOR}/up/event"]


async def test_an_event_that_finds_no_room_stays_at_the_broker(bench: Bench) -> None:
    bench.full = True
    bench.hear(1)
    assert bench.acked == []
    assert len(bench.again_after_s) == 1
