"""Work in order for each device, side by side between devices, and never more of it than fits."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from models.ids import Mac

Job = Callable[[], Awaitable[None]]
"""Never raises: a job deals with its own failures."""


class Lanes:
    """One lane a device. A device that floods us fills its own lane only."""

    def __init__(self, *, max_jobs_per_lane: int, max_jobs: int) -> None:
        self._max_jobs_per_lane = max_jobs_per_lane
        self._max_jobs = max_jobs
        self._waiting = 0
        self._lanes: dict[Mac, deque[Job]] = {}
        self._workers: asyncio.TaskGroup | None = None

    def offer(self, device: Mac, job: Job, *, always: bool = False) -> bool:
        """Queue *job* behind the device's others; False if there is no room, then nothing happened.

        *always*: there is room; for jobs of which a device has one at most.
        """
        lane = self._lanes.get(device)
        full = self._waiting >= self._max_jobs or (lane is not None and len(lane) >= self._max_jobs_per_lane)
        if full and not always:
            return False
        self._waiting += 1
        if lane is not None:
            lane.append(job)
            return True
        self._lanes[device] = deque((job,))
        if self._workers is not None:
            self._workers.create_task(self._work(device))
        return True

    async def run(self) -> None:
        """Do the jobs until cancelled; what was offered before starts now."""
        async with asyncio.TaskGroup() as workers:
            self._workers = workers
            try:
                for device in list(self._lanes):
                    workers.create_task(self._work(device))
                await asyncio.Event().wait()
            finally:
                self._workers = None

    async def _work(self, device: Mac) -> None:
        lane = self._lanes[device]
        while lane:
            job = lane.popleft()
            self._waiting -= 1
            await job()
        del self._lanes[device]
