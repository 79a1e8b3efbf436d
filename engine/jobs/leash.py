"""Imported first by the forkserver, which can be told nothing else: from here on it dies with its supervisor.

Without this a supervisor that is killed while torch is being loaded leaves the forkserver loading for seconds.
Workers do not inherit it; they watch the supervisor themselves. Nothing else imports this module.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress

from engine.jobs.ownership import LEASH

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends (Linux; elsewhere do nothing); exit if it has already."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit()


if holder := os.environ.get(LEASH):
    die_with(int(holder))
