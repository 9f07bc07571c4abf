"""What covered zones, by the caller's own cameras."""

from __future__ import annotations

import csv
import io

import pytest

from panops.storage.areas import SPAN_S, AreaRepository, AreaSpan

from .conftest import Site

pytestmark = pytest.mark.anyio

FIRST = 1_760_000_400 // SPAN_S
SPAN = f"from={FIRST * SPAN_S}&to={(FIRST + 12) * SPAN_S}"


def fill(site: Site) -> None:
    rows = [("gate", "bay", "car", 0.5), ("gate", "bay", "background", 0.5), ("gate", "", "background", 1.0), ("yard", "", "car", 0.1)]
    AreaRepository(site.services.database).add(
        [AreaSpan(FIRST + at, camera, zone, name, 30, share, share, share) for at in range(2) for camera, zone, name, share in rows]
    )


async def test_shares_over_time(site: Site) -> None:
    fill(site)
    answer = (await site.get("vera", f"/api/v1/areas?{SPAN}&bucket=five_minutes&camera=gate&zone=bay&class_name=Car")).json()
    first, second = answer["areas"]
    assert (first["camera_id"], first["zone"], first["class_name"], first["looks"], first["mean"]) == ("gate", "bay", "car", 30, 0.5)
    assert second["start_s"] == first["end_s"] == first["start_s"] + 300
    hours = (await site.get("vera", f"/api/v1/areas?{SPAN}")).json()
    assert sorted((one["camera_id"], one["zone"], one["class_name"]) for one in hours["areas"]) == [
        ("gate", "", "background"),
        ("gate", "bay", "background"),
        ("gate", "bay", "car"),
        ("yard", "", "car"),
    ]


async def test_who_sees_one_camera_sees_its_zones_only(site: Site) -> None:
    fill(site)
    rows = (await site.get("greta", f"/api/v1/areas?{SPAN}")).json()["areas"]
    assert {row["camera_id"] for row in rows} == {"gate"}
    assert (await site.get("greta", f"/api/v1/areas?{SPAN}&camera=yard")).json()["areas"] == []
    assert "yard" not in (await site.get("greta", f"/api/v1/areas.csv?{SPAN}")).text


async def test_csv_is_noted_in_the_audit_log(site: Site) -> None:
    fill(site)
    answer = await site.get("vera", f"/api/v1/areas.csv?{SPAN}&bucket=day&zone=bay")
    assert answer.headers["content-disposition"] == 'attachment; filename="areas-day.csv"'
    assert [row["class"] for row in csv.DictReader(io.StringIO(answer.text))] == ["background", "car"]
    assert site.services.audit.entries().entries[0].action == "areas.export"


async def test_spans_that_are_none(site: Site) -> None:
    assert (await site.get("vera", "/api/v1/areas?from=5&to=4")).status_code == 422
    assert (await site.get("vera", "/api/v1/areas?bucket=minute")).status_code == 422


async def test_more_than_fits_into_memory_is_refused_before_it_is_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(site)
    monkeypatch.setattr("panops.api.areas._MOST_SPANS", 7)
    answer = await site.get("vera", f"/api/v1/areas?{SPAN}")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "expected at most 7 spans of five minutes, there are more; ask for fewer days, cameras or zones"
    assert (await site.get("vera", f"/api/v1/areas?{SPAN}&camera=gate")).status_code == 200
    assert (await site.get("greta", f"/api/v1/areas?{SPAN}")).status_code == 200  # the other camera's are not counted for her
