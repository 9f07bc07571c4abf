"""What a killed process left is found again, what holds nothing is swept, and what is not ours stays."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from panops.config.record_schema import RecordingConfig
from panops.config.schema import SiteConfig
from panops.domain.recordings import Segment
from panops.ingest.segment_file import SegmentFile
from panops.ingest.segment_reader import is_whole
from panops.pipeline import recording_upkeep
from panops.pipeline.alerting import Alerting
from panops.pipeline.recording_upkeep import RecordingUpkeep
from panops.pipeline.site_board import SiteBoard
from panops.pipeline.subscription import FeedHub
from panops.pipeline.switchboard import Switchboard
from panops.pipeline.upkeep import Upkeep
from panops.storage.database import Database
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.recording_folder import RecordingFolder, synced_and_hashed
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
    assert left.upkeep.find(SITE, before_s=left.clock.now_s) == 2
    first, second = left.listed()
    assert (first.path, second.path) == (left.folder.stored(whole), left.folder.stored(cut_off))
    assert first.end_s - first.start_s == pytest.approx(4.0, abs=0.01)
    assert second.end_s - second.start_s == pytest.approx(3.0, abs=0.01), "its last group was not whole"
    assert is_whole(cut_off)
    assert second.size_bytes == cut_off.stat().st_size
    assert left.upkeep.find(SITE, before_s=left.clock.now_s) == 0


def test_what_a_shard_that_died_left_is_found_when_nobody_wrote_to_it_for_long(left: Left) -> None:
    left.file(START_S)
    left.clock.now_s += 1000
    assert left.upkeep.find(SITE) == 1


def test_what_holds_no_picture_is_deleted_and_what_is_not_ours_stays(left: Left) -> None:
    whole = left.file(START_S, close=True)
    day = whole.parent
    nothing, half, notes = day / "080050000.mp4", day / ".080050000.part", day / "notes.txt"
    for path in (nothing, half, notes):
        path.write_bytes(b"nothing that plays")
        os.utime(path, (left.clock.now_s - 1, left.clock.now_s - 1))
    (left.folder.path / "holiday.mp4").write_bytes(b"somebody's own")
    (left.folder.path / ".export-0123.mp4").write_bytes(b"of a killed export")
    assert left.upkeep.find(SITE, before_s=left.clock.now_s) == 1
    assert sorted(path.name for path in left.folder.path.rglob("*") if path.is_file()) == sorted([whole.name, "notes.txt", "holiday.mp4"])


def test_a_disk_that_is_not_there_loses_no_row(left: Left) -> None:
    path = left.file(START_S, close=True)
    left.upkeep.find(SITE, before_s=left.clock.now_s)
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
    assert left.upkeep.find(SITE, before_s=left.clock.now_s) == 2
    assert left.upkeep.find(SITE, before_s=left.clock.now_s, everything=True) == 2
    assert len(left.listed()) == len(paths)


def test_nothing_is_made_where_nothing_is_recorded(tmp_path: Path) -> None:
    with Database.at(tmp_path / "home") as database:
        upkeep = RecordingUpkeep(Home(tmp_path / "home"), database, FakeClock())
        site = SiteConfig()
        assert upkeep.find(site) == 0
        assert upkeep.retain(site).headroom_hours == float("inf")
        assert not (tmp_path / "home" / "recordings").exists()


def test_rows_whose_folder_is_gone_are_marked(left: Left) -> None:
    path = left.file(START_S, close=True)
    left.upkeep.find(SITE, before_s=left.clock.now_s)
    assert len(left.listed()) == 1
    left.folder.path.rename(left.home.path / "away")
    left.upkeep.find(SITE)
    assert left.listed() == []
    (left.home.path / "away").rename(left.folder.path)
    left.upkeep.find(SITE)
    assert len(left.listed()) == 1
    older = left.file(START_S - 3 * 86_400, close=True)
    left.upkeep.find(SITE, before_s=left.clock.now_s)
    older.unlink()
    older.parent.rmdir()
    left.upkeep.find(SITE, everything=True)
    assert [one.path for one in left.listed()] == [left.folder.stored(path)]


def test_an_empty_folder_that_was_named_is_a_disk_that_is_not_mounted(left: Left, tmp_path: Path) -> None:
    left.file(START_S, close=True)
    left.upkeep.find(SITE, before_s=left.clock.now_s)
    (tmp_path / "disk").mkdir()
    named = SITE.model_copy(update={"recording": RecordingConfig(folder=str(tmp_path / "disk"))})
    left.upkeep.find(named, before_s=left.clock.now_s, everything=True)
    assert len(left.listed()) == 1


def test_what_this_run_writes_is_not_taken_for_what_the_last_one_left(left: Left) -> None:
    began_s = left.clock.now_s
    of_this_run = left.file(began_s + 10)
    os.utime(of_this_run, (began_s - 60, began_s - 60))  # the clock of a network disk is behind
    assert left.upkeep.find(SITE, before_s=began_s) == 0
    assert not is_whole(of_this_run)


def test_a_disk_that_hangs_takes_one_thread_only(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    left.file(START_S, close=True)
    hangs, goes_on = threading.Event(), threading.Event()
    real = synced_and_hashed

    def hang(path: Path) -> tuple[int, str]:
        hangs.set()
        goes_on.wait(20)
        return real(path)

    monkeypatch.setattr(recording_upkeep, "synced_and_hashed", hang)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(left.upkeep.find(SITE, before_s=left.clock.now_s)))
    thread.start()
    assert hangs.wait(20)
    assert left.upkeep.find(SITE, before_s=left.clock.now_s) == 0
    goes_on.set()
    thread.join(20)
    assert found == [1]


def test_cameras_do_not_wait_for_the_recordings_of_the_last_run(left: Left, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, found = threading.Event(), threading.Event()

    def find(_self: RecordingUpkeep, _site: SiteConfig, *, before_s: float | None = None, everything: bool = False) -> int:
        assert goes_on.wait(20)
        assert (before_s, everything) == (left.clock.now_s, False)
        found.set()
        return 0

    monkeypatch.setattr(RecordingUpkeep, "find", find)

    async def start(database: Database) -> None:
        store, clock = EvidenceStore(database, left.home.evidence), left.clock
        alerting = Alerting(database, store, clock, Switchboard(database, clock))
        upkeep = Upkeep(left.home, database, store, alerting, SiteBoard(FeedHub(lambda: None)), clock)
        await asyncio.wait_for(upkeep.sweep_at_start(), 10)
        upkeep.start(lambda: SITE)
        await asyncio.sleep(0.1)
        assert not found.is_set()
        goes_on.set()
        assert await asyncio.to_thread(found.wait, 10)
        await upkeep.stop()

    with Database.at(tmp_path) as database:
        asyncio.run(start(database))
