"""What the supervisor does again and again beside its cameras: tidying up, and saying on the page that something is wrong."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from typing import Any, Literal

from panops.config.schema import RetentionConfig, SiteConfig
from panops.domain.clock import Clock
from panops.domain.errors import PanopsError
from panops.ingest.memory import freed_memory
from panops.pipeline.alerting import Alerting
from panops.pipeline.archiving import Archiving
from panops.pipeline.live import EventNotice, SystemNotice
from panops.pipeline.recording_upkeep import RecordingUpkeep
from panops.pipeline.site_board import NO_SHARD, SiteBoard
from panops.storage.database import Database
from panops.storage.embeddings import EventEmbeddings
from panops.storage.erasure import Erasure
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.journal import replay_abandoned
from panops.storage.retention import Retention

log = logging.getLogger(__name__)

_CLEAN_UP_EVERY_S = 60.0
_SWEEP_EVERY_S = 86_400.0
# What a shard that died while the others went on left of its recordings.
_FIND_RECORDINGS_EVERY_S = 600.0
_LOOK_AT_ALERTS_EVERY_S = 2.0
_LOOK_AT_ARCHIVE_EVERY_S = 5.0


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
        self._recordings = RecordingUpkeep(home, database, clock)
        self._archiving = Archiving(home, database, clock)
        self._events = EventRepository(database)
        self._embeddings = EventEmbeddings(database)
        self._erasure = Erasure(database, evidence, clock)
        self._alerting = alerting
        self._board = board
        self._clock = clock
        self._began_s = clock.utc_s()
        self._tasks: list[asyncio.Task[None]] = []
        self._people_expired = 0

    def start(self, site: Callable[[], SiteConfig]) -> None:
        """Begin to tidy up; `site` says how long things are kept now."""
        self.repeat(lambda: self.clean_up(site().retention), _CLEAN_UP_EVERY_S, "clean-up", -4)
        self.repeat(lambda: asyncio.to_thread(self._forget_looks, site()), _CLEAN_UP_EVERY_S, "find-again", -12)
        self.repeat(self.let_people_go, _CLEAN_UP_EVERY_S, "known-people", -13)
        self.repeat(lambda: self._retain_recordings(site()), _CLEAN_UP_EVERY_S, "recordings", -9)
        self.repeat(lambda: asyncio.to_thread(self._recordings.find, site()), _FIND_RECORDINGS_EVERY_S, "find-recordings", -10)
        self._tasks.append(asyncio.create_task(self._find_left(site()), name="find-left"))
        self.repeat(lambda: self._sweep(site()), _SWEEP_EVERY_S, "sweep", -5)
        self.repeat(self._look_at_alerts, _LOOK_AT_ALERTS_EVERY_S, "alerts", -7)
        self._archiving.start(site)
        self.repeat(self._look_at_archive, _LOOK_AT_ARCHIVE_EVERY_S, "archive", -11)

    def repeat(self, work: Callable[[], Any], every_s: float, name: str, slot: int) -> None:
        """Do `work` for ever; its own fault is told under `slot`, and taken back when it works again."""
        self._tasks.append(asyncio.create_task(self._repeat(work, every_s, name, slot), name=name))

    async def stop(self) -> None:
        """End all of it. Safe to call twice."""
        self._recordings.stop()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._archiving.stop)

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

    def _forget_looks(self, site: SiteConfig) -> None:
        """Where people of events are not to be found again, what they look like goes as soon as it tells nobody's alarms apart any more."""
        if site.evidence.find_again:
            return
        groups = (site.groups.get(name, []) for name in site.one_alarm.groups)
        cameras = {camera_id for group in groups for camera_id in group}
        count = self._embeddings.forget(cameras, self._clock.utc_s() - site.one_alarm.within_s)
        if count:
            log.info("what the people of %d events look like was deleted: nobody is to be found again", count)

    async def let_people_go(self) -> None:
        """Delete known people whose time is over, and names that were told or written late."""
        gone = await asyncio.to_thread(self._erasure.expired)
        late = await asyncio.to_thread(self._erasure.late)
        self._people_expired += gone
        if gone:
            told = f"{gone} known {'person was' if gone == 1 else 'people were'} deleted, whose time was over"
            self._board.note(SystemNotice("people", "info", told), NO_SHARD)
        if late:
            log.info("the names of deleted people were taken out of %d events that were told late", late)
        await asyncio.to_thread(self._erasure.finish)

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
        """Say on the page, too, that alerts do not arrive; and tell of whom nobody was told because they came to somebody else's alarm."""
        await asyncio.to_thread(self._alerting.look_again)
        told = "; ".join(self._alerting.troubles())
        if told or self._board.stands("alerts", NO_SHARD):
            self._board.note(SystemNotice("alerts", "alarm" if told else "info", told or "alerts arrive again"), NO_SHARD)

    async def _look_at_archive(self) -> None:
        """Say on the page that recordings cannot move, or that archived ones are missing."""
        told = self._archiving.state.problem
        if told or self._board.stands("archive", NO_SHARD):
            self._board.note(SystemNotice("archive", "warning" if told else "info", told or "the archive works again"), NO_SHARD)

    async def sweep_at_start(self) -> None:
        """Before any process runs: put right what the last run left, as far as what comes now depends on it."""
        self._began_s = self._clock.utc_s()
        await asyncio.to_thread(self._evidence.sweep)

    async def _find_left(self, site: SiteConfig) -> None:
        """List the recordings of the last run. It may take long, and the disk may hang: cameras run meanwhile."""
        try:
            await asyncio.to_thread(lambda: self._recordings.find(site, before_s=self._began_s))
        except PanopsError as error:
            log.error("recordings of the last run cannot be looked through: %s", error)
        except Exception:  # upkeep goes on
            log.exception("looking for recordings of the last run failed")

    def storage_figures(self) -> dict[str, float]:
        """Free space for events and evidence, bytes, for how long there is space for recordings if none are deleted, hours, the archive."""
        forecast = self._recordings.forecast
        return {
            "storage_free_bytes": float(shutil.disk_usage(self._home.path).free),
            "recording_headroom_hours": forecast.headroom_hours,
            **self._archiving.figures(),
            "archive_bytes": float(forecast.archived_bytes),
            "archive_unmoved_deleted": float(self._recordings.unmoved_deleted),
            "people_expired": float(self._people_expired),
            "seen_again": float(self._alerting.seen_again),
        }

    async def _retain_recordings(self, site: SiteConfig) -> None:
        """Let recordings go that are due, and say so where a limit cannot be met."""
        forecast = await asyncio.to_thread(self._recordings.retain, site)
        if forecast.unmoved_deleted:
            told = f"the recordings' disk is full: the {forecast.unmoved_deleted} oldest files were deleted before they could move"
            self._board.note(SystemNotice("archive-full", "alarm", f"{told} to the archive"), NO_SHARD)
        else:
            self._board.clear("archive-full", NO_SHARD)
        if forecast.message or self._board.stands("recording", NO_SHARD):
            level: Literal["info", "warning"] = "warning" if forecast.message else "info"
            self._board.note(SystemNotice("recording", level, forecast.message or "recordings keep their limits again"), NO_SHARD)

    async def _sweep(self, site: SiteConfig) -> None:
        """Tidy up what crashes left between rows and files."""
        await asyncio.to_thread(self._evidence.sweep)
        await asyncio.to_thread(lambda: self._recordings.find(site, everything=True))
