"""Who did what: an append-only log."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from panops.storage.database import Database
from panops.storage.errors import InvalidCursor
from panops.storage.tables import audit

LARGEST_PAGE = 500


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that somebody did.

    Attributes:
        at_s: When, UTC s.
        user: Who; empty for the system.
        action: A stable word such as `login`, `camera.put`, `user.delete`.
        target: What it was done to, such as a camera id.
        detail: Facts; never a password.
    """

    at_s: float
    user: str
    action: str
    target: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of entries, newest first; `next_cursor` gives the page after it, None at the end."""

    entries: tuple[AuditEntry, ...]
    next_cursor: str | None


class AuditLog:
    """The log in the database. Used by any number of threads."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def record(self, at_s: float, user: str, action: str, target: str = "", detail: Mapping[str, Any] | None = None) -> None:
        """Add an entry.

        Raises:
            StorageError: It was not written.
        """
        text = json.dumps(dict(detail or {}), default=str)
        with self._database.session() as connection:
            connection.execute(insert(audit).values(at_s=at_s, user=_clean(user), action=action, target=_clean(target), detail=text))

    def entries(self, limit: int = 100, cursor: str | None = None) -> AuditPage:
        """A page of entries, newest first.

        Raises:
            InvalidCursor: The cursor is not from a page.
        """
        limit = max(1, min(limit, LARGEST_PAGE))
        query = select(audit).order_by(audit.c.entry_id.desc()).limit(limit + 1)
        if cursor is not None:
            if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
                raise InvalidCursor("expected a cursor from an earlier page, got something else; begin again without one")
            query = query.where(audit.c.entry_id < int(cursor))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        page = tuple(AuditEntry(row.at_s, row.user, row.action, row.target, json.loads(row.detail)) for row in rows[:limit])
        return AuditPage(page, str(rows[limit - 1].entry_id) if len(rows) > limit else None)

    def newest_of(self, actions: Collection[str], limit: int = LARGEST_PAGE) -> tuple[AuditEntry, ...]:
        """The newest entries of some actions, the newest first."""
        query = select(audit).where(audit.c.action.in_(sorted(actions))).order_by(audit.c.entry_id.desc()).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(AuditEntry(row.at_s, row.user, row.action, row.target, json.loads(row.detail)) for row in rows)


def _clean(value: str) -> str:
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:400]
