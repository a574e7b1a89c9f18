"""The installer's way from the box to the first call: exactly the commands of docs/install.md, in an empty folder."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

PAGE: Final = Path(__file__).parents[2] / "docs" / "install.md"
TWINS: Final = ("EDGE_SIP__LISTEN", "EDGE_MQTT__LISTEN", "EDGE_HTTP__LISTEN")
WITHIN_S: Final = 900  # two dozen commands on a busy machine
MARK: Final = "-- block"
# What a reader sees before going on: the daemon answers, the door phone is plugged in, the monitor has registered.
SEEN: Final = (
    """
until edge status >/dev/null 2>&1; do sleep 0.2; done
""",
    """
until python -m edge.simulators state 127.0.0.61:8061 >/dev/null 2>&1; do sleep 0.2; done
until edge --json device show 0C1105000101 | tr -d ' \\n' | grep -q '"sip":{[^}]*"online":true'; do sleep 0.2; done
""",
)


def script() -> str:
    """The blocks of the page as one script; background programs end with it, by their ids."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    waits = [*SEEN, *[""] * (len(blocks) - len(SEEN))]
    told = [f"{block}{wait}\necho '{MARK}'\n" for block, wait in zip(blocks, waits, strict=True)]
    return "set -eu\ntrap 'kill $(jobs -p)' EXIT\n" + "".join(told)


@pytest.mark.peer("bash")
@pytest.mark.timeout(960)
async def test_the_page_works_as_it_is_written(tmp_path: Path, addresses: Iterator[str]) -> None:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, **dict.fromkeys(TWINS, next(addresses))}
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script(), cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(WITHIN_S):
        output, errors = await process.communicate()
    said = output.decode()
    assert process.returncode == 0, f"{said[-2000:]}\n{errors.decode()[-3000:]}"
    assert said.count(MARK) == len(re.findall("```sh", PAGE.read_text()))

    async def edge(*arguments: str) -> Any:
        asked = await asyncio.create_subprocess_exec(
            "edge", "--json", *arguments, cwd=tmp_path, env=environment, stdout=subprocess.PIPE
        )
        return json.loads((await asked.communicate())[0])

    calls, log = await edge("call", "list"), await edge("log", "list")
    assert [(call["dialled"], call["outcome"]) for call in calls] == [("101", "answered")]
    pins = [row for row in log if row["method"] == "pin"]
    assert [(row["outcome"], row["apartment"]) for row in pins] == [("granted", "A/101")]
    assert '{"opened": true}' in said
    assert "29.30.10.99" in said
    assert json.loads(said.strip().splitlines()[-2])["factory"] is True
