"""The weather reaches indoor monitors over the device plane, and nobody else; what is old is taken back."""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiomqtt

from edge.demo.site import Site
from tests.peers.site import Running

GATE, HALL = "0c1105d40001", "0c1105d40002"
WITHIN_S: Final = 40.0


def told(folder: Path, temperature_c: float, age: timedelta = timedelta()) -> None:
    """What something beside the edge keeps new: put in its place whole."""
    weather = {"temperature_c": temperature_c, "condition": "rain", "at": (datetime.now(UTC) - age).isoformat()}
    (folder / "weather.new").write_text(json.dumps(weather))
    os.replace(folder / "weather.new", folder / "weather.json")


async def config(login: Mapping[str, Any], temperature_c: int | None) -> dict[str, Any]:
    """The configuration of a device once its weather is this."""
    topic = f"{login['prefix']}/{login['community']}/{login['user']}/down/config"
    async with (
        asyncio.timeout(WITHIN_S),
        aiomqtt.Client(
            login["host"], login["port"], username=login["user"], password=login["password"],
            identifier=login["client_id"],
        ) as client,
    ):  # fmt: skip
        await client.subscribe(topic, qos=1)
        async for message in client.messages:
            found: dict[str, Any] = json.loads(bytes(message.payload))  # type: ignore[arg-type]  # bytes on the wire
            if found.get("weather", {}).get("temperature_c") == temperature_c:
                return found
    raise AssertionError("unreachable")


async def test_monitors_are_told_the_weather_while_it_is_new(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = Site(tmp_path / "site", next(addresses))
    weather = {"file": "weather.json", "every_min": 0.005, "max_age_min": 60.0}
    await site.init(settings={"mqtt": {"broker": "embedded"}, "weather": weather})
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101")
    await site.edge("mac", "add", GATE, HALL)
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("device", "add", HALL, "--name", "Hall", "--type", "2", "--apartment", "1/101")
    told(site.folder, 11.6)
    async with site.daemon(tmp_path / "serve.log") as daemon:
        running = Running(site, daemon)
        monitor, door = (await running.login(HALL, "Hall")).mqtt, (await running.login(GATE, "Gate")).mqtt
        assert monitor is not None
        assert door is not None
        first = await config(monitor, 12)
        assert first["weather"]["condition"] == "rain"
        assert "weather" not in await config(door, None)
        told(site.folder, 3)
        second = await config(monitor, 3)
        assert second["revision"] > first["revision"], "a number never means two things"
        told(site.folder, 3, timedelta(hours=2))
        assert "weather" not in await config(monitor, None)
