"""Where the objects of an event were, over time: for drawing boxes on its clip."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from panops.domain.errors import StorageCorrupt
from panops.storage.database import Database
from panops.storage.scope import Scope
from panops.storage.tables import events, trails

Box = tuple[float, float, float, float]

# About an hour of one object at 5 checks a second; some 150 kB.
MOST_BOXES = 20_000
_SCALE = 10_000
# So many are read in one go.
_AT_ONCE = 100

log = logging.getLogger(__name__)


class TrailBox(NamedTuple):
    """One object at one moment; `box` is relative x1, y1, x2, y2 (0..1)."""

    track_id: int
    class_name: str
    score: float
    box: Box


class TrailPoint(NamedTuple):
    """All objects at one moment; `time_s` is the capture time, s."""

    time_s: float
    boxes: Sequence[TrailBox | tuple[int, str, float, Box]]


class TrackTrail:
    """Trails in the database, one for each event. Used by any number of threads."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def save_trail(
        self, event_id: str, points: Iterable[TrailPoint | tuple[float, Sequence[TrailBox | tuple[int, str, float, Box]]]]
    ) -> None:
        """Store an event's trail; an older one is replaced.

        Kept to 1 ms, 1/10000 of the picture and 1/100 of a score. More than 20,000 boxes are thinned evenly over time; the first and
        last moment stay.

        Raises:
            StorageError: It was not written.
            ValueError: A number is not finite.
        """
        blob = _pack(_thinned([TrailPoint(*point) for point in points]))
        statement: Any = (sqlite if self._database.path else postgresql).insert(trails)
        with self._database.session() as connection:
            connection.execute(
                statement.values(event_id=event_id, points=blob).on_conflict_do_update(
                    index_elements=[trails.c.event_id], set_={"points": blob}
                )
            )

    def trail(self, scope: Scope, event_id: str) -> tuple[TrailPoint, ...]:
        """The event's trail in order of time; empty when there is none in the scope.

        Raises:
            StorageCorrupt: It is stored damaged.
        """
        query = (
            select(trails.c.points)
            .join(events, events.c.event_id == trails.c.event_id)
            .where(trails.c.event_id == event_id, scope.where(events.c.camera_id))
        )
        with self._database.reading() as connection:
            blob = connection.execute(query).scalar()
        return () if blob is None else _read(event_id, blob)

    def trails(self, scope: Scope, event_ids: Sequence[str]) -> Iterator[tuple[str, tuple[TrailPoint, ...]]]:
        """The trails of many events that the scope shows, one after the other; those that are not stored, or damaged, are left out."""
        for first in range(0, len(event_ids), _AT_ONCE):
            query = (
                select(trails.c.event_id, trails.c.points)
                .join(events, events.c.event_id == trails.c.event_id)
                .where(trails.c.event_id.in_(event_ids[first : first + _AT_ONCE]), scope.where(events.c.camera_id))
            )
            with self._database.reading() as connection:
                rows = connection.execute(query).all()
            for event_id, blob in rows:
                try:
                    yield event_id, _read(event_id, blob)
                except StorageCorrupt as error:
                    log.warning("%s", error)


def _read(event_id: str, blob: bytes) -> tuple[TrailPoint, ...]:
    try:
        return _unpack(blob)
    except (ValueError, TypeError, KeyError, IndexError, zlib.error) as error:
        raise StorageCorrupt(f"the trail of event {event_id!r} is stored damaged ({type(error).__name__}); restore a backup") from error


def _thinned(points: Sequence[TrailPoint]) -> list[TrailPoint]:
    ordered = sorted(points, key=lambda point: point.time_s)
    total = sum(len(point.boxes) for point in ordered)
    if total <= MOST_BOXES:
        return ordered
    # Steps of a whole number keep the pace even; the last moment is put back.
    step = -(-total // MOST_BOXES)
    return [*ordered[:-1:step], ordered[-1]]


def _pack(points: Sequence[TrailPoint]) -> bytes:
    names: dict[str, int] = {}
    start_s = points[0].time_s if points else 0.0
    rows = []
    for point in points:
        boxes = []
        for track_id, class_name, score, box in point.boxes:
            index = names.setdefault(class_name, len(names))
            boxes.append([int(track_id), index, round(score * 100), *(round(edge * _SCALE) for edge in box)])
        rows.append([round((point.time_s - start_s) * 1000), boxes])
    text = json.dumps({"start_s": start_s, "classes": list(names), "points": rows}, separators=(",", ":"), allow_nan=False)
    return zlib.compress(text.encode(), 6)


def _unpack(blob: bytes) -> tuple[TrailPoint, ...]:
    data = json.loads(zlib.decompress(blob))
    names = data["classes"]
    return tuple(
        TrailPoint(data["start_s"] + after_ms / 1000, tuple(_unpack_box(row, names) for row in boxes)) for after_ms, boxes in data["points"]
    )


def _unpack_box(row: Sequence[int], names: Sequence[str]) -> TrailBox:
    track_id, index, score, x1, y1, x2, y2 = row
    return TrailBox(track_id, names[index], score / 100, (x1 / _SCALE, y1 / _SCALE, x2 / _SCALE, y2 / _SCALE))
