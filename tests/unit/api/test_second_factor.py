"""The second factor over the API: setting it up, signing in with it, and what happens to those who must have one."""

from __future__ import annotations

import pytest

from panops.api.account import qr_path
from panops.storage import totp
from panops.storage.scope import Role

from .conftest import PASSWORD, MakeSite, Path, Site
from .test_live_socket import closed, page

pytestmark = pytest.mark.anyio


def code(site: Site, secret: str) -> str:
    return totp.code_at(secret, int(site.clock.utc_s() // totp.STEP_S))


async def enrol(site: Site, who: str) -> tuple[str, list[str]]:
    """Set a second factor up; its secret and the recovery codes. The clock goes on to the app's next code."""
    begun = await site.ask("POST", who, "/api/v1/account/second-factor", json={"password": PASSWORD})
    assert begun.status_code == 200, begun.text
    secret = begun.json()["secret"]
    done = await site.ask("POST", who, "/api/v1/account/second-factor/confirm", json={"code": code(site, secret)})
    assert done.status_code == 200, done.text
    site.clock.now_s += totp.STEP_S
    return secret, done.json()["recovery_codes"]


async def sign_in(site: Site, who: str, given: str = "", address: str = "203.0.113.9") -> tuple[int, str]:
    """The status, and the field that is at fault."""
    async with site.client(None, address=address) as client:
        answer = await client.post("/api/v1/session", json={"username": who, "password": PASSWORD, "code": given})
        assert ("set-cookie" in answer.headers) == (answer.status_code == 200)
    return answer.status_code, (answer.json().get("errors") or [{"field": ""}])[0]["field"]


async def test_who_has_one_needs_a_code_to_sign_in(site: Site) -> None:
    other = site.accounts.open_session(site.accounts.user("vera"))  # type: ignore[arg-type]  # exists
    secret, codes = await enrol(site, "vera")
    assert site.accounts.session(other) is None, "sign-ins from before it end"
    assert (await site.get("vera", "/api/v1/account")).json()["second_factor"]["codes_left"] == 10
    assert await sign_in(site, "vera") == (401, "code")
    assert await sign_in(site, "vera", "12345") == (401, "code")
    now = code(site, secret)
    assert await sign_in(site, "vera", now) == (200, "")
    assert await sign_in(site, "vera", now) == (401, "code"), "no code counts twice"
    assert await sign_in(site, "vera", codes[0]) == (200, "")
    assert await sign_in(site, "vera", codes[0]) == (401, "code")
    assert (await site.get("vera", "/api/v1/account")).json()["second_factor"]["codes_left"] == 9
    ways = [entry.detail.get("by") for entry in site.services.audit.entries().entries if entry.action == "login"]
    assert ways == ["recovery", "app"]


async def test_a_wrong_password_tells_nothing_of_a_second_factor(site: Site) -> None:
    await enrol(site, "vera")
    async with site.client(None) as client:
        with_one, without = [
            await client.post("/api/v1/session", json={"username": who, "password": "wrong wrong", "code": "123456"})
            for who in ("vera", "oscar")
        ]
    assert with_one.status_code == without.status_code == 401
    assert with_one.json() == without.json()


async def test_codes_cannot_be_tried_out(site: Site) -> None:
    secret, _ = await enrol(site, "vera")
    statuses = [(await sign_in(site, "vera", "00000x"))[0] for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    assert (await sign_in(site, "vera", code(site, secret)))[0] == 429, "not even the right one"
    others = [(await sign_in(site, "vera", "00000x", f"198.51.100.{number}"))[0] for number in range(6)]
    assert others == [401] * 5 + [429], "and not from many addresses"
    site.clock.now_s += 901
    assert await sign_in(site, "vera", code(site, secret)) == (200, "")


async def test_an_open_page_alone_changes_no_second_factor(site: Site) -> None:
    for path in ("second-factor", "second-factor/remove", "recovery-codes"):
        answer = await site.ask("POST", "vera", f"/api/v1/account/{path}", json={"password": "wrong wrong"})
        assert answer.status_code == 403, path
    assert (await site.ask("POST", "vera", "/api/v1/account/recovery-codes", json={"password": PASSWORD})).status_code == 409
    _, codes = await enrol(site, "vera")
    fresh = await site.ask("POST", "vera", "/api/v1/account/recovery-codes", json={"password": PASSWORD})
    assert not set(fresh.json()["recovery_codes"]) & set(codes)
    assert (await site.ask("POST", "vera", "/api/v1/account/second-factor", json={"password": PASSWORD})).status_code == 409
    assert (await site.ask("POST", "vera", "/api/v1/account/second-factor/remove", json={"password": PASSWORD})).status_code == 204
    assert await sign_in(site, "vera") == (200, "")


async def test_an_administrator_resets_a_lost_one(site: Site) -> None:
    await enrol(site, "vera")
    assert [user["second_factor"] for user in (await site.get("ada", "/api/v1/users")).json()["users"]] == [False, False, False, True]
    assert (await site.ask("DELETE", "ada", "/api/v1/users/vera/second-factor")).status_code == 204
    assert (await site.ask("DELETE", "ada", "/api/v1/users/vera/second-factor")).status_code == 404
    assert (await site.get("vera", "/api/v1/session")).status_code == 401, "they are signed out"
    assert await sign_in(site, "vera") == (200, "")


async def test_who_must_have_one_can_do_nothing_else(make_site: MakeSite, filled_database: Path) -> None:
    site = make_site(filled_database, require_second_factor=frozenset({Role.ADMIN}))
    async with site.live:
        assert await sign_in(site, "ada") == (200, "")
        assert (await site.get("ada", "/api/v1/setup")).json()["second_factor_missing"] is True
        for path in (
            "cameras",
            "events",
            "users",
            "site",
            "audit",
            "sessions",
            "account/tokens",
            "openapi.json",
            "events/gate-1-1/clip.mp4",
        ):
            answer = await site.get("ada", f"/api/v1/{path}")
            assert (answer.status_code, answer.headers.get("x-panops-needs")) == (403, "second-factor"), path
        assert (await site.ask("POST", "ada", "/api/v1/account/tokens", json={"name": "x"})).status_code == 403
        assert (await site.get("ada", "/metrics")).status_code == 403
        async with site.served() as address, page(site, address, "ada") as live:
            assert await closed(live.socket) == 4428
        assert (await site.get("vera", "/api/v1/cameras")).status_code == 200, "of other roles it is not required"
        await enrol(site, "ada")
        assert (await site.get("ada", "/api/v1/cameras")).status_code == 200
        removed = await site.ask("POST", "ada", "/api/v1/account/second-factor/remove", json={"password": PASSWORD})
        assert removed.status_code == 409


def test_the_qr_code_is_drawn_without_any_markup() -> None:
    path, modules = qr_path(totp.address("A" * 32, "ada"))
    assert modules > 30
    assert set(path) <= set("Mhvz 0123456789-")
    assert path.startswith("M4 4h1v1h-1z"), "a corner, after the quiet zone"
