"""A few seconds of atheris for each parser; `python -m tests.fuzz.run TARGET --seconds 3600` is the long way."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.fuzz.targets import TARGETS

ROOT: Final = Path(__file__).parents[2]
RUN_S: Final = 10
ENDS_WITHIN_S: Final = 80.0  # a busy machine
RUNS_MIN: Final = 500  # fewer, and it did not look at all


async def fuzzed(target: str, found: Path) -> tuple[int | None, str]:
    """Exit status and output of a run."""
    options = [target, "--seconds", str(RUN_S), "--found", str(found)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fuzz.run", *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            output, _ = await process.communicate()
    except BaseException:
        process.kill()
        raise
    return process.returncode, output.decode(errors="replace")


@pytest.mark.peer("atheris")
async def test_atheris_finds_nothing(tmp_path: Path) -> None:
    """All at once, for none of them can use more than one core."""
    runs = await asyncio.gather(*(fuzzed(target, tmp_path) for target in TARGETS))
    for target, (status, output) in zip(TARGETS, runs, strict=True):
        assert status == 0, f"{target}: {output[-4000:]}"
        done = re.search(r"^Done ([0-9]+) runs", output, re.MULTILINE)
        assert done is not None, f"{target}: {output[-4000:]}"
        assert int(done[1]) >= RUNS_MIN, target
        assert "Test unit written" not in output, target
