"""What the supervisor tells its processes when cameras are switched, step by step; the processes are stand-ins that only note it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from panops.config.schema import SiteConfig
from panops.domain.errors import StorageLocked
from panops.domain.switches import Switch
from panops.pipeline.fleet import Fleet
from panops.pipeline.link import Message
from panops.pipeline.live import CameraStatus
from panops.pipeline.supervisor import Supervisor, SupervisorSettings
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from panops.storage.switches import SwitchStore

CAMERA = {"source": "sim://fence?activity=0", "model": "motion"}
SITE = {"cameras": dict.fromkeys("abcd", CAMERA), "shards": 2}


class Process:
    """A shard that takes every message and answers when the test says so."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.told: list[Message] = []
        self.greeted = self.ready = True
        self.pid = None
        self.restarts = self.failed_starts = 0

    def start(self) -> None:
        pass

    async def stop(self) -> None:
        """Killed: what it was told last is never answered."""

    def send(self, message: Message) -> bool:
        self.told.append(message)
        return True

    def orders(self, camera_id: str) -> list[str]:
        return [message["type"] for message in self.told if message.get("camera") == camera_id or message.get("camera_id") == camera_id]


class Site:
    def __init__(self, folder: Path) -> None:
        self.database = Database.at(folder).open()
        self.sites = SiteRepository(self.database)
        self.apply(SITE)
        self.supervisor = Supervisor(Home(folder).create(), self.database, SupervisorSettings(default_model="motion", cores=2))
        self.processes: dict[int, Process] = {}
        self.supervisor._fleet = Fleet(self._make)

    def apply(self, site: dict[str, Any]) -> None:
        self.sites.apply(SiteConfig.model_validate(site), origin="file")

    def _make(self, index: int) -> Any:
        self.processes[index] = Process(index)
        return self.processes[index]

    def switch(self, camera_id: str, switch: Switch, *, on: bool) -> None:
        SwitchStore(self.database).switch(Scope.everything(), camera_id, switch, on=on, by="ada", at_s=1000.0)

    async def follow(self, camera_id: str, *, on: bool) -> None:
        self.switch(camera_id, Switch.ENABLED, on=on)
        await self.supervisor.reload()

    def drops(self, camera_id: str) -> list[tuple[int, Message]]:
        """What was told so far to let the camera go, and whom."""
        told = [(index, message) for index, process in self.processes.items() for message in process.told]
        return [(index, message) for index, message in told if message["type"] == "drop" and message["camera"] == camera_id]

    def answer(self, drop: tuple[int, Message]) -> None:
        index, order = drop
        self.supervisor._on_message(index, {"type": "dropped", "camera": order["camera"], "epoch": order.get("epoch")}, b"")


def play(folder: Path, act: Callable[[Site], Awaitable[None]]) -> None:
    async def run() -> None:
        site = Site(folder)
        try:
            await act(site)
        finally:
            await site.supervisor.stop()
            site.database.close()

    asyncio.run(run())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_camera_that_is_on_again_goes_to_the_process_that_still_holds_it(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        await site.supervisor.reload()
        assert site.supervisor._placement == {"a": 0, "b": 1, "c": 0, "d": 1}
        await site.follow("a", on=False)
        await site.follow("b", on=False)
        await site.follow("b", on=True)  # both processes have one camera left, and 0 would be the first choice
        assert site.supervisor._placement["b"] == 1
        assert site.processes[1].orders("b") == ["assign", "drop", "assign"]  # one process does one after the other
        for drop in site.drops("a") + site.drops("b"):
            site.answer(drop)
        await site.follow("b", on=False)
        site.answer(site.drops("b")[-1])
        await site.follow("b", on=True)
        assert site.supervisor._placement["b"] == 0  # nobody holds it

    play(tmp_path, act)


def test_the_answer_to_the_first_drop_is_none_to_the_second(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        await site.supervisor.reload()
        await site.follow("a", on=False)
        for on in (False, True, False):
            await site.follow("b", on=on)
        site.answer(site.drops("b")[0])
        await site.follow("b", on=True)
        assert site.supervisor._placement["b"] == 1

    play(tmp_path, act)


def test_a_process_that_is_stopped_holds_no_camera_any_more(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        await site.supervisor.reload()
        site.apply({**SITE, "shards": 1})
        for camera_id in "bd":
            site.switch(camera_id, Switch.ENABLED, on=False)
        await site.supervisor.reload()
        states = site.supervisor._switchboard.states()
        assert ("b", Switch.ENABLED) not in states  # it was told to let go, and has not
        await site.supervisor._balance()
        assert site.supervisor._fleet.get(1) is None
        site.supervisor._settle_switches()  # as at every status of the others
        assert site.supervisor._switchboard.states()["b", Switch.ENABLED] is False

    play(tmp_path, act)


def test_a_camera_is_told_off_once_its_lease_is_given_back_however_quick_its_process_was(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        await site.supervisor.reload()
        loop, leases, board = asyncio.get_running_loop(), site.supervisor._leases, site.supervisor._switchboard
        release, told = leases.release, []

        def answered_meanwhile(*what: Any) -> None:
            done = threading.Event()
            loop.call_soon_threadsafe(lambda: (site.answer(site.drops("a")[-1]), done.set()))
            assert done.wait(10)
            told.append(board.states().get(("a", Switch.ENABLED)))
            release(*what)

        leases.release = answered_meanwhile  # type: ignore[method-assign]
        await site.follow("a", on=False)
        leases.release = release  # type: ignore[method-assign]
        assert told == [None]  # nobody knows yet
        assert (board.states()["a", Switch.ENABLED], leases.holder("a")) == (False, None)

    play(tmp_path, act)


def test_a_switch_is_told_though_the_first_try_to_follow_it_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(site: Site) -> None:
        await site.supervisor.reload()
        feed = site.supervisor.subscribe()
        site.switch("a", Switch.ALERTS, on=False)

        def locked(*_: object) -> None:
            raise StorageLocked("another process holds the database")

        with monkeypatch.context() as broken:
            broken.setattr(site.supervisor._alerting, "follow", locked)
            with pytest.raises(StorageLocked):
                await site.supervisor.reload()
        for _ in range(2):
            await site.supervisor.reload()
        async with asyncio.timeout(1):
            told = [message for message in await feed.next() if isinstance(message, CameraStatus)]
        assert [(status.camera_id, [one.switch for one in status.off]) for status in told] == [("a", [Switch.ALERTS])]  # once

    play(tmp_path, act)


def test_a_command_that_could_not_be_followed_at_once_leaves_no_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.pipeline.supervisor._NO_COMMAND_FOR_S", 0.2)

    async def act(site: Site) -> None:
        await site.supervisor.reload()

        def locked() -> int:
            raise StorageLocked("another process holds the database")

        site.supervisor._upkeep.repeat(site.supervisor._follow_commands, 0.01, "commands", -8)
        with monkeypatch.context() as broken:
            broken.setattr(site.supervisor._sites, "revision", locked)
            site.supervisor._switchboard.panel("home", []).ask("a", Switch.ALERTS, on=False)
            site.supervisor._commanded.set()
            await until(site.supervisor.notices)
        await until(lambda: not site.supervisor.notices())  # without another command

    play(tmp_path, act)
