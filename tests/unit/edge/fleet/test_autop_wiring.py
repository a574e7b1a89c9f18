"""What only helps devices to find us never keeps the doors from working."""

import asyncio

import pytest

from edge.fleet import autop_wiring
from edge.fleet.autop_wiring import Patient


class Unlucky:
    """A part whose address comes late."""

    name = "plug and play"

    def __init__(self, failures: int) -> None:
        self.left, self.stopped = failures, 0
        self.running = asyncio.Event()

    async def start(self) -> None:
        if self.left:
            self.left -= 1
            raise OSError("the address is not ours")

    async def run(self) -> None:
        self.running.set()
        await asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        self.stopped += 1


async def test_it_is_tried_until_it_works_and_the_house_does_not_wait(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(autop_wiring, "RETRY_AFTER_S", 0.0)
    inner = Unlucky(2)
    patient = Patient(inner)
    await patient.start()
    assert inner.left == 2, "its start is not the house's"
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(patient.run())
        await inner.running.wait()
        running.cancel()
    assert (inner.left, inner.stopped) == (0, 2)
    assert caplog.text.count("the address is not ours") == 2
