from __future__ import annotations

import pytest

from panops.storage.scope import Role

from .conftest import PASSWORD, Site

pytestmark = pytest.mark.anyio


async def test_users_are_added_changed_and_removed(site: Site) -> None:
    async with site.client("ada") as client:
        made = await client.post("/api/v1/users", json={"username": "Nina", "password": PASSWORD, "role": "viewer", "cameras": ["gate"]})
        assert made.status_code == 201
        assert made.json() == {"username": "nina", "role": "viewer", "cameras": ["gate"], "groups": None}
        names = [user["username"] for user in (await client.get("/api/v1/users")).json()["users"]]
        assert names == ["ada", "greta", "nina", "oscar", "vera"]
        more = await client.patch("/api/v1/users/nina", json={"role": "operator"})
        assert more.json() == {"username": "nina", "role": "operator", "cameras": ["gate"], "groups": None}
        wide = await client.patch("/api/v1/users/nina", json={"cameras": None})
        assert wide.json() == {"username": "nina", "role": "operator", "cameras": None, "groups": None}
        assert (await client.delete("/api/v1/users/nina")).status_code == 204
        assert (await client.delete("/api/v1/users/nina")).status_code == 404


async def test_rights_change_in_open_sessions_at_once(site: Site) -> None:
    assert (await site.get("vera", "/api/v1/cameras/yard")).status_code == 200
    await site.ask("PATCH", "ada", "/api/v1/users/vera", json={"cameras": ["gate"]})
    assert (await site.get("vera", "/api/v1/cameras/yard")).status_code == 404
    await site.ask("PATCH", "ada", "/api/v1/users/vera", json={"role": "admin"})
    assert (await site.get("vera", "/api/v1/users")).status_code == 200
    assert (await site.get("vera", "/api/v1/cameras/yard")).status_code == 200
    await site.ask("DELETE", "ada", "/api/v1/users/vera")
    assert (await site.get("vera", "/api/v1/session")).status_code == 401


async def test_a_password_set_by_the_admin_ends_the_users_sessions(site: Site) -> None:
    site.token("vera")
    answer = await site.ask("PATCH", "ada", "/api/v1/users/vera", json={"password": "a fresh password"})
    assert answer.status_code == 200
    assert (await site.get("vera", "/api/v1/session")).status_code == 401
    assert site.accounts.verify("vera", "a fresh password") is not None


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"role": "viewer"})])
async def test_the_last_admin_stays(site: Site, method: str, body: object) -> None:
    answer = await site.ask(method, "ada", "/api/v1/users/ada", json=body)
    assert answer.status_code == 409
    assert "last admin" in answer.json()["detail"]
    assert (await site.get("ada", "/api/v1/users")).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"username": "vera", "password": PASSWORD}, 409, "username"),
        ({"username": "VERA", "password": PASSWORD}, 409, "username"),
        ({"username": "a b", "password": PASSWORD}, 422, "username"),
        ({"username": "nina", "password": "short"}, 422, "password"),
        ({"username": "nina", "password": PASSWORD, "role": "king"}, 422, "role"),
        ({"username": "nina", "password": PASSWORD, "cameras": ["a b"]}, 422, "cameras.0"),
        ({"username": "nina", "password": PASSWORD, "role": "admin", "cameras": []}, 422, ""),
        ({"username": "nina", "password": PASSWORD, "rolle": "admin"}, 422, "rolle"),
        ({"username": "nina"}, 422, "password"),
    ],
)
async def test_what_is_wrong_with_a_new_user(site: Site, body: object, status: int, field: str) -> None:
    answer = await site.ask("POST", "ada", "/api/v1/users", json=body)
    assert answer.status_code == status
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert PASSWORD not in answer.text


async def test_a_refused_password_changes_nothing_else(site: Site) -> None:
    session = site.token("vera")
    body = {"role": "admin", "cameras": None, "password": "short"}
    answer = await site.ask("PATCH", "ada", "/api/v1/users/vera", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["password"]
    assert site.accounts.user("vera").role is Role.VIEWER  # type: ignore[union-attr]  # exists
    assert site.accounts.session(session) is not None
    last = await site.ask("PATCH", "ada", "/api/v1/users/ada", json={"role": "viewer", "password": "a fresh password"})
    assert last.status_code == 409
    assert site.accounts.verify("ada", "a fresh password") is None
    assert "user.change" not in {entry.action for entry in site.services.audit.entries().entries}


async def test_an_admin_cannot_be_limited_to_cameras(site: Site) -> None:
    answer = await site.ask("PATCH", "ada", "/api/v1/users/oscar", json={"role": "admin", "cameras": ["gate"]})
    assert answer.status_code == 422
    assert site.accounts.user("oscar").role is Role.OPERATOR  # type: ignore[union-attr]  # exists


async def test_tokens_are_shown_once_and_never_again(site: Site) -> None:
    async with site.client("ada") as client:
        made = await client.post("/api/v1/tokens", json={"name": "home assistant", "role": "viewer", "cameras": ["gate"]})
        assert made.status_code == 201
        secret = made.json()["secret"]
        assert secret.startswith("panops_")
        listed = await client.get("/api/v1/tokens")
        assert secret not in listed.text
        assert [token["name"] for token in listed.json()["tokens"]] == ["home assistant"]
        assert (await client.post("/api/v1/tokens", json={"name": "home assistant"})).status_code == 409
        assert (await client.post("/api/v1/tokens", json={"name": "x/y"})).status_code == 422
        seen = await site.get(None, "/api/v1/cameras", headers={"Authorization": f"bearer {secret}"})
        assert [camera["id"] for camera in seen.json()["cameras"]] == ["gate"]
        assert (await client.delete("/api/v1/tokens/home%20assistant")).status_code == 204
    assert secret not in str(site.services.audit.entries().entries)


async def test_the_audit_log_says_who_did_what(site: Site) -> None:
    async with site.client("ada") as client:
        await client.post("/api/v1/users", json={"username": "nina", "password": PASSWORD})
        await client.patch("/api/v1/users/nina", json={"password": "a fresh password"})
        await client.put("/api/v1/cameras/new", json={"source": "rtsp://me:t0psecret@camera.example/x"})
        await client.delete("/api/v1/users/nina")
        first = (await client.get("/api/v1/audit?limit=3")).json()
        rest = (await client.get(f"/api/v1/audit?limit=3&cursor={first['next_cursor']}")).json()
    actions = [(entry["user"], entry["action"], entry["target"]) for entry in first["entries"] + rest["entries"]]
    assert actions == [
        ("ada", "user.delete", "nina"),
        ("ada", "camera.put", "new"),
        ("ada", "user.change", "nina"),
        ("ada", "user.create", "nina"),
    ]
    assert rest["next_cursor"] is None
    for secret in (PASSWORD, "a fresh password", "t0psecret"):
        assert secret not in str((first, rest))
    assert (await site.get("ada", "/api/v1/audit?cursor=none")).status_code == 422
