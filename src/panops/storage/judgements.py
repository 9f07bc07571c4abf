"""What people said of events, for the chain that judges new ones."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import func, select

from panops.domain.feedback import Box, Judgement
from panops.domain.verdicts import Verdict
from panops.storage.database import Database
from panops.storage.records import ReviewStatus
from panops.storage.tables import events, reviews

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
        """The newest judgements of each camera, the newest last; cameras without any are left out."""
        column = events.c
        query = (
            select(column.event_id, column.camera_id, column.rule_id, column.status, column.started_at_s, column.box, column.verdict)
            .where(column.camera_id.in_(sorted(camera_ids)), column.status.in_(sorted(_SAID)))
            .order_by(column.reviewed_at_s.desc(), column.event_id)
            .limit(MOST * max(1, len(camera_ids)))
        )
        found: dict[str, list[Judgement]] = defaultdict(list)
        with self._database.reading() as connection:
            for row in connection.execute(query):
                if len(found[row.camera_id]) < MOST:
                    verdict = _verdict(row.verdict)
                    found[row.camera_id].append(
                        Judgement(
                            row.event_id,
                            row.camera_id,
                            row.rule_id,
                            _SAID[row.status],
                            float(row.started_at_s),
                            None if verdict is None else verdict.travelled,
                            _box(row.box),
                            "" if verdict is None else verdict.appearance,
                        )
                    )
        return {camera_id: judgements[::-1] for camera_id, judgements in found.items()}


def _verdict(text: str) -> Verdict | None:
    return Verdict.from_plain(json.loads(text)) if text else None


def _box(text: str | None) -> Box | None:
    if text is None:
        return None
    left, top, right, bottom = json.loads(text)
    return float(left), float(top), float(right), float(bottom)
