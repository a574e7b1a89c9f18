"""`make bench`: every benchmark that needs no other program, one after the other, each in a process of its own.

Numbers of a shared machine: compare medians and ratios, and run it twice before believing a difference.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

# What others use, and what takes minutes.
NOT_RUN_HERE: Final = frozenset(
    {
        "__init__",
        "__main__",
        "device_clients",
        "sip_server",
        "sip_calls_server",
        "sip_load",
        "sip_day",
        "sip_storm",
        "storm_crowd",
    }
)


def main() -> int:
    """Run them; 1 if one failed."""
    failed = False
    for file in sorted(Path(__file__).parent.glob("*.py")):
        if file.stem in NOT_RUN_HERE:
            continue
        print(f"\n# {file.stem}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{file.stem}"], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
