"""Films that are played from disk lie in a folder that goes with the bench, whatever ends it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from panops.bench.film_shape import FilmShape
from panops.bench.offer import Offer
from panops.testing.films import make_film
from tests.unit.bench.tallies import film

SHAPE = FilmShape((320, 180), 10.0, 5.0, 1.0, 4.0)
HOLDER = """
import sys, time
from panops.bench.offer import Offer
with Offer([], 0, "file"):
    print("ready", flush=True)
    time.sleep(300)
"""


def test_files_of_cameras_begin_elsewhere_and_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shown = replace(film(), path=make_film(tmp_path / "film.mp4", count=40, rate_fps=10, gop=10), shape=SHAPE)
    with Offer([shown], 3, "file") as offer:
        assert len(set(offer.addresses.values())) == 2
        assert all(Path(address).is_file() for address in offer.addresses.values())
        assert offer.counts() == {}
    assert list(tmp_path.iterdir()) == [tmp_path / "film.mp4"]


def test_they_are_removed_after_kill(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True, env=environ)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    assert len(list(tmp_path.iterdir())) == 1
    holder.kill()
    holder.wait(10)
    holder.stdout.close()
    give_up_s = time.monotonic() + 30
    while list(tmp_path.iterdir()) and time.monotonic() < give_up_s:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []
