"""The thread that moves recordings: what it tells, how long it waits, and that it goes on by itself."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from panops.config.schema import SiteConfig
from panops.domain.recordings import Place, Segment
from panops.pipeline.archiving import Archiving
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Scope
from panops.testing.fake_clock import FakeClock


class Moved:
    """A home with recordings two days old, and its archive."""

    def __init__(self, folder: Path, database: Database, clock: FakeClock) -> None:
        self.clock, self.second = clock, folder / "second"
        self.second.mkdir()
        self.home = Home(folder / "home")
        self.folder, self.index = RecordingFolder(self.home.recordings), RecordingIndex(database)
        self.archiving = Archiving(self.home, database, clock)
        self.site = SiteConfig.model_validate(
            {"recording": {"min_free_gib": 0, "archive": {"folder": str(self.second), "min_free_gib": 0}}}
        )

    def add(self, hours: float = 48) -> Path:
        start_s = self.clock.now_s - hours * 3600
        path = self.folder.new_file("gate", start_s)
        path.write_bytes(str(hours).encode() * 100)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.index.add([Segment("gate", self.folder.stored(path), start_s, start_s + 60, path.stat().st_size, digest)])
        return path

    def places(self) -> list[Place]:
        return [one.place for one in self.index.segments(Scope.everything(), "gate", 0, 1e11)]


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[Moved]:
    with Database.at(tmp_path / "home") as database:
        yield Moved(tmp_path, database, FakeClock())


def test_it_moves_and_tells_figures(moved: Moved) -> None:
    size = moved.add().stat().st_size
    while not (wait_s := moved.archiving.round(moved.site)):
        pass
    assert wait_s == 15.0
    assert moved.places() == [Place.ARCHIVE]
    figures = moved.archiving.figures()
    assert (figures["archived_files"], figures["archived_bytes"], figures["archive_up"]) == (1.0, float(size), 1.0)
    assert moved.archiving.state.problem == ""


def test_an_archive_that_is_away_is_told_and_asked_less_and_less_often(moved: Moved, tmp_path: Path) -> None:
    path = moved.add()
    moved.second.rename(tmp_path / "unmounted")
    waits = [moved.archiving.round(moved.site) for _ in range(8)]
    assert waits == [15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
    state = moved.archiving.state
    assert "mount its disk" in state.problem
    assert (state.is_up, state.waiting.files) == (False, 1)
    assert moved.archiving.figures()["archive_failures"] == 8.0
    assert path.exists()
    (tmp_path / "unmounted").rename(moved.second)
    assert moved.archiving.round(moved.site) == 0.0
    assert (moved.archiving.state.problem, moved.places()) == ("", [Place.ARCHIVE])
    assert moved.archiving.round(moved.site) == 15.0, "the next time it waits as short as at first"


def test_missing_files_and_a_forgotten_archive_are_told(moved: Moved) -> None:
    path = moved.add()
    moved.archiving.round(moved.site)
    (moved.second / path.relative_to(moved.folder.path)).unlink()
    moved.clock.now_s += 90_000
    moved.archiving.round(moved.site)
    assert moved.archiving.state.missing == 1
    assert "are missing in the archive" in moved.archiving.state.problem
    moved.archiving.round(SiteConfig())
    assert "the settings do not name any more" in moved.archiving.state.problem


def test_a_recordings_folder_that_is_not_there_is_no_reason_to_give_files_up(moved: Moved, tmp_path: Path) -> None:
    moved.add()
    away = moved.site.model_copy(update={"recording": moved.site.recording.model_copy(update={"folder": str(tmp_path / "unmounted")})})
    moved.archiving.round(away)
    assert moved.places() == [Place.HERE]
    assert "is not there" in moved.archiving.state.problem


def test_the_thread_works_and_stops(moved: Moved) -> None:
    moved.add()
    moved.archiving.start(lambda: moved.site)
    until_s = time.monotonic() + 60
    while moved.places() != [Place.ARCHIVE]:
        assert time.monotonic() < until_s
        time.sleep(0.02)
    moved.archiving.stop()
    moved.archiving.stop()
