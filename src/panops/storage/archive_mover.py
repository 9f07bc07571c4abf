"""Moves recordings to the archive, and lets them go there. It can be killed at any moment: where each file is stands in the database.

A file is `here`; before anything of it is sent, `sending`; when the archive has it whole and it was compared, `both`; when it is deleted
from the recordings' folder, `archive`. What is due in the archive is `going`, then its file is deleted, then its row. So whatever is cut
off is done again, and neither place holds a file that no row names.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import ColumnElement, and_, true

from panops.config.archive_schema import ArchiveConfig
from panops.config.record_schema import RecordConfig, RecordingConfig
from panops.domain.clock import Clock
from panops.domain.recordings import Place, Segment
from panops.storage.archive import Archive, Pace, SourceAltered, Stopped, unreadable
from panops.storage.archive_rows import ArchiveRows, Waiting, due_to_move, older_than
from panops.storage.database import Database
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recordings import IS_ARCHIVED, IS_LOCAL
from panops.storage.tables import recordings

log = logging.getLogger(__name__)

GIB = 1024**3
# Files moved between two looks at what is due: what a killed process sends again.
_BATCH = 20
_DELETED_AT_ONCE = 200
# Before retention has to delete for want of space, the oldest files move.
_MOVE_AT = 1.25
# Some disks show only after a while that files are gone, or never, while a snapshot holds them: so long what was deleted counts as free.
_SHOWS_WITHIN_S = 600.0


class ArchiveMover:
    """One site's recordings on their way. Its methods block, and are called by one thread.

    Args:
        database: An opened database.
        folder: Where the files come from.
        archive: Where they go.
        config: The site's `recording`; its `archive` is not None.
        cameras: The settings of each camera; recordings of others go by the defaults.
        clock: What time it is.
        pace: How fast files are read, and whether to stop.
        counts: What was done, added up: `files` and `bytes` that moved, `deleted` in the archive, `altered` files that cannot move.
    """

    def __init__(
        self,
        database: Database,
        folder: RecordingFolder,
        archive: Archive,
        config: RecordingConfig,
        cameras: Mapping[str, RecordConfig],
        clock: Clock,
        pace: Pace,
        counts: Counter[str] | None = None,
    ) -> None:
        self._rows = ArchiveRows(database)
        self._folder = folder
        self._archive = archive
        self._config = config
        self._limits = config.archive or ArchiveConfig(folder="/")
        self._cameras = cameras
        self._clock = clock
        self._pace = pace
        self._altered: set[int] = set()
        self._deleted_at_s = -float("inf")
        self._promised_bytes = 0
        self.counts = counts if counts is not None else Counter()
        self.problem = ""

    def round(self) -> bool:
        """Finish what was cut off, let go what is due in the archive, and move the next few files that are due.

        Returns:
            Whether there may be more to move.

        Raises:
            ArchiveAway: The archive does not answer; nothing was lost, and it is tried again later.
            StorageFull: The archive is full; likewise.
            StorageError: The database or the recordings' folder cannot be used.
            Stopped: It was told to stop.
        """
        self._folder.free_bytes()  # where the folder is not there, its files are not gone
        self._archive.begin(is_new=not self._rows.any_archived())
        self._finish()
        self._let_go()
        batch = self._due()
        if batch:
            self._move(batch)
        return bool(batch)

    def waiting(self) -> Waiting:
        """What is due to move."""
        return self._rows.waiting(self._is_due())

    def look_through(self) -> tuple[int, int]:
        """Compare rows and archive.

        Returns:
            How many archived files are missing, and how many files of the archive no row names.

        Raises:
            ArchiveAway: It cannot be asked.
            StorageError: The database cannot be used.
        """
        # Those that could not move are tried again, and what was said of them is said again where it still holds.
        self._altered.clear()
        self.problem = ""
        missing = unknown = 0
        for camera_id in self._rows.cameras():
            if self._pace.is_stopped:
                raise Stopped
            gone, found, alone = self._rows.compare(camera_id, self._archive.sizes(camera_id))
            if found:
                log.warning("%d recorded files of camera %s were found again in %s", found, camera_id, self._archive.label)
            missing, unknown = missing + gone, unknown + alone
        return missing, unknown

    # --- moving -------------------------------------------------------------------------------------------------------------

    def _move(self, batch: list[Segment]) -> None:
        self._rows.step([one for one in batch if one.place is Place.HERE], Place.HERE, Place.SENDING)
        sent: list[Segment] = []
        try:
            for one in batch:
                if self._send(one):
                    sent.append(one)  # noqa: PERF401 - what was sent before a failure counts
        finally:
            # Also after a failure: what is there is not sent again.
            self._rows.step(sent, Place.SENDING, Place.BOTH)
        self._finish()

    def _send(self, one: Segment) -> bool:
        """Whether it is in the archive now; a file that is not what it was, or is gone, is left alone."""
        try:
            path = self._found(one.path)
            self._archive.put(path, one.path, one.size_bytes, one.sha256, self._pace)
        except FileNotFoundError:  # retention took it, or the sweep will say that it is gone
            self._altered.add(one.segment_id)
            return False
        except SourceAltered as error:
            self._altered.add(one.segment_id)
            self.counts["altered"] += 1
            self.problem = str(error)
            log.warning("%s", error)
            return False
        self.counts["files"] += 1
        self.counts["bytes"] += one.size_bytes
        return True

    def _found(self, stored: str) -> Path:
        try:
            return self._folder.find(stored) or self._folder.path / stored
        except (OSError, RuntimeError) as error:  # a disk that fails; a circle of links
            raise unreadable(f"the recorded file {stored}", error) from error

    def _finish(self) -> None:
        """Delete from the recordings' folder what is in the archive, and from the archive what is to go."""
        while both := self._rows.at(Place.BOTH, _DELETED_AT_ONCE):
            self._folder.remove([one.path for one in both])
            self._rows.step(both, Place.BOTH, Place.ARCHIVE)
        while going := self._rows.at(Place.GOING, _DELETED_AT_ONCE):
            self._archive.remove([one.path for one in going])
            self._rows.forget(going)
            self.counts["deleted"] += len(going)

    # --- what is due --------------------------------------------------------------------------------------------------------

    def _due(self) -> list[Segment]:
        if found := self._movable(self._is_due()):
            return found
        for condition, limit_gib in self._sizes():
            is_over = limit_gib and self._rows.total(and_(condition, IS_LOCAL)) > limit_gib * GIB
            if is_over and (found := self._movable(condition)):
                return found
        if self._config.min_free_gib and self._folder.free_bytes() < self._config.min_free_gib * GIB * _MOVE_AT:
            return self._movable(true())
        return []

    def _movable(self, condition: ColumnElement[bool]) -> list[Segment]:
        """The next few files of a condition, without those that cannot move."""
        found = self._rows.due(condition, _BATCH + len(self._altered))
        return [one for one in found if one.segment_id not in self._altered][:_BATCH]

    def _is_due(self) -> ColumnElement[bool]:
        return due_to_move(self._limits, self._cameras, self._clock.utc_s())

    def _sizes(self) -> list[tuple[ColumnElement[bool], float]]:
        """Which files may take how much of the recordings' folder, GiB; 0: as much as they like."""
        cameras = [(recordings.c.camera_id == camera_id, one.max_gib) for camera_id, one in self._cameras.items()]
        return [*cameras, (true(), self._config.max_gib)]

    # --- letting go ---------------------------------------------------------------------------------------------------------

    def _let_go(self) -> None:
        """Delete what is too old for both the camera and the archive, then the oldest until the limits hold."""
        now_s, limits = self._clock.utc_s(), self._limits
        for camera_id in self._rows.cameras():
            wanted = self._cameras.get(camera_id, RecordConfig())
            old = and_(recordings.c.camera_id == camera_id, older_than(wanted, now_s), older_than(limits, now_s))
            while self._rows.let_go(old, None, _DELETED_AT_ONCE)[0]:
                self._finish()
        if limits.max_gib:
            self._let_go_bytes(self._rows.total(IS_ARCHIVED) - int(limits.max_gib * GIB))
        if limits.folder:
            self._let_go_for_space(self._archive.free_bytes() or 0, int(limits.min_free_gib * GIB))

    def _let_go_for_space(self, free_bytes: int, least_bytes: int) -> None:
        """Have enough free. It is measured once: a disk that does not show at once what was deleted must not cost more than what lacks."""
        now_s = self._clock.monotonic_s()
        moved_bytes = self.counts["bytes"]
        if now_s - self._deleted_at_s < _SHOWS_WITHIN_S:
            free_bytes = max(free_bytes, self._promised_bytes - moved_bytes)
        gone_bytes = self._let_go_bytes(least_bytes - free_bytes)
        if gone_bytes:
            self._deleted_at_s, self._promised_bytes = now_s, free_bytes + gone_bytes + moved_bytes

    def _let_go_bytes(self, wanted_bytes: int) -> int:
        """Delete the oldest that may go, until so much is gone and no further; how much was."""
        size = 0
        while size < wanted_bytes:
            count, size_bytes = self._rows.let_go(true(), wanted_bytes - size, _DELETED_AT_ONCE)
            if not count:
                break
            size += size_bytes
            self._finish()
        return size
