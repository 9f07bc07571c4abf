from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from panops.api.request_frame import CONTENT_SECURITY_POLICY, RequestIdFilter, host_is_allowed, is_loopback, is_loopback_host, request_id

from .conftest import HOST, MakeSite, Site

pytestmark = pytest.mark.anyio

HOSTS = [
    ("box:8440", True),
    ("localhost", True),
    ("LOCALHOST:8440", True),
    ("192.168.1.20:8440", True),
    ("[::1]:8440", True),
    ("[fe80::1%eth0]:8440", True),
    ("panops.local", True),
    ("panops.home.arpa:8440", True),
    ("nvr.internal.", True),
    ("cameras.example.com", True),
    ("CAMERAS.example.com:443", True),
    ("a.lan.example.org", True),
    ("evil.example", False),
    ("example.com", False),
    ("evilcameras.example.com", False),
    ("lan.example.org", False),
    ("local.evil.example", False),
    ("192.168.1.20.evil.example", False),
    ("localhost.evil.example", False),
    ("", False),
    ("a b", False),
    ("user@localhost", False),
    ("localhost/evil", False),
    ("[::1", False),
    ("[not-an-address]", False),
    ("box:99999999", False),
]


@pytest.mark.parametrize(("host", "allowed"), HOSTS)
def test_hosts(host: str, allowed: bool) -> None:
    assert host_is_allowed(host, ("cameras.example.com", "*.lan.example.org")) is allowed


def test_a_star_allows_every_name_but_no_nonsense() -> None:
    assert host_is_allowed("evil.example", ("*",))
    assert not host_is_allowed("a b", ("*",))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1:8440", True),
        ("[::1]:8440", True),
        ("x.localhost", True),
        ("box", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_hosts(host: str, loopback: bool) -> None:
    assert is_loopback_host(host) is loopback


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False), ("", False)],
)
def test_loopback_addresses(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


async def test_a_foreign_name_is_refused_before_anything_else(site: Site) -> None:
    async with site.client(None, host="http://evil.example:8440", address="127.0.0.1") as client:
        answer = await client.get("/api/v1/setup")
    assert answer.status_code == 421
    assert "evil.example" in answer.json()["detail"]
    assert "allowed_hosts" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", 200), ("/api/v1/cameras", 401), ("/nothing", 404), ("/api/v1/setup", 200), ("/boom", 500)]
)
async def test_every_answer_has_the_security_headers(site: Site, path: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    site.app.add_api_route("/boom", _fail)
    answer = await site.get(None, path)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "'unsafe" not in CONTENT_SECURITY_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert len(answer.headers["x-request-id"]) == 8


async def _fail() -> None:
    raise RuntimeError("the secret reason")


async def test_a_fault_of_ours_is_logged_under_its_id_and_not_shown(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.app.add_api_route("/boom", _fail)
    answer = await site.get(None, "/boom")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["detail"]
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert answer.headers["x-request-id"] in record.getMessage()
    assert record.exc_info is not None


async def test_api_answers_are_not_kept_by_caches(site: Site) -> None:
    assert (await site.get("vera", "/api/v1/cameras")).headers["cache-control"] == "no-store"
    assert "cache-control" not in (await site.get(None, "/healthz")).headers


async def _chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b'"' + b"x" * 1000


@pytest.mark.parametrize("who", [None, "ada"])
async def test_a_long_body_is_refused(make_site: MakeSite, filled_database: Path, who: str | None) -> None:
    site = make_site(filled_database, max_body_bytes=5000)
    headers = {"Content-Type": "application/json", "Origin": HOST}
    said = await site.ask("POST", who, "/api/v1/session", content=b"x" * 5001, headers=headers)
    unsaid = await site.ask("POST", who, "/api/v1/session", content=_chunks(6), headers=headers)
    assert (said.status_code, unsaid.status_code) == (413, 413)
    assert unsaid.headers["content-type"] == "application/problem+json"
    fine = await site.ask("POST", who, "/api/v1/session", content=b"x" * 5000, headers=headers)
    assert fine.status_code == 422


@pytest.mark.parametrize("length", ["-1", "many", "9" * 5000])
async def test_a_strange_content_length_is_refused(site: Site, length: str) -> None:
    answer = await site.ask("POST", None, "/api/v1/session", headers={"Content-Length": length}, content=b"")
    assert answer.status_code == 413


def test_log_records_carry_the_request_id() -> None:
    record = logging.LogRecord("panops", logging.INFO, "", 0, "hello", (), None)
    assert RequestIdFilter().filter(record)
    assert record.request_id == ""
    token = request_id.set("abcd1234")
    RequestIdFilter().filter(record)
    request_id.reset(token)
    assert record.request_id == "[abcd1234] "
