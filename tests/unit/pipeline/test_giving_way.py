"""A process that gives way, in the system's own words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import json, os, sys, threading
from pathlib import Path
from panops.pipeline.giving_way import give_way

told, go = [], threading.Event()

def tell():
    told.append([os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)])

def wait():
    go.wait()
    tell()

early = threading.Thread(target=wait)
early.start()
give_way(int(sys.argv[1]))
go.set()
early.join()
tell()
late = threading.Thread(target=tell)
late.start()
late.join()
group = Path("/proc/self/autogroup")
print(json.dumps({"threads": told, "group": group.read_text().split()[-1:] if group.exists() else []}))
"""
linux = pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="needs Linux")


def told(nice: int) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(nice)], capture_output=True, text=True, check=True, start_new_session=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@linux
def test_it_stands_behind_all_others_with_the_threads_it_has_and_those_that_come() -> None:
    wanted = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 3)
    assert told(3)["threads"] == [[os.SCHED_IDLE, wanted]] * 3


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system does not group processes by session")
def test_its_session_has_the_least_share() -> None:
    assert told(3)["group"] in (["19"], []), "empty where a control group takes the place of the session"
    assert told(0)["group"] in (["0"], [])


@linux
def test_without_a_nice_value_it_is_a_process_like_others() -> None:
    assert told(0)["threads"] == [[os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)]] * 3
