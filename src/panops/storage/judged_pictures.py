"""The events that people called true or false alarms, with their pictures and what was tracked in them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator

from panops.domain.errors import StorageCorrupt
from panops.domain.events import EvidenceKind
from panops.domain.judged_pictures import PicturedEvent, SeenThing
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.records import ReviewStatus, StoredEvent
from panops.storage.scope import Scope
from panops.storage.search import EventFilter
from panops.storage.trail import TrackTrail

log = logging.getLogger(__name__)

_PAGE = 500
# A trail keeps milliseconds; anything farther off is another picture.
_SAME_MOMENT_S = 0.02


class JudgedPictures:
    """Reads what people judged. Used by any number of threads.

    Args:
        database: An opened database.
        evidence: Where the pictures are.
    """

    def __init__(self, database: Database, evidence: EvidenceStore) -> None:
        self._events = EventRepository(database)
        self._trails = TrackTrail(database)
        self._evidence = evidence

    def all(
        self, scope: Scope, *, cameras: Collection[str] = (), rules: Collection[str] = (), since_s: float | None = None
    ) -> tuple[PicturedEvent, ...]:
        """Every judged event in the scope, in the order of their beginning; suppressed ones, too.

        Args:
            scope: Whose eyes.
            cameras: Only of these cameras; empty for all.
            rules: Only of these rules; empty for all.
            since_s: Only those that began at or after this, UTC s.

        Raises:
            StorageError: The database cannot be read.
        """
        wanted = EventFilter(cameras=cameras, rules=rules, statuses=(ReviewStatus.TRUE_ALARM, ReviewStatus.FALSE_ALARM), since_s=since_s)
        found = [self._judged(scope, stored) for stored in self._pages(scope, wanted)]
        return tuple(reversed(found))

    def _pages(self, scope: Scope, wanted: EventFilter) -> Iterator[StoredEvent]:
        cursor: str | None = None
        while True:
            page = self._events.search(scope, wanted, cursor, _PAGE)
            yield from page.events
            cursor = page.next_cursor
            if cursor is None:
                return

    def _judged(self, scope: Scope, stored: StoredEvent) -> PicturedEvent:
        event, incident = stored.event, stored.event.incident
        found = self._evidence.find(scope, event.event_id, EvidenceKind.SNAPSHOT)
        at_s = incident.started_at_s if found is None else found[0].start_s
        return PicturedEvent(
            event.event_id,
            event.camera_id,
            event.rule_id,
            incident.kind,
            incident.class_name,
            stored.status is ReviewStatus.FALSE_ALARM,
            incident.track_ids,
            incident.box,
            None if found is None else found[1],
            at_s,
            () if found is None else self._things(scope, event.event_id, at_s),
        )

    def _things(self, scope: Scope, event_id: str, at_s: float) -> tuple[SeenThing, ...]:
        """What was tracked in the picture of that moment; nothing where the trail does not have it."""
        try:
            trail = self._trails.trail(scope, event_id)
        except StorageCorrupt as error:
            log.warning("%s; where things were in its picture is not known", error)
            return ()
        nearest = min(trail, key=lambda point: abs(point.time_s - at_s), default=None)
        if nearest is None or abs(nearest.time_s - at_s) > _SAME_MOMENT_S:
            return ()
        return tuple(SeenThing(*box) for box in nearest.boxes)
