"""kill -9 of the daemon in a loop under load: no committed row is lost, no door opens when it comes back."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt

from edge.demo.site import Site

GATE: Final = "0C1105E00001"
CARD: Final = "04A1B2C3D4"
KILLS: Final = 6
ATTEMPTS_BEFORE_A_KILL: Final = 40


class Panel:
    """A door that presents a card again and again, whoever answers, and remembers every answer."""

    def __init__(self, login: dict[str, Any]) -> None:
        self._login = login
        self._root = f"{login['prefix']}/{login['community']}/{login['user']}"
        self.answered: dict[str, list[bytes]] = {}
        self.opened: list[bytes] = []
        self._ids = (f"try-{number}" for number in itertools.count())
        self.more = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled; a lost link is dialled again."""
        while True:
            try:
                await self._one_link()
            except* aiomqtt.MqttError:
                await asyncio.sleep(0.05)

    async def _one_link(self) -> None:
        login = self._login
        async with aiomqtt.Client(
            login["host"], login["port"], username=login["user"], password=login["password"],
            identifier=login["client_id"], timeout=2.0,
        ) as client:  # fmt: skip
            await client.subscribe(f"{self._root}/down/#", 1)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(client))
                group.create_task(self._present(client))

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = bytes(message.payload) if isinstance(message.payload, bytes) else b""
            if str(message.topic).endswith("/down/decision"):
                self.answered.setdefault(json.loads(payload)["id"], []).append(payload)
                self.more.set()
            elif str(message.topic).endswith("/down/open"):
                self.opened.append(payload)

    async def _present(self, client: aiomqtt.Client) -> None:
        while True:
            attempt = {"id": next(self._ids), "at": datetime.now(UTC).isoformat(), "method": "rf_card", "value": CARD}
            await client.publish(f"{self._root}/up/attempt", json.dumps(attempt), qos=1)
            await asyncio.sleep(0.005)

    async def answers(self, count: int) -> None:
        """Wait for *count* more answers."""
        wanted = len(self.answered) + count
        async with asyncio.timeout(30.0):
            while len(self.answered) < wanted:
                self.more.clear()
                await self.more.wait()


@contextlib.asynccontextmanager
async def running(panel: Panel) -> AsyncIterator[None]:
    task = asyncio.ensure_future(panel.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_killed_in_a_loop_under_load(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await Site(tmp_path / "site", next(addresses)).init("--time-zone", "Europe/Berlin")
    await site.edge("mac", "add", GATE)
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101", "--handset")
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("relay", "add", GATE, "1", "--methods", "rf_card,remote")
    await site.edge("credential", "add", "rf_card", "--apartment", "1/101", "--value", "-", stdin=CARD)
    panel = Panel((await site.edge("device", "secret", GATE))["mqtt"])
    async with running(panel):
        for number in range(KILLS):
            async with site.daemon(tmp_path / f"serve-{number}.log") as daemon:
                await panel.answers(ATTEMPTS_BEFORE_A_KILL)
                await daemon.kill()
        async with site.daemon(tmp_path / "last.log"):
            await panel.answers(ATTEMPTS_BEFORE_A_KILL)
    rows = await site.log()
    doctor = await site.run("doctor")
    by_id = [row["id"] for row in rows if row["kind"] == "access"]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1)), "one sequence without gaps"
    assert len(by_id) == len(set(by_id)), "an attempt has one row"
    assert set(panel.answered) <= set(by_id), "what was answered was committed before"
    assert all(len(set(answers)) == 1 for answers in panel.answered.values())
    assert panel.opened == [], "nothing opens by itself"
    assert "none changed or missing" in doctor.output
