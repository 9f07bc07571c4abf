"""The thread that moves recordings to their second place, and what people are told of it."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from panops.config.record_schema import RecordingConfig
from panops.config.schema import SiteConfig
from panops.domain.clock import Clock
from panops.domain.errors import PanopsError
from panops.pipeline.recording_upkeep import record_configs
from panops.pipeline.shard_recording import folder_of
from panops.storage.archive import Pace, Stopped, open_archive
from panops.storage.archive_mover import ArchiveMover
from panops.storage.archive_rows import ArchiveRows, Waiting
from panops.storage.database import Database
from panops.storage.home import Home

log = logging.getLogger(__name__)

_EVERY_S = 15.0
# An archive that is away is asked again after so long, twice as long each time, and at least every quarter of an hour.
_AGAIN_S, _AGAIN_AT_MOST_S = 15.0, 900.0
_LOOK_THROUGH_EVERY_S = 86_400.0
# An upload ends within a part of a file; whoever hangs is left to its time-out.
_STOP_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """How it stands with the archive.

    Attributes:
        label: The archive; empty where the settings name none.
        is_up: Whether it answered the last time.
        problem: One sentence when something is wrong, else empty.
        waiting: What is due to move and has not moved yet.
        missing: Archived files that the archive did not have when it was last looked through.
    """

    label: str = ""
    is_up: bool = True
    problem: str = ""
    waiting: Waiting = field(default_factory=Waiting)
    missing: int = 0


class Archiving:
    """Moves recordings while panops runs. Its thread waits for disks and networks, so nothing else does.

    Args:
        home: Where recordings lie unless the settings name another folder.
        database: Open database.
        clock: Time.

    Attributes:
        state: How it stands.
        counts: What was done since the start: `files`, `bytes`, `deleted`, `altered`, `failures`.
    """

    def __init__(self, home: Home, database: Database, clock: Clock) -> None:
        self._home = home
        self._database = database
        self._clock = clock
        self._rows = ArchiveRows(database)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._mover: tuple[object, ArchiveMover] | None = None
        self._failed = 0
        self._looked_at_s = -float("inf")
        self._missing = 0
        self.state = ArchiveState()
        self.counts: Counter[str] = Counter()

    def start(self, site: Callable[[], SiteConfig]) -> None:
        """Begin; `site` says how things are wanted now."""
        self._thread = threading.Thread(target=self._run, args=(site,), name="archive", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the part of a file that is being sent. Safe to call twice."""
        self._stopped.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_STOP_WITHIN_S)

    def figures(self) -> dict[str, float]:
        """What metrics tell of it."""
        state, counts = self.state, self.counts
        return {
            "archive_up": float(state.is_up),
            "archive_waiting_bytes": float(state.waiting.size_bytes),
            "archive_missing_files": float(state.missing),
            "archived_files": float(counts["files"]),
            "archived_bytes": float(counts["bytes"]),
            "archive_failures": float(counts["failures"] + counts["altered"]),
        }

    def _run(self, site: Callable[[], SiteConfig]) -> None:
        while not self._stopped.is_set():
            self._stopped.wait(self.round(site()))

    def round(self, site: SiteConfig) -> float:
        """Move the next few files; how long to wait before the next round, s."""
        if site.recording.archive is None:
            self._mover, self._failed = None, 0
            self.state = self._without()
            return _EVERY_S
        label = self.state.label
        try:
            mover = self._mover_for(site)
            label = open_archive(site.recording.archive).label
            more = mover.round()
            self._look_through(mover)
            self.state = ArchiveState(label, is_up=True, problem=self._problem(mover), waiting=mover.waiting(), missing=self._missing)
        except Stopped:
            return 0.0
        except PanopsError as error:
            return self._after(error, label, site)
        except Exception as error:  # the thread goes on, whatever one round of it meets
            log.exception("moving recordings to the archive failed")
            return self._after(error, label, site)
        self._failed = 0
        return 0.0 if more else _EVERY_S

    def _after(self, error: Exception, label: str, site: SiteConfig) -> float:
        self._failed += 1
        self.counts["failures"] += 1
        wait_s = min(_AGAIN_S * 2.0 ** min(self._failed - 1, 10), _AGAIN_AT_MOST_S)
        why = str(error) if isinstance(error, PanopsError) else "the log says what failed"
        problem = f"recordings wait for the archive, which is tried again and again: {why}"
        if problem != self.state.problem:
            log.warning("%s", problem)
        self.state = ArchiveState(label, is_up=False, problem=problem, waiting=self._waiting(site), missing=self._missing)
        return wait_s

    def _mover_for(self, site: SiteConfig) -> ArchiveMover:
        """The mover for these settings; what it knows of files that cannot move stays as long as they do."""
        config: RecordingConfig = site.recording
        cameras = record_configs(site)
        key = (config, cameras)
        if self._mover is not None and self._mover[0] == key:
            return self._mover[1]
        if config.archive is None:
            raise AssertionError("asked for without an archive")
        archive = open_archive(config.archive)
        pace = Pace(config.archive.max_mbit_s * 125_000, self._stopped)
        mover = ArchiveMover(self._database, folder_of(config, self._home), archive, config, cameras, self._clock, pace, self.counts)
        self._mover, self._looked_at_s = (key, mover), -float("inf")
        return mover

    def _look_through(self, mover: ArchiveMover) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_at_s < _LOOK_THROUGH_EVERY_S:
            return
        self._missing, unknown = mover.look_through()
        self._looked_at_s = now_s
        if unknown:
            log.info("the archive holds %d files that no row of the database names; they are left alone", unknown)

    def _problem(self, mover: ArchiveMover) -> str:
        if self._missing:
            return f"{self._missing} recorded files are missing in the archive: `panops check` names them"
        return mover.problem

    def _waiting(self, site: SiteConfig) -> Waiting:
        try:
            return self._mover_for(site).waiting()
        except PanopsError:
            return self.state.waiting

    def _without(self) -> ArchiveState:
        """Whether the settings have forgotten an archive that recordings lie in."""
        try:
            alone = self._rows.any_archived()
        except PanopsError:
            return self.state
        problem = "recordings lie in an archive that the settings do not name any more: set recording.archive again to see them"
        return ArchiveState(problem=problem if alone else "", is_up=not alone)
