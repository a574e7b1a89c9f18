"""The app built anew, in a folder of its own, by node and npm as they are here."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "app"
BUILT: Final = ROOT / "edge" / "http" / "app"
WITHIN_S: Final = 100.0


def installed(folder: Path) -> Path:
    """The app's source with its locked dependencies, in *folder*; no script of theirs is run. `AssertionError` says
    why not."""
    made = folder / "app"
    shutil.copytree(SOURCE, made, ignore=shutil.ignore_patterns("node_modules"))
    npm(made, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    return made


def built(source: Path) -> Path:
    """What `npm run build` of *source* makes: the folder of the package's files."""
    npm(source, "run", "build")
    return source.parent / "edge" / "http" / "app"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below *folder* by its path."""
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def npm(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["npm", *arguments], cwd=folder, env={**os.environ, "CI": "true", "NO_COLOR": "1"}, timeout=WITHIN_S,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
