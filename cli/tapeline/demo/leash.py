"""Starts a program that ends when its parent does, even one killed by SIGKILL (Linux; elsewhere it only starts it).

Run as a script: `python leash.py PARENT_PID program argument…`. It asks the kernel for SIGTERM at the parent's death,
then becomes the program, so that the process id stays and no process stands between.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the program named on the command line."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            raise SystemExit(1)
    os.execv(program[0], program)  # noqa: S606 - the arguments come from our own supervisor


if __name__ == "__main__":
    main()
