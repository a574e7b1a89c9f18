"""`make demo` with nothing but what is locked: our own phones, the embedded broker."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest


async def run(*options: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge.demo", *options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_whole_play_without_mosquitto_and_pjsua2(tmp_path: Path) -> None:
    picture = tmp_path / "timeline.svg"
    folder = str(tmp_path / "demo")
    status, output = await run("--phones", "own", "--broker", "embedded", "--folder", folder, "--svg", str(picture))
    assert status == 0, output
    assert output.count("✓") == 8
    assert "OPENS relay 1" in output
    assert "@font-face" not in picture.read_text()  # it fetches nothing


async def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.touch()
    status, output = await run("--folder", str(tmp_path))
    assert status == 2
    assert "not a demo" in output
    assert precious.exists()
