"""When recordings go: by age, by size, by free space, the oldest first; never what is protected. And how far back they will reach."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import ColumnElement, and_, delete, func, select, update

from panops.config.record_schema import RecordConfig, RecordingConfig
from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import StorageFull
from panops.domain.recordings import Place
from panops.storage.archive import open_archive
from panops.storage.archive_rows import older_than
from panops.storage.database import Database
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recordings import IS_LOCAL, RecordedTotals, RecordingIndex
from panops.storage.scope import Scope
from panops.storage.tables import recordings

log = logging.getLogger(__name__)

GIB = 1024**3
DAY_S = 86400.0
# Less than this says too little of a day.
_LEAST_MEASURED_S = 600.0
# Files deleted in one transaction: short enough that writers do not wait long.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class CameraForecast:
    """How much a camera records, and how far back that will reach.

    Attributes:
        totals: What there is of it.
        bytes_per_day: What it records a day, measured over the last day; None while that is less than ten minutes.
        days: How far back its recordings will reach in their folder once the limits are met; None while nothing is measured.
        limited_by: The setting that decides that: `days`, `max_gib`, `recording.max_gib`, `recording.min_free_gib`, or
            `recording.archive.after_hours`, when they move.
        archive_days: How far back they will reach in the archive; None where there is none, or nothing is measured.
        archive_limited_by: What decides that: `days`, `recording.archive.days`, `recording.archive.max_gib` or
            `recording.archive.min_free_gib`.
    """

    totals: RecordedTotals
    bytes_per_day: float | None
    days: float | None
    limited_by: str
    archive_days: float | None = None
    archive_limited_by: str = ""


@dataclass(frozen=True, slots=True)
class RecordingForecast:
    """How all recordings do.

    Attributes:
        cameras: Each camera that has recordings.
        size_bytes: What all of them take.
        protected_bytes: What of it may not be deleted.
        free_bytes: Free space on their disk.
        headroom_hours: For how long there is space if nothing is deleted; infinity where nothing is recorded.
        message: One sentence when a limit cannot be met, else empty.
        archived_bytes: What all of them take in the archive.
        archived_protected_bytes: What of that may not be deleted.
        unmoved_deleted: How many files this run deleted that should have moved to the archive first.
    """

    cameras: Mapping[str, CameraForecast] = field(default_factory=dict)
    size_bytes: int = 0
    protected_bytes: int = 0
    free_bytes: int = 0
    headroom_hours: float = float("inf")
    message: str = ""
    archived_bytes: int = 0
    archived_protected_bytes: int = 0
    unmoved_deleted: int = 0


class RecordingRetention:
    """Deletes what is due in the recordings' folder.

    Where there is an archive, files move there instead (`archive_mover`). Only two things are deleted then before they moved: what is
    too old for the archive, too, and the oldest where the disk has no room any more.

    Args:
        database: An opened database.
        folder: The files.
        config: What all recordings may take.
        cameras: The settings of each camera of the site; recordings of others go by the defaults.
        clock: What time it is.
        free_bytes: Tells the free space of the disk; None asks the system.
    """

    def __init__(
        self,
        database: Database,
        folder: RecordingFolder,
        config: RecordingConfig,
        cameras: Mapping[str, RecordConfig],
        clock: Clock | None = None,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        """Remember what to work on."""
        self._database = database
        self._index = RecordingIndex(database)
        self._folder = folder
        self._config = config
        self._cameras = cameras
        self._clock = clock or SystemClock()
        self._free_bytes = free_bytes or folder.free_bytes

    def run(self) -> RecordingForecast:
        """Delete what is too old, then the oldest of a camera until it fits, then the oldest of all until they fit and enough is free.

        Rows go first, then their files; what a crash leaves between the two is found again by the next sweep. Only where the disk is so
        full that not even rows can be deleted do files go first.

        Returns:
            How it stands afterwards.

        Raises:
            StorageError: The database or a file cannot be changed; what was deleted before that stays deleted.
        """
        there = recordings.c.missing.is_(False)
        archive, now_s = self._config.archive, self._clock.utc_s()
        self._free_bytes()  # where the folder is not there, its rows stay
        for camera_id in sorted(self._index.cameras()):
            wanted = self._cameras.get(camera_id, RecordConfig())
            mine = recordings.c.camera_id == camera_id
            too_old = [older_than(limits, now_s) for limits in (wanted, archive) if limits is not None]
            self._delete(and_(mine, *too_old), None)
            if wanted.max_gib and archive is None:
                self._delete(and_(mine, there), self._total(mine) - int(wanted.max_gib * GIB))
        if self._config.max_gib and archive is None:
            self._delete(there, self._total(there) - int(self._config.max_gib * GIB))
        count = self._delete(there, int(self._config.min_free_gib * GIB) - self._free_bytes())
        if count and archive is not None:
            log.warning("%d recorded files were deleted for want of space before they could move to the archive", count)
        return replace(self.forecast(), unmoved_deleted=count if archive is not None else 0)

    def forecast(self) -> RecordingForecast:
        """How it stands, and how far back recordings will reach.

        Raises:
            StorageError: The database or the disk cannot be asked.
        """
        now_s = self._clock.utc_s()
        totals = self._index.totals(Scope.everything(), now_s - DAY_S)
        free = self._free_bytes()
        size = sum(one.size_bytes for one in totals.values())
        protected = sum(one.protected_bytes for one in totals.values())
        rates = {camera_id: _rate(one, now_s) for camera_id, one in totals.items()}
        all_a_day = sum(rate for rate in rates.values() if rate)
        least_free = int(self._config.min_free_gib * GIB)
        shared = [("recording.min_free_gib", size + free - least_free)]
        if self._config.max_gib:
            shared.append(("recording.max_gib", int(self._config.max_gib * GIB)))
        room = [(name, max(0, space - protected) / all_a_day) for name, space in shared] if all_a_day else []
        archived = sum(one.archived_bytes for one in totals.values())
        held = sum(one.archived_protected_bytes for one in totals.values())
        far = self._archive_room(archived, held, all_a_day)
        return RecordingForecast(
            {camera_id: self._of_camera(camera_id, one, rates[camera_id], room, far) for camera_id, one in totals.items()},
            size,
            protected,
            free,
            max(0, free - least_free) / all_a_day * 24 if all_a_day else float("inf"),
            self._message(size, protected, free),
            archived,
            held,
        )

    def _archive_room(self, archived: int, held: int, all_a_day: float) -> list[tuple[str, float]]:
        """For how many days of recording the archive has space, by the setting that says so."""
        archive = self._config.archive
        if archive is None or not all_a_day:
            return []
        spaces = [("recording.archive.max_gib", archive.max_gib * GIB)] if archive.max_gib else []
        free = self._archive_free_bytes()
        if free is not None:
            spaces.append(("recording.archive.min_free_gib", archived + free - archive.min_free_gib * GIB))
        return [(name, max(0.0, space - held) / all_a_day) for name, space in spaces]

    def _archive_free_bytes(self) -> int | None:
        """Free space of the archive's disk as its own thread found it last; None where it has no end, or was not asked yet.

        A network disk that hangs would hold up whoever asks it, and here that would be what keeps the first disk from filling.
        """
        archive = self._config.archive
        return open_archive(archive).known_free_bytes if archive is not None and archive.folder else None

    def _of_camera(
        self,
        camera_id: str,
        one: RecordedTotals,
        rate: float | None,
        room: Sequence[tuple[str, float]],
        archive_room: Sequence[tuple[str, float]],
    ) -> CameraForecast:
        wanted, archive = self._cameras.get(camera_id, RecordConfig()), self._config.archive
        if rate is None:
            return CameraForecast(one, None, None, "")
        limits = [("days", wanted.days), *room]
        if wanted.max_gib and rate:
            limits.append(("max_gib", max(0.0, wanted.max_gib * GIB - one.protected_bytes) / rate))
        if archive is None:
            name, days = min(limits, key=lambda limit: limit[1])
            return CameraForecast(one, rate, days, name)
        limits.append(("recording.archive.after_hours", archive.after_hours / 24))
        name, days = min(limits, key=lambda limit: limit[1])
        longest = max(("recording.archive.days", archive.days), ("days", wanted.days), key=lambda limit: limit[1])
        # What has room there began to need it when it moved.
        far_name, far_days = min([longest, *((of, days + more) for of, more in archive_room)], key=lambda limit: limit[1])
        return CameraForecast(one, rate, days, name, far_days, far_name)

    def _delete(self, condition: ColumnElement[bool], wanted_bytes: int | None) -> int:
        """Delete the oldest of `condition` that may go until `wanted_bytes` are free; None: all of them. How many were."""
        deletable = and_(condition, IS_LOCAL, recordings.c.protected.is_(False))
        count = size = 0
        while wanted_bytes is None or size < wanted_bytes:
            batch = self._oldest(deletable, None if wanted_bytes is None else wanted_bytes - size)
            if not batch:
                break
            self._delete_batch([segment_id for segment_id, _ in batch], deletable)
            count, size = count + len(batch), size + sum(size_bytes for _, size_bytes in batch)
        if count:
            log.info("retention deleted %d recorded files, %d bytes", count, size)
        return count

    def _oldest(self, condition: ColumnElement[bool], wanted_bytes: int | None) -> list[tuple[int, int]]:
        """The numbers and sizes of the next files to delete, no more than needed."""
        column = recordings.c
        query = select(column.segment_id, column.size_bytes).where(condition).order_by(column.start_s, column.segment_id).limit(_BATCH)
        with self._database.reading() as connection:
            rows = [(row.segment_id, int(row.size_bytes)) for row in connection.execute(query)]
        if wanted_bytes is None:
            return rows
        taken, total = 0, 0
        while taken < len(rows) and total < wanted_bytes:
            total += rows[taken][1]
            taken += 1
        return rows[:taken]

    def _delete_batch(self, segment_ids: Sequence[int], condition: ColumnElement[bool]) -> None:
        due = and_(recordings.c.segment_id.in_(segment_ids), condition)
        try:
            paths = self._delete_rows(due)
        except StorageFull:
            # Deleting rows needs a little space for the log; the same files make it.
            with self._database.reading() as connection:
                first = list(connection.execute(select(recordings.c.path).where(due)).scalars())
            self._folder.remove(first)
            paths = self._delete_rows(due)
        self._folder.remove(paths)

    def _delete_rows(self, due: ColumnElement[bool]) -> list[str]:
        """Delete the rows that are still due: somebody may have protected one in the meantime.

        Something of a file that was being sent may lie in the archive: its row stays until that is gone.
        """
        with self._database.session() as connection:
            paths = list(connection.execute(select(recordings.c.path).where(due)).scalars())
            begun = and_(recordings.c.path.in_(paths), recordings.c.place == Place.SENDING.value)
            connection.execute(update(recordings).where(begun).values(place=Place.GOING.value))
            connection.execute(delete(recordings).where(recordings.c.path.in_(paths), recordings.c.place == Place.HERE.value))
        return paths

    def _total(self, condition: ColumnElement[bool]) -> int:
        query = select(func.coalesce(func.sum(recordings.c.size_bytes), 0)).where(condition, IS_LOCAL, recordings.c.missing.is_(False))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _message(self, size: int, protected: int, free: int) -> str:
        limit = int(self._config.max_gib * GIB)
        if limit and size > limit and self._config.archive is None:
            return (
                f"recordings take {_gib(size)} of at most {_gib(limit)}, and {_gib(protected)} of it is protected: release some of it or "
                "raise recording.max_gib"
            )
        least_free = int(self._config.min_free_gib * GIB)
        if size and free < least_free:
            return (
                f"the disk of {self._folder.label} has {_gib(free)} free instead of {_gib(least_free)}, and no recording is left that may "
                f"be deleted ({_gib(protected)} is protected): free some space or release recordings"
            )
        return ""


def _rate(one: RecordedTotals, now_s: float) -> float | None:
    """Bytes a day, from the last day."""
    measured_s = now_s - one.lately_from_s
    return None if measured_s < _LEAST_MEASURED_S else one.lately_bytes / measured_s * DAY_S


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / GIB:.2f} GiB" if size_bytes >= GIB / 100 else f"{size_bytes / 1024**2:.1f} MiB"
