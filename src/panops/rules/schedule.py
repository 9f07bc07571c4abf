"""A rule that is on at some times only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from panops.config.schedule import Schedule
from panops.domain.compliance import ItemRecord
from panops.domain.events import Event, Incident
from panops.domain.protocols import ListeningRule, RecordingRule, Rule
from panops.domain.tracks import Tracks


class ScheduledRule:
    """A rule that sleeps outside its schedule: its incidents end with the schedule, and it wakes with an empty memory.

    Args:
        make: Makes the rule.
        schedule: When it is on.
    """

    def __init__(self, make: Callable[[], Rule], schedule: Schedule) -> None:
        """Make the rule once, so that a mistake in it shows at the start and not at night."""
        self._make = make
        self._schedule = schedule
        self._rule: Rule | None = make()
        self._records: list[ItemRecord] = []
        self._listens_to = self._rule.listens_to if isinstance(self._rule, ListeningRule) else frozenset()

    @property
    def listens_to(self) -> frozenset[str]:
        """What the rule listens to; nothing for most."""
        return self._listens_to

    def hear(self, events: Sequence[Event]) -> None:
        """Pass on what happened while the rule is on, from the very look that wakes it."""
        if self._rule is None and events and self._schedule.active(events[-1].incident.updated_at_s):
            self._rule = self._make()
        if isinstance(self._rule, ListeningRule):
            self._rule.hear(events)

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What the rule says while it is on; the ends of its incidents when it goes off."""
        if not self._schedule.active(tracks.time_s):
            return self.finish(tracks.time_s)
        if self._rule is None:
            self._rule = self._make()
        return self._rule.update(tracks)

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open."""
        rule, self._rule = self._rule, None
        if rule is None:
            return ()
        ended = rule.finish(time_s)
        if isinstance(rule, RecordingRule):
            self._records += rule.take_records()
        return ended

    def take_records(self) -> Sequence[ItemRecord]:
        """What the rule has recorded, also before it went off."""
        records, self._records = self._records, []
        return [*records, *self._rule.take_records()] if isinstance(self._rule, RecordingRule) else records
