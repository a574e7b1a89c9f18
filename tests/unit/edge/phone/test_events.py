import asyncio

import pytest

from edge.phone import events
from edge.phone.events import EventLog, NotSeen


async def test_what_was_seen_before_is_found_at_once() -> None:
    log: EventLog[str] = EventLog("door")
    log.add("ring")
    assert await log.wait("ring", lambda event: event == "ring", 0.0) == "ring"


async def test_a_mark_hides_what_came_before() -> None:
    log: EventLog[str] = EventLog("door")
    log.add("ring")
    mark = log.mark()
    with pytest.raises(NotSeen, match="no ring"):
        await log.wait("ring", lambda event: event == "ring", 0.0, since=mark)


async def test_a_waiter_is_woken_by_its_event_only() -> None:
    log: EventLog[str] = EventLog("door")
    loop = asyncio.get_running_loop()
    loop.call_soon(log.add, "other")
    loop.call_soon(log.add, "ring")
    assert await log.wait("ring", lambda event: event == "ring") == "ring"


async def test_the_end_of_the_source_ends_the_wait() -> None:
    log: EventLog[str] = EventLog("door")
    asyncio.get_running_loop().call_soon(log.end, "it ended with status 1")
    with pytest.raises(NotSeen, match="status 1"):
        await log.wait("ring", lambda event: event == "ring")
    with pytest.raises(NotSeen, match="status 1"):
        await log.wait("ring", lambda event: event == "ring")


async def test_marks_hold_when_old_events_were_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_KEPT_EVENTS", 3)
    log: EventLog[int] = EventLog("door")
    for number in range(10):
        log.add(number)
    mark = log.mark()
    log.add(10)
    assert list(log) == [8, 9, 10]
    assert await log.wait("anything", lambda _: True, 0.0, since=mark) == 10
