"""Rates of who wears what, by the caller's own cameras."""

from __future__ import annotations

import csv
import io

import pytest

from panops.domain.compliance import ComplianceRecord, ItemRecord, Worn

from .conftest import Site

pytestmark = pytest.mark.anyio

AT_S = 1_760_000_000.0


def fill(site: Site) -> None:
    people = [("gate", Worn.PRESENT), ("gate", Worn.ABSENT), ("gate", Worn.NOT_VISIBLE), ("yard", Worn.ABSENT)]
    site.services.compliance.save(
        [
            ComplianceRecord(f"{camera}-1-{number}", camera, "wear", ItemRecord("hardhat", worn, "floor", number, 0, 3, False, AT_S, AT_S))
            for number, (camera, worn) in enumerate(people)
        ]
    )


SPAN = f"from={AT_S - 3600}&to={AT_S + 3600}"


async def test_rates_by_camera(site: Site) -> None:
    fill(site)
    answer = (await site.get("vera", f"/api/v1/compliance?{SPAN}&bucket=day")).json()
    gate, yard = answer["rates"]
    assert (gate["camera_id"], gate["seen"], gate["present"], gate["absent"], gate["not_visible"], gate["rate"]) == (
        "gate",
        3,
        1,
        1,
        1,
        0.5,
    )
    assert (yard["camera_id"], yard["rate"]) == ("yard", 0.0)
    assert gate["end_s"] - gate["start_s"] == 86400


async def test_who_sees_one_camera_sees_its_people_only(site: Site) -> None:
    fill(site)
    rows = (await site.get("greta", f"/api/v1/compliance?{SPAN}")).json()["rates"]
    assert [row["camera_id"] for row in rows] == ["gate"]
    assert (await site.get("greta", f"/api/v1/compliance?{SPAN}&camera=yard")).json()["rates"] == []
    assert "yard" not in (await site.get("greta", f"/api/v1/compliance.csv?{SPAN}")).text


async def test_csv(site: Site) -> None:
    fill(site)
    answer = await site.get("vera", f"/api/v1/compliance.csv?{SPAN}&bucket=shift&zone=floor")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="compliance-shift.csv"'
    assert [row["absent"] for row in csv.DictReader(io.StringIO(answer.text))] == ["1", "1"]


async def test_a_span_that_is_none_or_too_long_is_refused(site: Site) -> None:
    for span in ("from=200&to=100", f"from=0&to={500 * 86400}", "bucket=year"):
        assert (await site.get("vera", f"/api/v1/compliance?{span}")).status_code == 422
