"""A supervisor with real shard processes, for tests; sim cameras, or those of a load server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from panops.config.schema import SiteConfig
from panops.pipeline.live import CameraState, CameraStatus
from panops.pipeline.supervisor import Supervisor, SupervisorSettings
from panops.storage.database import Database
from panops.storage.events import EventFilter, EventRepository, StoredEvent
from panops.storage.home import Home
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository

QUIET = {"source": "sim://fence?seed=1&activity=0&rate_fps=2", "model": "motion"}
EVERYTHING = Scope.everything()


class Play:
    """One supervisor on one home, from its start to its end."""

    def __init__(self, folder: Path, settings: SupervisorSettings) -> None:
        self.home = Home(folder).create()
        self.database = Database.at(folder).open()
        self.sites = SiteRepository(self.database)
        self.events = EventRepository(self.database)
        self.supervisor = Supervisor(self.home, self.database, settings)
        self._wanted: set[str] = set()

    def apply(self, site: Mapping[str, Any]) -> None:
        """As `panops apply` does, in another process: the supervisor has to notice."""
        self.sites.apply(SiteConfig.model_validate(site), origin="file")
        self._wanted = set(site["cameras"])

    def status(self, camera_id: str) -> CameraStatus:
        """What the supervisor says of a camera."""
        found = (status for status in self.supervisor.statuses() if status.camera_id == camera_id)
        return next(found, CameraStatus(camera_id, CameraState.DISABLED))

    def live(self) -> bool:
        """Whether the cameras that were applied last run, and no others."""
        statuses = self.supervisor.statuses()
        return {status.camera_id for status in statuses} == self._wanted and all(status.state is CameraState.LIVE for status in statuses)

    def shard_of(self, camera_id: str) -> int:
        """Which process has a camera, as that process says itself."""
        return self.status(camera_id).shard

    def pid(self, index: int) -> int:
        """A shard's process id; fails when it does not run, for 0 would be this process and its family."""
        handle = self.supervisor._fleet.get(index)
        assert handle is not None
        assert handle.pid, f"process {index} does not run"
        return handle.pid

    def runs(self, index: int) -> bool:
        """Whether there is such a shard, leaving or not."""
        return self.supervisor._fleet.get(index) is not None

    def stored(self, camera_id: str) -> list[StoredEvent]:
        """The camera's events, newest first."""
        return list(self.events.search(EVERYTHING, EventFilter(cameras=[camera_id]), limit=500).events)

    async def until(self, condition: Callable[[], Any], timeout_s: float = 60.0, what: str = "") -> None:
        """Wait for what real processes do."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            states = {status.camera_id: (status.state.value, status.shard, status.message) for status in self.supervisor.statuses()}
            raise AssertionError(f"not within {timeout_s} s: {what}; {states}, {self.supervisor.notices()}") from None


def play(folder: Path, site: Mapping[str, Any], act: Callable[[Play], Awaitable[None]], settings: SupervisorSettings) -> None:
    """Run `act` with a supervisor that runs `site`; afterwards no lease is held and no event is open."""

    async def run() -> None:
        running = Play(folder, settings)
        running.apply(site)
        try:
            await running.supervisor.start()
            await act(running)
        finally:
            await running.supervisor.stop()
            held = [name for name in running.sites.load().cameras if running.supervisor._leases.holder(name) is not None]
            left_open = running.events.counts(EVERYTHING).open
            running.database.close()
        assert (held, left_open) == ([], 0)

    asyncio.run(run())
