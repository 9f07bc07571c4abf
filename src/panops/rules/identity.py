"""Somebody is who they are: a known person, one on a list, one who is on none of them, nobody known, or no living face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from panops.config.rule_schema import IdentityConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.face_votes import FaceOpinion, FaceVerdict, FaceVotes
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Scene
from panops.rules.track_table import EPSILON_S, TrackTable

# Who is not seen for longer has left.
ABSENCE_S = 2.0


@dataclass(slots=True)
class _Person:
    """Somebody in view.

    Attributes:
        votes: What looks at the face said.
        weight: What the look of this very moment counts; 0 without one.
        incident: What is open.
        told: What it is about: the verdict and the person's id.
        zone_s: When the present stay in the zone began, s; None outside.
        zone_seen_s: When the person was last seen in the zone, s.
    """

    votes: FaceVotes
    weight: float = 0.0
    incident: OpenIncident | None = None
    told: tuple[FaceVerdict, str] | None = None
    zone_s: float | None = None
    zone_seen_s: float = 0.0


class Identity:
    """One incident for each person and each decision about who that is, where the rule asks for such people.

    Who somebody is is decided by votes over the track, wherever in the picture the person is (`FaceVotes`); it matters in the zone only,
    and from `grace_s` after the person came there. Whoever shows no face is neither known nor unknown. The incident counts from when the
    person came into the zone. It ends when the votes decide for something else, or when the person has not been seen in the zone for
    `end_after_s` (at least `ABSENCE_S`). Its score is the weight of the look that counts most, and its box the person's at that moment.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: IdentityConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._scene = scene
        self._lists = frozenset(config.lists)
        self._view = scene.area(None, config.classes)
        self._zone = self._view if config.zone is None else scene.area(config.zone, config.classes)
        self._hold_s = max(ABSENCE_S, config.end_after_s)
        # Knows who is who when the tracker gives somebody a new number; what belongs to a person is in `_people`, by the first number.
        self._table = TrackTable(self._hold_s)
        self._people: dict[int, _Person] = {}

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._view.rows(tracks)
        if not len(rows) and not len(self._table):
            return ()
        slots = self._table.update(tracks, rows)
        messages: list[Incident] = []
        for origin in self._table.left["origin"].tolist() if len(self._table.left) else ():
            messages += self._gone(origin, tracks.time_s)
        here = dict(zip(self._table.rows["origin"][slots].tolist(), rows.tolist(), strict=True))
        self._vote(tracks, here)
        inside = set(self._zone.rows(tracks).tolist())
        for origin, person in self._people.items():
            row = here.get(origin, -1)
            self._note_zone(person, tracks.time_s, in_zone=row in inside)
            messages += self._judge(origin, person, tracks, row)
        return messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, each as of its last sighting; afterwards the rule is as new."""
        ended = [incident for origin in list(self._people) for incident in self._gone(origin, time_s)]
        self._table.clear()
        return ended

    def _vote(self, tracks: Tracks, here: dict[int, int]) -> None:
        for origin in here:
            if origin not in self._people:
                self._people[origin] = _Person(FaceVotes(self._config.least_looks, self._config.share))
            self._people[origin].weight = 0.0
        if tracks.faces:
            looks = {look.track_id: look for look in tracks.faces}
            for origin, row in here.items():
                look = looks.get(int(tracks.track_id[row]))
                if look is not None:
                    self._people[origin].weight = self._people[origin].votes.add(look)

    def _note_zone(self, person: _Person, time_s: float, *, in_zone: bool) -> None:
        """Since when somebody is in the zone; who left it for long enough is out."""
        if person.zone_s is not None and time_s - person.zone_seen_s > self._hold_s + EPSILON_S:
            person.zone_s = None
        if in_zone:
            person.zone_seen_s = time_s
            person.zone_s = time_s if person.zone_s is None else person.zone_s

    def _judge(self, origin: int, person: _Person, tracks: Tracks, row: int) -> list[Incident]:
        """Begin, carry on and end somebody's incident; `row` is -1 where the person is not seen now."""
        opinion = person.votes.opinion
        late = person.zone_s is not None and person.zone_seen_s - person.zone_s >= self._config.grace_s - EPSILON_S
        matters = late and opinion is not None and self._asks_for(opinion)
        messages: list[Incident] = []
        if person.incident is not None and (not matters or opinion is None or person.told != (opinion.verdict, opinion.person_id)):
            messages.append(self._ended(person, tracks.time_s))
        if not matters or opinion is None or row < 0:
            return messages
        phase = EventPhase.BEGIN if person.incident is None else EventPhase.UPDATE
        incident = person.incident or self._begun(origin, person, opinion)
        incident.involve([int(tracks.track_id[row])])
        incident.note(person.weight, tracks.xyxy[row], int(tracks.class_id[row]))
        incident.last_s = max(incident.last_s, person.zone_seen_s)
        _state(incident, opinion)
        return [*messages, incident.message(phase, tracks.time_s)]

    def _asks_for(self, opinion: FaceOpinion) -> bool:
        who, verdict = self._config.who, opinion.verdict
        if verdict is FaceVerdict.SPOOF or who == "spoof":
            return who == verdict.value
        listed = not self._lists.isdisjoint(opinion.lists)
        if who == "listed":
            return verdict is FaceVerdict.KNOWN and listed
        return not listed if who == "unlisted" else who == verdict.value

    def _begun(self, origin: int, person: _Person, opinion: FaceOpinion) -> OpenIncident:
        key = f"{origin}-{opinion.verdict.value}-{opinion.person_id}"
        started_s = person.zone_seen_s if person.zone_s is None else person.zone_s
        person.incident = OpenIncident(self._scene, "identity", key, self._config.zone or "", started_s)
        person.told = opinion.verdict, opinion.person_id
        return person.incident

    def _ended(self, person: _Person, time_s: float) -> Incident:
        incident, opinion = person.incident, person.votes.opinion
        if incident is None or opinion is None:
            raise AssertionError("only what is open ends")
        if person.told != (opinion.verdict, opinion.person_id):
            incident.details["corrected"] = True
        person.incident = person.told = None
        return incident.message(EventPhase.END, time_s)

    def _gone(self, origin: int, time_s: float) -> list[Incident]:
        person = self._people.pop(origin, None)
        return [] if person is None or person.incident is None else [self._ended(person, time_s)]


def _state(incident: OpenIncident, opinion: FaceOpinion) -> None:
    """Who it is and how the votes stand; the figures as fractions: they change at each look, and are no news by themselves."""
    incident.details["who"] = opinion.verdict.value
    if opinion.verdict is FaceVerdict.KNOWN:
        incident.details["person_id"] = opinion.person_id
        incident.details["name"] = opinion.name
        incident.details["lists"] = ", ".join(opinion.lists)
    if opinion.verdict is not FaceVerdict.SPOOF and opinion.similarity > -1:
        incident.details["similarity"] = round(opinion.similarity, 3)
    incident.details["looks"] = float(opinion.looks)
    incident.details["agreement"] = round(opinion.share, 2)
