"""The outbox: what is still to be told, and what became of it. It is filled in the transaction that stores an event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from panops.domain.alerts import Delivery, DeliveryState, Moment
from panops.domain.errors import StorageCorrupt
from panops.storage.database import Database
from panops.storage.errors import NotFound
from panops.storage.records import word_of
from panops.storage.scope import Scope
from panops.storage.switches import alerts_off
from panops.storage.tables import deliveries, events, sinks

LONGEST_ANSWER = 500
LARGEST_PAGE = 500

_WAITING = deliveries.c.state == DeliveryState.WAITING.value


class Outbox:
    """The deliveries of all sinks. Used by any number of threads.

    Args:
        database: An opened database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def sync(self, sink_ids: Collection[str], now_s: float) -> None:
        """Say who is told from now on. Of a sink that is gone what waits is closed; a new one is told of what is stored from now on.

        Args:
            sink_ids: All sinks that are on.
            now_s: UTC s.
        """
        with self._database.session() as connection:
            known = set(connection.execute(select(sinks.c.sink_id)).scalars())
            gone = known - set(sink_ids)
            if gone:
                connection.execute(delete(sinks).where(sinks.c.sink_id.in_(sorted(gone))))
            # Also what a sink left behind that was removed while nothing ran.
            orphan = _WAITING & deliveries.c.sink_id.not_in(sorted(sink_ids)) if sink_ids else _WAITING
            closed = {"state": DeliveryState.SKIPPED.value, "answer": "the sink was switched off or removed", "closed_at_s": now_s}
            connection.execute(update(deliveries).where(orphan).values(closed))
            fresh = [{"sink_id": name} for name in sorted(set(sink_ids) - known)]
            if fresh:
                connection.execute(insert(sinks), fresh)

    def next_waiting(self, sink_id: str) -> Delivery | None:
        """The delivery that is due first, now or later; None when nothing waits."""
        query = select(deliveries).where(_WAITING, deliveries.c.sink_id == sink_id)
        with self._database.reading() as connection:
            row = connection.execute(query.order_by(deliveries.c.due_at_s, deliveries.c.delivery_id).limit(1)).first()
        return None if row is None else _delivery(row)

    def waiting(self, sink_id: str, moment: Moment, camera_id: str, rule_id: str, limit: int = 100) -> list[Delivery]:
        """What waits of one moment of one rule's events at one camera, oldest first."""
        query = (
            select(deliveries)
            .join(events, events.c.event_id == deliveries.c.event_id)
            .where(_WAITING, deliveries.c.sink_id == sink_id, deliveries.c.moment == moment.value)
            .where(events.c.camera_id == camera_id, events.c.rule_id == rule_id)
            .order_by(deliveries.c.delivery_id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def last_sent_s(self, sink_id: str, moment: Moment, camera_id: str, rule_id: str) -> float | None:
        """When this sink was last told this moment of one rule's events at one camera, UTC s; None for never."""
        query = (
            select(func.max(deliveries.c.closed_at_s))
            .join(events, events.c.event_id == deliveries.c.event_id)
            .where(deliveries.c.sink_id == sink_id, deliveries.c.state == DeliveryState.SENT.value, deliveries.c.moment == moment.value)
            .where(events.c.camera_id == camera_id, events.c.rule_id == rule_id)
        )
        with self._database.reading() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else float(found)

    def find(self, sink_id: str, event_id: str, moment: Moment) -> Delivery | None:
        """What becomes of a moment of an event at a sink; None when it was never meant for it."""
        query = select(deliveries).where(
            deliveries.c.event_id == event_id, deliveries.c.sink_id == sink_id, deliveries.c.moment == moment.value
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _delivery(row)

    def postpone(self, delivery_id: int, due_at_s: float) -> None:
        """Do not send it before `due_at_s`, UTC s."""
        self._change([delivery_id], {"due_at_s": due_at_s})

    def tried(self, delivery_id: int, answer: str) -> int:
        """A try failed; how many there were. It still waits."""
        attempts = {"attempts": deliveries.c.attempts + 1, "answer": answer[:LONGEST_ANSWER]}
        self._change([delivery_id], attempts)
        with self._database.reading() as connection:
            return int(connection.execute(select(deliveries.c.attempts).where(deliveries.c.delivery_id == delivery_id)).scalar() or 0)

    def close(self, delivery_ids: Collection[int], state: DeliveryState, answer: str, now_s: float) -> None:
        """End deliveries: sent, skipped or dead. A try is counted for all but skipped ones.

        Args:
            delivery_ids: Which.
            state: What became of them.
            answer: What the receiver said, or why.
            now_s: UTC s.
        """
        values: dict[str, Any] = {"state": state.value, "answer": answer[:LONGEST_ANSWER], "closed_at_s": now_s}
        if state is DeliveryState.SENT:
            values["attempts"] = deliveries.c.attempts + 1
        self._change(delivery_ids, values)

    def drop(self, delivery_id: int) -> None:
        """Forget a delivery that was never meant for its sink."""
        with self._database.session() as connection:
            connection.execute(delete(deliveries).where(deliveries.c.delivery_id == delivery_id))

    def send_again(self, scope: Scope, delivery_id: int, now_s: float) -> Delivery:
        """Let a delivery that was given up wait once more, as if it were new.

        Raises:
            NotFound: There is none that was given up in the scope, or its sink is off.
        """
        with self._database.session() as connection:
            query = select(deliveries).join(events, events.c.event_id == deliveries.c.event_id)
            told = deliveries.c.sink_id.in_(select(sinks.c.sink_id))
            condition = (deliveries.c.delivery_id == delivery_id) & (deliveries.c.state == DeliveryState.DEAD.value) & told
            row = connection.execute(query.where(condition, scope.where(events.c.camera_id))).first()
            if row is None:
                raise NotFound(f"no delivery {delivery_id} that was given up and that this user may see")
            values = {"state": DeliveryState.WAITING.value, "attempts": 0, "created_at_s": now_s, "due_at_s": now_s, "closed_at_s": None}
            connection.execute(update(deliveries).where(deliveries.c.delivery_id == delivery_id).values(values))
            return _delivery(connection.execute(select(deliveries).where(deliveries.c.delivery_id == delivery_id)).one())

    def log(
        self, scope: Scope, *, sink_id: str | None = None, event_id: str | None = None, before_id: int | None = None, limit: int = 50
    ) -> list[Delivery]:
        """Deliveries of events in the scope, newest first.

        Args:
            scope: Whose eyes.
            sink_id: Only of this sink.
            event_id: Only of this event.
            before_id: Only those before this one: the last of the page before.
            limit: How many at most, 1..500.
        """
        query = select(deliveries).join(events, events.c.event_id == deliveries.c.event_id).where(scope.where(events.c.camera_id))
        for column, wanted in ((deliveries.c.sink_id, sink_id), (deliveries.c.event_id, event_id)):
            if wanted is not None:
                query = query.where(column == wanted)
        if before_id is not None:
            query = query.where(deliveries.c.delivery_id < before_id)
        query = query.order_by(deliveries.c.delivery_id.desc()).limit(max(1, min(limit, LARGEST_PAGE)))
        with self._database.reading() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def counts(self) -> dict[str, dict[DeliveryState, int]]:
        """How many deliveries of each sink are in which state."""
        query = select(deliveries.c.sink_id, deliveries.c.state, func.count()).group_by(deliveries.c.sink_id, deliveries.c.state)
        found: dict[str, dict[DeliveryState, int]] = defaultdict(dict)
        with self._database.reading() as connection:
            for sink_id, state, count in connection.execute(query):
                found[sink_id][word_of(DeliveryState, state)] = int(count)
        return dict(found)

    def _change(self, delivery_ids: Collection[int], values: dict[str, Any]) -> None:
        with self._database.session() as connection:
            # What is done with stays as it is, whatever a courier that was left to itself still says of it.
            connection.execute(update(deliveries).where(_WAITING, deliveries.c.delivery_id.in_(sorted(delivery_ids))).values(values))


def add_deliveries(connection: Connection, moments: Iterable[tuple[str, Moment]], now_s: float) -> None:
    """Add a delivery for each sink, within the transaction that makes the moments true.

    Of an event that begins while alerts of its camera are off nobody is told: its beginning is skipped here, with the reason, and what
    comes after a beginning that was skipped is skipped by the courier. What began before is told to its end, however late it is stored.

    Args:
        connection: In a transaction.
        moments: Event ids and what of them; one that is there already is left as it is.
        now_s: UTC s.
    """
    into: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(deliveries)
    names = ("event_id", "moment", "created_at_s", "due_at_s", "state", "answer", "closed_at_s")
    moments = list(moments)
    off = alerts_off(connection, [event_id for event_id, moment in moments if moment is Moment.BEGIN])
    for event_id, moment in moments:
        fate: tuple[str, str, float | None] = (DeliveryState.WAITING.value, "", None)
        if moment is Moment.BEGIN and event_id in off:
            since = datetime.fromtimestamp(off[event_id].since_s, UTC)
            why = f"alerts of the camera are off since {since:%Y-%m-%d %H:%M} UTC, by {off[event_id].by}"
            fate = (DeliveryState.SKIPPED.value, why[:LONGEST_ANSWER], now_s)
        values = (event_id, moment.value, now_s, now_s, *fate)
        # Nobody is told of what is taken for a false alarm; that it is not told if it is believed later is noted already now.
        tellable = select(events.c.event_id).where(events.c.event_id == event_id)
        if fate[0] == DeliveryState.WAITING.value:
            tellable = tellable.where(events.c.suppressed_by == "")
        told = [literal(value, deliveries.c[name].type) for name, value in zip(names, values, strict=True)]
        # (SQLite needs a `where`: it would read ON CONFLICT as a part of the select.)
        rows = select(sinks.c.sink_id, *told).where(tellable.exists())
        connection.execute(into.from_select(["sink_id", *names], rows).on_conflict_do_nothing())


def anybody_is_told(connection: Connection) -> bool:
    """Whether there is any sink."""
    return connection.execute(select(sinks.c.sink_id).limit(1)).first() is not None


def moments_of(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[tuple[str, Moment]]:
    """What is new about event rows that are about to be written: that they begin, that they end. Asked within the same transaction."""
    ids = [row["event_id"] for row in rows]
    query = select(events.c.event_id, events.c.ended_at_s).where(events.c.event_id.in_(ids), events.c.suppressed_by == "")
    known = {event_id: ended_at_s is not None for event_id, ended_at_s in connection.execute(query)}
    found = []
    for row in rows:
        ended_before = known.get(row["event_id"])
        if ended_before is None:  # new, or believed only now
            found.append((row["event_id"], Moment.BEGIN))
        if row["ended_at_s"] is not None and not ended_before:
            found.append((row["event_id"], Moment.END))
    return found


def _delivery(row: Row[Any]) -> Delivery:
    try:
        return Delivery(
            delivery_id=int(row.delivery_id),
            sink_id=row.sink_id,
            event_id=row.event_id,
            moment=word_of(Moment, row.moment),
            created_at_s=float(row.created_at_s),
            due_at_s=float(row.due_at_s),
            state=word_of(DeliveryState, row.state),
            attempts=int(row.attempts),
            answer=row.answer,
            closed_at_s=None if row.closed_at_s is None else float(row.closed_at_s),
        )
    except (TypeError, ValueError) as error:
        raise StorageCorrupt(f"a delivery is stored damaged ({error}); restore a backup") from error
