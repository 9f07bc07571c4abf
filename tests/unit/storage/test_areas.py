"""What covered zones: added up by spans, read by the site's own clock, seen only by who may, gone with its time."""

from __future__ import annotations

import csv
import io
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from panops.config.schema import RetentionConfig
from panops.storage.area_curves import COLUMNS, area_csv, covered
from panops.storage.areas import SPAN_S, AreaRepository, AreaSpan
from panops.storage.compliance_rates import Calendar
from panops.storage.database import Database
from panops.storage.evidence import EvidenceStore
from panops.storage.retention import Retention
from panops.storage.scope import Role, Scope
from panops.testing.fake_clock import FakeClock

from .makers import START_S

BERLIN = ZoneInfo("Europe/Berlin")
EVERYBODY = Scope.everything()
FIRST = int(START_S // 3600) * 12


def span(at: int, mean: float, looks: int = 30, camera: str = "gate", zone: str = "bay", name: str = "car") -> AreaSpan:
    return AreaSpan(FIRST + at, camera, zone, name, looks, mean, mean / 2, min(1.0, mean * 2))


def read(areas: AreaRepository, scope: Scope = EVERYBODY, **more: list[str]) -> list[AreaSpan]:
    return areas.read(scope, FIRST * SPAN_S, (FIRST + 1000) * SPAN_S, **more)


@pytest.fixture
def areas(database: Database) -> AreaRepository:
    return AreaRepository(database)


def test_what_is_written_is_read_in_order(areas: AreaRepository) -> None:
    rows = [span(1, 0.4), span(0, 0.2, zone=""), span(0, 0.1)]
    areas.add(rows)
    areas.add([])
    assert read(areas) == [rows[1], rows[2], rows[0]]
    assert read(areas, zones=[""]) == [rows[1]]
    assert read(areas, classes=["cat"]) == []
    assert areas.read(EVERYBODY, (FIRST + 1) * SPAN_S + 10, (FIRST + 1) * SPAN_S + 20) == [rows[0]]


def test_looks_of_one_span_are_added_up(areas: AreaRepository) -> None:
    areas.add([AreaSpan(FIRST, "gate", "bay", "car", 10, 0.1, 0.05, 0.2)])
    areas.add([AreaSpan(FIRST, "gate", "bay", "car", 30, 0.5, 0.4, 0.6)])
    (row,) = read(areas)
    assert (row.looks, row.least, row.most) == (40, 0.05, 0.6)
    assert row.mean == pytest.approx(0.4)


def test_who_may_not_see_a_camera_sees_none_of_it(areas: AreaRepository) -> None:
    areas.add([span(0, 0.1), span(0, 0.1, camera="yard")])
    assert [row.camera_id for row in read(areas, Scope(Role.VIEWER, frozenset({"yard"})))] == ["yard"]


def test_an_hour_counts_each_look_once_and_what_was_not_seen_as_nothing(areas: AreaRepository) -> None:
    areas.add([span(0, 0.4, looks=30), span(1, 0.1, looks=10), span(0, 0.6, 30, name="background"), span(1, 0.9, 10, name="background")])
    areas.add([span(2, 1.0, looks=20, name="background")])  # no car at all
    hour = {row.class_name: row for row in covered(read(areas), Calendar("hour", BERLIN, [time(6)]), BERLIN)}
    assert (hour["car"].looks, hour["car"].least, hour["car"].most) == (60, 0.0, 0.8)
    assert hour["car"].mean == pytest.approx((0.4 * 30 + 0.1 * 10) / 60)
    assert hour["background"].mean == pytest.approx((0.6 * 30 + 0.9 * 10 + 1.0 * 20) / 60)
    assert hour["car"].span.end_s - hour["car"].span.start_s == 3600
    own = covered(read(areas), None, BERLIN)
    assert [(row.span.start_s, row.class_name, row.mean) for row in own if row.class_name == "car"] == [
        (FIRST * SPAN_S, "car", 0.4),
        ((FIRST + 1) * SPAN_S, "car", 0.1),
    ]


def test_csv(areas: AreaRepository) -> None:
    areas.add([span(0, 0.25, name="=car")])
    (row,) = csv.DictReader(io.StringIO(area_csv(covered(read(areas), None, BERLIN), {"gate": "Gate"}, BERLIN)))
    assert tuple(row) == COLUMNS
    assert (row["camera"], row["zone"], row["class"], row["looks"], row["mean"], row["least"], row["most"]) == (
        "Gate", "bay", "'=car", "30", "0.2500", "0.1250", "0.5000",
    )  # fmt: skip


def test_they_go_with_their_time(areas: AreaRepository, database: Database, tmp_path: Path) -> None:
    areas.add([span(at, 0.1) for at in range(0, 900, 9)])
    clock = FakeClock((FIRST + 500) * SPAN_S + 86400.0)
    store = EvidenceStore(database, tmp_path / "evidence", clock)
    Retention(database, store, RetentionConfig(days=1), clock, lambda: 10**12).run()
    assert [row.span - FIRST for row in read(areas)] == list(range(504, 900, 9))
    assert areas.delete_before(0.0) == 0
