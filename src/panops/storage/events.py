"""The repository of events: saving without ever going back, finding within a scope, and what people say of them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, and_, case, func, insert, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from panops.domain.alerts import Moment
from panops.domain.clock import Clock, SystemClock
from panops.domain.events import Event, EventPhase, Evidence, EvidenceKind
from panops.storage.database import Database
from panops.storage.errors import NotAllowed, NotFound
from panops.storage.outbox import add_deliveries, anybody_is_told, moments_of
from panops.storage.records import (
    EventCounts,
    Review,
    ReviewStatus,
    StoredEvent,
    event_from,
    event_values,
    facts_of,
    nameless,
    rank,
    word_of,
)
from panops.storage.scope import Role, Scope
from panops.storage.search import EventFilter, EventPage, changed_queries, cursor_after, page_query
from panops.storage.tables import events, evidence, reviews

__all__ = ["EventCounts", "EventFilter", "EventPage", "EventRepository", "Review", "ReviewStatus", "StoredEvent"]

LARGEST_PAGE = 500
LONGEST_NOTE = 4000


class EventRepository:
    """Events in the database; implements `domain.protocols.EventStore`. Used by any number of threads."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        """Use an opened database; `clock` dates deliveries."""
        self._database = database
        self._clock = clock or SystemClock()
        self._upsert = _upsert_for(database)

    def save(self, events: Sequence[Event]) -> None:
        """Write all of `events` in one transaction, and with them what is to be told of them; safe to repeat, in any order.

        Of each event the newest message stays: its end, else the one with the latest `updated_at_s`. What people said of an event
        (status, note, kept) is never touched.

        Raises:
            StorageError: Nothing of it was written.
            ValueError: An event holds a number that is not finite; nothing was written.
        """
        newest: dict[str, Event] = {}
        for message in events:
            known = newest.get(message.event_id)
            if known is None or rank(message) >= rank(known):
                newest[message.event_id] = message
        rows = [event_values(message) for message in newest.values()]
        if rows:
            with self._database.session() as connection:
                moments = moments_of(connection, rows) if anybody_is_told(connection) else []
                connection.execute(self._upsert, rows)
                add_deliveries(connection, moments, self._clock.utc_s())

    def get(self, scope: Scope, event_id: str) -> StoredEvent | None:
        """The event, or None when there is none in the scope."""
        with self._database.reading() as connection:
            found = _load(connection, scope, [event_id])
        return found[0] if found else None

    def search(self, scope: Scope, wanted: EventFilter | None = None, cursor: str | None = None, limit: int = 50) -> EventPage:
        """A page of the events in the scope, newest first by start (then by id).

        Args:
            scope: Whose eyes.
            wanted: What to find; None finds all.
            cursor: `next_cursor` of the page before; None begins with the newest.
            limit: How many at most, 1..500.

        Raises:
            InvalidCursor: The cursor is not from a page.
        """
        limit = max(1, min(limit, LARGEST_PAGE))
        query = page_query(scope, wanted or EventFilter(), cursor, limit, like_ignores_case=self._database.path is not None)
        with self._database.reading() as connection:
            places = connection.execute(query).all()
            page = _load(connection, scope, [event_id for event_id, _ in places[:limit]])
        more = len(places) > limit
        last_id, last_start_s = (places[limit - 1].event_id, places[limit - 1].started_at_s) if more else ("", 0.0)
        return EventPage(tuple(page), cursor_after(last_start_s, last_id) if more else None)

    def pictured(self, scope: Scope, event_ids: Collection[str]) -> frozenset[str]:
        """Those of some events in the scope that have a snapshot."""
        query = (
            select(evidence.c.event_id)
            .join(events, events.c.event_id == evidence.c.event_id)
            .where(evidence.c.kind == EvidenceKind.SNAPSHOT.value, evidence.c.missing.is_(False), scope.where(events.c.camera_id))
            .where(evidence.c.event_id.in_(sorted(event_ids)))
        )
        with self._database.reading() as connection:
            return frozenset(connection.execute(query).scalars())

    def counts(self, scope: Scope, since_s: float | None = None) -> EventCounts:
        """How many events in the scope began at or after `since_s` (None: ever)."""
        column = events.c
        is_open = func.sum(case((column.ended_at_s.is_(None), 1), else_=0))
        groups = (column.camera_id, column.kind, column.severity, column.status, column.suppressed_by)
        query = select(*groups, func.count(), is_open).where(scope.where(column.camera_id)).group_by(*groups)
        if since_s is not None:
            query = query.where(column.started_at_s >= since_s)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        tallies: dict[str, Counter[str]] = defaultdict(Counter)
        total = still_open = suppressed = 0
        for camera_id, kind, severity, status, suppressed_by, count, open_count in rows:
            if suppressed_by:
                suppressed += count
                continue
            total += count
            still_open += int(open_count)
            for name, value in (("camera", camera_id), ("kind", kind), ("severity", severity), ("status", status)):
                tallies[name][value] += count
            if status == ReviewStatus.NEW:
                tallies["new"][camera_id] += count
        return EventCounts(
            total=total,
            open=still_open,
            suppressed=suppressed,
            by_status=dict(tallies["status"]),
            by_camera=dict(tallies["camera"]),
            by_kind=dict(tallies["kind"]),
            by_severity=dict(tallies["severity"]),
            new_by_camera=dict(tallies["new"]),
        )

    def unreviewed(self, scope: Scope, most: int) -> int:
        """How many believed events in the scope nobody has reviewed; counting ends at `most`."""
        # As an expression, so that no database takes the index of cameras and reads all that these ever saw.
        camera_id = func.coalesce(events.c.camera_id, "")
        fresh = select(events.c.event_id).where(
            events.c.status == ReviewStatus.NEW.value, events.c.suppressed_by == "", scope.where(camera_id)
        )
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(fresh.limit(most).subquery())).scalar() or 0)

    def review(
        self,
        scope: Scope,
        event_id: str,
        *,
        status: ReviewStatus | None = None,
        note: str | None = None,
        kept: bool | None = None,
        user: str,
        at_s: float,
    ) -> StoredEvent:
        """Say something of an event; what is None stays as it is. The change is added to the event's history.

        Args:
            scope: Whose eyes; the role must cover operator.
            event_id: The event.
            status: What it turned out to be.
            note: Free text, at most 4000 characters; longer text is cut. Empty removes the note.
            kept: Whether retention must leave it alone.
            user: Who says so.
            at_s: When, UTC s.

        Raises:
            NotFound: There is no such event in the scope.
            NotAllowed: The role does not cover operator.
            StorageError: It was not written.
        """
        found, _ = self.review_all(scope, [event_id], status=status, note=note, kept=kept, user=user, at_s=at_s)
        if not found:
            raise NotFound(f"no event {event_id[:200]!r} that this user may see")
        return found[0]

    def review_all(
        self,
        scope: Scope,
        event_ids: Collection[str],
        *,
        status: ReviewStatus | None = None,
        note: str | None = None,
        kept: bool | None = None,
        user: str,
        at_s: float,
    ) -> tuple[list[StoredEvent], list[str]]:
        """Say the same of many events in one transaction; see `review`.

        Returns:
            The events as they are then, in the order of `event_ids`, and the ids of those that are not in the scope.

        Raises:
            NotAllowed: The role does not cover operator.
            StorageError: Nothing was written.
        """
        if not scope.role.covers(Role.OPERATOR):
            raise NotAllowed(f"reviewing events needs the role operator, got {scope.role.value}")
        if note is not None:
            note = note.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:LONGEST_NOTE]
        wanted = {"status": status.value if status else None, "note": note, "kept": kept}
        asked = list(dict.fromkeys(event_ids))
        with self._database.session() as connection:
            query = select(events.c.event_id, events.c.status, events.c.note, events.c.kept)
            query = query.where(events.c.event_id.in_(asked), scope.where(events.c.camera_id)).with_for_update()
            rows = {row.event_id: row for row in connection.execute(query)}
            for event_id, row in rows.items():
                changed = {name: value for name, value in wanted.items() if value is not None and value != getattr(row, name)}
                if changed:
                    values = {**changed, "reviewed_by": user, "reviewed_at_s": at_s}
                    connection.execute(update(events).where(events.c.event_id == event_id).values(values))
                    connection.execute(insert(reviews).values(event_id=event_id, at_s=at_s, user=user, **changed))
            return _load(connection, scope, [name for name in asked if name in rows]), [name for name in asked if name not in rows]

    def changed_since(self, scope: Scope, since_s: float, limit: int = LARGEST_PAGE) -> tuple[list[StoredEvent], bool]:
        """The events in the scope that went on, ended or were reviewed at or after a moment, the one that was heard of last at the end.

        Args:
            scope: Whose eyes.
            since_s: The moment, UTC s.
            limit: How many at most, 1..500; of more the newest.

        Returns:
            The events, and whether there are more of them.
        """
        limit = max(1, min(limit, LARGEST_PAGE))
        heard_s: dict[str, float] = {}
        with self._database.reading() as connection:
            for query in changed_queries(scope, since_s, limit + 1):
                for event_id, at_s in connection.execute(query).all():
                    heard_s[event_id] = max(at_s, heard_s.get(event_id, at_s))
            names = sorted(heard_s, key=lambda event_id: (heard_s[event_id], event_id), reverse=True)
            found = _load(connection, scope, names[:limit])
        return found[::-1], len(names) > limit

    def history(self, scope: Scope, event_id: str) -> tuple[Review, ...]:
        """Every change that people made to the event, oldest first; empty when it is not in the scope."""
        query = (
            select(reviews)
            .join(events, events.c.event_id == reviews.c.event_id)
            .where(reviews.c.event_id == event_id, scope.where(events.c.camera_id))
            .order_by(reviews.c.review_id)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(
            Review(row.at_s, row.user, word_of(ReviewStatus, row.status) if row.status else None, row.note, row.kept) for row in rows
        )

    def close_open(self, camera_ids: Collection[str] | None, at_s: float | None = None) -> int:
        """End the events that a killed process left open: called by whoever takes the cameras over, before its first event.

        Such an event ends when it was last heard of, and its details get `interrupted: true`.

        Args:
            camera_ids: The cameras taken over; None: all, also those that are not in the site any more.
            at_s: Leave events alone that were heard of after this, UTC s; None ends them all.

        Returns:
            How many were ended.
        """
        condition = true() if camera_ids is None else events.c.camera_id.in_(sorted(camera_ids))
        return self._interrupt(condition if at_s is None else and_(condition, events.c.updated_at_s <= at_s))

    def close_events(self, event_ids: Collection[str]) -> int:
        """As `close_open`, for single events."""
        return self._interrupt(events.c.event_id.in_(sorted(event_ids)))

    def _interrupt(self, condition: Any) -> int:
        query = select(events.c.event_id, events.c.updated_at_s, events.c.details).where(condition, events.c.ended_at_s.is_(None))
        with self._database.session() as connection:
            rows = connection.execute(query.with_for_update()).all()
            for row in rows:
                details = {**json.loads(row.details), "interrupted": True}
                values = {"phase": EventPhase.END.value, "ended_at_s": row.updated_at_s, "facts": facts_of(details)}
                values["details"] = json.dumps(details, separators=(",", ":"))
                connection.execute(update(events).where(events.c.event_id == row.event_id).values(values))
            add_deliveries(connection, [(row.event_id, Moment.END) for row in rows], self._clock.utc_s())
        return len(rows)


def _upsert_for(database: Database) -> Any:
    """The statement that writes a message unless a newer one is there already; ranks as `records.rank` does."""
    statement = (sqlite if database.path else postgresql).insert(events)
    new, old = statement.excluded, events.c
    incident_columns = [name for name in event_values_columns() if name != "event_id"]
    new_ended, old_ended = new.phase == EventPhase.END.value, old.phase == EventPhase.END.value
    phase_order = {phase.value: index for index, phase in enumerate(EventPhase)}
    later = or_(
        new.updated_at_s > old.updated_at_s,
        and_(new.updated_at_s == old.updated_at_s, case(phase_order, value=new.phase) >= case(phase_order, value=old.phase)),
    )
    newer = or_(and_(new_ended, ~old_ended), and_(new_ended == old_ended, later))
    return statement.on_conflict_do_update(
        index_elements=[old.event_id], set_={name: getattr(new, name) for name in incident_columns}, where=newer
    )


def event_values_columns() -> tuple[str, ...]:
    """The columns that saving an event writes."""
    reviewed = {"status", "note", "kept", "reviewed_by", "reviewed_at_s"}
    return tuple(column.name for column in events.columns if column.name not in reviewed)


def _load(connection: Connection, scope: Scope, event_ids: Sequence[str]) -> list[StoredEvent]:
    """The events that are in the scope, in the order of `event_ids`, with their evidence; names of known people for operators only."""
    if not event_ids:
        return []
    proof = _load_evidence(connection, event_ids)
    query = select(events).where(events.c.event_id.in_(event_ids), scope.where(events.c.camera_id))
    found = {row["event_id"]: row for row in connection.execute(query).mappings()}
    stored = (_stored(found[event_id], proof[event_id]) for event_id in event_ids if event_id in found)
    return list(stored if scope.role.covers(Role.OPERATOR) else map(nameless, stored))


def _load_evidence(connection: Connection, event_ids: Iterable[str]) -> dict[str, list[Evidence]]:
    proof: dict[str, list[Evidence]] = defaultdict(list)
    query = select(evidence).where(evidence.c.event_id.in_(list(event_ids)), evidence.c.missing.is_(False)).order_by(evidence.c.kind)
    for row in connection.execute(query):
        kind = word_of(EvidenceKind, row.kind)
        proof[row.event_id].append(Evidence(row.event_id, kind, row.path, row.size_bytes, row.sha256, row.start_s, row.end_s))
    return proof


def _stored(row: Any, proof: Sequence[Evidence]) -> StoredEvent:
    return StoredEvent(
        event=event_from(row),
        status=word_of(ReviewStatus, row["status"]),
        note=row["note"],
        kept=bool(row["kept"]),
        evidence=tuple(proof),
        reviewed_by=row["reviewed_by"],
        reviewed_at_s=row["reviewed_at_s"],
    )
