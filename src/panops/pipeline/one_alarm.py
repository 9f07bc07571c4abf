"""One person, one alarm: whether a sink was told of an event's person already, by another camera of a group.

What is not clear is told: an event without a picture, or whose picture comes late, one about several people, one that says more than those
before it. Nothing is decided here that could be lost: a delivery waits in the outbox until a courier has closed it.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from panops.config.schema import SiteConfig
from panops.domain.alerts import Delivery, DeliveryState, Repetition
from panops.domain.clock import Clock
from panops.domain.errors import StorageError
from panops.domain.events import Event
from panops.pipeline.event_looks import PERSON
from panops.storage.database import Database
from panops.storage.records import ReviewStatus
from panops.storage.sightings import Sightings, Told

log = logging.getLogger(__name__)

TOLD_BEFORE = "its person was told of already (one_alarm)"
REVIEWED_BEFORE = "its person's alarm was reviewed already (one_alarm)"
PATIENCE_S = 3.0
"""So long after an event was stored its picture is waited for, s; then it is told, whoever it shows."""

_LOOK_EVERY_S = 0.25
_REVIEWED = (ReviewStatus.ACKNOWLEDGED, ReviewStatus.TRUE_ALARM)
# So many events, and deliveries, are remembered by what was done with them last.
_MOST_REMEMBERED = 1000


class OneAlarm:
    """For the couriers of all sinks. `repeats` and `look_again` may block; any thread may call anything.

    Args:
        database: An opened database.
        clock: Time.

    Attributes:
        skipped: How many deliveries were not sent since the start.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._sightings = Sightings(database)
        self._clock = clock
        self._site = SiteConfig()
        # Two events that began at once must not each be the first: one is decided after the other.
        self._deciding = threading.Lock()
        self._pictured: dict[str, None] = {}
        self._counted: dict[int, None] = {}
        self.skipped = 0

    def follow(self, site: SiteConfig) -> None:
        """From now on this is the site."""
        self._site = site

    def pictured(self, event_id: str) -> None:
        """A picture of this event was taken: what its person looks like is known by now, or will not be soon. Never blocks."""
        if self._site.one_alarm.groups:
            _remember(self._pictured, event_id)

    def repeats(self, delivery: Delivery, event: Event) -> Repetition | None:
        """Whether the sink was told of the event's person already; None where it was not, or nobody can say."""
        cameras = self._site.one_alarm_cameras(event.camera_id)
        if not cameras or event.incident.class_name != PERSON or event.incident.kind not in self._site.one_alarm.kinds:
            return None
        try:
            found = self._repeats(delivery, event, cameras)
        except StorageError as error:
            log.warning("event %s is told, for nobody can say whose alarm it is: %s", event.event_id, error)
            return None
        except Exception:  # an alarm must not wait for a fault of ours
            log.exception("event %s is told, for looking whose alarm it is failed", event.event_id, extra={"event_id": event.event_id})
            return None
        if found is not None and found.skip:
            self._count(delivery.delivery_id)
        return found

    def look_again(self) -> int:
        """Tell of events after all that somebody joined who was not looked at; how many deliveries wait again.

        Raises:
            StorageError: The database cannot be used.
        """
        if not self._site.one_alarm.groups:
            return 0
        return self._sightings.tell_after_all((TOLD_BEFORE, REVIEWED_BEFORE), self._clock.utc_s())

    def _count(self, delivery_id: int) -> None:
        """One that could not be closed is asked about again, and counts once."""
        with self._deciding:
            if delivery_id not in self._counted:
                _remember(self._counted, delivery_id)
                self.skipped += 1

    def _repeats(self, delivery: Delivery, event: Event, cameras: frozenset[str]) -> Repetition | None:
        config, now_s = self._site.one_alarm, self._clock.utc_s()
        sink: Any = next((sink for sink in self._site.alerts if sink.id == delivery.sink_id), None)
        tells_all = sink is None or sink.every_camera
        # Asked in this order: what a picture shows is stored before anybody hears of the picture.
        is_pictured = event.event_id in self._pictured
        with self._deciding:
            sighting = self._sightings.find(event, cameras, config.within_s, config.likeness, now_s)
        if sighting is None:
            until_s = delivery.created_at_s + PATIENCE_S
            waits = not is_pictured and delivery.created_at_s <= now_s < until_s and not tells_all
            return Repetition(later_s=min(until_s, now_s + _LOOK_EVERY_S)) if waits else None
        if sighting.is_first or sighting.track_ids != event.incident.track_ids or tells_all:
            return None
        told = self._sightings.told(delivery.sink_id, delivery.moment, sighting, event)
        if any(one.state is DeliveryState.SENT for one in told):
            return Repetition(skip=TOLD_BEFORE)
        if sink.unless_reviewed and any(one.status in _REVIEWED for one in told):
            return Repetition(skip=REVIEWED_BEFORE)
        before = [one.due_at_s for one in told if _waits_before(one, delivery)]
        return Repetition(later_s=max(now_s, *(due_s or 0.0 for due_s in before)) + _LOOK_EVERY_S) if before else None


def _waits_before(told: Told, delivery: Delivery) -> bool:
    """Whether another one is still to be sent that is older: of two only one waits for the other."""
    return told.state is DeliveryState.WAITING and told.delivery_id is not None and told.delivery_id < delivery.delivery_id


def _remember(some: dict[Any, None], new: Any) -> None:
    """Keep it as the newest of so many."""
    some[new] = None
    while len(some) > _MOST_REMEMBERED:
        some.pop(next(iter(some)), None)
