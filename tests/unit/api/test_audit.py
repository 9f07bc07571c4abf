"""The audit log: every change and every look at proof is in it, with who, when and from where; filters and CSV."""

from __future__ import annotations

import csv
import io

import pytest

from panops.domain.events import EvidenceKind
from panops.storage.audit import AuditEntry

from .conftest import PASSWORD, STRANGER_ADDRESS, Site
from .test_app import CALLERS, GATE_EVENT, TABLE, YARD_EVENT, store_event

pytestmark = pytest.mark.anyio


def entries(site: Site) -> list[AuditEntry]:
    return list(site.services.audit.entries(500).entries)


# They take a body and change nothing.
ONLY_READ = ("/v2/repository/index", "/api/v1/rules/dry-run", "/api/v1/cameras/discover", "/api/v1/cameras/import")


async def test_whatever_changes_something_is_in_it_with_who_and_from_where(site: Site) -> None:
    store_event(site, GATE_EVENT, "gate")
    store_event(site, YARD_EVENT, "yard")
    silent = []
    for method, path, body, _ in TABLE:
        if method in ("GET", "HEAD") or path in ONLY_READ:
            continue
        before = len(entries(site))
        answer = await site.ask(method, CALLERS[4], path, json=body)
        if answer.status_code < 400 and len(entries(site)) == before and path != "/api/v1/cameras/gate":
            silent.append(f"{method} {path}")
    assert silent == [], "the switch of `gate` was on already: that changes nothing"
    assert {entry.address for entry in entries(site)} == {STRANGER_ADDRESS}
    assert {entry.user for entry in entries(site) if not entry.action.startswith("login")} == {"ada"}


async def test_a_look_at_proof_is_noted_once_in_a_while(site: Site) -> None:
    store_event(site, GATE_EVENT, "gate")
    site.services.evidence.add_bytes(GATE_EVENT, EvidenceKind.CLIP, b"x" * 1000, 1000.0, 1009.0)
    address = f"/api/v1/events/{GATE_EVENT}"
    for size in ("s", "m", "l"):
        await site.get("vera", f"{address}/snapshot.jpg", params={"size": size})  # a list, a list on a phone, and the event itself
    await site.get("vera", f"{address}/clip.mp4")
    for first in (0, 100, 500):  # a player
        await site.get("vera", f"{address}/clip.mp4", headers={"Range": f"bytes={first}-"})
    await site.ask("HEAD", "vera", f"{address}/clip.mp4")
    await site.get("oscar", f"{address}/clip.mp4")
    await site.get("oscar", f"{address}/clip.mp4?download=true")
    await site.get("oscar", f"{address}/annotated.jpg")
    looks = [(entry.user, entry.action, entry.detail["kind"]) for entry in reversed(entries(site))]
    assert looks == [
        ("vera", "evidence.view", "snapshot"),
        ("vera", "evidence.view", "clip"),
        ("oscar", "evidence.view", "clip"),
        ("oscar", "evidence.download", "clip"),
    ]
    site.clock.now_s += 601
    await site.get("vera", f"{address}/clip.mp4")
    assert len(entries(site)) == 5


async def test_filters(site: Site) -> None:
    for at_s, user, action, target in (
        (10.0, "ada", "user.create", "nina"),
        (20.0, "ada", "userland", "x"),
        (30.0, "oscar", "user.delete", "anina_b"),
    ):
        site.services.audit.record(at_s, user, action, target)

    async def found(query: str) -> list[float]:
        return [entry["at_s"] for entry in (await site.get("ada", f"/api/v1/audit?{query}")).json()["entries"]]

    assert await found("action=user") == [30.0, 10.0]
    assert await found("action=user.create") == [10.0]
    assert await found("action=%25") == []
    assert await found("user=oscar") == [30.0]
    assert await found("target=nina") == [30.0, 10.0]
    assert await found("target=n_") == []
    assert await found("target=a_b") == [30.0]
    assert await found("since=20&until=30") == [20.0]
    first = (await site.get("ada", "/api/v1/audit?action=user&limit=1")).json()
    assert await found(f"action=user&limit=1&cursor={first['next_cursor']}") == [10.0]


async def test_the_csv_is_no_formula(site: Site) -> None:
    async with site.client(None) as client:
        await client.post("/api/v1/session", json={"username": "=HYPERLINK(1)", "password": PASSWORD})
    answer = await site.get("ada", "/api/v1/audit.csv?action=login")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["at_utc", "user", "action", "target", "address", "detail"]
    assert rows[1][1:5] == ["", "login.failed", "'=HYPERLINK(1)", STRANGER_ADDRESS]
    assert entries(site)[0].action == "audit.export"
