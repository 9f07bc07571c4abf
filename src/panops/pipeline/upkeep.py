"""What the supervisor does again and again beside its cameras: tidying up, and saying on the page that something is wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Literal

from panops.config.schema import RetentionConfig
from panops.domain.clock import Clock
from panops.domain.errors import PanopsError
from panops.ingest.memory import freed_memory
from panops.pipeline.alerting import Alerting
from panops.pipeline.live import EventNotice, SystemNotice
from panops.pipeline.site_board import NO_SHARD, SiteBoard
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.journal import replay_abandoned
from panops.storage.retention import Retention

log = logging.getLogger(__name__)

_CLEAN_UP_EVERY_S = 60.0
_SWEEP_EVERY_S = 86_400.0
_LOOK_AT_ALERTS_EVERY_S = 2.0


class Upkeep:
    """Tasks of the event loop, until `stop`.

    Args:
        home: Where everything is kept.
        database: Open database.
        evidence: Where pictures and clips are.
        alerting: Who is told of events.
        board: Where people read what is wrong.
        clock: Time.
    """

    def __init__(self, home: Home, database: Database, evidence: EvidenceStore, alerting: Alerting, board: SiteBoard, clock: Clock) -> None:
        self._home = home
        self._database = database
        self._evidence = evidence
        self._events = EventRepository(database)
        self._alerting = alerting
        self._board = board
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, retention: Callable[[], RetentionConfig]) -> None:
        """Begin to tidy up; `retention` says how long things are kept now."""
        self.repeat(lambda: self.clean_up(retention()), _CLEAN_UP_EVERY_S, "clean-up", -4)
        self.repeat(self._sweep, _SWEEP_EVERY_S, "sweep", -5)
        self.repeat(self._look_at_alerts, _LOOK_AT_ALERTS_EVERY_S, "alerts", -7)

    def repeat(self, work: Callable[[], Any], every_s: float, name: str, slot: int) -> None:
        """Do `work` for ever; its own fault is told under `slot`, and taken back when it works again."""
        self._tasks.append(asyncio.create_task(self._repeat(work, every_s, name, slot), name=name))

    async def stop(self) -> None:
        """End all of it. Safe to call twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def clean_up(self, config: RetentionConfig) -> None:
        """Let go what is too old, and store what a shard that is gone for good left behind."""
        retention = Retention(self._database, self._evidence, config, self._clock)
        report = await asyncio.to_thread(retention.run)
        await asyncio.to_thread(freed_memory.give_back, self._clock)
        level: Literal["info", "warning"] = "warning" if report.message else "info"
        if report.message or self._board.stands("storage", NO_SHARD):
            self._board.note(SystemNotice("storage", level, report.message or "storage is fine again"), NO_SHARD)
        # What a shard that was stopped for good, or cannot be started, could not store itself.
        for event in await asyncio.to_thread(replay_abandoned, self._home.journal, self._events):
            self._alerting.wake()
            self._board.note(EventNotice(event.event_id, event.camera_id, event.rule_id, event.phase), NO_SHARD)

    async def _repeat(self, work: Callable[[], Any], every_s: float, name: str, slot: int) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await work()
            except PanopsError as error:
                self._board.note(SystemNotice("upkeep", "alarm", str(error)), slot)
            except Exception:  # upkeep goes on, whatever one round of it meets
                log.exception("%s failed", name)
                self._board.note(SystemNotice("upkeep", "alarm", "a part of the upkeep failed; the log says what"), slot)
            else:
                self._board.clear("upkeep", slot)

    async def _look_at_alerts(self) -> None:
        """Say on the page, too, that alerts do not arrive."""
        told = "; ".join(self._alerting.troubles())
        if told or self._board.stands("alerts", NO_SHARD):
            self._board.note(SystemNotice("alerts", "alarm" if told else "info", told or "alerts arrive again"), NO_SHARD)

    async def _sweep(self) -> None:
        """Tidy up what crashes left between rows and files."""
        await asyncio.to_thread(self._evidence.sweep)
