"""Request ids in and out, and that secrets that pass through the API reach no log, whatever its level."""

from __future__ import annotations

import logging

import pytest

from .conftest import PASSWORD, Site

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("given", ["abc-123", "0af7651916cd43dd8448eb211c80319c", "a" * 64])
async def test_a_request_keeps_the_id_that_it_came_with(site: Site, given: str) -> None:
    answer = await site.get(None, "/healthz", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 65, "-x", "x;y", "a/b", "é"])
async def test_any_other_gets_one_of_ours(site: Site, given: str) -> None:
    answer = await site.get(None, "/healthz", headers={"X-Request-ID": given.encode()})
    assert len(answer.headers["x-request-id"]) == 8
    assert answer.headers["x-request-id"] != given


async def test_no_secret_reaches_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source = "rtsp://eva:hunter2@unauthorized.example/1?pwd=hunter3"
    await site.ask("PUT", "ada", "/api/v1/cameras/new", json={"source": source})
    await site.ask("POST", "ada", "/api/v1/cameras/test", json={"source": source})
    await site.ask("PUT", "ada", "/api/v1/cameras/bad", json={"source": f"nosuch://eva:hunter2@x/{source}"})
    table = {"file_name": "a.csv", "file_text": f"id,source,password\na,{source},hunter2\n"}
    await site.ask("POST", "ada", "/api/v1/cameras/import?dry_run=false", json=table)
    await site.ask("POST", None, "/api/v1/session", json={"username": "ada", "password": "hunter2hunter2"})
    made = await site.ask("POST", None, "/api/v1/session", json={"username": "ada", "password": PASSWORD})
    token = site.accounts.create_token("program", site.services.accounts.users()[0].role)
    await site.get(None, "/api/v1/cameras", headers={"Authorization": f"Bearer {token}"})
    assert made.status_code < 300
    for secret in ("hunter2", "hunter3", PASSWORD, token):
        assert secret not in caplog.text
