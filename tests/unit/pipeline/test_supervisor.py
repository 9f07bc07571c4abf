"""The supervisor brings the database's cameras to the shards, whatever is in the way at first; with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from panops.config.schema import SiteConfig
from panops.domain.errors import StorageLocked
from panops.pipeline.live import CameraState, ProbeResult
from panops.pipeline.supervisor import Supervisor, SupervisorSettings
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.leases import Leases
from panops.storage.site import SiteRepository

CAMERA = {"source": "sim://fence?seed=1&activity=0&rate_fps=2", "model": "motion"}


def play(folder: Path, act: Callable[[Supervisor, Database, SiteRepository], Awaitable[None]], cameras: tuple[str, ...] = ("a",)) -> None:
    async def run() -> None:
        home = Home(folder).create()
        database = Database.at(folder).open()
        sites = SiteRepository(database)
        sites.apply(SiteConfig.model_validate({"cameras": dict.fromkeys(cameras, CAMERA)}), origin="file")
        supervisor = Supervisor(home, database, SupervisorSettings(default_model="motion", cores=1))
        try:
            await act(supervisor, database, sites)
        finally:
            await supervisor.stop()
            await supervisor.stop()
            database.close()

    asyncio.run(run())


async def until(condition: Callable[[], bool], timeout_s: float = 40.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.05)


def state(supervisor: Supervisor, camera_id: str = "a") -> CameraState | None:
    return next((status.state for status in supervisor.statuses() if status.camera_id == camera_id), None)


def test_cameras_come_and_go_with_the_database(tmp_path: Path) -> None:
    async def act(supervisor: Supervisor, database: Database, sites: SiteRepository) -> None:
        await supervisor.start()
        await until(lambda: state(supervisor) is CameraState.LIVE)
        sites.put_camera("b", sites.load().cameras["a"])  # another process did it: noticed within two seconds
        await until(lambda: state(supervisor, "b") is CameraState.LIVE)
        decoded = supervisor.statuses()[0].decoded
        sites.delete_camera("b")
        await supervisor.reload()
        assert state(supervisor, "b") is None
        await until(lambda: supervisor.statuses()[0].decoded > decoded)
        assert supervisor.notices() == []

    play(tmp_path, act)


def test_a_camera_that_another_machine_holds_is_taken_when_it_is_free(tmp_path: Path) -> None:
    async def act(supervisor: Supervisor, database: Database, sites: SiteRepository) -> None:
        leases = Leases(database)
        epoch = leases.take("a", "another machine", supervisor._clock.utc_s(), 1000)
        await supervisor.start()
        await until(lambda: state(supervisor) is CameraState.ERROR)
        assert "another machine" in supervisor.statuses()[0].message
        leases.release("a", "another machine", epoch)
        await until(lambda: state(supervisor) is CameraState.LIVE)
        holder = leases.holder("a")
        assert holder is not None
        await supervisor.stop()
        assert leases.holder("a") is None  # given back, so that the next one need not wait

    play(tmp_path, act)


def test_a_database_that_is_busy_once_costs_no_camera(tmp_path: Path) -> None:
    async def act(supervisor: Supervisor, database: Database, sites: SiteRepository) -> None:
        take, failures = supervisor._leases.take, [StorageLocked("held")] * 3

        def sometimes(*arguments: object) -> int:
            if failures:
                raise failures.pop()
            return take(*arguments)  # type: ignore[arg-type]

        supervisor._leases.take = sometimes  # type: ignore[method-assign]
        await supervisor.start()
        await until(lambda: state(supervisor) is CameraState.LIVE)

    play(tmp_path, act)


def test_a_lease_lost_to_another_machine_stops_the_camera_and_says_so(tmp_path: Path) -> None:
    async def act(supervisor: Supervisor, database: Database, sites: SiteRepository) -> None:
        await supervisor.start()
        await until(lambda: state(supervisor) is CameraState.LIVE)
        leases, now_s = Leases(database), supervisor._clock.utc_s()
        leases.release("a", supervisor._owner, supervisor._epochs["a"])
        leases.take("a", "another machine", now_s, 1000)
        await supervisor._renew_leases()
        await until(lambda: state(supervisor) is CameraState.ERROR)
        assert "another machine" in supervisor.statuses()[0].message

    play(tmp_path, act)


def test_what_a_dead_shard_complained_of_is_not_told_for_ever(tmp_path: Path) -> None:
    async def act(supervisor: Supervisor, database: Database, sites: SiteRepository) -> None:
        await supervisor.start()
        await until(lambda: state(supervisor) is CameraState.LIVE)
        (handle,) = supervisor._fleet
        supervisor._on_message(0, {"type": "notice", "topic": "storage", "level": "alarm", "message": "the disk is full"}, b"")
        assert [notice.topic for notice in supervisor.notices()] == ["storage"]
        os.kill(handle.pid or 0, signal.SIGKILL)
        await until(lambda: [notice.topic for notice in supervisor.notices()] == ["storage", "shard"])
        await until(lambda: supervisor.notices() == [])  # the fresh one says it again if it is still so

    play(tmp_path, act)


def test_connection_tests_that_hang_do_not_hold_up_the_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(supervisor: Supervisor, database: Database, sites: SiteRepository) -> None:
        await supervisor.start()
        go_on = threading.Event()
        answer = ProbeResult(ok=False, state=CameraState.UNREACHABLE, message="no answer")
        monkeypatch.setattr("panops.pipeline.supervisor.probe_camera", lambda *_: (go_on.wait(20), answer)[1])
        tests = [asyncio.create_task(supervisor.probe(sites.load().cameras["a"])) for _ in range(50)]
        await asyncio.sleep(0.1)
        try:
            async with asyncio.timeout(5.0):
                await supervisor.reload()
        finally:
            go_on.set()
        assert await asyncio.gather(*tests) == [answer] * 50

    play(tmp_path, act)
