"""The first call of the README, with its own commands, in an empty folder."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.phone.handle import Phone, PhoneSettings
from tests.peers.sipwatch import SPEAKERS
from tests.peers.trunk import until_answers

README = Path(__file__).parents[2] / "README.md"
TWINS = ("EDGE_SIP__LISTEN", "EDGE_MQTT__LISTEN", "EDGE_HTTP__LISTEN")
SERVE = "edge serve &"


def blocks() -> tuple[list[str], list[str]]:
    """The commands before and after the monitor is there."""
    section = README.read_text().partition("## A first call by hand")[2].partition("\n## ")[0]
    before, after = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return before.splitlines(), after.splitlines()


class Folder:
    """An empty folder in which somebody types commands; addresses are loopback ones of this test alone."""

    def __init__(self, path: Path, address: str) -> None:
        path.mkdir()
        self.path = path
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": programs, **dict.fromkeys(TWINS, address)}

    async def type(self, command: str) -> str:
        """What *command* prints. It must succeed."""
        process = await asyncio.create_subprocess_shell(
            command, cwd=self.path, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
        assert process.returncode == 0, f"{command}: {process.returncode}: {errors.decode()[-1000:]}"
        return output.decode()

    @contextlib.asynccontextmanager
    async def in_background(self, command: str) -> AsyncIterator[None]:
        process = await asyncio.create_subprocess_exec(*command.split(), cwd=self.path, env=self.environment)
        try:
            yield
        finally:
            process.terminate()
            assert await process.wait() == 0


@pytest.mark.peer("pjsua2")
async def test_the_first_call_goes_through(tmp_path: Path, addresses: Iterator[str]) -> None:
    before, after = blocks()
    assert before.pop() == SERVE
    address = next(addresses)
    SPEAKERS.add(address)
    folder = Folder(tmp_path / "my-house", address)
    for command in before:
        await folder.type(command)
    async with folder.in_background(SERVE.removesuffix(" &")):
        await until_answers(address, 5060, 30)
        secret = json.loads(await folder.type("edge --json device secret 0C1105000101"))["sip"]
        async with Phone(monitor(secret, next(addresses))) as phone:
            await phone.registered()
            printed = [await folder.type(command) for command in after]
            assert phone.invites == 1
        calls = json.loads(await folder.type("edge --json call list"))
    assert [call["outcome"] for call in calls] == ["answered"]
    assert "Monitor 101" in printed[0]


def monitor(login: dict[str, Any], ip: str) -> PhoneSettings:
    host = login["server"].rpartition(":")[0]
    registrar = f"sip:{login['server']}"
    return PhoneSettings(ip, login["user"], login["password"], domain=host, registrar=registrar, tone_hz=880)
