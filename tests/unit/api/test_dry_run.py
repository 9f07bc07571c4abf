"""Rules are tried on what was followed, over the API."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import httpx
import pytest

from panops.domain.events import EvidenceKind
from panops.pipeline.look_keeper import LookLog
from panops.storage.look_file import LookHead
from panops.storage.scope import Role
from panops.testing.rule_conformance import Sighting, make_tracks

from .conftest import Site
from .test_app import store_event

pytestmark = pytest.mark.anyio

RULE = {"kind": "intrusion", "cameras": ["gate"], "zone": "floor", "after_s": 1}


def keep(site: Site, seconds: float = 60.0) -> None:
    """Somebody stands in the middle of the gate's picture for the last `seconds`, and goes five seconds ago."""
    log = LookLog("gate", "1", ("person", "car"), frozenset({"person"}))
    now_s = site.clock.utc_s()
    for number in range(round(seconds * 5)):
        at_s = now_s - seconds + number / 5
        log.note(make_tracks(at_s, [Sighting(7, 0.5, 0.8)] if now_s - at_s > 5 else []), (640, 360))
    log.write(site.services.look_shelf, 0.0, everything=True)


async def test_a_rule_that_nobody_stored_is_tried(site: Site) -> None:
    keep(site)
    answer = await site.ask("POST", "ada", "/api/v1/rules/dry-run", json={"rule": RULE})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["total"], said["per_hour"], said["left_out"], said["complete"], said["verified"]) == (1, [1], 0, True, False)
    assert "false alarms were not asked" in said["says"]
    (event,) = said["events"]
    assert (event["camera_id"], event["zone"], event["class_name"], event["track_ids"]) == ("gate", "floor", "person", [7])
    assert event["started_at_s"] == pytest.approx(site.clock.utc_s() - 60)
    assert event["ended_at_s"] == pytest.approx(site.clock.utc_s() - 5.2)
    assert event["boxes"][0]["track_id"] == 7
    assert event["picture_of"] is None
    assert [(one["camera_id"], one["looks"]) for one in said["cameras"]] == [("gate", 300)]
    rules = (await site.get("ada", "/api/v1/rules")).json()["rules"]
    assert [rule["id"] for rule in rules] == ["night", "way-in"], "nothing is stored"
    assert site.live.reloads == 1


async def test_a_zone_that_is_only_drawn_is_tried(site: Site) -> None:
    keep(site)
    rule = {"kind": "intrusion", "cameras": ["gate"], "zone": "new", "after_s": 1}

    async def total(*corners: tuple[float, float], **more: object) -> int:
        places = {"gate": {"zones": {"new": {"polygon": corners}}, "lines": {}, "ground": None, **more}}
        answer = await site.ask("POST", "ada", "/api/v1/rules/dry-run", json={"rule": rule, "places": places})
        assert answer.status_code == 200, answer.text
        assert [event["zone"] for event in answer.json()["events"]] == ["new"] * answer.json()["total"]
        return int(answer.json()["total"])

    before = (await site.get("ada", "/api/v1/cameras/gate/places")).json()
    where_it_stands = ((0.4, 0.5), (0.6, 0.5), (0.6, 1.0), (0.4, 1.0))
    elsewhere = ((0.0, 0.0), (0.3, 0.0), (0.3, 0.3))
    # `floor` goes by the name `new`, and the rule `night`, which uses it, does not stand in the way.
    assert await total(*where_it_stands, renamed={"floor": "new"}) == 1
    assert await total(*elsewhere, renamed={"floor": "new"}) == 0
    assert (await site.get("ada", "/api/v1/cameras/gate/places")).json() == before, "nothing is stored"


async def test_what_is_wrong_with_a_drawing_is_said(site: Site) -> None:
    crossed = {"zones": {"floor": {"polygon": [[0.1, 0.1], [0.5, 0.6], [0.5, 0.1], [0.1, 0.6]]}}}
    answer = await site.ask("POST", "ada", "/api/v1/rules/dry-run", json={"rule": RULE, "places": {"gate": crossed}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("zones.floor")
    gone = await site.ask("POST", "ada", "/api/v1/rules/dry-run", json={"rule": RULE, "places": {"gate": {}}})
    assert gone.status_code == 422, "the zone that the rule names is not drawn any more"
    token = site.accounts.create_token("program", Role.ADMIN, ["yard"])
    headers = {"Authorization": f"Bearer {token}"}
    body = {"rule": {"kind": "intrusion"}, "places": {"gate": {}}}
    assert (await site.ask("POST", None, "/api/v1/rules/dry-run", json=body, headers=headers)).status_code == 404


async def test_the_picture_of_a_stored_event_of_that_moment_is_named(site: Site) -> None:
    keep(site)
    store_event(site, "gate-1-5", "gate", site.clock.utc_s() - 60)
    site.services.evidence.add_bytes("gate-1-5", EvidenceKind.SNAPSHOT, b"\xff\xd8 picture \xff\xd9", 0, 0)
    said = (await site.ask("POST", "ada", "/api/v1/rules/dry-run", json={"rule": RULE})).json()
    assert said["events"][0]["picture_of"] == "gate-1-5"


async def test_only_cameras_that_the_caller_may_see_are_tried(site: Site) -> None:
    keep(site)
    token = site.accounts.create_token("program", Role.ADMIN, ["yard"])
    headers = {"Authorization": f"Bearer {token}"}
    body = {"rule": {"kind": "intrusion"}}
    said = (await site.ask("POST", None, "/api/v1/rules/dry-run", json=body, headers=headers)).json()
    assert [one["camera_id"] for one in said["cameras"]] == ["yard"]
    assert said["total"] == 0


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"rule": {**RULE, "after_s": -1, "classes": []}}, ["after_s", "classes"]),
        ({"rule": {**RULE, "zone": "roof"}}, ["rules.2.zone"]),
        ({"rule": {**RULE, "kind": "dancing"}}, ["kind"]),
        ({"rule": RULE, "hours": 0}, ["hours"]),
        ({"rule": RULE, "hours": 49}, ["hours"]),
        ({}, ["rule"]),
    ],
)
async def test_every_fault_is_named(site: Site, body: object, fields: list[str]) -> None:
    answer = await site.ask("POST", "ada", "/api/v1/rules/dry-run", json=body)
    assert answer.status_code == 422
    assert sorted(error["field"] for error in answer.json()["errors"]) == sorted(fields)


async def test_two_at_once_and_no_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = threading.Semaphore(0), threading.Event()

    def slow(camera_id: str, since_s: float) -> list[object]:
        begun.release()
        go.wait(20)
        return []

    monkeypatch.setattr(site.services.look_shelf, "read", slow)
    asked = [asyncio.create_task(site.ask("POST", "ada", "/api/v1/rules/dry-run", json={"rule": RULE})) for _ in range(2)]
    for _ in asked:
        assert await asyncio.to_thread(begun.acquire, timeout=20)
    third = await site.ask("POST", "ada", "/api/v1/rules/dry-run", json={"rule": RULE})
    assert (third.status_code, third.headers["retry-after"]) == (429, "5")
    go.set()
    assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200, 200]


async def test_it_ends_when_the_client_goes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(camera_id: str, since_s: float) -> Iterator[object]:
        begun.set()
        try:
            yield LookHead(camera_id, "1-1", (640, 360), ("person",), None)
            while True:
                yield make_tracks(site.clock.utc_s(), [])
        finally:
            ended.set()

    monkeypatch.setattr(site.services.look_shelf, "read", endless)
    token = site.accounts.create_token("program", Role.ADMIN, None)
    async with site.served() as url, httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        asked = asyncio.create_task(client.post("/api/v1/rules/dry-run", json={"rule": RULE}, timeout=60))
        assert await asyncio.to_thread(begun.wait, 20)
        asked.cancel()
        assert await asyncio.to_thread(ended.wait, 20)


async def test_every_kind_says_what_can_be_set(site: Site) -> None:
    kinds = {one["kind"]: one for one in (await site.get("vera", "/api/v1/rule-kinds")).json()["kinds"]}
    assert list(kinds)[:3] == ["intrusion", "line_crossing", "loitering"]
    fields = {one["name"]: one for one in kinds["direction"]["fields"]}
    assert fields["zone"] | {"help": ""} == {
        "name": "zone", "type": "zone", "required": False, "optional": True, "default": None, "minimum": None, "maximum": None,
        "choices": [], "unit": "", "help": "", "common": False,
    }  # fmt: skip
    assert (fields["window_s"]["type"], fields["window_s"]["unit"], fields["window_s"]["default"]) == ("number", "s", 3.0)
    assert (fields["window_s"]["minimum"], fields["window_s"]["maximum"]) == (0.5, 30)
    assert (fields["when"]["type"], fields["when"]["choices"]) == ("choice", ["against", "other"])
    assert (fields["along"]["type"], fields["along"]["optional"]) == ("points", True)
    assert fields["severity"]["choices"] == ["info", "warning", "alarm"]
    assert {one["name"]: one["type"] for one in kinds["compliance"]["fields"]}["required"] == "items"
    assert {one["name"]: one["required"] for one in kinds["line_crossing"]["fields"]}["line"]
    for kind in kinds.values():
        assert kind["help"], kind["kind"]
        assert [one["name"] for one in kind["fields"] if not one["help"]] == [], kind["kind"]
        assert [one["name"] for one in kind["fields"] if one["type"] == "json"] == [], kind["kind"]
