"""Hold, lock down and release by the command line beside a real daemon and a door of its own."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt

from edge.demo.site import REFUSED, Site

GATE: Final = "0C1105E00002"
CARD: Final = "04A1B2C3D5"
IN_FORCE_WITHIN_S: Final = 1.0  # contract section 2


class Door:
    """A panel that acknowledges what it is told and remembers it."""

    def __init__(self, client: aiomqtt.Client, root: str) -> None:
        self._client = client
        self._root = root
        self._ids = (f"{time.monotonic_ns()}-{number}" for number in itertools.count())
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.heard = asyncio.Event()

    async def listen(self) -> None:
        async for message in self._client.messages:
            verb = str(message.topic).rpartition("/")[2]
            told = json.loads(bytes(message.payload))  # type: ignore[arg-type]  # always bytes here
            if verb == "decision":
                self._answers[told["id"]].set_result(told)
            elif verb != "config":
                self.told.append((verb, told))
                ack = {"id": told["id"], "ok": True, "at": datetime.now(UTC).isoformat()}
                await self._client.publish(f"{self._root}/up/ack", json.dumps(ack), qos=1)
                self.heard.set()

    async def card(self) -> dict[str, Any]:
        """What a card is answered."""
        identity = next(self._ids)
        answer = self._answers[identity] = asyncio.get_running_loop().create_future()
        tried = {"id": identity, "at": datetime.now(UTC).isoformat(), "method": "rf_card", "value": CARD}
        await self._client.publish(f"{self._root}/up/attempt", json.dumps(tried), qos=1)
        async with asyncio.timeout(10):
            return await answer

    async def until(self, reason: str) -> float:
        """Seconds until a card is answered *reason*."""
        began = time.monotonic()
        async with asyncio.timeout(10):
            while (await self.card())["reason"] != reason:  # noqa: ASYNC110 - each look is an attempt of its own
                await asyncio.sleep(0.02)
        return time.monotonic() - began

    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.told]


class _Linked:
    """A `Door` with its link, as a context."""

    def __init__(self, login: dict[str, Any]) -> None:
        self._login = login
        self._root = f"{login['prefix']}/{login['community']}/{login['user']}"

    async def __aenter__(self) -> Door:
        login = self._login
        self._client = aiomqtt.Client(
            login["host"], login["port"], username=login["user"], password=login["password"],
            identifier=login["client_id"], timeout=5.0,
        )  # fmt: skip
        await self._client.__aenter__()
        await self._client.subscribe(f"{self._root}/down/#", 1)
        await self._client.publish(f"{self._root}/up/state", b"online", qos=1, retain=True)
        door = Door(self._client, self._root)
        self._listening = asyncio.ensure_future(door.listen())
        return door

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await self._client.__aexit__(None, None, None)


async def test_an_operator_locks_down_and_holds_open(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await Site(tmp_path / "site", next(addresses)).init("--time-zone", "Europe/Berlin")
    await site.edge("mac", "add", GATE)
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101", "--handset")
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("relay", "add", GATE, "1", "--methods", "rf_card,remote")
    await site.edge("credential", "add", "rf_card", "--apartment", "1/101", "--value", "-", stdin=CARD)
    login = (await site.edge("device", "secret", GATE))["mqtt"]
    async with site.daemon(tmp_path / "first.log"), _Linked(login) as door:
        await door.until("granted")
        await site.edge("door", "lock", "--all")
        assert await door.until("not_allowed") < IN_FORCE_WITHIN_S
        assert (await site.edge("door", "open", "Gate"))["ok"] is True  # an operator goes on
        await site.edge("door", "hold", "Gate", "--minutes", "5", expect=REFUSED)
        await site.edge("door", "release", "--all")
        assert await door.until("granted") < IN_FORCE_WITHIN_S
        held = await site.edge("door", "hold", "Gate", "--minutes", "5")
        assert held["result"] == "opened"
        assert door.verbs() == ["open", "hold"]
        assert 290 < door.told[-1][1]["seconds"] <= 300
    async with site.daemon(tmp_path / "second.log"), _Linked(login) as door:
        await door.until("granted")
        assert [row["order"] for row in await site.edge("door", "orders")] == ["hold_open"]
        assert door.verbs() == [], "a state that outlives a restart moves no relay"
        door.heard.clear()
        await site.edge("door", "lock", "Gate")
        async with asyncio.timeout(5):
            await door.heard.wait()
        assert door.verbs() == ["release"]
    rows = [row for row in await site.log() if row["kind"] == "device" and "result" in row["detail"]]
    assert [(row["detail"]["type"], row["detail"]["result"]) for row in rows][-2:] == [
        ("hold", "opened"), ("release", "opened"),
    ]  # fmt: skip
