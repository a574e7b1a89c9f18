import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from models.ids import Mac
from mqtt.lanes import Lanes

A, B = Mac("0c1105000001"), Mac("0c1105000002")


@contextlib.asynccontextmanager
async def working(lanes: Lanes) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(lanes.run())
        yield
        task.cancel()


def note(done: list[str], name: str, gate: asyncio.Event | None = None) -> Callable[[], Awaitable[None]]:
    async def job() -> None:
        if gate is not None:
            await gate.wait()
        done.append(name)

    return job


async def test_order_holds_within_a_device_and_one_does_not_wait_for_another() -> None:
    lanes = Lanes(max_jobs_per_lane=10, max_jobs=100)
    done: list[str] = []
    gate, finished = asyncio.Event(), asyncio.Event()
    async with working(lanes):
        lanes.offer(A, note(done, "a1", gate))
        lanes.offer(A, note(done, "a2"))

        async def b() -> None:
            done.append("b")
            gate.set()

        lanes.offer(B, b)

        async def last() -> None:
            finished.set()

        lanes.offer(A, last)
        await finished.wait()
    assert done == ["b", "a1", "a2"]


async def test_what_was_offered_before_the_start_is_done() -> None:
    lanes = Lanes(max_jobs_per_lane=10, max_jobs=100)
    done: list[str] = []
    finished = asyncio.Event()
    lanes.offer(A, note(done, "a1"))

    async def last() -> None:
        finished.set()

    lanes.offer(A, last)
    async with working(lanes):
        await finished.wait()
    assert done == ["a1"]


async def test_a_full_lane_refuses_and_others_go_on() -> None:
    lanes = Lanes(max_jobs_per_lane=2, max_jobs=3)
    job = note([], "x")
    assert [lanes.offer(A, job) for _ in range(3)] == [True, True, False]
    assert lanes.offer(B, job)
    assert not lanes.offer(B, job)  # all lanes together
    assert lanes.offer(A, job, always=True)
