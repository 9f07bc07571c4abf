"""Whose alarm an event is: the first event of its person, told by how they look, within a while and some cameras."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update

from panops.domain.alerts import DeliveryState, Moment
from panops.domain.errors import StorageCorrupt
from panops.domain.events import Event, Severity
from panops.storage.database import Database
from panops.storage.embeddings import likenesses
from panops.storage.records import ReviewStatus, word_of
from panops.storage.scope import Scope
from panops.storage.tables import deliveries, embeddings, events, sightings, sinks

# An event may go on when somebody joins it; its end is looked at once more.
_STILL_HEARD_S = 60.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """An event, and whose alarm it is.

    Attributes:
        event_id: The event.
        first_id: The first event of its person: itself, where nobody was seen before who looks like that.
        likeness: How much the two people look alike, -1..1; 1 of the first.
        track_ids: Whom the event was about when that was found.
    """

    event_id: str
    first_id: str
    likeness: float
    track_ids: tuple[int, ...]

    @property
    def is_first(self) -> bool:
        """Whether nobody was seen before who looks like that."""
        return self.first_id == self.event_id


@dataclass(frozen=True, slots=True)
class Told:
    """What a sink knows of another event of the same person.

    Attributes:
        delivery_id: Of that event's delivery; None where the sink was not meant to be told.
        state: How far it has come, or None.
        due_at_s: Not before this, UTC s, or None.
        status: What people made of that event.
    """

    delivery_id: int | None
    state: DeliveryState | None
    due_at_s: float | None
    status: ReviewStatus


@dataclass(frozen=True, slots=True)
class Seen:
    """Another event of the same person.

    Attributes:
        event_id: It.
        camera_id: Where.
        kind: The rule's kind.
        started_at_s: When it began, UTC s.
        likeness: To the person of the first event, -1..1.
        is_first: Whether it is the first one.
        is_told: Whether anybody was told of it, or will be.
    """

    event_id: str
    camera_id: str
    kind: str
    started_at_s: float
    likeness: float
    is_first: bool
    is_told: bool


class Sightings:
    """Sightings in the database, at most one for each event. Used by any number of threads."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def get(self, event_id: str) -> Sighting | None:
        """What was found of an event; None before that. For the system itself."""
        with self._database.reading() as connection:
            row = connection.execute(select(sightings).where(sightings.c.event_id == event_id)).one_or_none()
        return None if row is None else _sighting(row)

    def find(self, event: Event, cameras: Collection[str], within_s: float, likeness: float, now_s: float) -> Sighting | None:
        """Find out whose alarm an event is, once and for all; None while it is not known what its person looks like.

        It is compared with the first event of everybody whom these cameras saw: those that were heard of at most `within_s` before it
        began, and that nobody took for a false alarm. Of an event about several people nobody could say whose it is: it is a first one.

        Args:
            event: The event, which is stored.
            cameras: Where its person may have been before.
            within_s: How long ago, s.
            likeness: From which similarity on two people are one.
            now_s: UTC s.
        """
        with self._database.reading() as connection:  # asked again and again: no writer is to wait for that
            known, mine = _known(connection, event.event_id)
        if known is not None or mine is None:
            return known
        with self._database.session() as connection:
            known, mine = _known(connection, event.event_id)
            if known is not None or mine is None:
                return known
            found = Sighting(event.event_id, event.event_id, 1.0, event.incident.track_ids)
            if len(event.incident.track_ids) == 1:
                began_s = event.incident.started_at_s
                since = and_(events.c.updated_at_s >= began_s - within_s, events.c.started_at_s <= began_s + within_s)
                first_id, alike = _most_alike(connection, mine, and_(since, events.c.camera_id.in_(sorted(cameras))))
                if alike >= likeness:
                    found = Sighting(event.event_id, first_id, alike, event.incident.track_ids)
            tracks = json.dumps(found.track_ids, separators=(",", ":"))  # as events have them, for the two are compared
            values = {"first_id": found.first_id, "likeness": found.likeness, "track_ids": tracks, "noted_at_s": now_s}
            connection.execute(insert(sightings).values(event_id=event.event_id, **values))
        return found

    def told(self, sink_id: str, moment: Moment, sighting: Sighting, event: Event) -> list[Told]:
        """What a sink knows of the person's other events that say as much: of the same kind, no less severe, no false alarms.

        Args:
            sink_id: The sink.
            moment: What of events it was told.
            sighting: Whose alarm `event` is.
            event: The one that is to be told.
        """
        severe = list(Severity)
        at_least = [one.value for one in severe[severe.index(event.severity) :]]
        delivery = and_(deliveries.c.event_id == sightings.c.event_id, deliveries.c.sink_id == sink_id, deliveries.c.moment == moment.value)
        query = (
            select(deliveries.c.delivery_id, deliveries.c.state, deliveries.c.due_at_s, events.c.status)
            .select_from(sightings.join(events, events.c.event_id == sightings.c.event_id).outerjoin(deliveries, delivery))
            .where(sightings.c.first_id == sighting.first_id, sightings.c.event_id != event.event_id)
            .where(events.c.kind == event.incident.kind, events.c.severity.in_(at_least))
            .where(events.c.status != ReviewStatus.FALSE_ALARM.value)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            Told(row.delivery_id, word_of(DeliveryState, row.state) if row.state else None, row.due_at_s, word_of(ReviewStatus, row.status))
            for row in rows
        ]

    def seen(self, scope: Scope, event_id: str) -> tuple[Seen, ...]:
        """The same person's other events in the scope, oldest first; none where the first one is not in the scope itself."""
        sent = [DeliveryState.SENT.value, DeliveryState.WAITING.value]
        is_told = (
            select(deliveries.c.delivery_id)
            .where(deliveries.c.event_id == events.c.event_id, deliveries.c.moment == Moment.BEGIN.value, deliveries.c.state.in_(sent))
            .exists()
        )
        column = sightings.c
        with self._database.reading() as connection:
            first_id = connection.execute(_in_scope(scope, [event_id])).scalar()
            if first_id is None:
                return ()
            query = (
                select(
                    events.c.event_id, events.c.camera_id, events.c.kind, events.c.started_at_s, column.likeness, is_told.label("is_told")
                )
                .join(events, events.c.event_id == column.event_id)
                .where(column.first_id == first_id, column.event_id != event_id, scope.where(events.c.camera_id))
                .order_by(events.c.started_at_s, events.c.event_id)
            )
            rows = connection.execute(query).all()
        return tuple(
            Seen(row.event_id, row.camera_id, row.kind, row.started_at_s, row.likeness, row.event_id == first_id, bool(row.is_told))
            for row in rows
        )

    def hidden(self, scope: Scope, event_ids: Collection[str]) -> frozenset[str]:
        """Those of some events whose person's first event is not in the scope: why nobody was told of them is not for these eyes."""
        if scope.cameras is None:
            return frozenset()
        with self._database.reading() as connection:
            later = and_(sightings.c.event_id.in_(sorted(event_ids)), sightings.c.first_id != sightings.c.event_id)
            mine = set(connection.execute(select(sightings.c.event_id).where(later)).scalars())
            shown = {row.event_id for row in connection.execute(_in_scope(scope, mine))} if mine else set()
        return frozenset(mine - shown)

    def tell_after_all(self, answers: Collection[str], now_s: float) -> int:
        """Let deliveries wait again that were skipped for one of `answers`, where somebody joined their event since; how many."""
        joined = (
            select(sightings.c.event_id)
            .join(events, events.c.event_id == sightings.c.event_id)
            .where(events.c.updated_at_s >= now_s - _STILL_HEARD_S, events.c.track_ids != sightings.c.track_ids)
            .where(sightings.c.first_id != sightings.c.event_id)
        )
        skipped = and_(
            deliveries.c.event_id.in_(joined),
            deliveries.c.state == DeliveryState.SKIPPED.value,
            deliveries.c.answer.in_(sorted(answers)),
            deliveries.c.sink_id.in_(select(sinks.c.sink_id)),
        )
        with self._database.reading() as connection:
            if connection.execute(select(deliveries.c.delivery_id).where(skipped).limit(1)).first() is None:
                return 0
        values = {"state": DeliveryState.WAITING.value, "created_at_s": now_s, "due_at_s": now_s, "closed_at_s": None, "answer": ""}
        with self._database.session() as connection:
            return int(connection.execute(update(deliveries).where(skipped).values(values)).rowcount)


def _known(connection: Connection, event_id: str) -> tuple[Sighting | None, Row[Any] | None]:
    """What was found of an event, and what its person looks like."""
    found = connection.execute(select(sightings).where(sightings.c.event_id == event_id)).one_or_none()
    mine = connection.execute(select(embeddings).where(embeddings.c.event_id == event_id)).one_or_none()
    return None if found is None else _sighting(found), mine


def _most_alike(connection: Connection, mine: Row[Any], where: ColumnElement[bool]) -> tuple[str, float]:
    """The first event whose person looks most like the one of a row of embeddings, and how much; nobody has -1."""
    query = (
        select(sightings.c.event_id, embeddings.c.vector)
        .join(events, events.c.event_id == sightings.c.event_id)
        .join(embeddings, embeddings.c.event_id == sightings.c.event_id)
        .where(sightings.c.first_id == sightings.c.event_id, embeddings.c.model == mine.model, where)
        .where(events.c.status != ReviewStatus.FALSE_ALARM.value, events.c.suppressed_by == "")
    )
    rows = connection.execute(query).all()
    if not rows:
        return "", -1.0
    scores = likenesses([row.vector for row in rows], np.frombuffer(mine.vector, np.float16).astype(np.float32))
    best = int(scores.argmax())
    return rows[best].event_id, min(1.0, float(scores[best]))


def _in_scope(scope: Scope, event_ids: Collection[str]) -> Any:
    """Asks for the first event's id, and the id, of those of some events whose first event is in the scope."""
    query = select(sightings.c.first_id, sightings.c.event_id).join(events, events.c.event_id == sightings.c.first_id)
    return query.where(sightings.c.event_id.in_(sorted(event_ids)), scope.where(events.c.camera_id))


def _sighting(row: Row[Any]) -> Sighting:
    try:
        return Sighting(row.event_id, row.first_id, float(row.likeness), tuple(map(int, json.loads(row.track_ids))))
    except (TypeError, ValueError) as error:
        raise StorageCorrupt(f"a sighting is stored damaged ({error}); restore a backup") from error
