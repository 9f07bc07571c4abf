from __future__ import annotations

from pathlib import Path

import pytest

from panops.domain.errors import ConfigError, ConfigProblem, PanopsError, StorageCorrupt, StorageError, StorageFull, StorageLocked
from panops.storage.errors import AccountRefused, InvalidCursor, LeaseHeld, NotAllowed, NotFound, StaleEdit

from .conftest import MakeSite, Site

pytestmark = pytest.mark.anyio

ERRORS = [
    (NotFound("no such event"), 404),
    (NotAllowed("needs more"), 403),
    (InvalidCursor("no cursor"), 422),
    (StaleEdit("changed since"), 412),
    (LeaseHeld("owned by another"), 409),
    (AccountRefused("expected a user name"), 422),
    (StorageLocked("held too long"), 503),
    (StorageFull("no space"), 507),
    (StorageCorrupt("damaged"), 500),
    (StorageError("cannot be reached"), 503),
    (PanopsError("something"), 500),
    (ConfigError("site", [ConfigProblem("cameras.gate", "is wrong")]), 500),
]


@pytest.mark.parametrize(("error", "status"), ERRORS, ids=lambda value: type(value).__name__)
async def test_each_error_has_its_status_and_its_sentence(site: Site, error: Exception, status: int) -> None:
    async def fail() -> None:
        raise error

    site.app.add_api_route("/fail", fail)
    answer = await site.get("vera", "/fail")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["status"], body["detail"]) == ("about:blank", status, str(error))
    assert body["title"]
    assert ("retry-after" in answer.headers) is (status == 503)


@pytest.mark.parametrize(("path", "method"), [("/api/v1/setup", "GET"), ("/api/v1/session", "POST"), ("/readyz", "GET")])
async def test_a_stranger_learns_nothing_of_this_machine_from_a_broken_storage(
    make_site: MakeSite, filled_database: Path, path: str, method: str
) -> None:
    site = make_site(filled_database)
    site.database.close()
    answer = await site.ask(method, None, path, json={"username": "vera", "password": "x"} if method == "POST" else None)
    assert answer.status_code == 503
    assert str(site.home) not in answer.text


async def test_a_broken_storage_is_not_a_missing_sign_in(site: Site) -> None:
    site.token("vera")
    site.database.close()
    answer = await site.get("vera", "/api/v1/cameras")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert str(site.home) not in answer.text
    site.database.open(check=False)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/v1/nothing", 404), ("POST", "/api/v1/cameras", 405), ("TRACE", "/api/v1/site", 405)]
)
async def test_unknown_paths_and_methods(site: Site, method: str, path: str, status: int) -> None:
    answer = await site.ask(method, "ada", path)
    assert answer.status_code == status
    assert answer.json()["detail"].endswith(path)
