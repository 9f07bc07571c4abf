from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from panops.pipeline.live import CameraState
from panops.storage.scope import Role

from .conftest import Site

pytestmark = pytest.mark.anyio


async def scrape(site: Site) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values."""
    async with site.client(None, address="127.0.0.1", host="http://localhost:8440") as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_cameras(site: Site) -> None:
    site.clock.now_s += 100
    site.live.set_state("yard", CameraState.UNREACHABLE, "nothing answers")
    samples = await scrape(site)
    assert samples["panops_camera_up", "gate"] == 1
    assert samples["panops_camera_up", "yard"] == 0
    assert samples["panops_camera_state", "yard", "unreachable"] == 1
    assert samples["panops_camera_state", "dock", "disabled"] == 1
    for camera in ("gate", "yard", "dock"):
        assert sum(samples["panops_camera_state", camera, state.value] for state in CameraState) == 1
    assert samples["panops_frames_decoded_total", "gate"] == 1000
    assert samples["panops_frames_analysed_total", "gate"] == 500
    assert samples["panops_frames_dropped_total", "gate", "stale"] == 10
    assert samples["panops_events_suppressed_total", "gate", "displacement"] == 3
    assert samples["panops_chain_failures_total", "gate", "size"] == 1
    assert samples["panops_reconnects_total", "gate"] == 0
    assert samples["panops_inference_seconds", "gate", "motion"] == 0.008
    assert samples["panops_last_frame_timestamp_seconds", "gate"] == site.clock.now_s


async def test_the_site_and_its_pages(site: Site) -> None:
    await site.live.raise_event("gate", evidence=False)
    samples = await scrape(site)
    assert samples[("panops_events_stored_total",)] == 1
    assert samples[("panops_storage_free_bytes",)] == 1e12
    assert samples[("panops_cameras_moved_total",)] == 0
    assert samples[("panops_live_sockets",)] == 0
    assert samples["panops_commands_total", "taken", "home"] == 1
    site.live.switchboard.refuse("home", "retained", "nobody's wish now")
    assert (await scrape(site))["panops_commands_total", "retained", "home"] == 1


async def test_requests_are_counted_by_route_not_by_address(site: Site) -> None:
    for number in range(3):
        await site.get("vera", f"/api/v1/cameras/none{number}")
        await site.get(None, f"/scan/{number}")
    samples = await scrape(site)
    assert samples["panops_http_requests_total", "GET", "/api/v1/cameras/{camera_id}", "404"] == 3
    assert samples["panops_http_requests_total", "GET", "none", "404"] == 3
    assert samples["panops_http_request_seconds_count", "/api/v1/cameras/{camera_id}"] == 3
    assert not any("none1" in label for key in samples for label in key[1:])


@pytest.mark.parametrize(
    ("role", "cameras", "status"), [(Role.VIEWER, None, 200), (Role.VIEWER, ["gate"], 403), (Role.OPERATOR, ["gate"], 403)]
)
async def test_a_scrapers_token_must_see_every_camera(site: Site, role: Role, cameras: list[str] | None, status: int) -> None:
    token = site.accounts.create_token("prometheus", role, cameras)
    assert (await site.get(None, "/metrics", headers={"Authorization": f"Bearer {token}"})).status_code == status
