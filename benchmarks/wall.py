"""A wall of 64 tiles in a real browser: pictures a second that each tile gets, and what the server's sending of them costs.

Run it as `python -m benchmarks.wall` (needs Chromium). The pictures are encoded before, so the server's CPU time is that of the fan-out:
hub, batches, websocket. Every camera's picture comes five times a second; the browser has no GPU. CPU times hold on a busy machine too,
pictures a second do not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from benchmarks.machine import describe
from panops.api.app import create_app
from panops.api.serve import run_server
from panops.api.settings import ApiSettings
from panops.config.load import parse_site
from panops.domain.clock import SystemClock
from panops.pipeline.live import Preview
from panops.storage.accounts import Accounts
from panops.storage.credentials import ScryptCost
from panops.storage.database import Database
from panops.storage.scope import Role
from panops.storage.site import SiteRepository
from panops.testing.live_site import SIZES, FakeLiveSite, Size
from panops.testing.moving_scene import MovingScene
from panops.web.pages import mount

_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
_PICTURES = 20
_FRAMES = """() => Object.fromEntries([...document.querySelectorAll('.tile[data-id]')]
    .map((tile) => [tile.dataset.id, Number(tile.querySelector('.picture').dataset.frames ?? 0)]))"""


class _Encoded(FakeLiveSite):
    """Cameras whose pictures were encoded before."""

    def encode(self, cameras: int) -> None:
        """Encode them: twenty of each of four scenes, which the cameras share."""
        scenes = [MovingScene(f"cam{number}") for number in range(min(4, cameras))]
        moments = [number / 5 for number in range(_PICTURES)]
        self._encoded = [[(scene.jpeg(at_s, SIZES["s"]), scene.boxes(at_s)) for at_s in moments] for scene in scenes]

    async def snapshot(self, camera_id: str, size: Size) -> Preview | None:
        """The picture now: nothing is made, looked up or asked for that."""
        time_s = time.time()
        jpeg, boxes = self._encoded[int(camera_id[3:]) % len(self._encoded)][int(time_s * 5) % _PICTURES]
        return Preview(camera_id, time_s, size, jpeg, boxes)


def _serve(home: str, cameras: int, pipe: Connection) -> None:
    async def serve() -> None:
        with Database.at(Path(home)) as database:
            accounts = Accounts(database, SystemClock(), ScryptCost(n=4, r=1))
            accounts.create_user("vera", "a good password", Role.VIEWER)
            site = {"cameras": {f"cam{number}": {"source": "sim://yard"} for number in range(cameras)}}
            SiteRepository(database).apply(parse_site(json.dumps(site), "bench", {}))
            live = _Encoded(database, Path(home) / "evidence")
            live.encode(cameras)
            async with live:
                app = create_app(ApiSettings(evidence_folder=Path(home) / "evidence"), database, live, accounts=accounts)
                mount(app)
                stop = asyncio.Event()
                asyncio.get_running_loop().add_reader(pipe.fileno(), stop.set)
                await run_server(app, "127.0.0.1", 0, stop, pipe.send)

    asyncio.run(serve())


def _cpu_s(process: psutil.Process) -> float:
    """CPU time of a process and of what it started, s."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def measure(cameras: int, seconds: float) -> Mapping[str, Any]:
    """One wall, looked at for `seconds`."""
    with tempfile.TemporaryDirectory(prefix="panops-wall-") as home:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(home, cameras, theirs))
        server.start()
        address = ours.recv()
        try:
            return {"cameras": cameras, "seconds": seconds, **_look(address, psutil.Process(server.pid), seconds)}
        finally:
            ours.send("stop")
            server.join(20)


def _look(address: str, server: psutil.Process, seconds: float) -> dict[str, Any]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        before = set(psutil.Process().children(recursive=True))
        chromium = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        browsers = [one for one in set(psutil.Process().children(recursive=True)) - before if "chrom" in one.name()]
        root = min(browsers, key=lambda one: one.create_time())
        page = chromium.new_context(viewport={"width": 1920, "height": 1080}).new_page()
        page.set_default_timeout(120_000)
        answer = page.request.post(f"{address}/api/v1/session", data={"username": "vera", "password": "a good password"})
        assert answer.ok, answer.text()  # noqa: S101 - the bench's own site
        began_s, idle_s = time.monotonic(), _cpu_s(server)
        page.wait_for_timeout(10_000)
        idle = (_cpu_s(server) - idle_s) / (time.monotonic() - began_s)
        page.goto(f"{address}/")
        page.wait_for_selector(".tile[data-id] .picture[data-frames]")
        page.wait_for_function("() => [...document.querySelectorAll('.tile .picture')].every((one) => Number(one.dataset.frames) > 2)")
        first, spent_s, browsed_s, began_s = page.evaluate(_FRAMES), _cpu_s(server), _cpu_s(root), time.monotonic()
        page.wait_for_timeout(seconds * 1000)
        last, took_s = page.evaluate(_FRAMES), time.monotonic() - began_s
        spent_s, browsed_s = _cpu_s(server) - spent_s, _cpu_s(root) - browsed_s
        chromium.close()
    rates = sorted((last[camera] - first[camera]) / took_s for camera in last)
    return {
        "pictures_a_second": {"least": round(rates[0], 2), "median": round(median(rates), 2), "most": round(rates[-1], 2)},
        "server_cpu_of_a_core": round(spent_s / took_s, 4),
        "server_cpu_idle_of_a_core": round(idle, 4),
        "server_cpu_ms_a_picture": round(1000 * (spent_s / took_s - idle) / sum(rates), 4),
        "browser_cpu_of_a_core": round(browsed_s / took_s, 3),
        "browser_cpu_ms_a_picture": round(1000 * browsed_s / took_s / sum(rates), 3),
    }


def main() -> int:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--seconds", type=float, default=15.0)
    chosen = parser.parse_args()
    walls = [measure(cameras, chosen.seconds) for cameras in chosen.cameras]
    print(json.dumps({"bench": "wall", "walls": walls, "machine": describe()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
