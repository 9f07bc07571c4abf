"""The index of recordings and its retention: scope, marks, limits, protection, forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from panops.config.record_schema import RecordConfig, RecordingConfig
from panops.domain.errors import StorageError
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.recordings import Segment, gaps_between, joined
from panops.domain.verdicts import Finding, Verdict
from panops.storage.database import Database
from panops.storage.errors import NotAllowed
from panops.storage.events import EventRepository
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recording_retention import GIB, RecordingForecast, RecordingRetention
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Role, Scope
from panops.testing.fake_clock import FakeClock

EVERYTHING = Scope.everything()
DAY_S = 86_400.0
MIB = 1024**2


@pytest.fixture
def index(database: Database) -> RecordingIndex:
    return RecordingIndex(database)


class Disk:
    """Small files that the index takes for larger ones, hours old, and their retention."""

    def __init__(self, folder: Path, database: Database, clock: FakeClock) -> None:
        self.folder, self.database, self.clock = RecordingFolder(folder), database, clock
        self.index = RecordingIndex(database)
        self.free_bytes = 100 * GIB

    def add(self, camera: str, hours_ago: float, *, mib: float = 10.0, motion: bool = False, has_event: bool = False) -> Segment:
        start_s = self.clock.now_s - 3600 * hours_ago
        path = self.folder.new_file(camera, start_s)
        path.write_bytes(b"x")
        moved = ((start_s + 1, start_s + 2),) if motion else ()
        one = Segment(camera, self.folder.stored(path), start_s, start_s + 60, int(mib * MIB), "0" * 64, moved, has_event)
        self.index.add([one])
        return one

    def run(self, cameras: Mapping[str, RecordConfig] | None = None, **settings: float) -> RecordingForecast:
        config = RecordingConfig(**{"min_free_gib": 0.0, **settings})

        def free() -> int:
            return self.free_bytes

        return RecordingRetention(self.database, self.folder, config, cameras or {}, self.clock, free).run()

    def left(self, camera: str = "gate") -> list[float]:
        """How many hours ago what is left began; its files are there, and no others."""
        found = self.index.segments(EVERYTHING, camera, 0, 1e11)
        names = sorted(path.name for path in (self.folder.path / camera).rglob("*.mp4"))
        assert sorted(Path(one.path).name for one in found) == names
        return [round((self.clock.now_s - one.start_s) / 3600, 1) for one in found]


@pytest.fixture
def disk(tmp_path: Path, database: Database, clock: FakeClock) -> Disk:
    return Disk(tmp_path / "recordings", database, clock)


def test_spans() -> None:
    assert joined([(5, 6), (0, 1), (1.5, 2), (0.2, 0.5)], 1.0) == [(0, 2), (5, 6)]
    assert joined([], 1.0) == []
    assert gaps_between([(2, 3), (5, 6)], 0, 10) == [(0, 2), (3, 5), (6, 10)]
    assert gaps_between([(-5, 3), (8, 20)], 0, 10) == [(3, 8)]
    assert gaps_between([], 0, 10) == [(0, 10)]
    assert gaps_between([(0, 10)], 0, 10) == []


def test_what_a_shard_knows_of_a_file_that_was_found_before_is_added(index: RecordingIndex) -> None:
    found = Segment("gate", "gate/2027-01-15/080000000.mp4", 100.0, 160.0, 5, "a" * 64)
    index.add([found])
    index.add([replace(found, size_bytes=6, sha256="b" * 64, motion=((110.0, 112.0),), has_event=True)])
    index.add([found, replace(found, path="gate/2027-01-15/080100000.mp4", start_s=160.0, end_s=220.0)])
    one, other = index.segments(EVERYTHING, "gate", 0, 1e11)
    assert (one.motion, one.has_event, one.sha256, other.has_event) == (((110.0, 112.0),), True, "a" * 64, False)
    assert index.days("gate") == {"2027-01-15"}


def test_what_is_written_is_found_in_its_span_and_scope_only(disk: Disk) -> None:
    first, second = disk.add("gate", 2.0, motion=True), disk.add("gate", 1.0)
    disk.add("yard", 2.0)
    disk.index.add([first])  # again: a sweep may have found it meanwhile
    found = disk.index.segments(EVERYTHING, "gate", 0, 1e11)
    assert [one.path for one in found] == [first.path, second.path]
    assert found[0].motion[0] == pytest.approx((first.start_s + 1, first.start_s + 2), abs=0.06)
    assert disk.index.segments(EVERYTHING, "gate", first.end_s, second.start_s) == []
    assert len(disk.index.segments(EVERYTHING, "gate", first.end_s - 0.1, second.start_s + 0.1)) == 2
    for scope in (Scope(Role.ADMIN, frozenset({"yard"})), Scope(Role.VIEWER, frozenset())):
        assert disk.index.segments(scope, "gate", 0, 1e11) == []
        assert disk.index.get(scope, "gate", found[0].segment_id) is None
        assert disk.index.bounds(scope, "gate") is None
        assert disk.index.protect(Scope(Role.OPERATOR, scope.cameras), "gate", 0, 1e11, on=True) == 0
        assert "gate" not in disk.index.totals(scope, 0)
    assert disk.index.get(EVERYTHING, "yard", found[0].segment_id) is None, "a camera's address gives its own files only"
    with pytest.raises(NotAllowed):
        disk.index.protect(Scope(Role.VIEWER, None), "gate", 0, 1e11, on=True)


def test_an_event_that_is_told_later_marks_the_files_it_went_on_in(disk: Disk) -> None:
    first, second, _ = (disk.add("gate", hours) for hours in (3.0, 2.0, 1.0))
    disk.index.add([], [("gate", (first.end_s - 1, second.start_s + 1))])
    assert [one.has_event for one in disk.index.segments(EVERYTHING, "gate", 0, 1e11)] == [True, True, False]


def test_the_marks_of_a_span_are_what_is_believed_and_seen(database: Database, index: RecordingIndex) -> None:
    def event(name: str, start_s: float, end_s: float | None, *, false: bool = False) -> Event:
        phase = EventPhase.BEGIN if end_s is None else EventPhase.END
        incident = Incident("1", phase, "intrusion", "person", "", (1,), 0.9, start_s, end_s or start_s, end_s)
        verdict = Verdict((Finding("size", False, 0.1, 0.2, "too small"),), 1.0, "size") if false else None
        return Event(name, "gate", "night", Severity.ALARM, incident, verdict)

    stored = [event("over", 10, 20), event("in", 100, 110), event("false", 101, 110, false=True), event("open", 50, None)]
    EventRepository(database).save([*stored, event("later", 300, 310)])
    assert [one.event_id for one in index.events(EVERYTHING, "gate", 90, 200)] == ["open", "in"]
    assert [one.event_id for one in index.events(EVERYTHING, "gate", 0, 1e6, limit=2)] == ["in", "later"]
    assert index.events(Scope(Role.VIEWER, frozenset({"yard"})), "gate", 0, 1e6) == []


def test_old_ones_go_and_those_with_motion_or_an_event_later(disk: Disk) -> None:
    for hours in (23, 25, 49, 73):
        disk.add("gate", hours)
        disk.add("gate", hours, motion=True)
        disk.add("gate", hours, has_event=True)
    disk.run({"gate": RecordConfig(mode="continuous", days=1, motion_days=2, event_days=3)})
    found = disk.index.segments(EVERYTHING, "gate", 0, 1e11)
    kept = sorted((round((disk.clock.now_s - one.start_s) / 3600), bool(one.motion), one.has_event) for one in found)
    assert kept == [(23, False, False), (23, False, True), (23, True, False), (25, False, True), (25, True, False), (49, False, True)]
    assert disk.left()


def test_a_camera_that_is_gone_keeps_its_recordings_for_the_usual_time(disk: Disk) -> None:
    for days in (1, 6, 8):
        disk.add("gone", 24 * days)
    disk.run({})
    assert disk.left("gone") == [144.0, 24.0]


def test_the_oldest_go_until_a_camera_and_the_whole_fit(disk: Disk) -> None:
    for hours in (5, 4, 3, 2, 1):
        disk.add("gate", hours, mib=100)
        disk.add("yard", hours + 0.5, mib=100)
    forecast = disk.run({"gate": RecordConfig(mode="continuous", max_gib=300 / 1024)}, max_gib=600 / 1024)
    assert disk.left() == [3.0, 2.0, 1.0]
    assert disk.left("yard") == [3.5, 2.5, 1.5]
    assert forecast.size_bytes == 600 * MIB
    assert forecast.message == ""


def test_space_is_made_from_the_oldest_of_all_cameras(disk: Disk) -> None:
    for hours in (4, 3, 2, 1):
        disk.add("gate" if hours % 2 else "yard", hours, mib=100)
    disk.free_bytes = GIB - 150 * MIB
    disk.run(min_free_gib=1.0)
    assert disk.left("yard") == [2.0]
    assert disk.left() == [1.0]


def test_what_is_protected_is_never_deleted_and_that_is_said(disk: Disk) -> None:
    segments = [disk.add("gate", hours, mib=100) for hours in (24 * 30, 3, 2, 1)]
    assert disk.index.protect(EVERYTHING, "gate", 0, segments[1].start_s + 1, on=True) == 2
    disk.free_bytes = 0
    forecast = disk.run({"gate": RecordConfig(mode="continuous", days=1)}, min_free_gib=1.0, max_gib=0.1)
    assert disk.left() == [720.0, 3.0]
    assert "0.20 GiB of it is protected" in forecast.message
    assert forecast.protected_bytes == 200 * MIB
    assert disk.index.protect(EVERYTHING, "gate", 0, 1e11, on=False) == 2
    disk.run({"gate": RecordConfig(mode="continuous", days=1)}, min_free_gib=1.0, max_gib=0.1)
    assert disk.left() == []


def test_the_forecast_says_how_far_back_it_will_reach_and_why(disk: Disk) -> None:
    for hours in range(12):  # 100 MiB an hour for twelve hours
        disk.add("gate", hours + 1, mib=100)
    disk.free_bytes = 10 * GIB
    gate = disk.run({"gate": RecordConfig(mode="continuous", days=30)}, min_free_gib=1.0)
    known = gate.cameras["gate"]
    assert known.bytes_per_day == pytest.approx(2400 * MIB, rel=0.01)
    assert gate.headroom_hours == pytest.approx(9 * 1024 / 100, rel=0.01)
    assert known.days == pytest.approx((9 * 1024 + 1200) / 2400, rel=0.01)
    assert known.limited_by == "recording.min_free_gib"
    for config, settings, limit, days in (
        (RecordConfig(mode="continuous", days=2), {}, "days", 2.0),
        (RecordConfig(mode="continuous", max_gib=2.0), {}, "max_gib", 2048 / 2400),
        (RecordConfig(mode="continuous"), {"max_gib": 3.0}, "recording.max_gib", 3072 / 2400),
    ):
        found = disk.run({"gate": config}, **settings).cameras["gate"]
        assert (found.limited_by, found.days) == (limit, pytest.approx(days, rel=0.01))


def test_a_folder_that_is_not_there_is_not_made_and_loses_no_row(disk: Disk) -> None:
    for days in (1, 100):
        disk.add("gate", 24 * days)
    away = disk.folder.path.with_name("away")
    disk.folder.path.rename(away)
    named = RecordingFolder(disk.folder.path, made_by_us=False)
    retention = RecordingRetention(disk.database, named, RecordingConfig(), {}, disk.clock)
    with pytest.raises(StorageError, match="mount its disk"):
        retention.run()
    with pytest.raises(StorageError, match="mount its disk"):
        named.new_file("gate", disk.clock.now_s)
    assert not disk.folder.path.exists()
    assert len(disk.index.segments(EVERYTHING, "gate", 0, 1e11)) == 2
    away.rename(disk.folder.path)
    retention.run()
    assert disk.left() == [24.0]


def test_ten_minutes_are_needed_for_a_forecast(disk: Disk) -> None:
    disk.add("gate", 0.1)
    forecast = disk.run({"gate": RecordConfig(mode="continuous")})
    assert (forecast.cameras["gate"].bytes_per_day, forecast.cameras["gate"].days) == (None, None)
    assert forecast.headroom_hours == float("inf")


def test_no_path_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = RecordingFolder(tmp_path / "recordings")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (tmp_path / "recordings" / "gate").mkdir(parents=True)
    (tmp_path / "recordings" / "gate" / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    for stored in ("../secret.mp4", "gate/link.mp4", "gate", "none.mp4"):
        assert folder.find(stored) is None
    folder.remove(["../secret.mp4"])
    assert (tmp_path / "secret.mp4").exists()
