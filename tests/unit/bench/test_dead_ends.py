"""Whoever is measured may die in the middle of it: that is told in a sentence, and nothing is left of the other end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from panops.bench.measure import LoadSettings
from panops.bench.offer import Offer
from panops.bench.peer import PeerSettings, _Loop
from panops.domain.errors import PanopsError
from panops.testing.load_cameras import LoadCameras, LoadServerFailed
from tests.unit.bench.tallies import SHAPE

READER = "from panops.bench.peer_loop import read_orders; print(read_orders().get(), flush=True); import time; time.sleep(60)"


def dead() -> subprocess.Popen[str]:
    """A process that has ended; its pipes are open at this end."""
    process = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        pass
    return process


def test_a_dead_load_server_is_told() -> None:
    cameras = LoadCameras([])
    cameras._process = dead()
    with pytest.raises(LoadServerFailed, match="the load server is gone"):
        cameras.counts()
    cameras.stop()
    cameras.stop()


def test_a_load_server_that_dies_while_it_is_asked_is_told() -> None:
    cameras = LoadCameras([])
    command = [sys.executable, "-c", "import sys; sys.stdin.readline()"]
    cameras._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with pytest.raises(LoadServerFailed, match="ended in the middle"):
        cameras.counts()
    cameras.stop()


def test_a_dead_peer_is_told() -> None:
    loop = _Loop(Offer([], 0), LoadSettings(0, SHAPE), PeerSettings(Path("nowhere.onnx"), 1))
    loop._process = dead()
    with pytest.raises(PanopsError, match="the peer's loop is gone"), loop_ends(loop):
        loop.counts()
    assert loop.pid == 0


class loop_ends:  # noqa: N801  # reads as a verb
    """Stops the loop, as its `with` block does."""

    def __init__(self, loop: _Loop) -> None:
        self._loop = loop

    def __enter__(self) -> None:
        """Nothing to start."""

    def __exit__(self, *error: object) -> None:
        self._loop.__exit__(None, None, None)


def test_the_peer_ends_with_its_standard_input_whatever_it_does() -> None:
    process = subprocess.Popen([sys.executable, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("settings\n")
    process.stdin.flush()
    assert process.stdout.readline() == "settings\n"
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()
