"""The description of the API: every route has words, a tag and its errors; examples fit their schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from panops.api.description import TAGS, describe
from panops.api.examples import EXAMPLES

from .conftest import Site, open_site

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> dict[str, Any]:
    site = open_site(tmp_path_factory.mktemp("description") / "home", empty_database)
    site.database.close()
    return describe(site.app)


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method} {path}", one) for path, of in document["paths"].items() for method, one in of.items()]


def test_every_route_has_a_name_a_tag_and_a_summary(document: dict[str, Any]) -> None:
    ids = [one["operationId"] for _, one in operations(document)]
    assert len(set(ids)) == len(ids)
    for label, one in operations(document):
        assert one["tags"], label
        assert set(one["tags"]) <= set(TAGS), label
        assert 4 <= len(one["summary"]) <= 140, label
        assert "\n" not in one["summary"], label


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for label, one in operations(document):
        errors = {status: answer for status, answer in one["responses"].items() if int(status) >= 400}
        assert errors or label == "get /healthz", label
        for status, answer in errors.items():
            kind, name = ("application/json", "V2ErrorOut") if "/v2" in label else ("application/problem+json", "ProblemOut")
            assert answer["content"][kind]["schema"] == {"$ref": f"#/components/schemas/{name}"}, f"{label} {status}"
    reached = dict(operations(document))["put /api/v1/site/config"]["responses"]
    assert {"401", "403", "409", "412", "413", "422", "428", "503", "507"} <= set(reached)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_fits_its_schema(document: dict[str, Any], name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema_rs.validate(schema, EXAMPLES[name])


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    bodies = [one["requestBody"]["content"]["application/json"] for _, one in operations(document) if "requestBody" in one]
    missing = []
    for body in bodies:
        schema = body["schema"]
        schema = next((part for part in schema.get("anyOf", ()) if "$ref" in part), schema)
        name = schema.get("$ref", "").rpartition("/")[2]
        if not (name in EXAMPLES or schema.get("examples") or body.get("examples") or body.get("example")):
            missing.append(name or schema.get("title"))
    assert missing == []


async def test_lists_lead_to_their_next_page(site: Site) -> None:
    from .test_app import store_event  # noqa: PLC0415 - this test only

    for number in range(3):
        store_event(site, f"gate-1-{number}", "gate", 1000.0 + number)
    first = await site.get("vera", "/api/v1/events?camera=gate&camera=yard&limit=2")
    address = first.links["next"]["url"]
    assert address.startswith("/api/v1/events?camera=gate&camera=yard&limit=2&cursor=")
    last = await site.get("vera", address)
    assert [one["event_id"] for one in last.json()["events"]] == ["gate-1-0"]
    assert "next" not in last.links
    await site.ask("PATCH", "oscar", "/api/v1/cameras/gate", json={"alerts": False})
    await site.ask("PATCH", "oscar", "/api/v1/cameras/gate", json={"alerts": True})
    assert (await site.get("ada", "/api/v1/audit?limit=1")).links["next"]["url"].startswith("/api/v1/audit?limit=1&cursor=")


@pytest.mark.parametrize("path", ["/api/v1/cameras/gate/snapshot.jpg", "/api/v1/cameras/dock/snapshot.jpg"])
async def test_a_picture_can_be_asked_without_its_body(site: Site, path: str) -> None:
    head, get = await site.ask("HEAD", "vera", path), await site.get("vera", path)
    assert (head.status_code, head.headers["content-type"]) == (get.status_code, get.headers["content-type"])


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/nothing"), ("DELETE", "/api/v1/site"), ("PUT", "/api/v1/events")])
async def test_what_is_not_there_is_a_problem_too(site: Site, method: str, path: str) -> None:
    answer = await site.ask(method, "ada", path, json={} if method == "PUT" else None)
    assert answer.status_code in (404, 405)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
