"""The door desk at mosquitto, and with mosquitto's own clients as the door."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.door_lab.cases import DoorCases, attempt, doors
from tests.mqtt_lab.fakes import password_of
from tests.mqtt_lab.lab import DOOR, Lab, down, lab, up


@pytest.mark.peer("mosquitto")
class TestMosquitto(DoorCases):
    kind = "mosquitto"

    async def test_an_ordinary_client_asks_and_is_answered(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, doors(room, tmp_path):
            asking = await asyncio.create_subprocess_exec(
                "mosquitto_rr",
                *client(room),
                *("-t", up(DOOR, "attempt"), "-e", down(DOOR, "decision"), "-q", "1"),
                *("-m", attempt("1", "pin", "482915")),
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await asking.communicate()
            assert json.loads(out)["granted"] is True


def client(room: Lab) -> tuple[str, ...]:
    host, port = room.address
    return ("-h", host, "-p", str(port), "-i", DOOR, "-u", DOOR, "-P", password_of(DOOR), "-W", "8")
