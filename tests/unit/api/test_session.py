from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie

import httpx
import pytest

from .conftest import HOST, PASSWORD, Site

pytestmark = pytest.mark.anyio

RIGHT = {"username": "vera", "password": PASSWORD}
WRONG = {"username": "vera", "password": "not the password"}


async def sign_in(site: Site, body: object, **options: str) -> httpx.Response:
    async with site.client(None, **options) as client:
        return await client.post("/api/v1/session", json=body)


async def test_signing_in_gives_a_cookie_that_scripts_cannot_read(site: Site) -> None:
    answer = await sign_in(site, RIGHT)
    assert answer.status_code == 200
    assert answer.json() == {"user": {"username": "vera", "role": "viewer", "cameras": None, "groups": None}}
    morsel = SimpleCookie(answer.headers["set-cookie"])["panops_session"]
    assert morsel["httponly"] is True
    assert morsel["samesite"].lower() == "strict"
    assert morsel["path"] == "/"
    assert not morsel["secure"]
    assert int(morsel["max-age"]) == 90 * 86400, "the server ends it earlier when it is not used"
    assert len(morsel.value) >= 43


async def test_the_cookie_is_secure_over_tls(site: Site) -> None:
    answer = await sign_in(site, RIGHT, host="https://box")
    assert SimpleCookie(answer.headers["set-cookie"])["panops_session"]["secure"]


async def test_a_session_lasts_from_signing_in_to_signing_out(site: Site) -> None:
    async with site.client(None) as client:
        client.headers["Origin"] = HOST
        assert (await client.get("/api/v1/session")).status_code == 401
        await client.post("/api/v1/session", json={**RIGHT, "username": "VERA"})
        assert (await client.get("/api/v1/session")).json()["user"]["username"] == "vera"
        cookie = client.cookies["panops_session"]
        assert (await client.delete("/api/v1/session")).status_code == 204
        assert "panops_session" not in client.cookies
    assert (await site.get(None, "/api/v1/session", headers={"Cookie": f"panops_session={cookie}"})).status_code == 401


async def test_a_session_survives_a_restart_and_ends_after_two_weeks_without_use(site: Site) -> None:
    site.token("vera")
    site.clock.now_s += 13 * 86400
    assert (await site.get("vera", "/api/v1/session")).status_code == 200
    site.clock.now_s += 13 * 86400
    assert (await site.get("vera", "/api/v1/session")).status_code == 200
    site.clock.now_s += 14 * 86400 + 1
    assert (await site.get("vera", "/api/v1/session")).status_code == 401


async def test_wrong_name_and_wrong_password_get_the_same_answer(site: Site) -> None:
    wrong, unknown = await sign_in(site, WRONG), await sign_in(site, {"username": "nobody", "password": "x"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert "set-cookie" not in wrong.headers


async def test_guessing_is_slowed_down_and_says_for_how_long(site: Site) -> None:
    statuses = [(await sign_in(site, WRONG)).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    answer = await sign_in(site, RIGHT)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "300"
    assert (await sign_in(site, RIGHT, address="198.51.100.1")).status_code == 200
    site.clock.now_s += 301
    assert (await sign_in(site, RIGHT)).status_code == 200


async def test_many_guesses_at_once_do_not_slip_through(site: Site) -> None:
    answers = await asyncio.gather(*(sign_in(site, WRONG) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 15


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        {"username": "vera"},
        {**RIGHT, "more": 1},
        {"username": "", "password": "x"},
        {"username": "x" * 65, "password": "x"},
        {"username": "v", "password": "x" * 2000},
    ],
)
async def test_bodies_that_are_no_sign_in(site: Site, body: object) -> None:
    answer = await sign_in(site, body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert "x" * 100 not in answer.text


@pytest.mark.parametrize(
    "raw", [b"{", b"", b"\xff\xfe", b'{"username": "\\ud800", "password": "\\udfff"}', b"[" * 100_000, b"1" * 5000, b"NaN"]
)
async def test_bodies_that_are_not_even_json(site: Site, raw: bytes) -> None:
    answer = await site.ask("POST", None, "/api/v1/session", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 401, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_text_is_not_taken_for_json(site: Site) -> None:
    answer = await site.ask(
        "POST", None, "/api/v1/session", content=b'{"username": "vera", "password": "x"}', headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 422


async def test_own_sessions_are_listed_and_ended(site: Site) -> None:
    other = site.accounts.open_session(site.accounts.user("vera"))  # type: ignore[arg-type]  # exists
    async with site.client("vera") as client:
        sessions = (await client.get("/api/v1/sessions")).json()["sessions"]
        assert [item["current"] for item in sessions].count(True) == 1
        assert len(sessions) == 2
        assert other not in str(sessions)
        strange = next(item["id"] for item in sessions if not item["current"])
        assert (await client.delete(f"/api/v1/sessions/{strange}")).status_code == 204
        assert (await client.delete(f"/api/v1/sessions/{strange}")).status_code == 404
        assert len((await client.get("/api/v1/sessions")).json()["sessions"]) == 1
    assert site.accounts.session(other) is None


async def test_nobody_ends_the_sessions_of_others(site: Site) -> None:
    session_id = site.accounts.sessions(site.accounts.user("vera"))  # type: ignore[arg-type]  # exists
    assert session_id == ()
    site.token("vera")
    victim = site.accounts.sessions(site.accounts.user("vera"))[0].session_id  # type: ignore[arg-type]  # exists
    assert (await site.ask("DELETE", "ada", f"/api/v1/sessions/{victim}")).status_code == 404
    assert (await site.get("vera", "/api/v1/session")).status_code == 200


async def test_changing_the_password_ends_the_other_sessions(site: Site) -> None:
    other = site.accounts.open_session(site.accounts.user("vera"))  # type: ignore[arg-type]  # exists
    async with site.client("vera") as client:
        assert (await client.post("/api/v1/password", json={"old": "wrong", "new": "a better password"})).status_code == 403
        short = await client.post("/api/v1/password", json={"old": PASSWORD, "new": "short"})
        assert short.status_code == 422
        assert short.json()["errors"][0]["field"] == "password"
        assert (await client.post("/api/v1/password", json={"old": PASSWORD, "new": "a better password"})).status_code == 204
        assert (await client.get("/api/v1/session")).status_code == 200
    assert site.accounts.session(other) is None
    assert (await sign_in(site, RIGHT)).status_code == 401
    assert (await sign_in(site, {**RIGHT, "password": "a better password"})).status_code == 200


async def test_the_old_password_cannot_be_guessed_with_a_stolen_session(site: Site) -> None:
    body = {"old": "wrong", "new": "a better password"}
    statuses = [(await site.ask("POST", "vera", "/api/v1/password", json=body)).status_code for _ in range(6)]
    assert statuses == [403] * 5 + [429]


@pytest.mark.parametrize(("method", "path", "body"), [("GET", "sessions", None), ("POST", "password", {"old": "x", "new": PASSWORD})])
async def test_a_token_has_no_account(site: Site, method: str, path: str, body: object) -> None:
    # Not even when a user has the token's name.
    token = site.accounts.create_token("vera", site.accounts.user("ada").role)  # type: ignore[union-attr]  # exists
    answer = await site.ask(method, None, f"/api/v1/{path}", json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403


async def test_sign_ins_are_in_the_audit_log(site: Site) -> None:
    await sign_in(site, WRONG)
    await sign_in(site, RIGHT)
    entries = site.services.audit.entries().entries
    assert [(entry.action, entry.target) for entry in entries] == [("login", "vera"), ("login.failed", "vera")]
    assert "password" not in str(entries)
