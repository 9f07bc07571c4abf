from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from panops.api.security import Caller, is_local, is_same_origin, origin_fits
from panops.storage.scope import Role, Scope

from .conftest import HOST, PASSWORD, Site

pytestmark = pytest.mark.anyio

ORIGINS = [
    ("http://box:8440", "box:8440", "http", True),
    ("http://BOX:8440", "box:8440", "http", True),
    ("http://box", "box", "http", True),
    ("http://box:80", "box", "http", True),
    ("https://box", "box", "https", True),
    ("https://box", "box", "http", True),  # a proxy that ends TLS
    ("https://box:8443", "box:8443", "http", True),
    ("http://[::1]:8440", "[::1]:8440", "http", True),
    ("http://box:8441", "box:8440", "http", False),
    ("http://evil.example:8440", "box:8440", "http", False),
    ("http://box.evil.example:8440", "box:8440", "http", False),
    ("http://box:8440@evil.example", "box:8440", "http", False),
    ("null", "box:8440", "http", False),
    ("", "box:8440", "http", False),
    ("file://box:8440", "box:8440", "http", False),
    ("http://box:port", "box:8440", "http", False),
    ("http://[box", "box:8440", "http", False),
    ("http://", "", "http", False),
]


@pytest.mark.parametrize(("origin", "host", "scheme", "fits"), ORIGINS)
def test_origins(origin: str, host: str, scheme: str, fits: bool) -> None:
    assert origin_fits(origin, host, scheme) is fits


def connection(headers: dict[str, str], address: str = "203.0.113.9", kind: str = "http") -> HTTPConnection:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": kind, "scheme": "http", "headers": raw, "client": (address, 5), "path": "/", "query_string": b""})


COOKIE = {"Cookie": "panops_session=x"}
SENDERS = [
    ({"Origin": HOST}, True),
    ({"Origin": HOST, **COOKIE}, True),
    ({"Origin": "http://evil.example"}, False),
    ({"Origin": "http://evil.example", **COOKIE}, False),
    ({"Origin": HOST, "Sec-Fetch-Site": "same-site", **COOKIE}, True),
    ({"Sec-Fetch-Site": "same-origin", **COOKIE}, True),
    ({"Sec-Fetch-Site": "same-site", **COOKIE}, False),
    ({"Sec-Fetch-Site": "cross-site", **COOKIE}, False),
    ({"Sec-Fetch-Site": "none", **COOKIE}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    (COOKIE, False),
    ({}, True),  # a program without a cookie, judged by its token
]


@pytest.mark.parametrize(("headers", "same"), SENDERS)
def test_who_sent_a_request_that_changes_something(headers: dict[str, str], same: bool) -> None:
    assert is_same_origin(connection({"Host": "box:8440", **headers})) is same


@pytest.mark.parametrize(
    ("address", "headers", "local"),
    [
        ("127.0.0.1", {"Host": "localhost:8440"}, True),
        ("::1", {"Host": "[::1]:8440"}, True),
        ("127.0.0.1", {"Host": "evil.example"}, False),
        ("127.0.0.1", {"Host": "box"}, False),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": "203.0.113.9"}, False),
        ("127.0.0.1", {"Host": "localhost", "Forwarded": "for=203.0.113.9"}, False),
        ("203.0.113.9", {"Host": "localhost"}, False),
    ],
)
def test_who_is_at_this_machine(address: str, headers: dict[str, str], local: bool) -> None:
    assert is_local(connection(headers, address), loopback_is_local=True) is local
    assert not is_local(connection(headers, address), loopback_is_local=False)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("origin", ["http://evil.example", None])
async def test_requests_of_other_sites_change_nothing(site: Site, method: str, origin: str | None) -> None:
    async with site.client("ada") as client:
        del client.headers["Origin"]
        path = {"POST": "/api/v1/users", "PUT": "/api/v1/cameras/new", "PATCH": "/api/v1/users/vera", "DELETE": "/api/v1/cameras/gate"}[
            method
        ]
        headers = {"Origin": origin} if origin else {}
        answer = await client.request(method, path, json={"source": "sim://yard"}, headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.json()["detail"]
    assert site.services.view.current().cameras.keys() == {"gate", "yard", "dock"}


async def test_sign_in_of_another_site_is_refused(site: Site) -> None:
    answer = await site.ask(
        "POST", None, "/api/v1/session", json={"username": "vera", "password": PASSWORD}, headers={"Origin": "http://evil.example"}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer ", "Basic dmVyYTp4", "bearer", "Bearer \x00", "Bearer " + "x" * 5000, "Bearer süß"]
)
async def test_wrong_tokens_are_strangers(site: Site, header: str) -> None:
    answer = await site.get(None, "/api/v1/cameras", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("cookie", ["", "wrong", '"', "a" * 4000, "ü"])
async def test_wrong_cookies_are_strangers(site: Site, cookie: str) -> None:
    answer = await site.get(None, "/api/v1/cameras", headers={"Cookie": f"panops_session={cookie}".encode("latin-1")})
    assert answer.status_code == 401


async def test_a_strange_cookie_of_another_program_does_not_sign_out(site: Site) -> None:
    cookie = f'{{"odd": [1]}}=x; panops_session={site.token("vera")}; @=; other={{}}'
    assert (await site.get(None, "/api/v1/cameras", headers={"Cookie": cookie})).status_code == 200


def test_a_caller_never_shows_its_secret() -> None:
    assert "t0psecret" not in repr(Caller("vera", Role.VIEWER, Scope(Role.VIEWER, None), "session", "t0psecret"))
