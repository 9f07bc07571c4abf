"""Nothing outlives the bench: what it starts ends when it lets go, and when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from panops.bench.leashed import Leashed
from panops.domain.errors import PanopsError

# Starts a child of its own, as the product does, and says both ids.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print("ready", child.pid, flush=True)
time.sleep(300)
"""
HOLDER = """
import sys, time
from pathlib import Path
from panops.bench.leashed import Leashed
folder = Path(sys.argv[1])
leashed = Leashed([sys.executable, "-c", sys.argv[2]], folder, folder / "log", {})
print(leashed.pid, flush=True)
time.sleep(300)
"""


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    give_up_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_s, f"{what}: not within {timeout_s} s"
        time.sleep(0.02)


def ready(folder: Path) -> int:
    """The id of the child's child, once it runs."""
    log = folder / "log"
    wait_until(lambda: log.exists() and "ready" in log.read_text(), "it runs")
    return int(log.read_text().split()[1])


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_letting_go_ends_all_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    leashed = Leashed([sys.executable, "-c", PARENT], folder, folder / "log", dict(os.environ))
    below = ready(folder)
    assert not leashed.ended
    leashed.stop()
    assert not folder.exists()
    wait_until(lambda: is_gone(leashed.pid) and is_gone(below), "nothing is left")
    leashed.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_holder_that_is_killed_lets_go(number: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    command = [sys.executable, "-c", HOLDER, str(folder), PARENT]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    pid, below = int(holder.stdout.readline()), ready(folder)
    holder.send_signal(number)
    holder.wait(10)
    holder.stdout.close()
    wait_until(lambda: is_gone(pid) and is_gone(below) and not folder.exists(), "nothing is left")


def test_what_ends_by_itself_leaves_its_log_until_it_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    leashed = Leashed([sys.executable, "-c", "print('the port is taken'); raise SystemExit(3)"], folder, folder / "log", dict(os.environ))
    wait_until(lambda: leashed.ended, "it has ended")
    assert (folder / "log").read_text() == "the port is taken\n"
    leashed.stop()
    assert not folder.exists()


def test_what_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(PanopsError, match="could not be started"):
        Leashed(["/no/such/program"], tmp_path / "home", tmp_path / "log", dict(os.environ))
