"""A process that runs only when cameras leave it time."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_GROUP = Path("/proc/self/autogroup")
_LEAST = "19"


def give_way(nice: int) -> None:
    """Put this process behind all others: its threads, and those that it starts later.

    A `nice` value alone does not do that: where Linux groups processes by session (`sched_autogroup`), it counts only among those of one
    session, and a worker has a session of its own. And one that merely has a small share still finishes its turn when a camera's process
    wakes, which `SCHED_IDLE` does not. What the system does not have, or does not allow, is left out.

    Args:
        nice: How much is added to the process's `nice` value; its time also counts as free where the machine's load is read. 0: it stays
            where it is.
    """
    if not nice:
        return
    os.nice(nice)
    with contextlib.suppress(OSError):
        _GROUP.write_text(_LEAST, encoding="ascii")
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
