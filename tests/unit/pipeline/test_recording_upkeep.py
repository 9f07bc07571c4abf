"""What a killed process left is found again, what holds nothing is swept, and what is not ours stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from panops.config.schema import SiteConfig
from panops.domain.recordings import Segment
from panops.ingest.segment_file import SegmentFile
from panops.ingest.segment_reader import is_whole
from panops.pipeline.recording_upkeep import RecordingUpkeep
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Scope
from panops.testing.fake_clock import FakeClock
from panops.testing.films import make_film
from tests.unit.ingest.recorded_packets import load

START_S = 1_800_000_000.0
SITE = SiteConfig.model_validate({"cameras": {"gate": {"source": "sim://yard", "record": "continuous"}}})


class Left:
    """A home after a killed run, and the upkeep of the next."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.clock = FakeClock(START_S + 100)
        self.home = Home(folder)
        self.folder = RecordingFolder(self.home.recordings)
        self.index = RecordingIndex(database)
        self.upkeep = RecordingUpkeep(self.home, database, self.clock)
        self.film = load(make_film(folder / "film.mp4", count=40), START_S)

    def file(self, start_s: float, *, close: bool = False) -> Path:
        file = SegmentFile(self.folder.new_file("gate", start_s), self.film[0])
        for packet in self.film[1]:
            file.add(packet)
        if close:
            file.close()
        os.utime(file.path, (self.clock.now_s - 1, self.clock.now_s - 1))
        return file.path

    def listed(self) -> list[Segment]:
        return self.index.segments(Scope.everything(), "gate", 0, 1e11)


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Left]:
    with Database.at(tmp_path) as database:
        yield Left(tmp_path, database)


def test_files_without_a_row_are_listed_and_those_cut_off_are_put_right(left: Left) -> None:
    whole, cut_off = left.file(START_S, close=True), left.file(START_S + 10)
    assert not is_whole(cut_off)
    assert left.upkeep.find(SITE) == 0, "somebody may be writing them"
    assert left.upkeep.find(SITE, nobody_writes=True) == 2
    first, second = left.listed()
    assert (first.path, second.path) == (left.folder.stored(whole), left.folder.stored(cut_off))
    assert first.end_s - first.start_s == pytest.approx(4.0, abs=0.01)
    assert second.end_s - second.start_s == pytest.approx(3.0, abs=0.01), "its last group was not whole"
    assert is_whole(cut_off)
    assert second.size_bytes == cut_off.stat().st_size
    assert left.upkeep.find(SITE, nobody_writes=True) == 0


def test_what_a_shard_that_died_left_is_found_when_nobody_wrote_to_it_for_long(left: Left) -> None:
    left.file(START_S)
    left.clock.now_s += 1000
    assert left.upkeep.find(SITE) == 1


def test_what_holds_no_picture_is_deleted_and_what_is_not_ours_stays(left: Left) -> None:
    whole = left.file(START_S, close=True)
    day = whole.parent
    nothing, half, notes = day / "080500000.mp4", day / ".080500000.part", day / "notes.txt"
    for path in (nothing, half, notes):
        path.write_bytes(b"nothing that plays")
        os.utime(path, (left.clock.now_s - 1, left.clock.now_s - 1))
    (left.folder.path / "holiday.mp4").write_bytes(b"somebody's own")
    (left.folder.path / ".export-0123.mp4").write_bytes(b"of a killed export")
    assert left.upkeep.find(SITE, nobody_writes=True) == 1
    assert sorted(path.name for path in left.folder.path.rglob("*") if path.is_file()) == sorted([whole.name, "notes.txt", "holiday.mp4"])


def test_a_disk_that_is_not_there_loses_no_row(left: Left) -> None:
    path = left.file(START_S, close=True)
    left.upkeep.find(SITE, nobody_writes=True)
    assert left.index.protect(Scope.everything(), "gate", START_S, START_S + 1, on=True) == 1
    away = path.with_name("away")
    path.rename(away)
    left.upkeep.find(SITE)
    assert left.listed() == []
    away.rename(path)
    left.upkeep.find(SITE)
    assert [one.protected for one in left.listed()] == [True]


def test_old_days_are_looked_through_once_a_day_only(left: Left) -> None:
    paths = [left.file(START_S - day * 86_400, close=True) for day in range(4)]
    assert left.upkeep.find(SITE, nobody_writes=True) == 2
    assert left.upkeep.find(SITE, nobody_writes=True, everything=True) == 2
    assert len(left.listed()) == len(paths)


def test_nothing_is_made_where_nothing_is_recorded(tmp_path: Path) -> None:
    with Database.at(tmp_path / "home") as database:
        upkeep = RecordingUpkeep(Home(tmp_path / "home"), database, FakeClock())
        site = SiteConfig()
        assert upkeep.find(site) == 0
        assert upkeep.retain(site).headroom_hours == float("inf")
        assert not (tmp_path / "home" / "recordings").exists()
