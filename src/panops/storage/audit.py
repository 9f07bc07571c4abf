"""Who did what: a log that is only added to, until its entries are too old."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, true

from panops.storage.database import Database
from panops.storage.errors import InvalidCursor
from panops.storage.tables import audit, people

LARGEST_PAGE = 500
_DAY_S = 86_400.0
# Deleted in one transaction: short enough that writers do not wait long.
_BATCH = 1000

asking_from: ContextVar[str] = ContextVar("asking_from", default="")
"""The address of whoever is being answered; empty outside a request. The server sets it, and every entry carries it."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that somebody did.

    Attributes:
        at_s: When, UTC s.
        user: Who; empty for the system.
        action: A stable word such as `login`, `camera.put`, `user.delete`.
        target: What it was done to, such as a camera id.
        detail: Facts; never a password.
        address: Where it was asked from; empty for the system itself.
    """

    at_s: float
    user: str
    action: str
    target: str
    detail: Mapping[str, Any]
    address: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries to find. Conditions are joined by "and"; an empty one is no condition.

    Attributes:
        user: Who, exactly.
        action: A word, or its beginning up to a dot: `user` finds `user.create`, too.
        target: Part of what it was done to.
        since_s: At or after this, UTC s.
        until_s: Before this, UTC s.
    """

    user: str = ""
    action: str = ""
    target: str = ""
    since_s: float | None = None
    until_s: float | None = None

    def condition(self) -> ColumnElement[bool]:
        """The WHERE clause."""
        found: list[ColumnElement[bool]] = [true()]
        if self.user:
            found.append(audit.c.user == self.user)
        if self.action:
            found.append(or_(audit.c.action == self.action, audit.c.action.startswith(f"{self.action}.", autoescape=True)))
        if self.target:
            found.append(audit.c.target.contains(self.target, autoescape=True))
        if self.since_s is not None:
            found.append(audit.c.at_s >= self.since_s)
        if self.until_s is not None:
            found.append(audit.c.at_s < self.until_s)
        return and_(*found)


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
        with self._database.session() as connection:
            add_entry(connection, at_s, user, action, target, detail)

    def record_of(self, person_id: str, at_s: float, user: str, action: str, detail: Mapping[str, Any] | None = None) -> bool:
        """Add an entry about somebody who is known, with their id as the target; whether they are.

        Of who was deleted a moment ago nothing is written down: their id would stay.

        Raises:
            StorageError: It was not written.
        """
        with self._database.session() as connection:
            there = select(people.c.person_id).where(people.c.person_id == person_id).with_for_update(read=True)
            if connection.execute(there).first() is None:
                return False
            add_entry(connection, at_s, user, action, person_id, detail)
        return True

    def delete_before(self, before_s: float, now_s: float) -> int:
        """Delete what is older, piece by piece, and write each piece down with its deletion; how many entries went.

        It waits until there is something a day older: each deletion is an entry itself.

        Raises:
            StorageError: Nothing more was deleted; what was before is written down.
        """
        with self._database.reading() as connection:
            due = select(audit.c.entry_id).where(audit.c.at_s < before_s - _DAY_S).limit(1)
            if connection.execute(due).first() is None:
                return 0
        count = 0
        while True:
            with self._database.session() as connection:
                ids = list(connection.execute(select(audit.c.entry_id).where(audit.c.at_s < before_s).limit(_BATCH)).scalars())
                if ids:
                    connection.execute(delete(audit).where(audit.c.entry_id.in_(ids)))
                    add_entry(connection, now_s, "", "audit.delete", detail={"entries": len(ids), "before_s": before_s})
            count += len(ids)
            if len(ids) < _BATCH:
                return count

    def entries(self, limit: int = 100, cursor: str | None = None, wanted: AuditFilter | None = None) -> AuditPage:
        """A page of entries, newest first.

        Raises:
            InvalidCursor: The cursor is not from a page.
        """
        limit = max(1, min(limit, LARGEST_PAGE))
        query = select(audit).order_by(audit.c.entry_id.desc()).limit(limit + 1)
        if wanted is not None:
            query = query.where(wanted.condition())
        if cursor is not None:
            if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
                raise InvalidCursor("expected a cursor from an earlier page, got something else; begin again without one")
            query = query.where(audit.c.entry_id < int(cursor))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        page = tuple(map(_entry, rows[:limit]))
        return AuditPage(page, str(rows[limit - 1].entry_id) if len(rows) > limit else None)

    def every(self, wanted: AuditFilter, most: int) -> Iterator[AuditEntry]:
        """All entries of a filter, newest first, page by page; no more than `most`."""
        cursor: str | None = None
        while most > 0:
            page = self.entries(min(LARGEST_PAGE, most), cursor, wanted)
            yield from page.entries
            cursor, most = page.next_cursor, most - len(page.entries)
            if cursor is None:
                return

    def newest_of(self, actions: Collection[str], limit: int = LARGEST_PAGE) -> tuple[AuditEntry, ...]:
        """The newest entries of some actions, the newest first."""
        query = select(audit).where(audit.c.action.in_(sorted(actions))).order_by(audit.c.entry_id.desc()).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(map(_entry, rows))


def add_entry(
    connection: Connection, at_s: float, user: str, action: str, target: str = "", detail: Mapping[str, Any] | None = None
) -> None:
    """Add an entry in the transaction of what it tells of, so that there is neither without the other."""
    text = json.dumps(dict(detail or {}), default=str)
    values = {"at_s": at_s, "user": _clean(user), "action": action, "target": _clean(target), "detail": text}
    connection.execute(insert(audit).values(address=_clean(asking_from.get()), **values))


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(row.at_s, row.user, row.action, row.target, json.loads(row.detail), row.address)


def _clean(value: str) -> str:
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:400]
