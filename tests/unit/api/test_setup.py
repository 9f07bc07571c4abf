from __future__ import annotations

import asyncio

import httpx
import pytest

from .conftest import PASSWORD, STRANGER_ADDRESS, Site

pytestmark = pytest.mark.anyio

NOTHING_MORE = {"second_factor_missing": False, "provider": None}

ADMIN = {"username": "Ada", "password": PASSWORD}
ADA = {"username": "ada", "role": "admin", "cameras": None, "groups": None}
LOCAL = {"address": "127.0.0.1", "host": "http://localhost:8440"}


async def set_up(site: Site, body: object, *, address: str = STRANGER_ADDRESS, host: str = "http://box:8440") -> httpx.Response:
    async with site.client(None, address=address, host=host) as client:
        return await client.post("/api/v1/setup", json=body)


async def test_the_first_run_makes_the_admin_and_signs_them_in(fresh: Site) -> None:
    async with fresh.client(None, **LOCAL) as client:
        assert (await client.get("/api/v1/setup")).json() == {"needed": True, "code_needed": False, "user": None, **NOTHING_MORE}
        answer = await client.post("/api/v1/setup", json=ADMIN)
        assert answer.status_code == 201
        assert answer.json()["user"] == ADA
        assert (await client.get("/api/v1/users")).status_code == 200
        assert (await client.get("/api/v1/setup")).json() == {"needed": False, "code_needed": False, "user": ADA, **NOTHING_MORE}
        again = await client.post("/api/v1/setup", json={**ADMIN, "username": "eve"}, headers={"Origin": LOCAL["host"]})
        assert again.status_code == 409
    assert [user.username for user in fresh.accounts.users()] == ["ada"]


async def test_of_two_at_once_one_wins(fresh: Site) -> None:
    answers = await asyncio.gather(*(set_up(fresh, {**ADMIN, "username": f"ada{number}"}, **LOCAL) for number in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert fresh.accounts.count() == 1
    winner = next(answer for answer in answers if answer.status_code == 201)
    assert fresh.accounts.users()[0].username == winner.json()["user"]["username"]


async def test_from_another_machine_the_code_is_needed(fresh: Site) -> None:
    async with fresh.client(None) as client:
        assert (await client.get("/api/v1/setup")).json() == {"needed": True, "code_needed": True, "user": None, **NOTHING_MORE}
    for body in (ADMIN, {**ADMIN, "code": ""}, {**ADMIN, "code": "Sesame"}, {**ADMIN, "code": "ünïcode"}):
        answer = await set_up(fresh, body)
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["field"] == "code"
        assert "sesame" not in answer.text
    assert fresh.accounts.count() == 0
    assert (await set_up(fresh, {**ADMIN, "code": " sesame "})).status_code == 201


async def test_the_code_cannot_be_guessed(fresh: Site) -> None:
    statuses = [(await set_up(fresh, {**ADMIN, "code": str(number)})).status_code for number in range(6)]
    assert statuses == [403] * 5 + [429]
    assert (await set_up(fresh, {**ADMIN, "code": "sesame"})).status_code == 429


@pytest.mark.parametrize(
    "options",
    [
        {"address": "127.0.0.1", "host": "http://box:8440"},  # through a name of this machine in the network
        {"address": "127.0.0.1", "host": "http://panops.local"},
        {"address": "10.0.0.9", "host": "http://localhost:8440"},
    ],
)
async def test_only_a_person_at_this_machine_goes_without_a_code(fresh: Site, options: dict[str, str]) -> None:
    assert (await set_up(fresh, ADMIN, **options)).status_code == 403


async def test_a_page_with_a_name_that_points_here_cannot_set_up(fresh: Site) -> None:
    assert (await set_up(fresh, ADMIN, address="127.0.0.1", host="http://rebound.example:8440")).status_code == 421
    assert fresh.accounts.count() == 0


async def test_a_proxy_on_this_machine_makes_nobody_local(fresh: Site) -> None:
    async with fresh.client(None, **LOCAL) as client:
        answer = await client.post("/api/v1/setup", json=ADMIN, headers={"X-Forwarded-For": "203.0.113.9"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [({**ADMIN, "password": "short"}, "password"), ({**ADMIN, "username": "a b"}, "username"), ({"username": "ada"}, "password")],
)
async def test_what_is_wrong_is_said_by_field(fresh: Site, body: object, field: str) -> None:
    answer = await set_up(fresh, body, **LOCAL)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert fresh.accounts.count() == 0


async def test_without_a_code_only_this_machine_can_set_up(make_site, empty_database) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - fixtures
    site = make_site(empty_database)
    answer = await set_up(site, {**ADMIN, "code": ""})
    assert answer.status_code == 403
    assert "on the machine" in answer.json()["detail"]
    assert (await set_up(site, ADMIN, **LOCAL)).status_code == 201
