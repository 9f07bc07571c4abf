"""A process that gives way, in the system's own words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, threading
from pathlib import Path
from panops.pipeline.giving_way import give_way

give_way(int(sys.argv[1]))
thread = threading.Thread(target=lambda: print(os.sched_getscheduler(0), os.nice(0)))
thread.start()
thread.join()
group = Path("/proc/self/autogroup")
print(group.read_text().split()[-1] if group.exists() else "none")
"""


def told(nice: int) -> list[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(nice)], capture_output=True, text=True, check=True, start_new_session=True)
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="needs Linux")
def test_it_stands_behind_all_others_with_its_threads() -> None:
    assert told(3)[:2] == [str(os.SCHED_IDLE), str(os.nice(0) + 3)]


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system does not group processes by session")
def test_its_session_has_the_least_share() -> None:
    assert told(3)[2] == "19"
    assert told(0)[2] == "0"


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="needs Linux")
def test_without_a_nice_value_it_is_a_process_like_others() -> None:
    assert told(0)[:2] == [str(os.SCHED_OTHER), str(os.nice(0))]
