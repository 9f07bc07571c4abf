"""Recording in the whole product: a killed run, a full disk, a main stream of a real RTSP server, and a camera that sleeps."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from panops.testing.films import make_film
from panops.testing.rtsp_server import Mount, RtspServer, RtspServerUnavailable, find_interpreter
from tests.e2e.running_site import RunningSite
from tests.small_disk import small_disk_at

SITE = """
cameras:
  yard: {source: "sim://yard?seed=3&activity=14&rate_fps=10", model: motion, record: continuous}
rules:
  - {id: anyone, kind: intrusion, classes: [person], after_s: 0.4, end_after_s: 0.5}
evidence: {before_s: 1, after_s: 1}
retention: {min_free_gib: 0}
"""


def site_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return str(path)


def recorded(site: RunningSite, camera: str = "yard") -> dict[str, Any]:
    found: dict[str, Any] = site.get(f"/cameras/{camera}/recording", **{"from": time.time() - 3600, "to": time.time() + 60})
    return found


def frames(site: RunningSite, segment: dict[str, Any]) -> tuple[int, str]:
    """How many pictures a file of the API plays, and its size."""
    answer = site.http.get(segment["url"])
    assert answer.status_code == 200
    path = site.home.parent / "segment.mp4"
    path.write_bytes(answer.content)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        return sum(1 for _ in container.decode(video=0)), f"{context.width}x{context.height}"


def test_a_killed_run_leaves_what_it_recorded(tmp_path: Path) -> None:
    home = tmp_path / "home"
    text = SITE + "recording: {segment_s: 5, min_free_gib: 0}\n"
    with RunningSite(home, site_file(tmp_path, text)) as site:
        site.sign_in()
        before = site.wait_for(lambda: recorded(site)["segments"], 120, "there is a recorded file")
        assert frames(site, before[0])[0] >= 10
        shards = site.shards()
        for shard in shards:
            shard.kill()
        site.kill()
        files = sorted((home / "recordings" / "yard").rglob("*.mp4"))
        for shard in shards:
            shard.wait(10)
        site.start()
        site.http.cookies.clear()
        site.sign_in()
        wanted = min(len(files), len(before) + 1)
        site.wait_for(lambda: len(recorded(site)["segments"]) >= wanted, 60, "what the killed run left is found beside the cameras' start")
        after = recorded(site)["segments"]
        known = {one["sha256"] for one in after}
        assert {one["sha256"] for one in before} <= known
        for one in after[len(before) :][:1]:
            count, _ = frames(site, one)
            assert count >= 10
            assert before[-1]["end_s"] - 0.1 <= one["start_s"] < one["end_s"] < time.time()
        assert recorded(site)["gaps"], "the time without panops is a gap"
        site.wait_for(lambda: len(recorded(site)["segments"]) > len(after), 120, "recording goes on")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 48 MB; mounting one needs root."""
    with small_disk_at(tmp_path / "disk", 48) as folder:
        yield folder


def test_a_full_disk_stops_recording_first_and_events_go_on(small_disk: Path, tmp_path: Path) -> None:
    (small_disk / "recordings").mkdir()
    text = SITE + f"recording: {{segment_s: 5, min_free_gib: 0, folder: {small_disk / 'recordings'}}}\n"
    with RunningSite(tmp_path / "home", site_file(tmp_path, text)) as site:
        site.sign_in()
        first = site.wait_for(lambda: recorded(site)["segments"], 120, "there is a recorded file")
        with (small_disk / "ballast").open("wb") as ballast:
            try:
                while True:
                    ballast.write(os.urandom(65536))
                    ballast.flush()
            except OSError:
                pass
        notices = lambda: {one["topic"]: one["message"] for one in site.get("/site")["notices"]}  # noqa: E731 - a word for the waits below
        told = site.wait_for(lambda: notices().get("recording"), 60, "the page says that recording has stopped")
        assert "recording has stopped" in told
        known = {one["event_id"] for one in site.events()}
        site.wait_for(lambda: {e["event_id"] for e in site.events() if e["has_clip"]} - known, 60, "events and clips go on")
        assert site.camera("yard")["state"] == "live"
        (small_disk / "ballast").unlink()
        site.wait_for(lambda: "recording" not in notices(), 60, "the page says that all is well again")
        site.wait_for(lambda: len(recorded(site)["segments"]) >= len(first) + 2, 120, "recording goes on")
        metrics = httpx.get(f"{site.url}/metrics", trust_env=False).text
        assert 'panops_recorded_bytes_total{camera="yard"}' in metrics


@pytest.mark.rtsp
def test_a_main_stream_is_recorded_beside_a_small_one_that_sleeps(tmp_path: Path) -> None:
    try:
        find_interpreter()
    except RtspServerUnavailable as error:
        pytest.skip(str(error))
    small = make_film(tmp_path / "small.mp4", count=200, gop=10, noise=0, size_wh=(320, 180))
    main = make_film(tmp_path / "main.mp4", count=200, gop=20, size_wh=(1280, 720))
    with RtspServer({"/small": Mount(small), "/main": Mount(main)}) as server:
        text = f"""
cameras:
  two: {{source: "{server.url("/small")}", record_source: "{server.url("/main")}", model: motion, sleep: always, record: continuous}}
  one: {{source: "{server.url("/small")}", model: motion, sleep: always, motion: {{threshold: 255}}, record: continuous}}
recording: {{segment_s: 5, min_free_gib: 0}}
"""
        with RunningSite(tmp_path / "home", site_file(tmp_path, text)) as site:
            site.sign_in()
            for camera, size in (("two", "1280x720"), ("one", "320x180")):
                segments = site.wait_for(lambda name=camera: recorded(site, name)["segments"][1:], 90, f"{camera} has recorded")
                count, shown = frames(site, segments[0])
                assert shown == size
                assert count == pytest.approx(10 * (segments[0]["end_s"] - segments[0]["start_s"]), abs=3), "every packet is there"
            site.wait_for(lambda: site.camera("one")["asleep"], 60, "one of them sleeps")
            slept_s = time.time()

            def of_then() -> dict[str, Any] | None:
                return next((one for one in recorded(site, "one")["segments"] if one["start_s"] <= slept_s < one["end_s"]), None)

            segment = site.wait_for(of_then, 60, "that time is recorded")
            assert frames(site, segment)[0] == pytest.approx(10 * (segment["end_s"] - segment["start_s"]), abs=3)
