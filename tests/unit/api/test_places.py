"""Zones, lines and ground are replaced together, and no rule loses its own unawares."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Site

pytestmark = pytest.mark.anyio
PATH = "/api/v1/cameras/gate/places"
SQUARE = {"polygon": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5], [0.1, 0.5]]}


async def read(site: Site) -> tuple[dict[str, Any], str]:
    answer = await site.get("ada", PATH)
    return answer.json(), answer.headers["etag"]


async def put(site: Site, body: dict[str, Any], etag: str | None = None) -> tuple[int, dict[str, Any]]:
    given = {name: value for name, value in body.items() if name != "used_by"}
    answer = await site.ask("PUT", "ada", PATH, json=given, headers={"If-Match": etag} if etag else {})
    return answer.status_code, answer.json()


async def test_what_is_drawn_is_stored_and_guarded_against_lost_edits(site: Site) -> None:
    before, etag = await read(site)
    assert before["used_by"] == {"floor": ["night"]}
    drawn = {**before, "zones": {**before["zones"], "new": SQUARE}, "lines": {"door": {"points": [[0, 0], [1, 1]]}}}
    status, after = await put(site, drawn, etag)
    assert (status, after["zones"]["new"], after["lines"]["door"]["points"]) == (200, SQUARE, [[0, 0], [1, 1]])
    assert (await put(site, before, etag))[0] == 412, "somebody else was faster"
    camera = (await site.get("ada", "/api/v1/cameras/gate")).json()
    assert set(camera["zones"]) == {"floor", "new"}
    assert (await read(site))[0] == after


async def test_every_fault_of_what_is_drawn_is_named(site: Site) -> None:
    before, etag = await read(site)
    crossed = {"polygon": [[0, 0], [1, 0.9], [1, 0], [0, 0.6]]}
    status, said = await put(site, {**before, "zones": {**before["zones"], "bow": crossed, "a b": SQUARE}, "ground": {}}, etag)
    assert status == 422
    assert {error["field"].split(".")[0] for error in said["errors"]} == {"zones", "ground"}
    assert any("must not cross" in error["message"] for error in said["errors"]), said


async def test_what_rules_use_is_not_deleted_and_they_follow_a_new_name(site: Site) -> None:
    before, etag = await read(site)
    status, said = await put(site, {**before, "zones": {}}, etag)
    assert (status, said["errors"]) == (409, [{"field": "zones.floor", "message": "the rule night uses it; change or delete them first"}])
    ground = before["zones"]["floor"]
    status, after = await put(site, {**before, "zones": {"ground-floor": ground}, "renamed": {"floor": "ground-floor"}}, etag)
    assert (status, after["used_by"]) == (200, {"ground-floor": ["night"]})
    assert (await site.get("ada", "/api/v1/rules/night")).json()["zone"] == "ground-floor"
    audit = (await site.get("ada", "/api/v1/audit")).text
    assert "camera.places" in audit


async def test_a_name_that_a_rule_uses_on_other_cameras_stays(site: Site) -> None:
    cameras = site.services.view.current().cameras
    site.services.sites.put_camera("yard", cameras["gate"].model_copy(update={"lines": cameras["yard"].lines}))
    both = {"kind": "loitering", "cameras": ["gate", "yard"], "zone": "floor"}
    site.services.sites.delete_rule("night")
    assert (await site.ask("PUT", "ada", "/api/v1/rules/both", json=both)).status_code == 201
    before, etag = await read(site)
    status, said = await put(site, {**before, "zones": {"hall": before["zones"]["floor"]}, "renamed": {"floor": "hall"}}, etag)
    assert status == 409
    assert "the rule both uses it on other cameras, too" in said["errors"][0]["message"]


async def test_a_zone_that_is_only_left_out_is_renamed_on_this_camera(site: Site) -> None:
    before, etag = await read(site)
    _, drawn = await put(site, {**before, "zones": {**before["zones"], "tree": SQUARE}}, etag)
    body = {"kind": "intrusion", "cameras": ["gate"], "leave_out": ["tree"]}
    assert (await site.ask("PUT", "ada", "/api/v1/rules/all", json=body)).status_code == 201
    zones = {"floor": drawn["zones"]["floor"], "bush": SQUARE}
    assert (await put(site, {**drawn, "zones": zones}))[0] == 409
    status, said = await put(site, {**drawn, "zones": {"floor": SQUARE}, "renamed": {"tree": "floor"}})
    assert (status, said["errors"][0]["field"]) == (409, "zones.floor"), "another zone must not slip under the rule of one that went"
    assert (await put(site, {**drawn, "zones": zones, "renamed": {"tree": "bush"}}))[0] == 200
    assert (await site.get("ada", "/api/v1/rules/all")).json()["leave_out"] == ["bush"]
