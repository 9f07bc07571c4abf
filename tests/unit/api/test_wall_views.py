"""Saved views over the API."""

from __future__ import annotations

from typing import Any

import pytest

from panops.storage.scope import Role

from .conftest import Site

pytestmark = pytest.mark.anyio


async def test_a_view_from_making_to_deleting(site: Site) -> None:
    made = await site.ask("POST", "vera", "/api/v1/views", json={"name": " Night ", "cameras": ["yard", "gate", "yard"], "columns": 2})
    assert made.status_code == 201
    assert made.json() == {
        "id": 1, "name": "Night", "cameras": ["yard", "gate"], "group": None, "columns": 2, "turn_s": None, "shared": False,
        "may_change": True, "gone": False,
    }  # fmt: skip
    stale = {"If-Match": made.headers["etag"]}
    changed = await site.ask("PUT", "vera", "/api/v1/views/1", json={"name": "Day", "turn_s": 20}, headers=stale)
    assert changed.json()["turn_s"] == 20
    assert (await site.ask("PUT", "vera", "/api/v1/views/1", json={"name": "Dusk"}, headers=stale)).status_code == 412
    assert (await site.ask("DELETE", "vera", "/api/v1/views/1", headers=stale)).status_code == 412
    assert (await site.get("ada", "/api/v1/views/1")).status_code == 404, "it is somebody's own"
    again = await site.get("vera", "/api/v1/views/1")
    assert again.headers["etag"] == changed.headers["etag"]
    assert (await site.ask("DELETE", "vera", "/api/v1/views/1")).status_code == 204
    assert (await site.get("vera", "/api/v1/views")).json() == {"views": []}
    entries = (await site.get("ada", "/api/v1/audit")).json()["entries"]
    actions = [(entry["action"], entry["user"], entry["target"]) for entry in entries if entry["action"].startswith("view.")]
    assert actions == [("view.delete", "vera", "1"), ("view.change", "vera", "1"), ("view.add", "vera", "1")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x", "columns": 5}, "columns"),
        ({"name": "x", "turn_s": 1}, "turn_s"),
        ({"name": "x", "cameras": ["gate", "nowhere"]}, "cameras.1"),
        ({"name": "x", "group": "nowhere"}, "group"),
        ({"name": "x", "cameras": ["gate"], "group": "north"}, ""),
    ],
)
async def test_what_is_wrong_is_named(site: Site, body: dict[str, Any], field: str) -> None:
    answer = await site.ask("POST", "vera", "/api/v1/views", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_views_for_everybody(site: Site) -> None:
    await site.ask("POST", "ada", "/api/v1/views", json={"name": "Doors", "cameras": ["yard", "gate"], "shared": True})
    await site.ask("POST", "ada", "/api/v1/views", json={"name": "Yard", "cameras": ["yard"], "shared": True})
    seen = (await site.get("greta", "/api/v1/views")).json()["views"]
    assert [(view["name"], view["cameras"], view["shared"], view["may_change"]) for view in seen] == [("Doors", ["gate"], True, False)]
    assert (await site.get("greta", "/api/v1/views/2")).status_code == 404


async def test_one_whose_cameras_are_gone_is_told_so_and_can_be_deleted(site: Site) -> None:
    await site.ask("POST", "vera", "/api/v1/views", json={"name": "Mine", "cameras": ["yard"]})
    await site.ask("POST", "ada", "/api/v1/views", json={"name": "Yard", "cameras": ["yard"], "shared": True})
    assert (await site.ask("DELETE", "ada", "/api/v1/cameras/yard")).status_code == 204
    for who, number, name in (("vera", 1, "Mine"), ("ada", 2, "Yard")):
        (view,) = (await site.get(who, "/api/v1/views")).json()["views"]
        assert (view["name"], view["cameras"], view["gone"], view["may_change"]) == (name, [], True, True)
        assert (await site.ask("DELETE", who, f"/api/v1/views/{number}")).status_code == 204
        assert (await site.get(who, "/api/v1/views")).json() == {"views": []}


async def test_a_token_has_no_views_of_its_own(site: Site) -> None:
    for role, status in ((Role.VIEWER, 403), (Role.ADMIN, 201)):
        headers = {"Authorization": f"Bearer {site.accounts.create_token(f'program {role.value}', role, None)}"}
        assert (await site.ask("POST", None, "/api/v1/views", json={"name": "x"}, headers=headers)).status_code == 403
        shared = await site.ask("POST", None, "/api/v1/views", json={"name": "x", "shared": True}, headers=headers)
        assert shared.status_code == status
