"""What people said of events, for the chain that judges new ones."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, Select, func, select

from panops.domain.errors import StorageCorrupt
from panops.domain.feedback import JudgedEvent, Judgement
from panops.domain.places import Box
from panops.domain.verdicts import Verdict
from panops.storage.database import Database
from panops.storage.records import ReviewStatus, event_from
from panops.storage.scope import Scope
from panops.storage.tables import IS_REVIEWED, events, reviews

log = logging.getLogger(__name__)

MOST = 500
"""So many of a camera's newest judgements count."""

_SAID = {ReviewStatus.FALSE_ALARM.value: True, ReviewStatus.TRUE_ALARM.value: False}


class JudgementStore:
    """Reads what people said. Used by any number of threads.

    Args:
        database: An opened database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        """A number that grows whenever anybody says something of any event; asking costs next to nothing."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.max(reviews.c.review_id))).scalar() or 0)

    def of(self, camera_ids: Collection[str]) -> dict[str, list[Judgement]]:
        """The newest judgements of each camera, the newest last; cameras without any are left out, and so is what is stored damaged."""
        found: dict[str, list[Judgement]] = {}
        with self._database.reading() as connection:
            for camera_id in camera_ids:
                rows = connection.execute(newest_judgements(camera_id)).all()
                if rows:
                    found[camera_id] = [judgement for row in reversed(rows) if (judgement := _judgement(row)) is not None]
        return found

    def tallies(self, scope: Scope) -> dict[str, tuple[int, int]]:
        """How many false alarms that people were told of, and how many true ones, were marked of each rule in the scope."""
        column = events.c
        told = column.suppressed_by == ""
        query = (
            select(column.rule_id, column.status, func.count())
            .where(IS_REVIEWED, column.status.in_(sorted(_SAID)), scope.where(column.camera_id))
            .where(told | (column.status == ReviewStatus.TRUE_ALARM.value))
            .group_by(column.rule_id, column.status)
        )
        found: dict[str, tuple[int, int]] = {}
        with self._database.reading() as connection:
            for rule_id, status, count in connection.execute(query).all():
                false, true = found.get(rule_id, (0, 0))
                found[rule_id] = (count, true) if _SAID[status] else (false, count)
        return found

    def events(self, scope: Scope) -> list[JudgedEvent]:
        """Each camera's newest judged events in the scope, without where their objects were; what is stored damaged is left out."""
        column = events.c
        place = func.row_number().over(partition_by=column.camera_id, order_by=(column.reviewed_at_s.desc(), column.event_id.desc()))
        said = column.status.in_(sorted(_SAID))
        judged = select(column.event_id, place.label("place")).where(IS_REVIEWED, said, scope.where(column.camera_id)).subquery()
        query = select(events).join(judged, judged.c.event_id == column.event_id).where(judged.c.place <= MOST).order_by(column.event_id)
        found = []
        with self._database.reading() as connection:
            for row in connection.execute(query).mappings():
                try:
                    found.append(JudgedEvent(event_from(dict(row)), _SAID[row["status"]]))
                except StorageCorrupt as error:
                    log.warning("what was said of an event is not used: %s", error)
        return found


_NEWEST = (
    select(
        events.c.event_id,
        events.c.camera_id,
        events.c.rule_id,
        events.c.class_name,
        events.c.status,
        events.c.started_at_s,
        events.c.box,
        events.c.verdict,
    )
    .where(IS_REVIEWED, events.c.status.in_(sorted(_SAID)))
    .order_by(events.c.reviewed_at_s.desc(), events.c.event_id.desc())
    .limit(MOST)
)


def newest_judgements(camera_id: str) -> Select[Any]:
    """The query for a camera's newest judgements, the newest first."""
    return _NEWEST.where(events.c.camera_id == camera_id)


def _judgement(row: Row[Any]) -> Judgement | None:
    """A row's judgement; None where it cannot be read: one damaged event must not silence what was said of all others."""
    try:
        verdict, box = _verdict(row.verdict), _box(row.box)
    except (KeyError, TypeError, ValueError):
        log.warning("event %s is stored damaged; what was said of it is not used", row.event_id, extra={"event_id": row.event_id})
        return None
    travelled, appearance = (None, "") if verdict is None else (verdict.travelled, verdict.appearance)
    return Judgement(
        row.event_id, row.camera_id, row.rule_id, row.class_name, _SAID[row.status], float(row.started_at_s), travelled, box, appearance
    )


def _verdict(text: str) -> Verdict | None:
    return Verdict.from_plain(json.loads(text)) if text else None


def _box(text: str | None) -> Box | None:
    if text is None:
        return None
    left, top, right, bottom = json.loads(text)
    return float(left), float(top), float(right), float(bottom)
