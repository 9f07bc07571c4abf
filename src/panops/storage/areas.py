"""How much of cameras' zones classes covered over time: means of five minutes, with the least and most of their looks."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from panops.storage.database import Database
from panops.storage.scope import Scope
from panops.storage.tables import areas

SPAN_S = 300
"""A day of one class in one zone is 288 rows; a quarter of an hour holds whole ones, so every time zone's hours and days do."""
# Rows deleted in one transaction: short enough that writers do not wait long.
_BATCH_SPANS = 288


class AreaSpan(NamedTuple):
    """The looks of one span of five minutes at one class in one zone.

    Attributes:
        span: Spans since 1970, UTC.
        camera_id: The camera.
        zone: The zone, or empty for the whole picture.
        class_name: The class.
        looks: How many looks there were.
        mean: Which share of the zone the class took on average, 0..1.
        least: The least share.
        most: The greatest share.
    """

    span: int
    camera_id: str
    zone: str
    class_name: str
    looks: int
    mean: float
    least: float
    most: float


class AreaRepository:
    """Spans in the database. Used by any number of threads."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def add(self, spans: Sequence[AreaSpan]) -> None:
        """Write all of them in one transaction; looks of a span that is there already are added to it.

        Raises:
            StorageError: Nothing of it was written.
        """
        if not spans:
            return
        statement: Any = (sqlite if self._database.path else postgresql).insert(areas)
        old, new = areas.c, statement.excluded
        looks = old.looks + new.looks
        merged = {
            "looks": looks,
            "mean": (old["mean"] * old.looks + new["mean"] * new.looks) / looks,
            "least": case((old.least < new.least, old.least), else_=new.least),
            "most": case((old.most > new.most, old.most), else_=new.most),
        }
        keys = [old.camera_id, old.span, old.zone, old.class_name]
        with self._database.session() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=merged), [one._asdict() for one in spans])

    def read(
        self,
        scope: Scope,
        since_s: float,
        until_s: float,
        cameras: Collection[str] = (),
        zones: Collection[str] = (),
        classes: Collection[str] = (),
    ) -> list[AreaSpan]:
        """What was seen in a time, in order of it, then by camera, zone and class.

        Args:
            scope: Whose eyes.
            since_s: The first moment, UTC s; the span in which it is counts as a whole.
            until_s: The first moment that is no longer in it, UTC s; as above.
            cameras: Camera ids; empty for all.
            zones: Zone names, an empty one for the whole picture; empty for all.
            classes: Class names; empty for all.
        """
        column = areas.c
        columns = [column[name] for name in AreaSpan._fields]
        query = select(*columns).where(*_conditions(scope, since_s, until_s, cameras, zones, classes))
        query = query.order_by(column.span, column.camera_id, column.zone, column.class_name)
        with self._database.reading() as connection:
            return [AreaSpan(*row) for row in connection.execute(query)]

    def count(
        self, scope: Scope, since_s: float, until_s: float, cameras: Collection[str] = (), zones: Collection[str] = (), *, most: int
    ) -> int:
        """How many rows `read` would give, `most` at most."""
        some = select(areas.c.span).where(*_conditions(scope, since_s, until_s, cameras, zones, ())).limit(most).subquery()
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(some)).scalar_one())

    def delete_before(self, cutoff_s: float) -> int:
        """Delete spans that were over before that, UTC s; how many rows."""
        last = math.floor(cutoff_s / SPAN_S)
        count = 0
        while True:
            with self._database.session() as connection:
                first = connection.execute(select(areas.c.span).where(areas.c.span < last).order_by(areas.c.span).limit(1)).scalar()
                if first is None:
                    return count
                due = areas.c.span < min(last, int(first) + _BATCH_SPANS)
                count += connection.execute(delete(areas).where(due)).rowcount


def _conditions(
    scope: Scope, since_s: float, until_s: float, cameras: Collection[str], zones: Collection[str], classes: Collection[str]
) -> list[ColumnElement[bool]]:
    """What rows are asked for; see `AreaRepository.read`."""
    column = areas.c
    found = [scope.where(column.camera_id), column.span >= math.floor(since_s / SPAN_S), column.span < math.ceil(until_s / SPAN_S)]
    for values, target in ((cameras, column.camera_id), (zones, column.zone), (classes, column.class_name)):
        if values:
            found.append(target.in_(sorted(values)))
    return found
