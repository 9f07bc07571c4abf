"""Cameras move between real shards: short, rare, and without losing an event; from a real RTSP server."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from running_supervisor import Play, play
from test_live_versions import add_version

from panops.models.store import ModelStore
from panops.pipeline.balance import BalanceSettings, Move
from panops.pipeline.live import Preview
from panops.pipeline.subscription import Feed
from panops.pipeline.supervisor import SupervisorSettings
from panops.storage.home import Home
from panops.testing.films import encode, make_film
from panops.testing.load_cameras import LoadCamera, LoadCameras

RATE_FPS = 20.0
GOP_S = 0.5
CALM = SupervisorSettings(default_model="motion", cores=2)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`walk`, in which something moves all the time, and `still`, a large picture in which nothing does."""
    folder = tmp_path_factory.mktemp("films")

    def still(number: int) -> NDArray[np.uint8]:
        return np.random.default_rng(3).integers(90, 110, (480, 640, 3), dtype=np.uint8) + np.uint8(number % 2)

    gop = int(RATE_FPS * GOP_S)
    walk = make_film(folder / "walk.mp4", count=60, gop=gop, rate_fps=int(RATE_FPS), size_wh=(320, 240))
    return {"walk": walk, "still": encode("libx264", map(still, range(40)), folder / "still.mp4", rate_fps=int(RATE_FPS), gop=gop)}


@pytest.fixture
def server(films: dict[str, Path]) -> Iterator[LoadCameras]:
    walks = [LoadCamera(f"/walk-{number}", films["walk"], RATE_FPS, 0.3 * number) for number in range(4)]
    heavy = [LoadCamera(f"/heavy-{number}", films["still"], 25.0) for number in range(4)]
    light = [LoadCamera(f"/light-{number}", films["still"], 1.0) for number in range(4)]
    with LoadCameras([*walks, *heavy, *light]) as running:
        yield running


def camera(server: LoadCameras, path: str) -> dict[str, Any]:
    return {"source": server.url(path), "model": "motion", "check_fps": 5}


def walking(server: LoadCameras, count: int, **settings: Any) -> dict[str, Any]:
    """Cameras `a`, `b` ..., each with an event that goes on as long as something moves."""
    rule = {"id": "anyone", "kind": "intrusion", "classes": ["moving"], "after_s": 0.2, "end_after_s": 3}
    names = "abcd"[:count]
    cameras = {name: camera(server, f"/walk-{number}") for number, name in enumerate(names)}
    return {"cameras": cameras, "rules": [rule], "evidence": {"before_s": 1, "after_s": 1, "first_clip_s": 1}, **settings}


async def times_s(feed: Feed, camera_id: str, for_s: float) -> list[float]:
    """Capture times of the pictures that come."""
    found: list[float] = []
    try:
        async with asyncio.timeout(for_s):
            while True:
                found += [
                    message.time_s for message in await feed.next() if isinstance(message, Preview) and message.camera_id == camera_id
                ]
    except TimeoutError:
        return found


@pytest.mark.slow
def test_the_gap_of_a_move_is_a_connection_and_a_keyframe(tmp_path: Path, server: LoadCameras) -> None:
    async def act(running: Play) -> None:
        await running.until(running.live)
        await running.until(lambda: running.status("a").decoded > 40)
        feed = running.supervisor.subscribe()
        feed.watch(["a"], RATE_FPS, "s")
        gaps_s = []
        for turn in range(6):
            pictures = asyncio.create_task(times_s(feed, "a", 4.0))
            await asyncio.sleep(1.0 + 0.13 * turn)  # at any moment between two keyframes
            await running.supervisor._move(Move("a", turn % 2, 1 - turn % 2, "a test"))
            gaps_s.append(float(np.diff(await pictures).max()))
            assert running.shard_of("a") == 1 - turn % 2
            # One connection at a time: some cameras allow no more.
            assert server.counts()["/walk-0"].viewers == 1
        feed.close()
        print(f"gaps of {len(gaps_s)} moves, s: median {np.median(gaps_s):.2f}, {', '.join(f'{gap_s:.2f}' for gap_s in sorted(gaps_s))}")  # noqa: T201  # read by whoever measures
        assert np.median(gaps_s) < GOP_S + 2.0
        assert running.status("b").reconnects == 0
        assert running.supervisor.metrics()["cameras_moved"] == 6

    play(tmp_path, walking(server, 2, shards=2), act, CALM)


def test_a_move_in_the_middle_of_an_event_loses_nothing(tmp_path: Path, server: LoadCameras) -> None:
    async def act(running: Play) -> None:
        await running.until(running.live)
        await running.until(lambda: running.stored("a") and running.status("a").has_open_events, what="an event goes on")
        before = {stored.event.event_id for stored in running.stored("a")}
        await running.supervisor._move(Move("a", 0, 1, "a test"))
        await running.until(
            lambda: not before & {one.event.event_id for one in running.stored("a") if one.event.incident.ended_at_s is None}
        )
        await running.until(lambda: {one.event.event_id for one in running.stored("a")} - before, what="the next event, of the next epoch")
        old = [one.event for one in running.stored("a") if one.event.event_id in before]
        new = [one.event for one in running.stored("a") if one.event.event_id not in before]
        assert all("interrupted" not in event.incident.details for event in old)  # ended in order, by the shard that had it
        assert {event.event_id.split("-")[1] for event in old} == {"1"}
        assert {event.event_id.split("-")[1] for event in new} == {"2"}
        # No gap in the numbers: what had begun was stored.
        assert sorted(int(event.event_id.rpartition("-")[2]) for event in old) == list(range(len(old)))

        def with_clip() -> int:
            return sum(one.event.event_id in before and any(proof.kind == "clip" for proof in one.evidence) for one in running.stored("a"))

        await running.until(lambda: with_clip() == len(before), what="its clip, up to the move")

    play(tmp_path, walking(server, 2, shards=2), act, CALM)


def test_the_load_is_evened_out_by_what_cameras_cost(tmp_path: Path, server: LoadCameras) -> None:
    # By number they alternate, so one process gets all that is heavy.
    cameras = {f"{number}-{kind}": camera(server, f"/{kind}-{number}") for number in range(4) for kind in ("heavy", "light")}
    # The waits are short, and the marks fit a load of some hundredths of a core.
    marks = BalanceSettings(above_cores=0.01, enough_cores=0.005, settle_s=2.0, pause_s=1.0)
    settings = SupervisorSettings(default_model="motion", cores=2, balance=marks, balance_every_s=0.5, young_s=5.0)

    def heavy_in(running: Play, index: int) -> int:
        return sum(running.shard_of(f"{number}-heavy") == index for number in range(4))

    async def act(running: Play) -> None:
        await running.until(running.live)
        assert (heavy_in(running, 0), heavy_in(running, 1)) == (4, 0)
        await running.until(lambda: heavy_in(running, 1) >= 1, what="a heavy camera moves over")
        await running.until(running.live)
        await asyncio.sleep(15.0)
        assert {heavy_in(running, 0), heavy_in(running, 1)} in ({2}, {1, 3})
        assert 1 <= running.supervisor.metrics()["cameras_moved"] <= 4
        assert running.live()

    play(tmp_path, {"cameras": cameras, "shards": 2}, act, settings)


def test_a_camera_whose_detector_cannot_be_loaded_elsewhere_stays(tmp_path: Path, server: LoadCameras) -> None:
    store = ModelStore(Home(tmp_path).create().models, mirrors=[])
    add_version(store, tmp_path, "1", 20.0, ("person",))

    async def act(running: Play) -> None:
        await running.until(running.live)
        shutil.rmtree(store.folder / "net")
        await running.supervisor._move(Move("a", 0, 1, "a test"))
        assert running.supervisor._epochs["a"] == 1
        assert running.live()
        assert running.supervisor.metrics()["cameras_moved"] == 0

    cameras = {"a": {**camera(server, "/light-0"), "model": "net"}, "b": camera(server, "/light-1")}
    play(tmp_path, {"cameras": cameras, "shards": 2}, act, CALM)


def test_a_process_that_hangs_keeps_its_camera(tmp_path: Path, server: LoadCameras, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.pipeline.supervisor._DROP_WITHIN_S", 1.0)

    async def act(running: Play) -> None:
        await running.until(running.live)
        pid = running.pid(0)
        os.kill(pid, signal.SIGSTOP)
        try:
            await running.supervisor._move(Move("a", 0, 1, "a test"))
        finally:
            os.kill(pid, signal.SIGCONT)
        # It lets the camera go after all, and is given it anew.
        await running.until(lambda: running.supervisor._epochs["a"] == 2 and running.live() and running.shard_of("a") == 0)
        assert running.supervisor.metrics()["cameras_moved"] == 0
        await running.until(lambda: server.counts()["/walk-0"].viewers == 1)

    play(tmp_path, walking(server, 2, shards=2), act, CALM)


def test_a_process_that_dies_in_the_middle_of_a_move(tmp_path: Path, server: LoadCameras) -> None:
    async def act(running: Play) -> None:
        await running.until(running.live)
        # Stored and going on: what is still held back to be sure dies with its process.
        await running.until(lambda: all(any(one.event.incident.ended_at_s is None for one in running.stored(name)) for name in "ac"))
        before = {stored.event.event_id for stored in [*running.stored("a"), *running.stored("c")]}
        pid = running.pid(0)
        os.kill(pid, signal.SIGSTOP)
        moving = asyncio.create_task(running.supervisor._move(Move("a", 0, 1, "a test")))
        await asyncio.sleep(0.3)
        os.kill(pid, signal.SIGKILL)
        await moving
        await running.until(lambda: running.live() and running.shard_of("a") == 1 and running.shard_of("c") == 0, what="both run again")
        ended = [one.event for name in "ac" for one in running.stored(name) if one.event.event_id in before]
        assert all(event.incident.ended_at_s is not None for event in ended)
        assert any(event.incident.details.get("interrupted") for event in ended if event.camera_id == "a")
        assert running.supervisor.notices() == []

    play(tmp_path, walking(server, 3, shards=2), act, CALM)
