"""Somebody makes a sign with a hand: holds one for a while, or makes several one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from panops.config.rule_schema import GestureConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.gestures import GestureLook
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import EPSILON_S, TrackTable

# Nothing is decided by fewer looks that show a sign: one look, or two, may be wrong in the same way.
LEAST_LOOKS = 3
# Of a sequence each sign needs so many: they are made faster, and all of them must come in order.
STEP_LOOKS = 2
# Two looks that are further apart than this are two stories.
_BLIND_S = 5.0
# Whoever is away for longer has left and begins anew.
ABSENCE_S = 2.0


@dataclass(slots=True)
class _Person:
    """What is known of one person.

    Attributes:
        votes: What the looks said, each with its time, s; the newest last.
        run: How many looks in a row said what the last one did.
        step: How many signs of the sequence were shown.
        began_s: When its first was shown last, s.
        open: Their incidents, by what was shown.
    """

    votes: deque[tuple[float, str]] = field(default_factory=deque)
    run: int = 0
    step: int = 0
    began_s: float = 0.0
    open: dict[str, OpenIncident] = field(default_factory=dict)

    def forget(self) -> None:
        """Nobody looked for too long: what was seen before says nothing of now."""
        self.votes.clear()
        self.run = self.step = 0


@dataclass(frozen=True, slots=True)
class _Shown:
    """What somebody shows.

    Attributes:
        name: The sign, or the sequence.
        since_s: Since when, s.
        votes: How many looks said so.
        share: Of all looks, 0..1; None for a sequence.
    """

    name: str
    since_s: float
    votes: int
    share: float | None


class Gesture:
    """One incident for each person and sign, or for each person who makes the sequence.

    **A sign is held** when the looks of the last `after_s`, at least `LEAST_LOOKS` of them, show it by a share of `share`; looks that show
    nothing count against it. **A sequence** is made when its signs come in order within `within_s`, each shown by `STEP_LOOKS` looks in a
    row, from the last look at the first sign on; looks between them that show none, or another sign, change nothing. The incident ends when
    the sign, or the sequence's last one, was not shown for `end_after_s` (at least `ABSENCE_S`), or the person left the zone for so long.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: GestureConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._scene = scene
        self._area = scene.area(config.zone, config.classes)
        self._signs = {name.strip().casefold() for name in config.signs}
        self._sequence = [name.strip().casefold() for name in config.sequence]
        self._hold_s = max(ABSENCE_S, config.end_after_s)
        self._table = TrackTable(self._hold_s)
        self._people: dict[int, _Person] = {}

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if not len(rows) and not len(self._table):
            return ()
        slots = self._table.update(tracks, rows)
        messages: list[Incident] = []
        for origin in self._table.left["origin"].tolist() if len(self._table.left) else ():
            gone = self._people.pop(origin, None)
            messages += [] if gone is None else [one.message(EventPhase.END, tracks.time_s) for one in gone.open.values()]
        if tracks.gestures and len(rows):
            messages += self._look(tracks, rows, self._table.rows["origin"][slots].tolist())
        for person in self._people.values():
            over = [sign for sign, one in person.open.items() if tracks.time_s - one.last_s >= self._hold_s - EPSILON_S]
            messages += [person.open.pop(sign).message(EventPhase.END, tracks.time_s) for sign in over]
        return messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, each as of the last look that showed it; afterwards the rule is as new."""
        ended = [one.message(EventPhase.END, time_s) for person in self._people.values() for one in person.open.values()]
        self._people.clear()
        self._table.clear()
        return ended

    def _look(self, tracks: Tracks, rows: Rows, here: list[int]) -> list[Incident]:
        said = {look.track_id: look for look in tracks.gestures}
        messages: list[Incident] = []
        for row, origin in zip(rows.tolist(), here, strict=True):
            look = said.get(int(tracks.track_id[row]))
            if look is None:
                continue
            person = self._people.setdefault(origin, _Person())
            sign = look.name.strip().casefold()
            if person.votes and not 0 <= tracks.time_s - person.votes[-1][0] <= _BLIND_S:
                person.forget()
            person.votes.append((tracks.time_s, sign))
            shown = self._made(person, sign, tracks.time_s) if self._sequence else self._held(person, sign, tracks.time_s)
            if shown is not None:
                messages.append(self._message(person, origin, look, tracks, row, shown))
        return messages

    def _held(self, person: _Person, sign: str, time_s: float) -> _Shown | None:
        """The sign of this look, where it is held."""
        begins_s = time_s - self._config.after_s
        # One look at or before the beginning stays: what was held for so long was held from there.
        while len(person.votes) > LEAST_LOOKS and person.votes[1][0] <= begins_s + EPSILON_S:
            person.votes.popleft()
        if sign not in self._signs:
            return None
        shown_s = [at_s for at_s, one in person.votes if one == sign]
        share = len(shown_s) / len(person.votes)
        found = _Shown(sign, shown_s[0], len(shown_s), share)
        if sign in person.open:
            return found
        long = time_s - shown_s[0] >= self._config.after_s - EPSILON_S
        return found if long and len(shown_s) >= LEAST_LOOKS and share >= self._config.share - EPSILON_S else None

    def _made(self, person: _Person, sign: str, time_s: float) -> _Shown | None:
        """The sequence, where this look completes it or still shows its end."""
        name = ", ".join(self._config.sequence)
        while person.votes[0][0] < time_s - self._config.within_s - EPSILON_S:
            person.votes.popleft()
        person.run = person.run + 1 if len(person.votes) > 1 and person.votes[-2][1] == sign else 1
        votes = sum(one in self._sequence for _, one in person.votes)
        if name in person.open:
            return _Shown(name, time_s, votes, None) if sign == self._sequence[-1] else None
        if person.step and time_s - person.began_s > self._config.within_s + EPSILON_S:
            person.step = 0
        if person.run < STEP_LOOKS:
            return None
        if sign == self._sequence[0] and person.step <= 1:
            # Whoever holds the first sign for long begins the sequence with the end of that.
            person.step, person.began_s = 1, time_s
        elif person.step and sign == self._sequence[person.step]:
            person.step = (person.step + 1) % len(self._sequence)
            return None if person.step else _Shown(name, person.began_s, votes, None)
        return None

    def _message(self, person: _Person, origin: int, look: GestureLook, tracks: Tracks, row: int, shown: _Shown) -> Incident:
        phase = EventPhase.UPDATE
        if shown.name not in person.open:
            phase = EventPhase.BEGIN
            zone = self._config.zone or ""
            person.open[shown.name] = OpenIncident(self._scene, "gesture", f"{origin}-{shown.name}", zone, shown.since_s)
        incident = person.open[shown.name]
        incident.involve([int(tracks.track_id[row])])
        incident.note(look.score, tracks.xyxy[row], int(tracks.class_id[row]))
        incident.last_s = tracks.time_s
        incident.details["sign"] = shown.name if self._sequence else look.name
        # As fractions: they change at each look, and are no news by themselves.
        incident.details["votes"] = float(shown.votes)
        if shown.share is not None:
            incident.details["share"] = round(shown.share, 2)
        return incident.message(phase, tracks.time_s)
