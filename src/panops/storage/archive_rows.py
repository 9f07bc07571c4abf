"""What the database says of recordings on their way to the archive and out of it: which are due, and how far each one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update

from panops.config.archive_schema import ArchiveConfig
from panops.config.record_schema import RecordConfig
from panops.domain.recordings import Place, Segment
from panops.storage.database import Database
from panops.storage.recordings import IS_ARCHIVED, IS_LOCAL, segment_of
from panops.storage.tables import IS_ON_THE_WAY, recordings

DAY_S = 86400.0
_column = recordings.c
_THERE = _column.missing.is_(False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Files that are due to move and have not moved yet, and what they take."""

    files: int = 0
    size_bytes: int = 0


def older_than(limits: RecordConfig | ArchiveConfig, now_s: float) -> ColumnElement[bool]:
    """Older than all that holds for it: its days, and where there is motion or an event in it, those for that."""
    conditions = [_column.end_s < now_s - limits.days * DAY_S]
    for has_it, days in ((_column.has_motion, limits.motion_days), (_column.has_event, limits.event_days)):
        if days:
            conditions.append(or_(has_it.is_(False), _column.end_s < now_s - days * DAY_S))
    return and_(*conditions)


def due_to_move(archive: ArchiveConfig, cameras: Mapping[str, RecordConfig], now_s: float) -> ColumnElement[bool]:
    """Old enough to move, or what retention would delete by its age; recordings of cameras that are gone go by the defaults."""
    known = [and_(_column.camera_id == camera_id, older_than(wanted, now_s)) for camera_id, wanted in cameras.items()]
    others = and_(_column.camera_id.not_in(sorted(cameras)), older_than(RecordConfig(), now_s))
    return or_(_column.end_s < now_s - archive.after_hours * 3600.0, others, *known)


class ArchiveRows:
    """The rows of recordings, for whoever moves them. Used by any number of threads."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def due(self, condition: ColumnElement[bool], limit: int) -> list[Segment]:
        """Files of the recordings' folder that fit a condition, the oldest first."""
        query = select(recordings).where(IS_LOCAL, _THERE, condition).order_by(_column.start_s, _column.segment_id).limit(limit)
        with self._database.reading() as connection:
            return [segment_of(row) for row in connection.execute(query)]

    def waiting(self, condition: ColumnElement[bool]) -> Waiting:
        """How many files of the recordings' folder fit a condition."""
        query = select(func.count(), func.coalesce(func.sum(_column.size_bytes), 0)).where(IS_LOCAL, _THERE, condition)
        with self._database.reading() as connection:
            files, size = connection.execute(query).one()
        return Waiting(int(files), int(size))

    def at(self, place: Place, limit: int) -> list[Segment]:
        """Files that are at one step of their way, the first ones first."""
        query = select(recordings).where(IS_ON_THE_WAY, _column.place == place.value).order_by(_column.segment_id).limit(limit)
        with self._database.reading() as connection:
            return [segment_of(row) for row in connection.execute(query)]

    def step(self, segments: Sequence[Segment], before: Place, after: Place) -> None:
        """Write down that files are one step further; those that somebody else moved on meanwhile stay as they are."""
        ids = [one.segment_id for one in segments]
        if ids:
            with self._database.session() as connection:
                here = and_(_column.segment_id.in_(ids), _column.place == before.value)
                connection.execute(update(recordings).where(here).values(place=after.value))

    def forget(self, segments: Sequence[Segment]) -> None:
        """Delete the rows of files that are gone from the archive."""
        ids = [one.segment_id for one in segments]
        if ids:
            with self._database.session() as connection:
                connection.execute(delete(recordings).where(_column.segment_id.in_(ids), _column.place == Place.GOING.value))

    def let_go(self, condition: ColumnElement[bool], wanted_bytes: int | None, limit: int) -> tuple[int, int]:
        """Mark the oldest archived files of a condition, up to `limit`, as to be deleted; what is protected stays.

        Args:
            condition: Which.
            wanted_bytes: No more than needed for so much; None: all of them.
            limit: No more than so many.

        Returns:
            How many, and their bytes.
        """
        due = and_(condition, _column.place == Place.ARCHIVE.value, _column.protected.is_(False))
        if wanted_bytes is not None:
            due = and_(due, _THERE)
        query = select(_column.segment_id, _column.size_bytes).where(due).order_by(_column.start_s, _column.segment_id).limit(limit)
        with self._database.session() as connection:
            ids: list[int] = []
            size = 0
            for segment_id, size_bytes in connection.execute(query):
                if wanted_bytes is not None and size >= wanted_bytes:
                    break
                ids.append(segment_id)
                size += size_bytes
            if not ids:
                return 0, 0
            going = and_(_column.segment_id.in_(ids), due)  # somebody may have protected one meanwhile
            return connection.execute(update(recordings).where(going).values(place=Place.GOING.value)).rowcount, size

    def total(self, condition: ColumnElement[bool]) -> int:
        """What files take, bytes."""
        query = select(func.coalesce(func.sum(_column.size_bytes), 0)).where(condition, _THERE)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def any_archived(self) -> bool:
        """Whether anything was ever moved and is not deleted yet."""
        query = select(_column.segment_id).where(or_(IS_ARCHIVED, IS_ON_THE_WAY)).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def cameras(self) -> tuple[str, ...]:
        """Every camera that has a row."""
        with self._database.reading() as connection:
            return tuple(connection.execute(select(_column.camera_id).distinct().order_by(_column.camera_id)).scalars())

    def compare(self, camera_id: str, sizes: Mapping[str, int]) -> tuple[int, int, int]:
        """Put right what the rows of a camera say of its archived files.

        Rows whose file is gone are called missing, those whose file is back are not any more, and those whose file is gone from the
        recordings' folder and lies in the archive (a backup of before the move, or from amid it, was restored) are archived.

        Args:
            camera_id: The camera.
            sizes: What the archive has of it: sizes by path.

        Returns:
            How many are missing in the archive now, how many were found again, and how many files of the archive no row names.
        """
        query = select(_column.segment_id, _column.path, _column.size_bytes, _column.missing, _column.place)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(_column.camera_id == camera_id)).all()
        archived = [row for row in rows if row.place in (Place.ARCHIVE.value, Place.BOTH.value)]
        gone = [row.segment_id for row in archived if not row.missing and row.path not in sizes]
        back = [row.segment_id for row in archived if row.missing and row.path in sizes]
        lost = [row for row in rows if row.missing and row.place in (Place.HERE.value, Place.SENDING.value)]
        found = [row.segment_id for row in lost if sizes.get(row.path) == row.size_bytes]
        with self._database.session() as connection:
            for ids, values in ((gone, {"missing": True}), (back, {"missing": False}), (found, {"missing": False, "place": "archive"})):
                for at in range(0, len(ids), 500):
                    connection.execute(update(recordings).where(_column.segment_id.in_(ids[at : at + 500])).values(values))
        return (
            sum(row.missing for row in archived) + len(gone) - len(back),
            len(back) + len(found),
            len(set(sizes) - {row.path for row in rows}),
        )
