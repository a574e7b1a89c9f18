"""The list of components: started in order, stopped in reverse, one failure stops all."""

import asyncio

import pytest

from edge.component import serve


class FakeComponent:
    """Writes what happens to it into *log*; raises *fails* when run, or *fails_to_start* when started."""

    def __init__(
        self, name: str, log: list[str], *, fails: Exception | None = None, fails_to_start: Exception | None = None
    ) -> None:
        self.name = name
        self._log, self._fails, self._fails_to_start = log, fails, fails_to_start

    async def start(self) -> None:
        if self._fails_to_start:
            raise self._fails_to_start
        self._log.append(f"+{self.name}")

    async def run(self) -> None:
        if self._fails:
            raise self._fails
        await asyncio.Event().wait()

    async def stop(self) -> None:
        self._log.append(f"-{self.name}")


async def test_one_failure_stops_everything_in_reverse() -> None:
    log: list[str] = []
    with pytest.raises(ExceptionGroup):
        await serve([FakeComponent("sip", log), FakeComponent("mqtt", log, fails=OSError())], asyncio.Event())
    assert log == ["+sip", "+mqtt", "-mqtt", "-sip"]


async def test_a_failed_start_stops_what_had_started_and_itself() -> None:
    log: list[str] = []
    with pytest.raises(OSError, match="port"):
        await serve(
            [FakeComponent("store", log), FakeComponent("sip", log, fails_to_start=OSError("port"))], asyncio.Event()
        )
    assert log == ["+store", "-sip", "-store"]


async def test_stopping_is_no_failure_and_ready_is_told_once_all_have_started() -> None:
    log: list[str] = []
    stopping, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.ensure_future(serve([FakeComponent("store", log)], stopping, ready))
    await ready.wait()
    assert log == ["+store"]
    stopping.set()
    await running
    assert log == ["+store", "-store"]
