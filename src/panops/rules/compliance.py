"""Somebody does not wear what is required: a hard hat, a vest, a mask, or anything else that a model has a class for."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from panops.config.rule_schema import ComplianceConfig
from panops.domain.compliance import ItemRecord, Worn
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import EPSILON_S, TrackTable
from panops.rules.vote_tally import VoteTally
from panops.rules.worn_items import WornItems

# Who is not seen for longer has left.
ABSENCE_S = 2.0
# Who crosses a zone's edge for less than this was not in it: feet flicker.
PASSING_S = 1.0
# Nobody may ever ask for the records.
_MOST_RECORDS = 1000


@dataclass(slots=True)
class _Person:
    """Somebody in view.

    Attributes:
        tallies: The votes, one tally an item.
        incidents: What is open, by item.
        alarmed: The items of which there was an incident.
        box: As the person was seen last, px.
        came_s: When the person was first seen in the zone, s; None before that.
        zone_s: When the present stay in the zone began, s; None outside.
        zone_seen_s: When the person was last seen in the zone, s.
        clearest: What the clearest vote for "absent" weighed so far, by item.
    """

    tallies: list[VoteTally]
    incidents: dict[int, OpenIncident]
    alarmed: set[int]
    box: tuple[float, ...] = ()
    came_s: float | None = None
    zone_s: float | None = None
    zone_seen_s: float = 0.0
    clearest: dict[int, float] = field(default_factory=dict)


class Compliance:
    """One incident for each person and each required item that the person does not wear.

    What a person wears is decided by votes over the track, wherever in the picture the person is; it matters in the zone only, and from
    `grace_s` after the person came there. The incident counts from the first vote that the item is missing, or from when the person came
    into the zone if that was later. It ends when the votes turn (`put_right` in the details), or when the person has not been seen in the
    zone for `end_after_s` (at least `ABSENCE_S`). Its score is the weight of the clearest vote so far, its box the person's at the clearest
    one since it began.

    Of everybody who was in the zone there is one `ItemRecord` an item, made when the person is gone: see `take_records`.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: ComplianceConfig, scene: Scene) -> None:
        """Look zone and classes up."""
        self._config = config
        self._scene = scene
        self._view = scene.area(None, config.classes)
        self._zone = self._view if config.zone is None else scene.area(config.zone, config.classes)
        self._items = WornItems(config.required, scene)
        self._hold_s = max(ABSENCE_S, config.end_after_s)
        # Knows who is who when the tracker gives somebody a new number; what belongs to a person is in `_people`, by the first number.
        self._table = TrackTable(self._hold_s)
        self._people: dict[int, _Person] = {}
        self._records: deque[ItemRecord] = deque(maxlen=_MOST_RECORDS)

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._view.rows(tracks)
        if not len(rows) and not len(self._table):
            return ()
        slots = self._table.update(tracks, rows)
        messages: list[Incident] = []
        for origin in self._table.left["origin"].tolist() if len(self._table.left) else ():
            messages += self._gone(origin, tracks.time_s)
        here = self._table.rows["origin"][slots].tolist()
        weights = self._vote(tracks, rows, here)
        inside = set(self._zone.rows(tracks).tolist())
        places = {origin: (row, index) for index, (origin, row) in enumerate(zip(here, rows.tolist(), strict=True))}
        for origin, person in self._people.items():
            row, index = places.get(origin, (-1, -1))
            self._note_zone(person, tracks.time_s, in_zone=row in inside)
            messages += self._judge(origin, person, tracks, row, weights.get(index, {}))
        return messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, each as of its last sighting, and note everybody who is still there; afterwards the rule is as new."""
        ended = [incident for origin in list(self._people) for incident in self._gone(origin, time_s)]
        self._table.clear()
        return ended

    def take_records(self) -> Sequence[ItemRecord]:
        """What people wore who have left since the last call, once each, one record an item."""
        if not self._records:
            return ()
        records = list(self._records)
        self._records.clear()
        return records

    def _vote(self, tracks: Tracks, rows: Rows, here: list[int]) -> dict[int, dict[int, float]]:
        """Count this look's votes; what weighs for "absent", by person (index in `here`) and item."""
        told_again = set()
        for index, (origin, box) in enumerate(zip(here, tracks.xyxy[rows].tolist(), strict=True)):
            person = self._people.get(origin)
            if person is None:
                tallies = [VoteTally(self._config.window_s, self._config.share) for _ in self._config.required]
                person = self._people[origin] = _Person(tallies, {}, set())
            # A box that is the same to the last bit was not looked at anew: the camera told what it had seen before.
            if person.box == tuple(box):
                told_again.add(index)
            person.box = tuple(box)
        weights: dict[int, dict[int, float]] = {}
        for (index, item), (present, absent) in self._items.look(tracks, rows, self._scene.sighted(tracks)).items():
            if index not in told_again:
                self._people[here[index]].tallies[item].add(present, absent, tracks.time_s)
                weights.setdefault(index, {})[item] = absent
                clearest = self._people[here[index]].clearest
                clearest[item] = max(clearest.get(item, 0.0), absent)
        return weights

    def _note_zone(self, person: _Person, time_s: float, *, in_zone: bool) -> None:
        """Since when somebody is in the zone; who left it for long enough is out."""
        if person.zone_s is not None and time_s - person.zone_seen_s > self._hold_s + EPSILON_S:
            person.zone_s = None
        if in_zone:
            person.zone_seen_s = time_s
            person.zone_s = time_s if person.zone_s is None else person.zone_s
            person.came_s = time_s if person.came_s is None else person.came_s

    def _judge(self, origin: int, person: _Person, tracks: Tracks, row: int, weights: dict[int, float]) -> list[Incident]:
        """Begin, carry on and end somebody's incidents.

        Args:
            origin: The person's first number.
            person: The person.
            tracks: The camera's tracks.
            row: The person's row of them, -1 where the person is not seen now.
            weights: What weighs for "absent" now, by item.
        """
        messages: list[Incident] = []
        late = person.zone_s is not None and person.zone_seen_s - person.zone_s >= self._config.grace_s - EPSILON_S
        for item, tally in enumerate(person.tallies):
            incident = person.incidents.get(item)
            if not late or tally.worn is not Worn.ABSENT:
                if incident is not None:
                    messages.append(self._ended(person, item, tracks.time_s))
            elif row >= 0 and (incident is not None or tally.leans_absent):
                phase = EventPhase.UPDATE if incident is not None else EventPhase.BEGIN
                incident = incident or self._begun(origin, person, item)
                incident.involve([int(tracks.track_id[row])])
                # The look with the clearest vote is the one to show.
                incident.note(weights.get(item, 0.0), tracks.xyxy[row], int(tracks.class_id[row]))
                incident.last_s = max(incident.last_s, person.zone_seen_s)
                _state(incident, tally)
                messages.append(incident.message(phase, tracks.time_s))
        return messages

    def _begun(self, origin: int, person: _Person, item: int) -> OpenIncident:
        name, since_s = self._config.required[item].item, person.tallies[item].since_s
        started_s = max(time_s for time_s in (person.zone_s, since_s) if time_s is not None)
        incident = OpenIncident(self._scene, "compliance", f"{origin}-{name}", self._config.zone or "", started_s)
        incident.details["item"] = name
        incident.at_least = person.clearest.get(item, 0.0)  # what began it may lie seconds back: nobody is asked about at every look
        person.incidents[item] = incident
        person.alarmed.add(item)
        return incident

    def _ended(self, person: _Person, item: int, time_s: float) -> Incident:
        """The end of an incident: the votes turned, or the person is out of the zone."""
        incident, tally = person.incidents.pop(item), person.tallies[item]
        if tally.worn is Worn.PRESENT:
            incident.details["put_right"] = True
            incident.last_s = max(incident.started_at_s, tally.last_s)
        _state(incident, tally)
        return incident.message(EventPhase.END, time_s)

    def _gone(self, origin: int, time_s: float) -> list[Incident]:
        """End the incidents of somebody who is gone, and note what the person wore."""
        person = self._people.pop(origin, None)
        if person is None:  # a number that came back after another had taken its place: both rows of the table mean one person
            return []
        messages = [self._ended(person, item, time_s) for item in sorted(person.incidents)]
        if person.came_s is not None and person.zone_seen_s - person.came_s >= PASSING_S - EPSILON_S:
            self._records.extend(self._record(origin, person, person.came_s, item) for item in range(len(person.tallies)))
        return messages

    def _record(self, origin: int, person: _Person, came_s: float, item: int) -> ItemRecord:
        tally = person.tallies[item]
        return ItemRecord(
            item=self._config.required[item].item,
            worn=Worn.ABSENT if item in person.alarmed else tally.worn,
            zone=self._config.zone or "",
            track_id=origin,
            share=round(tally.share, 3),
            votes=tally.looks,
            alarmed=item in person.alarmed,
            entered_at_s=came_s,
            left_at_s=person.zone_seen_s,
        )


def _state(incident: OpenIncident, tally: VoteTally) -> None:
    """How the votes stand. As fractions: they change at each look, and are no news by themselves."""
    incident.details["share"] = round(tally.share, 2)
    incident.details["votes"] = float(tally.denied)
