"""The fake keeps the promises of `LiveSite`, and the whole demo runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from panops.config.schema import CameraConfig
from panops.pipeline.live import CameraState, CameraStatus, EventNotice, LiveSite, Preview, SystemNotice
from panops.storage.scope import Scope
from panops.testing.live_site import SIZES, serve_demo
from panops.testing.moving_scene import MovingScene

from .conftest import Site

pytestmark = pytest.mark.anyio


async def test_it_is_a_live_site(site: Site) -> None:
    live: LiveSite = site.live
    assert [status.camera_id for status in live.statuses()] == ["dock", "gate", "yard"]
    assert {status.camera_id: status.state for status in live.statuses()} == {
        "dock": CameraState.DISABLED,
        "gate": CameraState.LIVE,
        "yard": CameraState.LIVE,
    }
    assert live.metrics().keys() >= {"cpu_cores", "rss_bytes", "uptime_s", "shards", "events_written", "storage_free_bytes"}


async def test_previews_come_only_of_what_is_watched(site: Site) -> None:
    feed = site.live.subscribe()
    feed.watch(["gate"], 20, "s")
    seen = [message for _ in range(3) for message in await feed.next()]
    assert all(isinstance(message, Preview) and (message.camera_id, message.size) == ("gate", "s") for message in seen)
    feed.close()
    feed.close()
    assert await feed.next() == []
    assert site.live.wishes() == {}


async def test_news_reach_every_feed(site: Site) -> None:
    feed = site.live.subscribe()
    site.live.set_state("yard", CameraState.FROZEN, "the same picture for 60 s")
    site.live.announce(SystemNotice("shard", "warning", "a process was restarted"))
    event_id = await site.live.raise_event("gate", evidence=False)
    seen = await feed.next()
    assert [type(message) for message in seen] == [CameraStatus, SystemNotice, EventNotice]
    assert isinstance(seen[2], EventNotice)
    assert site.services.events.get(Scope.everything(), seen[2].event_id) is not None
    assert seen[2].event_id == event_id
    assert [notice.topic for notice in site.live.notices()] == ["shard"]
    site.live.announce(SystemNotice("shard", "info", "it runs"))
    assert site.live.notices() == []


@pytest.mark.parametrize("size", ["s", "m", "l"])
async def test_snapshots_have_their_size_and_the_scene_its_boxes(site: Site, size: str) -> None:
    preview = await site.live.snapshot("gate", size)  # type: ignore[arg-type]  # one of the three
    assert preview is not None
    image = cv2.imdecode(np.frombuffer(preview.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert (image.shape[1], image.shape[0]) == SIZES[size]  # type: ignore[index]  # one of the three
    assert all(0 <= edge <= 1 for box in preview.boxes for edge in box.box)
    assert await site.live.snapshot("dock", "s") is None
    assert await site.live.snapshot("none", "s") is None


@pytest.mark.parametrize("time_s", np.linspace(0, 40, 9))
def test_boxes_are_where_the_picture_shows_them(time_s: float) -> None:
    scene = MovingScene("gate")
    image = scene.picture(time_s, (640, 360)).astype(int)
    x1, y1, x2, y2 = scene.boxes(time_s)[2].box  # drawn last, so nothing covers it
    inside = image[int((y1 + y2) / 2 * 360), int((x1 + x2) / 2 * 640)]
    assert tuple(inside) == (120, 200, 120)


async def test_probe_answers_as_the_address_asks(site: Site) -> None:
    for word, state in (("unreachable", CameraState.UNREACHABLE), ("unauthorized", CameraState.UNAUTHORIZED)):
        result = await site.live.probe(CameraConfig.model_validate({"source": f"rtsp://{word}.example/x"}))
        assert (result.ok, result.state) == (False, state)
    assert (await site.live.probe(CameraConfig.model_validate({"source": "rtsp://cam.example/x"}))).ok


async def test_the_demo_serves_api_and_events(tmp_path: Path) -> None:
    stop = asyncio.Event()
    found: list[str] = []
    serving = asyncio.create_task(serve_demo(tmp_path, "127.0.0.1", 0, stop, found.append))
    try:
        async with asyncio.timeout(10):
            while not found:
                await asyncio.sleep(0.02)
                assert not serving.done() or serving.result() is None
            async with httpx.AsyncClient(base_url=found[0]) as client:
                await client.post("/api/v1/session", json={"username": "admin", "password": "panops-demo"})
                states = {camera["id"]: camera["state"] for camera in (await client.get("/api/v1/cameras")).json()["cameras"]}
                assert states == {"gate": "live", "yard": "live", "street": "live", "store": "unreachable", "dock": "disabled"}
                while not (await client.get("/api/v1/events")).json()["events"]:
                    await asyncio.sleep(0.1)
    finally:
        stop.set()
        await serving
