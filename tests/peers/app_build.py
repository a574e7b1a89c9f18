"""The app built anew, in a folder of its own, by node and npm as they are here."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "app"
BUILT: Final = ROOT / "edge" / "http" / "app"
WITHIN_S: Final = 100.0


async def installed(folder: Path) -> Path:
    """The app's source with its locked dependencies, in *folder*; no script of theirs is run. `AssertionError` says
    why not."""
    made = folder / "app"
    shutil.copytree(SOURCE, made, ignore=shutil.ignore_patterns("node_modules"))
    await npm(made, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    return made


async def built(source: Path) -> Path:
    """What `npm run build` of *source* makes: the folder of the package's files."""
    await npm(source, "run", "build")
    return source.parent / "edge" / "http" / "app"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below *folder* by its path."""
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


async def npm(folder: Path, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "npm", *arguments, cwd=folder, env={**os.environ, "CI": "true", "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(WITHIN_S):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode(errors="replace")[-3000:]
