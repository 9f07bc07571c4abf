"""Sleep and wake in the whole product: the same film on a camera that never sleeps and on one that does, over real RTSP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from panops.testing.films import encode
from panops.testing.load_cameras import LoadCamera, LoadCameras
from tests.e2e.running_site import RunningSite

SIZE = (320, 180)
RATE_FPS = 10
FILM_S = 24.0
VISIT_S = (13.3, 17.5)
CAMERAS = {"awake": "never", "sleeper": "always"}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A still, noisy scene through which a bright box walks once."""

    def picture(number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        image = np.full((SIZE[1], SIZE[0], 3), 64, np.uint8)
        image += np.random.default_rng(number).integers(0, 8, image.shape, dtype=np.uint8)
        at_s = number / RATE_FPS
        if VISIT_S[0] <= at_s < VISIT_S[1]:
            left = int((at_s - VISIT_S[0]) * 60)
            image[50:130, left : left + 40] = 240
        return image

    path = tmp_path_factory.mktemp("sleeping") / "film.mp4"
    return encode("libx264", (picture(number) for number in range(int(FILM_S * RATE_FPS))), path, rate_fps=RATE_FPS, gop=20)


@pytest.fixture(scope="module")
def site(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    folder = tmp_path_factory.mktemp("site")
    with LoadCameras([LoadCamera(f"/{name}", film, RATE_FPS) for name in CAMERAS]) as server:
        cameras = {name: {"source": server.url(f"/{name}"), "sleep": mode, "model": "motion"} for name, mode in CAMERAS.items()}
        rule = {"id": "in", "kind": "intrusion", "classes": ["moving"], "after_s": 0.5, "end_after_s": 1.0}
        (folder / "site.yaml").write_text(yaml.safe_dump({"cameras": cameras, "rules": [rule]}))
        with RunningSite(folder / "home", str(folder / "site.yaml")) as running:
            running.sign_in()
            yield running


def ended(site: RunningSite, camera: str) -> list[dict[str, Any]]:
    return [event for event in reversed(site.events(camera=camera)) if event["ended_at_s"] is not None]


def test_a_sleeping_camera_misses_nothing(site: RunningSite) -> None:
    site.wait_for(lambda: all(site.camera(name)["state"] == "live" for name in CAMERAS), 30, "both are live")
    began_s = time.time()
    site.wait_for(lambda: site.camera("sleeper")["asleep"], 40, "it falls asleep")
    sleeping = site.camera("sleeper")
    assert sleeping["state"] == "live"
    assert sleeping["keyframe_interval_s"] == pytest.approx(2.0, abs=0.1)
    asleep_grew, awake_grew = _quiet_seconds(site, 3.0)
    assert asleep_grew <= 2
    assert awake_grew > 20
    site.wait_for(lambda: all(len(ended(site, name)) >= 2 for name in CAMERAS), 70, "two visits on each camera")
    assert site.camera("sleeper")["woken"] >= 1
    watched = ended(site, "awake")[-2:]
    slept = ended(site, "sleeper")
    for event in (event for event in watched if event["started_at_s"] > began_s):
        twin = min(slept, key=lambda other: abs(other["started_at_s"] - event["started_at_s"]))
        assert twin["started_at_s"] == pytest.approx(event["started_at_s"], abs=0.45)
        assert twin["ended_at_s"] == pytest.approx(event["ended_at_s"], abs=0.65)
    # Its proof begins before the event, from packets that were never decoded when they came.
    proven = site.wait_for(lambda: _proven(site, slept), 30, "its clip is written")
    assert _clip(proven)["start_s"] < proven["started_at_s"]
    assert "panops_camera_asleep" in site.http.get("/metrics").text


def _quiet_seconds(site: RunningSite, seconds: float) -> tuple[int, int]:
    """Pictures that the sleeping and the waking camera decoded in `seconds` in which the sleeper slept all the time.

    The film says when somebody comes, but not when the camera joined it: a visit in the midst of the measurement is no quiet time.
    """

    def look() -> tuple[int, int] | None:
        before = site.camera("sleeper"), site.camera("awake")
        time.sleep(seconds)
        after = site.camera("sleeper"), site.camera("awake")
        slept = before[0]["asleep"] and after[0]["asleep"] and before[0]["woken"] == after[0]["woken"]
        return (after[0]["decoded"] - before[0]["decoded"], after[1]["decoded"] - before[1]["decoded"]) if slept else None

    grew: tuple[int, int] = site.wait_for(look, 60, "some seconds in which nobody comes")
    return grew


def _proven(site: RunningSite, events: list[dict[str, Any]]) -> dict[str, Any] | None:
    told = (site.get(f"/events/{event['event_id']}") for event in events)
    return next((event for event in told if _clip(event)), None)


def _clip(event: dict[str, Any]) -> dict[str, Any]:
    return next((piece for piece in event["evidence"] if piece["kind"] == "clip"), {})
