import asyncio
from concurrent.futures import Future
from dataclasses import dataclass, field

from edge.doors.late import MAX_TRIES_AT_ONCE, LateWork, StoreTrouble
from edge.doors.work import Done, Told, Work
from models.log import LogEntry, LogKind
from tests.unit.edge.doors.desk_kit import Disk, HandClock, MemoryLedger

MANY = 2 * MAX_TRIES_AT_ONCE + 50


def work(name: str) -> Work:
    return Work(0, Told((LogEntry(LogKind.ACCESS, 0, name),)))


@dataclass
class Listener:
    began: int = 0
    ended: list[StoreTrouble] = field(default_factory=list)

    def on_begin(self) -> None:
        self.began += 1

    def on_end(self, trouble: StoreTrouble) -> Work:
        self.ended.append(trouble)
        return work("alarm")


def late_work(ledger: MemoryLedger, told: Listener, max_late: int = 100) -> LateWork:
    return LateWork(ledger, HandClock(), began=told.on_begin, ended=told.on_end, max_late=max_late, retry_every_s=0.005)


def committed(ledger: MemoryLedger) -> list[str]:
    return [row.id for row in ledger.rows]


async def test_rows_are_committed_in_their_order_once_the_store_is_back() -> None:
    ledger, told = MemoryLedger(disk=Disk.FULL), Listener()
    late = late_work(ledger, told, max_late=MANY)
    for n in range(MANY):
        late.follow(work(str(n)), None)
    assert told.began == 1
    async with asyncio.TaskGroup() as group:
        running = group.create_task(late.run())
        await asyncio.sleep(0.02)
        assert committed(ledger) == []
        ledger.disk = Disk.GOOD
        await ledger.until(lambda: "alarm" in committed(ledger))
        running.cancel()
    assert committed(ledger) == [*map(str, range(MANY)), "alarm"]
    assert [(t.late, t.waiting, t.lost) for t in told.ended] == [(MANY, 0, 0)]
    assert late.trouble is None


async def test_the_oldest_is_given_up_beyond_the_bound_and_counted() -> None:
    ledger, told = MemoryLedger(disk=Disk.OVERLOADED), Listener()
    late = late_work(ledger, told, max_late=3)
    for n in range(5):
        late.follow(work(str(n)), None)
    trouble = late.trouble
    assert trouble is not None
    assert (trouble.late, trouble.waiting, trouble.lost) == (5, 3, 2)
    ledger.disk = Disk.GOOD
    async with asyncio.TaskGroup() as group:
        running = group.create_task(late.run())
        await ledger.until(lambda: "alarm" in committed(ledger))
        running.cancel()
    assert committed(ledger) == ["2", "3", "4", "alarm"]
    assert told.ended[0].lost == 2


async def test_work_the_writer_still_has_is_not_written_twice() -> None:
    ledger, told = MemoryLedger(disk=Disk.HANGING), Listener()
    late = late_work(ledger, told)
    late.follow(work("1"), asyncio.wrap_future(ledger.submit(work("1"))))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(late.run())
        await asyncio.sleep(0.02)
        ledger.mend()
        await ledger.until(lambda: "alarm" in committed(ledger))
        running.cancel()
    assert committed(ledger) == ["1", "alarm"]


async def test_work_that_fails_in_the_writers_hands_is_tried_again() -> None:
    ledger, told = MemoryLedger(), Listener()
    late = late_work(ledger, told)
    broken: Future[Done] = Future()
    late.follow(work("1"), asyncio.wrap_future(broken))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(late.run())
        broken.set_exception(OSError("the card was pulled out"))
        await ledger.until(lambda: "alarm" in committed(ledger))
        running.cancel()
    assert committed(ledger) == ["1", "alarm"]


async def test_trouble_is_told_each_time_it_begins() -> None:
    ledger, told = MemoryLedger(), Listener()
    late = late_work(ledger, told)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(late.run())
        for n in range(2):
            late.follow(work(str(n)), None)
            await ledger.until(lambda wanted=n + 1: committed(ledger).count("alarm") == wanted)
        running.cancel()
    assert told.began == 2
    assert [trouble.late for trouble in told.ended] == [1, 1]
