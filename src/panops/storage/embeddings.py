"""What the people of events look like, as numbers in a table: kept, found by likeness within a scope, gone with their events."""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, select, true
from sqlalchemy.dialects import postgresql, sqlite

from panops.storage.database import Database
from panops.storage.scope import Scope
from panops.storage.tables import embeddings, events

# So many rows are compared in one go: a few MB of memory whatever the table holds.
_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Embedding:
    """What somebody looks like.

    Attributes:
        model: The model with its version; embeddings of others cannot be compared.
        vector: (D,) float32 of length 1.
    """

    model: str
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Alike:
    """Events whose people look alike.

    Attributes:
        found: `(event id, similarity -1..1)`, the most alike first.
        compared: With how many events' people that was compared.
    """

    found: tuple[tuple[str, float], ...]
    compared: int


class EventEmbeddings:
    """Embeddings in the database, at most one for each event. Used by any number of threads."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def save(self, event_id: str, embedding: Embedding) -> None:
        """Keep what an event's person looks like; an older one is replaced. Nothing happens where the event is gone."""
        vector = np.asarray(embedding.vector, np.float16).tobytes()
        with self._database.session() as connection:
            query = select(events.c.camera_id, events.c.started_at_s).where(events.c.event_id == event_id)
            event = connection.execute(query.with_for_update()).one_or_none()
            if event is None:
                return
            statement = (sqlite if self._database.path else postgresql).insert(embeddings)
            values = {"camera_id": event.camera_id, "started_at_s": event.started_at_s, "model": embedding.model, "vector": vector}
            connection.execute(
                statement.values(event_id=event_id, **values).on_conflict_do_update(index_elements=[embeddings.c.event_id], set_=values)
            )

    def get(self, scope: Scope, event_id: str) -> Embedding | None:
        """What the person of an event in the scope looks like; None where that is not known."""
        query = select(embeddings.c.model, embeddings.c.vector).where(
            embeddings.c.event_id == event_id, scope.where(embeddings.c.camera_id)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Embedding(row.model, np.frombuffer(row.vector, np.float16).astype(np.float32))

    def similar(
        self,
        scope: Scope,
        wanted: Embedding,
        limit: int = 20,
        *,
        least: float = -1.0,
        since_s: float | None = None,
        until_s: float | None = None,
        without: str = "",
    ) -> Alike:
        """The events in the scope whose people look most like `wanted`. Every one is compared: nothing is missed for speed's sake.

        Args:
            scope: Whose eyes.
            wanted: Whom to look for.
            limit: How many at most.
            least: The least similarity.
            since_s: Only events that began at or after this, UTC s.
            until_s: Only events that began before this, UTC s.
            without: An event that is left out: the one that is asked about.
        """
        column = embeddings.c
        query = select(column.event_id, column.vector).where(
            column.model == wanted.model, scope.where(column.camera_id), column.event_id != without
        )
        query = query if since_s is None else query.where(column.started_at_s >= since_s)
        query = query if until_s is None else query.where(column.started_at_s < until_s)
        best: list[tuple[float, str]] = []
        compared = 0
        with self._database.reading() as connection:
            for part in connection.execution_options(yield_per=_AT_ONCE).execute(query).partitions():
                names, vectors = zip(*part, strict=True)
                scores = likenesses(vectors, wanted.vector)
                compared += len(scores)
                for place in np.flatnonzero(scores >= max(least, best[0][0] if len(best) == limit else -2.0)):
                    entry = (float(scores[place]), names[place])
                    if len(best) < limit:
                        heapq.heappush(best, entry)
                    else:
                        heapq.heappushpop(best, entry)
        return Alike(tuple((event_id, score) for score, event_id in sorted(best, reverse=True)), compared)

    def count(self) -> int:
        """How many there are."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(embeddings)).scalar_one())

    def forget(self, but_cameras: Collection[str] = (), since_s: float = math.inf) -> int:
        """Delete those that nobody wants any more; how many there were.

        Args:
            but_cameras: Of these cameras' events they stay,
            since_s: if the event was heard of at or after this, UTC s.
        """
        wanted = select(events.c.event_id).where(events.c.camera_id.in_(sorted(but_cameras)), events.c.updated_at_s >= since_s)
        unwanted = embeddings.c.event_id.not_in(wanted) if but_cameras else true()
        with self._database.reading() as connection:
            if connection.execute(select(embeddings.c.event_id).where(unwanted).limit(1)).first() is None:
                return 0
        with self._database.session() as connection:
            return int(connection.execute(delete(embeddings).where(unwanted)).rowcount)


def likenesses(vectors: Sequence[bytes], wanted: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) the similarity of each; rows of another length, which only damage makes, are like nobody."""
    size = 2 * len(wanted)
    whole = b"".join(vectors)
    if len(whole) != size * len(vectors) or {len(vector) for vector in vectors} != {size}:
        whole = b"".join(vector if len(vector) == size else bytes(size) for vector in vectors)
    rows = np.frombuffer(whole, np.float16).reshape(-1, len(wanted)).astype(np.float32)
    scores: NDArray[np.float32] = rows @ wanted
    return np.nan_to_num(scores, nan=-2.0)
