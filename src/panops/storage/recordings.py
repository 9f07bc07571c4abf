"""The index of recordings: which files there are, found only through a scope, written in batches."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from panops.domain.recordings import Place, Segment, Span
from panops.storage.database import Database
from panops.storage.errors import NotAllowed
from panops.storage.scope import Role, Scope
from panops.storage.tables import events, recordings

# Events longer than that are not looked for by their beginning any more.
_LONGEST_EVENT_S = 86_400.0
IS_LOCAL = recordings.c.place.in_([Place.HERE.value, Place.SENDING.value])
"""Files that lie in the recordings' folder and nowhere else."""
IS_ARCHIVED = recordings.c.place.in_([Place.ARCHIVE.value, Place.BOTH.value])
"""Files that lie in the archive."""
_THERE = and_(recordings.c.missing.is_(False), recordings.c.place != Place.GOING.value)


@dataclass(frozen=True, slots=True)
class RecordedTotals:
    """What there is of one camera.

    Attributes:
        oldest_s: Where it begins, UTC s.
        newest_s: Where it ends, UTC s.
        size_bytes: How much it takes in the recordings' folder.
        protected_bytes: How much of that may not be deleted.
        lately_bytes: How much began since the moment that was asked for.
        lately_from_s: The first beginning since then, UTC s; that moment itself where older ones are there, too.
        archived_bytes: How much it takes in the archive.
        archived_protected_bytes: How much of that may not be deleted.
    """

    oldest_s: float
    newest_s: float
    size_bytes: int
    protected_bytes: int
    lately_bytes: int
    lately_from_s: float
    archived_bytes: int = 0
    archived_protected_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as a mark in a recording; `ended_at_s` is None while it goes on."""

    event_id: str
    kind: str
    severity: str
    started_at_s: float
    ended_at_s: float | None


class RecordingIndex:
    """Segments in the database. Used by any number of threads."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def add(self, segments: Sequence[Segment], eventful: Sequence[tuple[str, Span]] = ()) -> None:
        """Write all of it in one transaction; a file that has its row already keeps it, and what is known of motion and events is added.

        Args:
            segments: Files that are whole.
            eventful: Cameras and spans in which an event went on: of their files it is noted.

        Raises:
            StorageError: Nothing of it was written.
        """
        if not segments and not eventful:
            return
        statement: Any = (sqlite if self._database.path else postgresql).insert(recordings)
        with self._database.session() as connection:
            if segments:
                new, old = statement.excluded, recordings.c
                # It was found when nobody had told of it yet what happened in it.
                told = {
                    "has_event": or_(old.has_event, new.has_event),
                    "has_motion": or_(old.has_motion, new.has_motion),
                    "motion": case((new.has_motion, new.motion), else_=old.motion),
                }
                statement = statement.on_conflict_do_update(index_elements=[old.path], set_=told)
                connection.execute(statement, [_values(one) for one in segments])
            for camera_id, span in eventful:
                condition = and_(_within(camera_id, span), recordings.c.has_event.is_(False))
                connection.execute(update(recordings).where(condition).values(has_event=True))

    def segments(self, scope: Scope, camera_id: str, start_s: float, end_s: float) -> list[Segment]:
        """The files of a camera in the scope that show anything of a span, in order of time."""
        condition = and_(_within(camera_id, (start_s, end_s)), _THERE, scope.where(recordings.c.camera_id))
        with self._database.reading() as connection:
            rows = connection.execute(select(recordings).where(condition).order_by(recordings.c.start_s)).all()
        return [segment_of(row) for row in rows]

    def get(self, scope: Scope, camera_id: str, segment_id: int) -> Segment | None:
        """One file of a camera, or None when there is none in the scope."""
        condition = and_(recordings.c.segment_id == segment_id, recordings.c.camera_id == camera_id, _THERE)
        with self._database.reading() as connection:
            row = connection.execute(select(recordings).where(condition, scope.where(recordings.c.camera_id))).first()
        return None if row is None else segment_of(row)

    def bounds(self, scope: Scope, camera_id: str) -> Span | None:
        """Where the recordings of a camera in the scope begin and end; None where there are none."""
        query = select(func.min(recordings.c.start_s), func.max(recordings.c.end_s))
        condition = and_(recordings.c.camera_id == camera_id, _THERE, scope.where(recordings.c.camera_id))
        with self._database.reading() as connection:
            first_s, last_s = connection.execute(query.where(condition)).one()
        return None if first_s is None else (first_s, last_s)

    def protect(self, scope: Scope, camera_id: str, start_s: float, end_s: float, *, on: bool) -> int:
        """Have retention leave the files of a span alone, or no longer; how many files that changed.

        Raises:
            NotAllowed: The role does not cover operator.
            StorageError: It was not written.
        """
        if not scope.role.covers(Role.OPERATOR):
            raise NotAllowed(f"protecting recordings needs the role operator, got {scope.role.value}")
        condition = and_(
            _within(camera_id, (start_s, end_s)),
            scope.where(recordings.c.camera_id),
            recordings.c.protected.is_(not on),
            recordings.c.place != Place.GOING.value,
        )
        with self._database.session() as connection:
            return int(connection.execute(update(recordings).where(condition).values(protected=on)).rowcount)

    def totals(self, scope: Scope, since_s: float) -> Mapping[str, RecordedTotals]:
        """What there is of each camera in the scope that has any.

        Args:
            scope: Whose eyes.
            since_s: From when on the latest recordings are summed up, UTC s.
        """
        column = recordings.c
        late = column.start_s >= since_s
        kept = column.protected
        query = (
            select(
                column.camera_id,
                func.min(column.start_s),
                func.max(column.end_s),
                *(func.sum(case((which, column.size_bytes), else_=0)) for which in (IS_LOCAL, and_(IS_LOCAL, kept), late)),
                *(func.sum(case((which, column.size_bytes), else_=0)) for which in (IS_ARCHIVED, and_(IS_ARCHIVED, kept))),
            )
            .where(_THERE, scope.where(column.camera_id))
            .group_by(column.camera_id)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {
            camera_id: RecordedTotals(
                oldest_s, newest_s, int(size), int(held), int(lately), max(oldest_s, since_s), int(far), int(far_held)
            )
            for camera_id, oldest_s, newest_s, size, held, lately, far, far_held in rows
        }

    def events(self, scope: Scope, camera_id: str, start_s: float, end_s: float, limit: int = 2000) -> list[RecordedEvent]:
        """What is believed to have happened at a camera in the scope in a span, the oldest first; the newest `limit` of it."""
        column = events.c
        query = (
            select(column.event_id, column.kind, column.severity, column.started_at_s, column.ended_at_s)
            .where(
                column.camera_id == camera_id,
                scope.where(column.camera_id),
                column.started_at_s < end_s,
                column.started_at_s > start_s - _LONGEST_EVENT_S,
                or_(column.ended_at_s.is_(None), column.ended_at_s > start_s),
                column.suppressed_by == "",
            )
            .order_by(column.started_at_s.desc(), column.event_id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [RecordedEvent(row.event_id, row.kind, row.severity, row.started_at_s, row.ended_at_s) for row in reversed(rows)]

    def known(self, camera_id: str, prefix: str) -> Mapping[str, bool | None]:
        """The paths of a camera that begin with `prefix`, and whether each one's file is taken for gone; None: it lies elsewhere."""
        query = select(recordings.c.path, recordings.c.missing, IS_LOCAL)
        condition = and_(recordings.c.camera_id == camera_id, recordings.c.path.startswith(prefix, autoescape=True))
        with self._database.reading() as connection:
            return {path: bool(missing) if local else None for path, missing, local in connection.execute(query.where(condition))}

    def days(self, camera_id: str) -> frozenset[str]:
        """The days, such as `2027-01-15`, of which a camera has files in the recordings' folder that are not taken for gone."""
        query = select(func.substr(recordings.c.path, len(camera_id) + 2, 10)).distinct()
        condition = and_(recordings.c.camera_id == camera_id, _THERE, IS_LOCAL)
        with self._database.reading() as connection:
            return frozenset(connection.execute(query.where(condition)).scalars())

    def set_missing(self, paths: Collection[str], *, missing: bool) -> None:
        """Say of files that they are gone, or back."""
        if paths:
            with self._database.session() as connection:
                connection.execute(update(recordings).where(recordings.c.path.in_(sorted(paths)), IS_LOCAL).values(missing=missing))

    def cameras(self) -> frozenset[str]:
        """Every camera that has a row."""
        with self._database.reading() as connection:
            return frozenset(connection.execute(select(recordings.c.camera_id).distinct()).scalars())


def segment_of(row: Any) -> Segment:
    """A row of the table as a value."""
    motion = tuple((row.start_s + first_s, row.start_s + last_s) for first_s, last_s in json.loads(row.motion))
    return Segment(
        row.camera_id,
        row.path,
        row.start_s,
        row.end_s,
        row.size_bytes,
        row.sha256,
        motion,
        row.has_event,
        row.protected,
        row.segment_id,
        Place(row.place),
    )


def _within(camera_id: str, span: Span) -> ColumnElement[bool]:
    return and_(recordings.c.camera_id == camera_id, recordings.c.end_s > span[0], recordings.c.start_s < span[1])


def _values(one: Segment) -> dict[str, Any]:
    motion = [[round(start_s - one.start_s, 1), round(end_s - one.start_s, 1)] for start_s, end_s in one.motion]
    return {
        "camera_id": one.camera_id,
        "path": one.path,
        "start_s": one.start_s,
        "end_s": one.end_s,
        "size_bytes": one.size_bytes,
        "sha256": one.sha256,
        "has_motion": bool(one.motion),
        "has_event": one.has_event,
        "protected": one.protected,
        "missing": False,
        "place": one.place.value,
        "motion": json.dumps(motion, separators=(",", ":")),
    }
