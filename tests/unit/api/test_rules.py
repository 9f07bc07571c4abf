from __future__ import annotations

import pytest

from .conftest import Site

pytestmark = pytest.mark.anyio

LOITERING = {"kind": "loitering", "cameras": ["gate"], "zone": "floor", "after_s": 20}


async def test_rules_are_added_changed_and_removed(site: Site) -> None:
    async with site.client("ada") as client:
        made = await client.put("/api/v1/rules/linger", json=LOITERING)
        assert made.status_code == 201
        assert made.json()["id"] == "linger"
        read = await client.get("/api/v1/rules/linger")
        assert read.json() == made.json()
        assert read.headers["etag"] == made.headers["etag"]
        changed = await client.put("/api/v1/rules/linger", json={**read.json(), "after_s": 60}, headers={"If-Match": read.headers["etag"]})
        assert (changed.status_code, changed.json()["after_s"]) == (200, 60)
        late = await client.put("/api/v1/rules/linger", json=LOITERING, headers={"If-Match": read.headers["etag"]})
        assert late.status_code == 412
        assert (await client.delete("/api/v1/rules/linger", headers={"If-Match": read.headers["etag"]})).status_code == 412
        assert (await client.delete("/api/v1/rules/linger")).status_code == 204
        assert (await client.delete("/api/v1/rules/linger")).status_code == 404
    assert site.live.reloads == 4


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({**LOITERING, "zone": "roof"}, ["rules.2.zone"]),
        ({**LOITERING, "cameras": ["none"]}, ["rules.2.cameras"]),
        ({**LOITERING, "after_s": -1, "classes": []}, ["classes", "after_s"]),
        ({**LOITERING, "kind": "dancing"}, ["kind"]),
        ({}, ["kind"]),
        ({**LOITERING, "id": "other"}, ["id"]),
    ],
)
async def test_every_fault_of_a_rule_is_named(site: Site, body: object, fields: list[str]) -> None:
    answer = await site.ask("PUT", "ada", "/api/v1/rules/linger", json=body)
    assert answer.status_code == 422
    assert sorted(error["field"] for error in answer.json()["errors"]) == sorted(fields)
    assert [rule.id for rule in site.services.view.current().rules] == ["night", "way-in"]


async def test_a_viewer_of_one_camera_learns_nothing_of_the_others(site: Site) -> None:
    await site.ask("PUT", "ada", "/api/v1/rules/both", json={"kind": "occupancy", "limit": 1, "cameras": ["gate", "yard"]})
    rules = {rule["id"]: rule for rule in (await site.get("greta", "/api/v1/rules")).json()["rules"]}
    assert rules["both"]["cameras"] == ["gate"]
    assert "yard" not in str(rules)
