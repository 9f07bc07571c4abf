"""The whole product on a real RTSP server: a dead camera says so and comes back, its neighbour notices nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from panops.testing.rtsp_server import Mount, RtspServer, RtspServerUnavailable, find_interpreter
from tests.e2e.running_site import RunningSite

pytestmark = pytest.mark.rtsp


@pytest.fixture(autouse=True)
def _server_can_run() -> None:
    try:
        find_interpreter()
    except RtspServerUnavailable as error:
        pytest.skip(str(error))


def test_a_server_dies_and_comes_back(shared_data: Path, tmp_path: Path) -> None:
    clip = shared_data / "videos" / "intel_one-by-one-person-detection.mp4"
    kept = RtspServer({"/room": Mount(clip)})
    killed = RtspServer({"/room": Mount(clip, user="viewer", password="s3cret/@:x")})
    with kept, killed:
        site = f"""
cameras:
  kept: {{source: "{kept.url("/room")}", model: motion}}
  killed: {{source: "rtsp://viewer:${{CAM_PASSWORD}}@127.0.0.1:{killed.port}/room", model: motion}}
  wrong: {{source: "rtsp://viewer:wrongpass@127.0.0.1:{killed.port}/room", model: motion}}
"""
        (tmp_path / "site.yaml").write_text(site)
        running = RunningSite(tmp_path / "home", str(tmp_path / "site.yaml"), environ={"CAM_PASSWORD": "s3cret/@:x"})
        with running:
            running.sign_in()
            state = lambda camera: running.camera(camera)["state"]  # noqa: E731 - a word for the waits below
            running.wait_for(lambda: state("kept") == state("killed") == "live", 40, "both cameras are live")
            running.wait_for(lambda: state("wrong") == "unauthorized", 40, "the wrong password is named")
            before = running.camera("kept")
            killed.kill()
            running.wait_for(lambda: state("killed") in ("unreachable", "stalled"), 30, "the dead camera says so")
            killed.start()
            back = running.wait_for(lambda: (c := running.camera("killed"))["state"] == "live" and c, 60, "it is back")
            after = running.camera("kept")
            assert back["reconnects"] >= 1
            assert after["state"] == "live"
            assert after["reconnects"] == before["reconnects"]
            assert sum(after["dropped"].values()) == sum(before["dropped"].values())
            assert after["decoded"] > before["decoded"]
        for secret in ("s3cret", "wrongpass"):
            assert secret not in running.output()
