"""What people wore: written once, counted by the site's own clock, seen only by who may, gone with its time."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import time
from zoneinfo import ZoneInfo

import pytest

from panops.config.schema import RetentionConfig
from panops.domain.compliance import ComplianceRecord, ItemRecord, Worn
from panops.domain.errors import StorageLocked
from panops.storage.compliance import QUARTER_S, ComplianceRepository
from panops.storage.compliance_rates import Bucket, Calendar, rates, rates_csv
from panops.storage.compliance_writer import ComplianceWriter
from panops.storage.database import Database
from panops.storage.evidence import EvidenceStore
from panops.storage.retention import Retention
from panops.storage.scope import SCOPE_NOTHING, Role, Scope
from panops.testing.fake_clock import FakeClock

from .makers import START_S

BERLIN = ZoneInfo("Europe/Berlin")
SHIFTS = [time(6), time(14), time(22)]
EVERYBODY = Scope.everything()


def record(number: int, worn: Worn = Worn.PRESENT, at_s: float = START_S, **more: str) -> ComplianceRecord:
    one = ItemRecord(more.get("item", "hardhat"), worn, more.get("zone", "site"), number, 0.0, 9, worn is Worn.ABSENT, at_s - 30, at_s)
    return ComplianceRecord(f"{more.get('camera', 'gate')}-1-{number}", more.get("camera", "gate"), "wear", one)


@pytest.fixture
def worn(database: Database) -> ComplianceRepository:
    return ComplianceRepository(database)


def test_people_are_counted_once_by_what_they_wore(worn: ComplianceRepository) -> None:
    people = [record(1), record(2), record(3, Worn.ABSENT), record(4, Worn.NOT_VISIBLE), record(5, item="vest")]
    worn.save(people)
    worn.save(people[:3])
    worn.save([])
    found = {(one.item, one.worn): one.people for one in worn.counts(EVERYBODY, START_S - 1, START_S + 1)}
    assert found == {("hardhat", Worn.PRESENT): 2, ("hardhat", Worn.ABSENT): 1, ("hardhat", Worn.NOT_VISIBLE): 1, ("vest", Worn.PRESENT): 1}


def test_only_what_the_scope_the_span_and_the_filter_hold(worn: ComplianceRepository) -> None:
    worn.save([record(1), record(2, camera="yard"), record(3, zone=""), record(4, at_s=START_S + 86400)])

    def count(scope: Scope = EVERYBODY, days: float = 2, cameras: tuple[str, ...] = (), zones: tuple[str, ...] = ()) -> int:
        return sum(one.people for one in worn.counts(scope, START_S - 1, START_S + 86400 * days, cameras, zones))

    assert count() == 4
    assert count(Scope(Role.VIEWER, frozenset({"yard"}))) == 1
    assert count(SCOPE_NOTHING) == 0
    assert count(days=0.5) == 3
    assert count(cameras=("gate",)) == 3
    assert count(zones=("",)) == 1


def test_a_number_that_is_not_finite_is_refused(worn: ComplianceRepository) -> None:
    bad = record(1)
    with pytest.raises(ValueError, match="finite"):
        worn.save([replace(bad, record=replace(bad.record, share=float("nan")))])
    assert worn.counts(EVERYBODY, 0, 2 * START_S) == []


def local(text: str) -> float:
    """UTC seconds of a time in Berlin."""
    from datetime import datetime  # noqa: PLC0415 - for this one line

    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("bucket", "when", "label", "start", "end"),
    [
        ("hour", "2026-03-10T13:44", "2026-03-10 13:00", "2026-03-10T13:00", "2026-03-10T14:00"),
        ("day", "2026-03-10T23:59", "2026-03-10", "2026-03-10T00:00", "2026-03-11T00:00"),
        ("day", "2026-03-29T12:00", "2026-03-29", "2026-03-29T00:00", "2026-03-30T00:00"),
        ("shift", "2026-03-10T06:00", "2026-03-10 06:00-14:00", "2026-03-10T06:00", "2026-03-10T14:00"),
        ("shift", "2026-03-10T23:00", "2026-03-10 22:00-06:00", "2026-03-10T22:00", "2026-03-11T06:00"),
        ("shift", "2026-03-11T05:59", "2026-03-10 22:00-06:00", "2026-03-10T22:00", "2026-03-11T06:00"),
        ("shift", "2026-03-29T05:00", "2026-03-28 22:00-06:00", "2026-03-28T22:00", "2026-03-29T06:00"),
    ],
)
def test_spans_of_the_sites_own_clock(bucket: Bucket, when: str, label: str, start: str, end: str) -> None:
    span = Calendar(bucket, BERLIN, SHIFTS).span(int(local(when) // QUARTER_S))
    assert span == (local(start), local(end), label)


def test_a_day_on_which_summer_begins_is_an_hour_shorter() -> None:
    span = Calendar("day", BERLIN, SHIFTS).span(int(local("2026-03-29T12:00") // QUARTER_S))
    assert span.end_s - span.start_s == 23 * 3600


def test_one_shift_is_the_day_from_its_beginning() -> None:
    span = Calendar("shift", BERLIN, [time(7)]).span(int(local("2026-03-11T03:00") // QUARTER_S))
    assert span == (local("2026-03-10T07:00"), local("2026-03-11T07:00"), "2026-03-10 07:00-07:00")


def test_rates_are_of_those_on_whom_it_was_to_be_seen(worn: ComplianceRepository) -> None:
    worn.save([record(1), record(2), record(3), record(4, Worn.ABSENT), record(5, Worn.NOT_VISIBLE), record(6, Worn.NOT_VISIBLE, zone="")])
    whole, site = rates(worn.counts(EVERYBODY, START_S - 1, START_S + 1), Calendar("day", BERLIN, SHIFTS))
    assert (site.seen, site.rate) == (5, 0.75)
    assert (whole.zone, whole.seen, whole.rate) == ("", 1, None)


def test_csv_is_what_a_spreadsheet_reads_and_never_a_formula(worn: ComplianceRepository) -> None:
    worn.save([record(1), record(2, Worn.ABSENT)])
    found = rates(worn.counts(EVERYBODY, START_S - 1, START_S + 1), Calendar("hour", BERLIN, SHIFTS))
    (row,) = csv.DictReader(io.StringIO(rates_csv(found, {"gate": "=cmd,1"}, BERLIN)))
    assert row["camera"] == "'=cmd,1"
    assert (row["seen"], row["present"], row["absent"], row["not_visible"], row["rate"]) == ("2", "1", "1", "0", "0.5000")
    assert row["from"].startswith("2025-10-09T10:00:00+02:00")


def test_the_writer_keeps_what_could_not_be_written_and_gives_up_the_oldest() -> None:
    class Locked(ComplianceRepository):
        def __init__(self) -> None:
            self.locked, self.saved = True, list[str]()

        def save(self, records: object) -> None:
            if self.locked:
                raise StorageLocked("held by another")
            self.saved += [one.record_id for one in records]  # type: ignore[attr-defined]

    store = Locked()
    writer = ComplianceWriter(store, FakeClock(), capacity=3)
    writer.submit([record(number) for number in range(5)])
    assert (writer.lost, writer.pending) == (2, 3)
    assert writer.run_once() == 2.0
    assert writer.run_once() == 4.0
    store.locked = False
    assert writer.run_once() == 1.0
    assert (store.saved, writer.pending) == (["gate-1-2", "gate-1-3", "gate-1-4"], 0)


def test_the_writers_thread_writes_before_it_ends(worn: ComplianceRepository) -> None:
    writer = ComplianceWriter(worn).start()
    writer.submit([record(number) for number in range(1200)])
    assert writer.close()
    assert sum(one.people for one in worn.counts(EVERYBODY, 0, 2 * START_S)) == 1200


def test_it_goes_with_retention(worn: ComplianceRepository, database: Database, clock: FakeClock, tmp_path: object) -> None:
    worn.save([record(1, at_s=START_S - 31 * 86400), record(2, at_s=START_S - 29 * 86400)])
    store = EvidenceStore(database, tmp_path / "evidence", clock)  # type: ignore[operator]
    Retention(database, store, RetentionConfig(days=30), clock, lambda: 10**12).run()
    assert [one.people for one in worn.counts(EVERYBODY, 0, 2 * START_S)] == [1]
