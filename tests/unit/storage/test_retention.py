from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from panops.config.schema import RetentionConfig
from panops.domain.events import EventPhase, EvidenceKind
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import ORPHAN_AGE_S, EvidenceStore
from panops.storage.retention import Retention, RetentionReport
from panops.storage.scope import Scope
from panops.storage.trail import TrackTrail
from panops.testing.fake_clock import FakeClock

from .makers import START_S, make_event

EVERYTHING = Scope.everything()
DAY_S = 86400.0
GIB = 1024**3
KIB_LIMIT = 1024 / GIB  # 1 KiB in GiB


class Site:
    """A database and folder with what retention needs around them."""

    def __init__(self, database: Database, folder: Path, clock: FakeClock) -> None:
        self.database, self.clock = database, clock
        self.repository, self.store = EventRepository(database), EvidenceStore(database, folder, clock)
        self.free = 1 << 40

    def add(self, event_id: str, ended_at_s: float, size: int = 100, *, is_open: bool = False, kept: bool = False) -> None:
        phase = EventPhase.UPDATE if is_open else EventPhase.END
        self.repository.save([make_event(event_id, phase, started_at_s=ended_at_s - 5, updated_at_s=ended_at_s)])
        if size:
            self.store.add_bytes(event_id, EvidenceKind.SNAPSHOT, bytes(size // 2), ended_at_s, ended_at_s)
            self.store.add_bytes(event_id, EvidenceKind.CLIP, bytes(size - size // 2), ended_at_s, ended_at_s)
        if kept:
            self.repository.review(EVERYTHING, event_id, kept=True, user="eva", at_s=ended_at_s)

    def run(self, *, days: float = 30, max_gib: float = 20, min_free_gib: float = 0) -> RetentionReport:
        config = RetentionConfig(days=days, max_gib=max_gib, min_free_gib=min_free_gib)
        return Retention(self.database, self.store, config, self.clock, lambda: self.free).run()

    def ids(self) -> list[str]:
        return sorted(item.event.event_id for item in self.repository.search(EVERYTHING, limit=500).events)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.store.folder.rglob("gate-*"))

    def rows(self, table: str) -> int:
        with self.database.reading() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608  a constant


@pytest.fixture
def site(database: Database, home: Path, clock: FakeClock) -> Site:
    return Site(database, home / "evidence", clock)


def test_nothing_is_due_in_an_empty_site(site: Site) -> None:
    assert site.run() == RetentionReport(0, 0, 0, 0, "", 0)


def test_age_goes_by_the_end_of_the_event(site: Site) -> None:
    site.add("gate-1-old", START_S - 31 * DAY_S)
    site.add("gate-1-young", START_S - 29 * DAY_S)
    site.add("gate-1-bare", START_S - 31 * DAY_S, size=0)
    site.add("gate-1-kept", START_S - 99 * DAY_S, kept=True)
    site.add("gate-1-open", START_S - 99 * DAY_S, is_open=True)
    assert site.run() == RetentionReport(2, 100, 200, 0, "", 300)
    assert site.ids() == site.files() == ["gate-1-kept", "gate-1-open", "gate-1-young"]


def test_everything_of_a_deleted_event_goes(site: Site) -> None:
    site.add("gate-1-1", START_S - 31 * DAY_S)
    TrackTrail(site.database).save_trail("gate-1-1", [(START_S, [])])
    site.repository.review(EVERYTHING, "gate-1-1", note="x", user="eva", at_s=START_S)
    site.run()
    assert [site.rows(table) for table in ("events", "evidence", "trails", "reviews")] == [0, 0, 0, 0]
    assert list(site.store.folder.iterdir()) == []


def test_size_takes_the_oldest_first_and_no_more_than_needed(site: Site) -> None:
    for index in range(10):
        site.add(f"gate-1-{index}", START_S - 1000 + index * 10, size=200)
    site.add("gate-1-bare", START_S - 2000, size=0)
    report = site.run(max_gib=KIB_LIMIT)
    # 2000 bytes are 976 over 1 KiB: five events of 200.
    assert report == RetentionReport(5, 1000, 0, 0, "", 1000)
    assert site.ids() == sorted([*(f"gate-1-{index}" for index in range(5, 10)), "gate-1-bare"])


def test_kept_and_open_events_survive_and_the_next_ones_go_instead(site: Site) -> None:
    site.add("gate-1-0", START_S - 900, size=600, kept=True)
    site.add("gate-1-1", START_S - 800, size=300, is_open=True)
    site.add("gate-1-2", START_S - 700, size=300)
    site.add("gate-1-3", START_S - 600, size=100)
    report = site.run(max_gib=KIB_LIMIT)
    assert (report.deleted_events, report.kept_bytes, report.over_limit_bytes, report.message) == (1, 900, 0, "")
    assert site.ids() == ["gate-1-0", "gate-1-1", "gate-1-3"]


def test_when_all_is_kept_it_says_so_in_one_sentence_and_deletes_nothing_of_it(site: Site) -> None:
    site.add("gate-1-0", START_S - 900, size=3 << 20, kept=True)
    site.add("gate-1-1", START_S - 800, size=200)
    report = site.run(max_gib=KIB_LIMIT)
    assert report.over_limit_bytes == (3 << 20) - 1024
    assert report.message == (
        "the evidence takes 3.0 MiB of at most 0.0 MiB, and 3.0 MiB of it may not be deleted because its events are kept or still open: "
        "release some of them or raise retention.max_gib"
    )
    assert site.ids() == site.files() == ["gate-1-0"]
    site.repository.review(EVERYTHING, "gate-1-0", kept=False, user="eva", at_s=START_S)
    assert site.run(max_gib=KIB_LIMIT).message == ""
    assert site.ids() == []


def test_free_space_is_made_and_its_lack_is_said(site: Site) -> None:
    for index in range(4):
        site.add(f"gate-1-{index}", START_S - 900 + index, size=1000, kept=index == 0)
    site.free = GIB - 1500
    report = site.run(min_free_gib=1)
    assert (report.deleted_events, report.deleted_bytes) == (2, 2000)
    assert site.ids() == ["gate-1-0", "gate-1-3"]
    # The fake disk does not grow by what was deleted: still short, and what is left goes next time.
    report = site.run(min_free_gib=1)
    assert site.ids() == ["gate-1-0"]
    assert report.over_limit_bytes == 1500
    assert "no evidence is left that may be deleted" in report.message
    assert "1.00 GiB" in report.message


def test_free_space_on_a_real_disk(database: Database, clock: FakeClock, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(4 << 20)
    site = Site(database, disk, clock)
    for index in range(3):
        site.add(f"gate-1-{index}", START_S - 900 + index, size=1 << 20)
    config = RetentionConfig(days=30, max_gib=1, min_free_gib=(5 << 19) / GIB)
    report = Retention(database, site.store, config, clock).run()
    assert (report.deleted_events, report.message) == (2, "")
    assert site.ids() == ["gate-1-2"]


def test_a_disk_too_full_to_delete_rows_gets_room_from_the_files(clock: FakeClock, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(4 << 20)
    with Database.at(disk) as database:
        site = Site(database, disk / "evidence", clock)
        for index in range(5):
            site.add(f"gate-1-{index}", START_S - 900 + index, size=400 << 10)
        database.close()
        database.open()
        free = os.statvfs(disk)
        (disk / "ballast").write_bytes(bytes(free.f_bavail * free.f_bsize))
        report = site.run(max_gib=(700 << 10) / GIB)
        assert (report.deleted_events, report.message) == (4, "")
        assert site.ids() == site.files() == ["gate-1-4"]
        assert site.rows("evidence") == 2


def test_a_crash_between_rows_and_files_is_swept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("gate-1-1", START_S - 31 * DAY_S)

    def die(_paths: Sequence[str]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(site.store, "remove_files", die)
        with pytest.raises(KeyboardInterrupt):
            site.run()
    assert site.ids() == []
    assert site.files() == ["gate-1-1"]
    for path in site.store.folder.rglob("*.*"):
        os.utime(path, (START_S, START_S))
    site.clock.now_s += ORPHAN_AGE_S + 1
    assert site.store.sweep().removed_files == 2
    assert list(site.store.folder.iterdir()) == []


def test_an_event_that_is_kept_at_the_last_moment_stays(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("gate-1-1", START_S - 31 * DAY_S)
    site.add("gate-1-2", START_S - 32 * DAY_S)
    retention = Retention(site.database, site.store, RetentionConfig(), site.clock, lambda: site.free)
    delete_rows = retention._delete_rows

    def keep_first(*args: object) -> object:
        site.repository.review(EVERYTHING, "gate-1-1", kept=True, user="eva", at_s=START_S)
        return delete_rows(*args)  # type: ignore[arg-type]  passed through

    monkeypatch.setattr(retention, "_delete_rows", keep_first)
    report = retention.run()
    assert (report.deleted_events, report.deleted_bytes) == (1, 100)
    assert site.ids() == site.files() == ["gate-1-1"]


def test_files_that_are_gone_already_are_not_counted(site: Site) -> None:
    site.add("gate-1-1", START_S - 10, size=2000)
    for path in list(site.store.folder.rglob("*.*")):
        path.unlink()
    site.store.sweep()
    assert site.run(max_gib=KIB_LIMIT) == RetentionReport(0, 0, 0, 0, "", 0)
    assert site.ids() == ["gate-1-1"]


sizes = st.integers(0, 600)
ages = st.floats(0, 60)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(st.tuples(ages, sizes, st.booleans(), st.booleans()), max_size=8))
def test_the_limits_hold_or_it_says_why_not(site: Site, made: list[tuple[float, int, bool, bool]]) -> None:
    with site.database.session() as connection:
        for table in ("reviews", "evidence", "events"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608  a constant
    expected_left = set()
    total_protected = 0
    for index, (age_days, size, kept, is_open) in enumerate(made):
        event_id = f"gate-1-{index}"
        site.add(event_id, START_S - age_days * DAY_S, size=size if size > 1 else 0, kept=kept, is_open=is_open)
        if kept or is_open:
            expected_left.add(event_id)
            total_protected += size if size > 1 else 0
    report = site.run(max_gib=KIB_LIMIT)
    assert expected_left <= set(site.ids())
    assert report.kept_bytes == total_protected
    assert report.remaining_bytes <= max(1024, total_protected)
    assert bool(report.message) == (total_protected > 1024) == (report.over_limit_bytes > 0)
    for index, (age_days, _, kept, is_open) in enumerate(made):
        if age_days > 30 and not kept and not is_open:
            assert f"gate-1-{index}" not in site.ids()


@pytest.mark.parametrize(("days", "left"), [(30.0, ["audit.delete"]), (0.0, ["login"])])
def test_the_audit_log_has_days_of_its_own(site: Site, database: Database, clock: FakeClock, days: float, left: list[str]) -> None:
    log = AuditLog(database)
    log.record(clock.now_s - 40 * 86_400, "eva", "login")
    Retention(database, site.store, RetentionConfig(audit_days=days), clock, lambda: 10**12).run()
    assert [entry.action for entry in log.entries().entries] == left
