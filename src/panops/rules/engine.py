"""Runs the rules of one camera and gives their incidents identities."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from panops.domain.compliance import ComplianceRecord
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.protocols import ListeningRule, RecordingRule, Rule
from panops.domain.tracks import Tracks
from panops.rules.cooldown import Cooldown

logger = logging.getLogger(__name__)

About = TypeVar("About", Tracks, float)

# An event that only goes on is told so often, s.
UPDATE_EVERY_S = 1.0
# A best moment that is better by so much is worth a message of its own.
SCORE_MARGIN = 0.05
# The events of a rule that only fails are closed after so long, s.
FAILING_S = 10.0


class RuleLabel(Protocol):
    """What the engine reads of a rule's config."""

    @property
    def id(self) -> str:
        """The rule's id."""
        ...

    @property
    def severity(self) -> Severity:
        """How much its events matter."""
        ...

    @property
    def cooldown_s(self) -> float:
        """After an event ended, no new one of the same zone begins for so long, s."""
        ...

    @property
    def silent(self) -> bool:
        """Whether only other rules hear of its events."""
        ...


@dataclass(slots=True)
class _Watch:
    """One rule and what it has open.

    Attributes:
        label: Its config.
        rule: It itself.
        listens_to: The ids of the rules whose events it hears of.
        cooldown: Its rest after an event.
        newest: The newest event, sent or held back, by incident key.
        sent: The newest incident that was sent, by incident key.
        failing_since_s: Since when it only raises, or None.
    """

    label: RuleLabel
    rule: Rule
    listens_to: frozenset[str]
    cooldown: Cooldown
    newest: dict[str, Event] = field(default_factory=dict)
    sent: dict[str, Incident] = field(default_factory=dict)
    failing_since_s: float | None = None

    @classmethod
    def of(cls, label: RuleLabel, rule: Rule) -> _Watch:
        heard = rule.listens_to if isinstance(rule, ListeningRule) else frozenset()
        return cls(label, rule, heard, Cooldown(label.cooldown_s))


class RuleEngine:
    """The rules of one camera. Used by one thread.

    Event ids are `camera-epoch-sequence`. Every event begins with phase `begin` and ends with phase `end`; in between an `update` is
    sent at most once in `UPDATE_EVERY_S`, and at once when a track joins, a word or whole number in the details changes, or the best
    score rises by `SCORE_MARGIN`. What is held back comes with the next message. A rule that raises is logged once, counted, and asked
    again at the next update; the others never notice. If it fails for `FAILING_S` without a break its events are ended and
    marked `interrupted`.

    After an event a rule may rest, see `Cooldown`.

    **Rules that listen** to others (`ListeningRule`) are asked after those, and hear of the events that came of this very update first.
    Events of a silent rule are for them only.

    Args:
        camera_id: The camera.
        rules: Rules with their configs, from `build_rules`.
        epoch: The camera's fencing epoch.
        first_sequence: The number of the first event.
        mark: What stands before the number in an id, where a camera has more than one engine.
    """

    def __init__(
        self, camera_id: str, rules: Sequence[tuple[RuleLabel, Rule]], epoch: int, first_sequence: int = 0, mark: str = ""
    ) -> None:
        """Take the rules over."""
        self._camera_id = camera_id
        self._epoch = epoch
        self._mark = mark
        self._watches = [_Watch.of(label, rule) for label, rule in rules]
        self._plain = [watch for watch in self._watches if not watch.listens_to]
        self._listeners = _in_order([watch for watch in self._watches if watch.listens_to])
        self._silent = frozenset(label.id for label, _ in rules if label.silent)
        self._failures: Counter[str] = Counter()
        self._recorders = [(watch.label, watch.rule) for watch in self._watches if isinstance(watch.rule, RecordingRule)]
        self._time_s = float("-inf")
        self.next_sequence = first_sequence
        self.dropped_updates = 0

    @property
    def failures(self) -> Mapping[str, int]:
        """How often each rule has raised, by rule id."""
        return self._failures

    @property
    def swallowed(self) -> Mapping[str, int]:
        """How many incidents of each rule were not told because they began and ended within its cooldown, by rule id."""
        return {watch.label.id: watch.cooldown.swallowed for watch in self._watches if watch.cooldown.swallowed}

    @property
    def open_events(self) -> list[Event]:
        """The events that go on, as of now, those of silent rules too."""
        return [event for watch in self._watches for event in watch.newest.values()]

    @property
    def has_open_events(self) -> bool:
        """Whether any event goes on; any thread may ask at any time."""
        return any(watch.newest for watch in self._watches)

    def forgive(self, event: Event) -> None:
        """An event that ended was taken for a false alarm: its rule takes no rest, for the next one may be true."""
        for watch in self._watches:
            if watch.label.id == event.rule_id:
                watch.cooldown.forgive(event.incident.zone)

    def update(self, tracks: Tracks) -> list[Event]:
        """Events to store and tell, in the order they happened.

        Call it at every look, with empty tracks when there was nothing (or nothing moved), for events end by looks at which nobody is
        there; leave it out when the camera was not looked at. Tracks older than the last ones are counted in `dropped_updates` and ignored.
        """
        if not tracks.time_s >= self._time_s:  # also NaN
            self.dropped_updates += 1
            return []
        self._time_s = tracks.time_s
        events: list[Event] = []
        for watch in self._plain:
            incidents = self._ask(watch, watch.rule.update, tracks, tracks.time_s)
            if incidents:
                events += self._events(watch, incidents)
        for watch in self._listeners:
            incidents = self._ask(watch, _hearing(watch, events, watch.rule.update), tracks, tracks.time_s)
            if incidents:
                events += self._events(watch, incidents)
        return self._told(events) if events else events

    def finish(self, time_s: float) -> list[Event]:
        """End everything that is open, because the camera stops at `time_s`; a second call gives nothing more."""
        time_s = max(time_s, self._time_s)
        self._time_s = time_s
        events: list[Event] = []
        for watch in [*self._plain, *self._listeners]:
            incidents = self._ask(watch, _hearing(watch, events, watch.rule.finish), time_s, time_s)
            if incidents:
                events += self._events(watch, incidents)
            events += [event.ended(time_s) for event in watch.newest.values()]
            watch.newest.clear()
            watch.sent.clear()
            watch.cooldown.forget()
        return self._told(events)

    def _told(self, events: list[Event]) -> list[Event]:
        """What is for people: not what serves other rules only."""
        return [event for event in events if event.rule_id not in self._silent] if self._silent else events

    def take_records(self) -> list[ComplianceRecord]:
        """What the rules recorded since the last call, with identities of the same numbers as events."""
        return [
            ComplianceRecord(self._new_id(), self._camera_id, label.id, record)
            for label, rule in self._recorders
            for record in rule.take_records()
        ]

    def _ask(self, watch: _Watch, ask: Callable[[Any], Sequence[Incident]], about: Tracks | float, time_s: float) -> Sequence[Incident]:
        try:
            incidents = ask(about)
            if incidents and not all(isinstance(incident, Incident) for incident in incidents):
                raise TypeError(f"expected Incidents from rule {watch.label.id}, got {incidents!r:.200}")  # noqa: TRY301  # a rule's fault too
        except Exception as error:
            return self._failed(watch, error, time_s)
        if watch.failing_since_s is not None:
            watch.failing_since_s = None
        return incidents

    def _failed(self, watch: _Watch, error: Exception, time_s: float) -> Sequence[Incident]:
        rule_id = watch.label.id
        self._failures[rule_id] += 1
        if self._failures[rule_id] == 1:
            logger.error("camera %s: rule %s failed; the other rules go on", self._camera_id, rule_id, exc_info=error)
        if watch.failing_since_s is None:
            watch.failing_since_s = time_s
        if time_s - watch.failing_since_s < FAILING_S:
            return ()
        watch.cooldown.forget()
        return [_interrupted(event.incident, time_s) for event in watch.newest.values()]

    def _events(self, watch: _Watch, incidents: Sequence[Incident]) -> list[Event]:
        events = (self._identified(watch, incident) for incident in incidents)
        return [event for event in events if event is not None]

    def _identified(self, watch: _Watch, incident: Incident) -> Event | None:
        """The incident as an event, or None where it says too little new."""
        known = watch.newest.get(incident.key)
        if known is None and watch.cooldown.rest_s and watch.cooldown.holds_back(incident):
            return None
        if incident.phase is not EventPhase.END:
            incident = _in_phase(incident, EventPhase.BEGIN if known is None else EventPhase.UPDATE)
        event_id = known.event_id if known is not None else self._new_id()
        event = Event(event_id, self._camera_id, watch.label.id, watch.label.severity, incident)
        if incident.phase is EventPhase.END:
            watch.newest.pop(incident.key, None)
            watch.sent.pop(incident.key, None)
            watch.cooldown.ended(incident)
            return event
        watch.newest[incident.key] = event
        sent = watch.sent.get(incident.key)
        if sent is not None and not _is_news(sent, incident):
            return None
        watch.sent[incident.key] = incident
        return event

    def _new_id(self) -> str:
        event_id = f"{self._camera_id}-{self._epoch}-{self._mark}{self.next_sequence}"
        self.next_sequence += 1
        return event_id


def _in_order(watches: list[_Watch]) -> list[_Watch]:
    """Rules that listen, each after those it listens to; in a circle, as they come."""
    done: list[_Watch] = []
    left = list(watches)
    while left:
        waited_for = {watch.label.id for watch in left}
        ready = [watch for watch in left if not watch.listens_to & waited_for] or left
        done += ready
        left = [watch for watch in left if watch not in ready]
    return done


def _hearing(watch: _Watch, events: Sequence[Event], ask: Callable[[About], Sequence[Incident]]) -> Callable[[About], Sequence[Incident]]:
    """`ask`, after the rule was told of the events that concern it; what it raises there is its failure as well."""
    heard = [event for event in events if event.rule_id in watch.listens_to]
    return partial(_hear, watch.rule, heard, ask) if heard else ask


def _hear(rule: Any, heard: Sequence[Event], ask: Callable[[About], Sequence[Incident]], about: About) -> Sequence[Incident]:
    rule.hear(heard)
    return ask(about)


def _is_news(sent: Incident, now: Incident) -> bool:
    return (
        now.updated_at_s - sent.updated_at_s >= UPDATE_EVERY_S - 1e-6
        or now.track_ids != sent.track_ids
        or now.score - sent.score >= SCORE_MARGIN
        or _facts(now.details) != _facts(sent.details)
    )


def _facts(details: Mapping[str, object]) -> dict[str, object]:
    """The details that change seldom: a fraction, such as a dwell time, grows at each look and is no news."""
    return {name: value for name, value in details.items() if not isinstance(value, float)}


def _in_phase(incident: Incident, phase: EventPhase) -> Incident:
    return incident if incident.phase is phase else replace(incident, phase=phase)


def _interrupted(incident: Incident, time_s: float) -> Incident:
    details = {**incident.details, "interrupted": True}
    return replace(incident, phase=EventPhase.END, updated_at_s=time_s, ended_at_s=incident.updated_at_s, details=details)
