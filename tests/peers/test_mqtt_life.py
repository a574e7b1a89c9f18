"""mosquitto as a child process; what it keeps over a restart."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from models.ids import Mac
from tests.mqtt_lab.household import back, come_online, event
from tests.mqtt_lab.lab import DOOR, MONITOR, Lab, house, lab, up
from tests.mqtt_lab.lifecycle import BrokerLife


@pytest.mark.peer("mosquitto")
class TestMosquitto(BrokerLife):
    kind = "mosquitto"

    async def test_an_event_that_nobody_committed_outlives_a_restart_of_all(self, tmp_path: Path, address: str) -> None:
        async with lab("mosquitto", tmp_path, address) as room:
            async with house(room):
                pass
            door = await room.device(DOOR)
            await door.publish(up(DOOR, "event"), event("kept", "forced"))
        async with lab("mosquitto", tmp_path, address) as room, house(room) as home:
            await home.desk.until(lambda: [e.id for e in home.desk.events] == ["kept"])

    async def test_an_event_between_a_restart_and_our_return_is_kept_too(self, tmp_path: Path, address: str) -> None:
        async with lab("mosquitto", tmp_path, address) as room, house(room):
            pass
        async with lab("mosquitto", tmp_path, address) as room:
            door = await room.device(DOOR)
            await door.publish(up(DOOR, "event"), event("kept", "forced"))
            async with house(room) as home:
                await home.desk.until(lambda: [e.id for e in home.desk.events] == ["kept"])

    async def test_a_kill_takes_what_was_not_saved_yet_and_nothing_else(self, tmp_path: Path, address: str) -> None:
        """What mosquitto holds for us while we are away is on disk after its next save (docs/mqtt.md)."""
        async with lab("mosquitto", tmp_path, address) as room:
            async with house(room):
                pass
            door = await room.device(DOOR)
            await door.publish(up(DOOR, "event"), event("saved", "forced"))
            await kill_saved(room, b'"saved"', tmp_path)
            await door.closed.wait()
            async with house(room) as home:
                await home.desk.until(lambda: [e.id for e in home.desk.events] == ["saved"])

    async def test_nobody_is_online_because_a_broker_that_was_killed_remembers_it(
        self, tmp_path: Path, address: str
    ) -> None:
        async with lab("mosquitto", tmp_path, address) as room, house(room) as home:
            door, monitor = await room.device(DOOR), await room.device(MONITOR)
            await come_online(home, door)
            await come_online(home, monitor, MONITOR)
            await kill_saved(room, b"online", tmp_path)
            await door.closed.wait()
            door = await back(home, DOOR)
            await door.publish(up(DOOR, "state"), b"online", retain=True)
            await home.desk.until(lambda: (MONITOR, False) in home.desk.presences)
            await home.desk.until(lambda: home.plane.online(Mac(DOOR)))
            assert not home.plane.online(Mac(MONITOR))


async def kill_saved(room: Lab, content: bytes, folder: Path) -> None:
    """Kill the broker once *content* is in its database; it is told to save now rather than in 10 s."""
    pid = room.broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGUSR1)
    async with asyncio.timeout(5):
        while content not in await asyncio.to_thread(read_if_there, folder / "mosquitto.db"):  # noqa: ASYNC110 - a file
            await asyncio.sleep(0.02)
    os.kill(pid, signal.SIGKILL)


def read_if_there(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""
