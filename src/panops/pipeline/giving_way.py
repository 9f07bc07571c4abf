"""A process that runs only when cameras leave it time."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_GROUP = Path("/proc/self/autogroup")
_LEAST = "19"
# Linux lets all but root change a group ten times a second, all of them together.
_TRIES = 10
_PAUSE_S = 0.12


def give_way(nice: int) -> None:
    """Put this process behind all others: the threads that it has, and those that it starts later.

    A `nice` value alone does not do that: where Linux groups processes by session (`sched_autogroup`), it counts only among those of one
    session, and a worker has a session of its own; so that group gets the least share. `SCHED_IDLE` is for what the share does not say: a
    processor that runs only such threads counts as free when a camera's process looks for one, and within one group they end their turn
    as soon as anybody else wakes. What the system does not have, or does not allow, is left out.

    Args:
        nice: How much is added to the process's `nice` value; its time also counts as free where the machine's load is read. 0: it stays
            where it is.
    """
    if not nice:
        return
    _group()
    wanted = os.getpriority(os.PRIO_PROCESS, 0) + nice
    for thread in _threads():
        with contextlib.suppress(OSError):  # it ended meanwhile
            os.setpriority(os.PRIO_PROCESS, thread, wanted)
        with contextlib.suppress(OSError, AttributeError):
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def _group() -> None:
    for _ in range(_TRIES):
        try:
            _GROUP.write_text(_LEAST, encoding="ascii")
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        except OSError:
            return
        else:
            return


def _threads() -> list[int]:
    """Those that libraries started when they were loaded, too: for Linux each has a priority of its own."""
    try:
        return [int(thread.name) for thread in Path("/proc/self/task").iterdir()]
    except OSError:
        return [0]
