"""A run of atheris over one target, guided by which lines of `sip` the bytes reach.

    python -m tests.fuzz.run message                    # a minute
    python -m tests.fuzz.run message --seconds 3600 --jobs 2
    python -m tests.fuzz.run message FILE               # that input alone: what a run found

An input that breaks a target is written to the folder of `--found`, and the run ends with a status other than 0. Once
it is mended, the input goes into `corpus/TARGET/` under a name that says what it was.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

import atheris

from tests.fuzz.seeds import folders

with atheris.instrument_imports(include=["sip"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS

INPUT_BYTES_MAX: Final = 4096
INPUT_S_MAX: Final = 5  # more for one input is a finding as well
MEMORY_MB_MAX: Final = 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("input", nargs="?", type=Path, help="run this input alone")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--found", type=Path, default=Path(tempfile.gettempdir()), help="folder for what breaks it")
    arguments = parser.parse_args()
    if arguments.input is not None:
        TARGETS[arguments.target](arguments.input.read_bytes())
        return
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        status = _fuzz(arguments, Path(folder))
    sys.exit(status)


def _fuzz(arguments: argparse.Namespace, folder: Path) -> int:
    """libFuzzer ends its process itself, so it gets one of its own. The status it ends with."""
    options = [
        f"-max_total_time={arguments.seconds}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-timeout={INPUT_S_MAX}",
        f"-rss_limit_mb={MEMORY_MB_MAX}",
        f"-artifact_prefix={arguments.found}/{arguments.target}-",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    children = []
    for _ in range(arguments.jobs):
        child = os.fork()
        if child == 0:
            target = TARGETS[arguments.target]
            atheris.Setup([sys.argv[0], *options, str(folder), *map(str, folders(arguments.target))], target)
            atheris.Fuzz()
        children.append(child)
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return next((status for status in ended if status), 0)


if __name__ == "__main__":
    main()
