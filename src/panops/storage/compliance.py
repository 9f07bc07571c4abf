"""What people wore who have left: written once each, read as counts."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from panops.domain.compliance import ComplianceRecord, Worn
from panops.storage.database import Database
from panops.storage.records import word_of
from panops.storage.scope import Scope
from panops.storage.tables import compliance

QUARTER_S = 900
"""Counts are kept by quarters of an hour, for every time zone's hours and days begin with one."""
# Rows deleted in one transaction: short enough that writers do not wait long.
_BATCH = 5000


class WornCount(NamedTuple):
    """How many people left in one quarter of an hour who were found alike.

    Attributes:
        quarter: Quarters of an hour since 1970, UTC.
        camera_id: The camera.
        rule_id: The rule.
        zone: The zone, or empty.
        item: The required item.
        worn: What was found.
        people: How many.
    """

    quarter: int
    camera_id: str
    rule_id: str
    zone: str
    item: str
    worn: Worn
    people: int


class ComplianceRepository:
    """Records in the database. Used by any number of threads."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def save(self, records: Sequence[ComplianceRecord]) -> None:
        """Write all of them in one transaction; those that are there already stay as they are.

        Raises:
            StorageError: Nothing of it was written.
            ValueError: A time is not finite; nothing was written.
        """
        rows = [_values(one) for one in records]
        if rows:
            statement = (sqlite if self._database.path else postgresql).insert(compliance).on_conflict_do_nothing()
            with self._database.session() as connection:
                connection.execute(statement, rows)

    def counts(
        self, scope: Scope, since_s: float, until_s: float, cameras: Collection[str] = (), zones: Collection[str] = ()
    ) -> list[WornCount]:
        """Counts of who left in a span, in order of time, then by camera, rule, zone and item.

        Args:
            scope: Whose eyes.
            since_s: The first moment, UTC s; the quarter of an hour in which it is counts as a whole.
            until_s: The first moment that is no longer in it, UTC s; as above.
            cameras: Camera ids; empty for all.
            zones: Zone names, an empty one for rules without a zone; empty for all.
        """
        column = compliance.c
        groups = (column.quarter, column.camera_id, column.rule_id, column.zone, column.item, column.worn)
        conditions = [
            scope.where(column.camera_id),
            column.quarter >= math.floor(since_s / QUARTER_S),
            column.quarter < math.ceil(until_s / QUARTER_S),
        ]
        for values, target in ((cameras, column.camera_id), (zones, column.zone)):
            if values:
                conditions.append(target.in_(sorted(values)))
        query = select(*groups, func.count()).where(*conditions).group_by(*groups).order_by(*groups)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [WornCount(row[0], row[1], row[2], row[3], row[4], word_of(Worn, row[5]), row[6]) for row in rows]

    def delete_before(self, cutoff_s: float) -> int:
        """Delete what is about people who left before that, UTC s, up to a quarter of an hour; how many records."""
        due = compliance.c.quarter < math.floor(cutoff_s / QUARTER_S)
        count = 0
        while True:
            batch = select(compliance.c.record_id).where(due).order_by(compliance.c.quarter).limit(_BATCH)
            with self._database.session() as connection:
                deleted = connection.execute(delete(compliance).where(compliance.c.record_id.in_(batch))).rowcount
            count += deleted
            if deleted < _BATCH:
                return count


def _values(one: ComplianceRecord) -> dict[str, Any]:
    record = one.record
    if not all(map(math.isfinite, (record.share, record.entered_at_s, record.left_at_s))):
        raise ValueError(
            f"expected finite numbers in record {one.record_id}, got {record.share}, {record.entered_at_s}, {record.left_at_s}"
        )
    return {
        "record_id": one.record_id,
        "camera_id": one.camera_id,
        "rule_id": one.rule_id,
        "zone": record.zone,
        "item": record.item,
        "worn": record.worn.value,
        "alarmed": record.alarmed,
        "share": record.share,
        "votes": record.votes,
        "track_id": record.track_id,
        "entered_at_s": record.entered_at_s,
        "left_at_s": record.left_at_s,
        "quarter": math.floor(record.left_at_s / QUARTER_S),
    }
