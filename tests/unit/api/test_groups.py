"""Groups over the API: made and changed, what people and tokens are limited to, what lists are filtered by."""

from __future__ import annotations

import pytest

from panops.domain.events import EvidenceKind
from panops.storage.scope import Role

from .conftest import PASSWORD, Site
from .test_app import store_event
from .test_live_socket import page
from .test_second_factor import enrol

pytestmark = pytest.mark.anyio


async def put(site: Site, name: str, cameras: list[str], **headers: str) -> int:
    return (await site.ask("PUT", "ada", f"/api/v1/groups/{name}", json={"cameras": cameras}, headers=headers)).status_code


async def names(site: Site, who: str | None, path: str = "/api/v1/cameras", **options: object) -> list[str]:
    return [camera["id"] for camera in (await site.get(who, path, **options)).json()["cameras"]]


async def test_groups_are_made_changed_and_removed(site: Site) -> None:
    assert await put(site, "north", ["gate", "gate"]) == 201
    assert (await site.get("vera", "/api/v1/groups")).json() == {"groups": [{"name": "north", "cameras": ["gate"]}]}
    assert await put(site, "north", ["gate", "yard"], **{"If-None-Match": "*"}) == 412
    assert await put(site, "north", ["gate", "yard"]) == 200
    assert await put(site, "north", ["nowhere"]) == 422
    assert (await site.get("greta", "/api/v1/groups")).json() == {"groups": [{"name": "north", "cameras": ["gate"]}]}
    assert (await site.ask("DELETE", "ada", "/api/v1/groups/north")).status_code == 204
    assert (await site.get("greta", "/api/v1/groups")).json() == {"groups": []}


async def test_who_is_limited_to_a_group_sees_what_is_added_later(site: Site) -> None:
    store_event(site, "gate-1-1", "gate")
    store_event(site, "yard-1-1", "yard")
    await put(site, "north", ["gate"])
    body = {"username": "nina", "password": PASSWORD, "role": "viewer", "groups": ["north"]}
    assert (await site.ask("POST", "ada", "/api/v1/users", json=body)).json()["groups"] == ["north"]
    made = await site.ask("POST", "ada", "/api/v1/tokens", json={"name": "grafana", "groups": ["north"]})
    bearer = {"Authorization": f"Bearer {made.json()['secret']}"}
    assert await names(site, "nina") == await names(site, None, headers=bearer) == ["gate"]
    assert (await site.get("nina", "/api/v1/events/yard-1-1/snapshot.jpg")).status_code == 404
    async with site.served() as address, page(site, address, "nina") as live:
        await live.text("cameras")
        assert set(live.index) == {"gate"}
        await put(site, "north", ["gate", "yard"])
        await live.text("cameras")
        assert set(live.index) == {"gate", "yard"}, "in open pages too"
    assert await names(site, "nina") == await names(site, None, headers=bearer) == ["gate", "yard"]
    assert (await site.get("nina", "/api/v1/events/yard-1-1/snapshot.jpg")).status_code == 200
    found = site.services.evidence.find(site.accounts.user("nina").scope, "yard-1-1", EvidenceKind.SNAPSHOT)  # type: ignore[union-attr]  # exists
    assert found is not None
    await site.ask("DELETE", "ada", "/api/v1/groups/north")
    assert await names(site, "nina") == await names(site, None, headers=bearer) == []


async def test_lists_are_filtered_by_groups_within_the_scope(site: Site) -> None:
    store_event(site, "gate-1-1", "gate")
    store_event(site, "yard-1-1", "yard")
    await put(site, "north", ["gate", "dock"])
    await put(site, "south", ["yard"])
    assert await names(site, "vera", "/api/v1/cameras?group=north") == ["dock", "gate"]
    assert await names(site, "vera", "/api/v1/cameras?group=north&group=south") == ["dock", "gate", "yard"]
    assert await names(site, "greta", "/api/v1/cameras?group=north&group=south") == ["gate"]
    assert await names(site, "vera", "/api/v1/cameras?group=nowhere") == []
    for who, wanted in (("vera", ["yard"]), ("greta", [])):
        events = (await site.get(who, "/api/v1/events?group=south")).json()["events"]
        assert [event["camera_id"] for event in events] == wanted
        assert list((await site.get(who, "/api/v1/events/counts?group=south")).json()["by_camera"]) == wanted
    assert (await site.get("vera", "/api/v1/events?group=south&camera=gate")).json()["events"] == []


async def test_an_admin_is_limited_to_nothing(site: Site) -> None:
    await put(site, "north", ["gate"])
    answer = await site.ask("PATCH", "ada", "/api/v1/users/vera", json={"role": "admin", "groups": ["north"]})
    assert answer.status_code == 422
    await site.ask("PATCH", "ada", "/api/v1/users/vera", json={"groups": ["north"]})
    assert await names(site, "vera") == ["gate"]
    made = await site.ask("PATCH", "ada", "/api/v1/users/vera", json={"role": "admin"})
    assert made.json()["groups"] is None


async def test_own_tokens(site: Site) -> None:
    made = await site.ask(
        "POST", "greta", "/api/v1/account/tokens", json={"password": PASSWORD, "name": "mine", "cameras": ["gate", "yard"]}
    )
    assert (made.status_code, made.json()["name"], made.json()["owner"]) == (201, "mine", "greta")
    bearer = {"Authorization": f"Bearer {made.json()['secret']}"}
    assert await names(site, None, headers=bearer) == ["gate"]
    assert (await site.ask("POST", "greta", "/api/v1/account/tokens", json={"password": PASSWORD, "name": "mine"})).status_code == 409
    assert (
        await site.ask("POST", "greta", "/api/v1/account/tokens", json={"password": PASSWORD, "name": "more", "role": "operator"})
    ).status_code == 422
    assert (
        await site.ask("POST", "greta", "/api/v1/account/tokens", json={"password": PASSWORD, "name": "old", "expires_at_s": 1.0})
    ).status_code == 422
    assert (await site.ask("POST", None, "/api/v1/account/tokens", json={"name": "chain"}, headers=bearer)).status_code == 403
    assert (await site.get("vera", "/api/v1/account/tokens")).json() == {"tokens": []}
    assert (await site.ask("DELETE", "vera", "/api/v1/account/tokens/mine")).status_code == 404
    assert [token["name"] for token in (await site.get("ada", "/api/v1/tokens")).json()["tokens"]] == ["greta/mine"]
    assert (await site.ask("DELETE", "ada", "/api/v1/tokens/greta/mine")).status_code == 204
    assert (await site.get(None, "/api/v1/cameras", headers=bearer)).status_code == 401


async def test_an_own_token_needs_the_password(site: Site) -> None:
    for body in ({"name": "mine"}, {"name": "mine", "password": "another one"}):
        refused = await site.ask("POST", "greta", "/api/v1/account/tokens", json=body)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (403, "password")
    assert site.accounts.tokens() == ()


@pytest.mark.parametrize(
    ("who", "method", "path", "body"),
    [
        ("greta", "POST", "/password", {"old": PASSWORD, "new": "battery staple"}),
        ("greta", "DELETE", "/sessions", None),
        ("ada", "PATCH", "/users/greta", {"password": "battery staple"}),
        ("ada", "DELETE", "/users/greta/sessions", None),
        ("ada", "DELETE", "/users/greta/second-factor", None),
    ],
)
async def test_what_ends_own_tokens(site: Site, who: str, method: str, path: str, body: dict[str, str] | None) -> None:
    await enrol(site, "greta")
    mine = site.accounts.create_token("mine", Role.VIEWER, owner="greta")
    others = [site.accounts.create_token("program", Role.VIEWER), site.accounts.create_token("mine", Role.VIEWER, owner="vera")]
    answer = await site.ask(method, who, f"/api/v1{path}", json=body)
    assert answer.status_code in (200, 204), answer.text
    assert site.accounts.token(mine) is None
    assert all(site.accounts.token(other) for other in others)
