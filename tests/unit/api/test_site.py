from __future__ import annotations

from typing import Any

import pytest

from panops.api.notices import notice_for
from panops.api.site import local_timezone
from panops.config.load import parse_site
from panops.pipeline.live import SystemNotice
from panops.storage.scope import Role, Scope
from panops.storage.site import SiteRepository

from .conftest import SITE, Site

pytestmark = pytest.mark.anyio


async def test_the_site_for_viewers_and_for_operators(site: Site) -> None:
    site.live.announce(SystemNotice("storage", "warning", "the disk is nearly full"))
    viewer: dict[str, Any] = (await site.get("vera", "/api/v1/site")).json()
    assert viewer["notices"] == [{"topic": "storage", "level": "warning", "message": "the disk is nearly full"}]
    assert viewer["metrics"] is None
    assert viewer["timezone"] == local_timezone()
    assert viewer["version"] == site.services.settings.version
    operator = (await site.get("oscar", "/api/v1/site")).json()
    assert operator["metrics"]["storage_free_bytes"] == 1e12
    assert (viewer["file_roots"], operator["file_roots"]) == (None, None)
    admin = (await site.get("ada", "/api/v1/site")).json()
    assert admin["file_roots"] == [str(root) for root in site.services.settings.allowed_file_roots]


@pytest.mark.parametrize(
    ("role", "cameras", "told"),
    [
        (Role.VIEWER, None, "/srv/evidence of dock is full"),
        (Role.VIEWER, frozenset({"gate"}), "something is wrong with the storage; an operator can see what"),
        (Role.VIEWER, frozenset(), "something is wrong with the storage; an operator can see what"),
        (Role.OPERATOR, frozenset({"gate"}), "/srv/evidence of dock is full"),
        (Role.ADMIN, None, "/srv/evidence of dock is full"),
    ],
)
def test_who_reads_a_notices_text(role: Role, cameras: frozenset[str] | None, told: str) -> None:
    notice = SystemNotice("storage", "warning", "/srv/evidence of dock is full")
    assert notice_for(Scope(role, cameras), notice).message == told


async def test_a_limited_viewer_learns_nothing_from_notices(site: Site) -> None:
    site.live.announce(SystemNotice("dock", "alarm", "the dock is on fire"))
    site.live.announce(SystemNotice("yard", "alarm", "so is the yard"))
    answer = await site.get("greta", "/api/v1/site")
    expected = {"topic": "system", "level": "alarm", "message": "something is wrong with the system; an operator can see what"}
    assert answer.json()["notices"] == [expected]


async def test_the_sites_own_time_zone_and_model_count(site: Site) -> None:
    SiteRepository(site.database).apply(parse_site(SITE + "timezone: Asia/Tokyo\nmodel: yolox_nano\n", "test", {}))
    answer = (await site.get("vera", "/api/v1/site")).json()
    assert (answer["timezone"], answer["model"]) == ("Asia/Tokyo", "yolox_nano")


async def test_the_description_names_every_route_and_how_to_sign_in(site: Site) -> None:
    document = (await site.get("vera", "/api/v1/openapi.json")).json()
    assert {"/api/v1/cameras/{camera_id}", "/api/v1/events", "/api/v1/session", "/api/v1/events/{event_id}/{file_name}"} <= set(
        document["paths"]
    )
    assert document["components"]["securitySchemes"].keys() == {"session", "token"}
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await site.get("ada", path)).status_code == 404


async def test_everything_in_the_description_can_be_found(site: Site) -> None:
    document = (await site.get("vera", "/api/v1/openapi.json")).json()

    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    found = references(document)
    assert found
    assert found <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
