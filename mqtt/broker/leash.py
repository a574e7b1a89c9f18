"""Run a program that ends when we do, even if we are killed.

    python leash.py PARENT-PID PROGRAM ARGUMENT…

Started as a file, without the rest of the package: the process becomes PROGRAM and keeps its id. On Linux the kernel
sends it SIGTERM when the parent dies; elsewhere it is only a way to start a program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h; survives execve


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - no shell, and the command line is the supervisor's own


if __name__ == "__main__":
    main()
