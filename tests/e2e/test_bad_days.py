"""A full disk, a locked and a damaged database: a clear sentence, the rest goes on, nothing stored is lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running_site import RunningSite
from tests.small_disk import small_disk_at

SITE = """
cameras:
  yard: {source: "sim://yard?seed=3&activity=14&rate_fps=10", model: motion}
rules:
  - {id: anyone, kind: intrusion, classes: [person], after_s: 0.4, end_after_s: 0.5}
evidence: {before_s: 1, after_s: 1}
retention: {min_free_gib: 0}
"""


def site_file(tmp_path: Path) -> str:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return str(path)


def notices(site: RunningSite) -> dict[str, str]:
    return {notice["topic"]: notice["message"] for notice in site.get("/site")["notices"]}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB; mounting one needs root."""
    with small_disk_at(tmp_path / "disk", 24) as folder:
        yield folder


def test_a_full_disk_is_told_and_outlived(small_disk: Path, tmp_path: Path) -> None:
    with RunningSite(small_disk / "home", site_file(tmp_path)) as site:
        site.log = tmp_path / "log"
        site.sign_in()
        site.wait_for(lambda: any(event["has_clip"] for event in site.events()), 60, "an event has a clip")
        before = {event["event_id"] for event in site.events()}
        with (small_disk / "ballast").open("wb") as ballast:
            try:
                while True:
                    ballast.write(os.urandom(65536))
                    ballast.flush()
            except OSError:
                pass
        told = site.wait_for(lambda: notices(site), 60, "the page says that the disk is full")
        assert any(word in " ".join(told.values()).lower() for word in ("space", "full")), told
        assert site.camera("yard")["state"] == "live"
        (small_disk / "ballast").unlink()
        site.wait_for(lambda: not notices(site), 60, "the page says that all is well again")
        site.wait_for(lambda: {e["event_id"] for e in site.events() if e["has_clip"]} - before, 60, "events have clips again")
        assert before <= {event["event_id"] for event in site.events()}


def test_a_locked_database_holds_events_until_it_is_free(tmp_path: Path) -> None:
    with RunningSite(tmp_path / "home", site_file(tmp_path)) as site:
        site.sign_in()
        site.wait_for(site.events, 60, "there is an event")
        before = {event["event_id"] for event in site.events()}
        released = threading.Event()
        connection = sqlite3.connect(tmp_path / "home" / "panops.db", isolation_level=None, check_same_thread=False)
        connection.execute("begin immediate")
        threading.Timer(14.0, released.set).start()
        released.wait()
        assert site.camera("yard")["state"] == "live"
        connection.execute("rollback")
        connection.close()
        site.wait_for(lambda: {event["event_id"] for event in site.events()} - before, 60, "events go on")
        # The numbers have no gap: what happened while it was locked was held back, not lost.
        numbers = sorted(int(event["event_id"].rpartition("-")[2]) for event in site.events())
        assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("damage", ["text", "header", "truncated"])
def test_a_damaged_database_is_named_and_left_alone(tmp_path: Path, damage: str) -> None:
    home = tmp_path / "home"
    with RunningSite(home, site_file(tmp_path)) as site:
        site.sign_in()
    path = home / "panops.db"
    for extra in ("-wal", "-shm"):
        path.with_name(path.name + extra).unlink(missing_ok=True)
    good = path.read_bytes()
    bad = {"text": b"this is no database\n" * 100, "header": os.urandom(100) + good[100:], "truncated": good[: len(good) // 2 + 7]}[damage]
    path.write_bytes(bad)
    done = subprocess.run(
        [sys.executable, "-m", "panops.cli", "run", "--home", str(home), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "panops.db" in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == bad
