"""Daily histograms of each camera: what it saw, how bright and sharp it was, and what people made of its events."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from panops.domain.drift import QUANTITIES, Drift, Histogram, compare
from panops.storage.database import Database
from panops.storage.records import ReviewStatus
from panops.storage.scope import Scope
from panops.storage.tables import drift, events

REFERENCE_DAYS = 7
"""The reference is so many days, unless the camera's settings say otherwise."""
NEWEST_DAYS = 7
"""The latest days are taken together until there are enough samples, so many at most."""
# Rows that are no histogram: the picture of the reference's first day, and the mark that a drift was told.
_PICTURE, _TOLD = "picture", "told"
_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class DriftReport:
    """How far a camera's latest days are from its reference.

    Attributes:
        reference_days: The days of the reference, oldest first, `YYYY-MM-DD` in UTC.
        newest_days: The days compared with it.
        drifts: One for each quantity.
    """

    reference_days: tuple[str, ...]
    newest_days: tuple[str, ...]
    drifts: tuple[Drift, ...]

    @property
    def is_large(self) -> bool:
        """Whether any quantity has clearly changed."""
        return any(one.level == "large" for one in self.drifts)


class DriftDays:
    """Histograms in the database, one for each camera, day and quantity. Used by any number of threads."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def add(self, camera_id: str, day: str, counts: Mapping[str, Histogram], picture: bytes = b"") -> None:
        """Add counts to a day's histograms; the first picture of a day stays.

        Raises:
            StorageError: Nothing of it was written.
            ValueError: It is no day such as 2026-11-29, or no such quantity.
        """
        date.fromisoformat(day)
        unknown = sorted(set(counts) - set(QUANTITIES))
        if unknown:
            raise ValueError(f"expected quantities such as {', '.join(QUANTITIES)}, got {unknown[0]!r}")
        with self._database.session() as connection:
            mine = (drift.c.camera_id == camera_id) & (drift.c.day == day)
            rows = connection.execute(select(drift.c.quantity, drift.c.counts).where(mine).with_for_update())
            known = {row.quantity: json.loads(row.counts) for row in rows}
            for quantity, new in counts.items():
                total = Counter(known.get(quantity, {}))
                total.update(new)
                self._put(connection, camera_id, day, quantity, json.dumps(dict(total), separators=(",", ":")), None)
            if picture and _PICTURE not in known:
                self._put(connection, camera_id, day, _PICTURE, "{}", picture)

    def report(
        self, scope: Scope, camera_id: str, *, before: str, reference_from: str = "", reference_days: int = REFERENCE_DAYS
    ) -> DriftReport:
        """The latest days before the day `before`, against the reference: the first days that have counts, from `reference_from` on.

        A camera outside the scope has no days.
        """
        days = self._days(scope, camera_id, before, reference_from)
        names = sorted(days)
        reference, rest = names[:reference_days], names[reference_days:]
        then = {name: [days[day].get(name, {}) for day in reference] for name in QUANTITIES}
        drifts, newest = [], set[str]()
        for name, quantity in QUANTITIES.items():
            taken: list[str] = []
            found = compare(quantity, then[name], [])
            for day in reversed(rest[-NEWEST_DAYS:]):
                taken.append(day)
                found = compare(quantity, then[name], [days[one].get(name, {}) for one in taken])
                if found.psi is not None:
                    break
            newest.update(taken)
            drifts.append(found)
        return DriftReport(tuple(reference), tuple(sorted(newest)), tuple(drifts))

    def picture(self, scope: Scope, camera_id: str, reference_from: str = "") -> bytes:
        """JPEG of the reference's first day; empty when there is none in the scope."""
        mine = (drift.c.camera_id == camera_id) & (drift.c.quantity == _PICTURE) & (drift.c.day >= reference_from)
        query = select(drift.c.picture).where(mine, scope.where(drift.c.camera_id)).order_by(drift.c.day).limit(1)
        with self._database.reading() as connection:
            found = connection.execute(query).scalar()
        return bytes(found) if found else b""

    def mark_told(self, camera_id: str, words: str) -> bool:
        """Remember what drift was told; False when the very same was told already. Empty words forget it."""
        mine = (drift.c.camera_id == camera_id) & (drift.c.quantity == _TOLD)
        with self._database.session() as connection:
            known = connection.execute(select(drift.c.counts).where(mine)).scalar()
            if known == words or (known is None and not words):
                return False
            connection.execute(delete(drift).where(mine))
            if words:
                self._put(connection, camera_id, "", _TOLD, words, None)
        return True

    def forget_before(self, camera_id: str, day: str, keep_from: str) -> None:
        """Delete the days before `day`, but for those of the reference: `keep_from` is the first day after it."""
        old = (drift.c.camera_id == camera_id) & (drift.c.day < day) & (drift.c.day > keep_from) & (drift.c.quantity != _TOLD)
        with self._database.session() as connection:
            connection.execute(delete(drift).where(old))

    def _put(self, connection: Any, camera_id: str, day: str, quantity: str, counts: str, picture: bytes | None) -> None:
        statement: Any = (sqlite if self._database.path else postgresql).insert(drift)
        values = {"counts": counts, "picture": picture}
        keys = {"camera_id": camera_id, "day": day, "quantity": quantity}
        connection.execute(
            statement.values(**keys, **values).on_conflict_do_update(
                index_elements=[drift.c.camera_id, drift.c.day, drift.c.quantity], set_=values
            )
        )

    def _days(self, scope: Scope, camera_id: str, before: str, reference_from: str) -> dict[str, dict[str, Histogram]]:
        mine = (drift.c.camera_id == camera_id) & (drift.c.day >= (reference_from or "0")) & (drift.c.day < before)
        query = select(drift.c.day, drift.c.quantity, drift.c.counts).where(mine, drift.c.quantity.in_(list(QUANTITIES)))
        days: dict[str, dict[str, Histogram]] = defaultdict(dict)
        with self._database.reading() as connection:
            for row in connection.execute(query.where(scope.where(drift.c.camera_id))):
                days[row.day][row.quantity] = json.loads(row.counts)
            if not days:
                return {}
            for day, verdicts in self._verdicts(connection, scope, camera_id, min(days), before).items():
                if day in days:
                    days[day]["verdict"] = verdicts
        return days

    def _verdicts(self, connection: Any, scope: Scope, camera_id: str, first: str, before: str) -> dict[str, Histogram]:
        """What people made of the events of each day."""
        words = {ReviewStatus.ACKNOWLEDGED.value: "true", ReviewStatus.FALSE_ALARM.value: "false"}
        column = events.c
        mine = (column.camera_id == camera_id) & (column.started_at_s >= _start_s(first)) & (column.started_at_s < _start_s(before))
        number = func.floor(column.started_at_s / _DAY_S)
        query = select(number, column.status, func.count()).where(mine, column.status.in_(list(words)), scope.where(column.camera_id))
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for day_number, status, count in connection.execute(query.group_by(number, column.status)):
            found[day_of(float(day_number) * _DAY_S)][words[status]] = int(count)
        return dict(found)


def day_of(time_s: float) -> str:
    """The day of a moment, UTC s: `YYYY-MM-DD`."""
    return datetime.fromtimestamp(time_s, UTC).date().isoformat()


def days_before(day: str, count: int) -> str:
    """The day so many days before another."""
    return (date.fromisoformat(day) - timedelta(days=count)).isoformat()


def _start_s(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
