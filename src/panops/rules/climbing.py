"""Somebody climbs: their feet leave the ground and stay off it, up a fence, a wall or a ladder.

In a picture feet also come up when somebody walks away. Then they look smaller, by as much as everybody does there; who climbs keeps their
size. How large people are where they stand is learnt from those who walk about.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from panops.config.rule_schema import ClimbingConfig
from panops.domain.events import Incident
from panops.domain.tracks import Tracks
from panops.rules.object_incidents import ObjectIncidents
from panops.rules.scene import Rows, Scene
from panops.rules.standing_heights import StandingHeights
from panops.rules.track_table import EPSILON_S, TrackTable

# Whoever climbs stays above where they stood, give or take so many of their own heights to each side.
_ASIDE = 0.5
# Of what the feet came up, so much at least must not be explained by walking away.
_LEAST_SHARE = 0.7
# It begins while they are coming up: within so long, s, their feet rise by so much of their height. Who walked away, stands there and then
# raises a hand looks larger, too, and does not come up.
_COMING_S = 1.2
_COMING_UP = 0.1
# Looks that show nothing of it for no longer than this are mistakes of the detector's boxes.
_SLIP_S = 0.8
# A box is taken as the middle one of so many: hands that go up make it higher for a moment.
_SMOOTHED = 3
# Whoever is away for longer has left and begins anew.
ABSENCE_S = 2.0


@dataclass(slots=True)
class _Person:
    """What is known of one person.

    Attributes:
        looks: Time, s, x of the middle, y of the bottom and height, px, smoothed, and whether they were in the zone; the newest last.
        raw: The last boxes as they were: x, y and height.
        since_s: Since when they are off the ground, s; None while they are not.
        last_s: When they were last seen so, s.
    """

    looks: deque[tuple[float, float, float, float, bool]] = field(default_factory=deque)
    raw: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=_SMOOTHED))
    since_s: float | None = None
    last_s: float = 0.0


class Climbing:
    """One incident for each person whose feet are at least `rise` of their own height above where they stood, for `after_s`.

    Where they stood is where they were within the last `within_s`, in the zone, hardly aside from where they are now. It ends when their
    feet are down again, or nobody sees them any more, for `end_after_s` (at least `ABSENCE_S`).

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: ClimbingConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._view = scene.area(None, config.classes)
        self._zone = scene.area(config.zone, config.classes)
        self._size_wh = scene.size_wh
        hold_s = max(ABSENCE_S, config.end_after_s)
        self._table = TrackTable(hold_s)
        self._people: dict[int, _Person] = {}
        self._heights = StandingHeights(scene.size_wh)
        self._incidents = ObjectIncidents(scene, "climbing", config.zone or "", hold_s)

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._view.rows(tracks)
        if not len(rows) and not len(self._table):
            return ()
        slots = self._table.update(tracks, rows)
        for origin in self._table.left["origin"].tolist() if len(self._table.left) else ():
            self._people.pop(origin, None)
        messages = self._look(tracks, rows, self._table.rows["origin"][slots].tolist()) if len(rows) else []
        return [*messages, *self._incidents.over(tracks.time_s)] if len(self._incidents) else messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, each as of the last look that showed it; afterwards only the ground is still known."""
        self._people.clear()
        self._table.clear()
        return self._incidents.finish(time_s)

    def _look(self, tracks: Tracks, rows: Rows, here: list[int]) -> list[Incident]:
        inside = set(self._zone.rows(tracks).tolist())
        messages: list[Incident] = []
        for row, origin in zip(rows.tolist(), here, strict=True):
            person = self._people.setdefault(origin, _Person())
            rise = self._rise(person, tracks.xyxy[row].tolist(), tracks.time_s, row in inside)
            if rise is None:
                continue
            if rise < self._config.rise:
                if person.since_s is not None and tracks.time_s - person.last_s > _SLIP_S:
                    person.since_s = None
                continue
            if person.since_s is None and not _comes_up(person):
                continue
            person.since_s = tracks.time_s if person.since_s is None else person.since_s
            person.last_s = tracks.time_s
            if tracks.time_s - person.since_s >= self._config.after_s - EPSILON_S:
                incident, phase = self._incidents.hold(origin, tracks, np.array([row], np.intp), person.since_s)
                incident.details["rise"] = max(round(rise, 2), float(incident.details.get("rise") or 0.0))
                messages.append(incident.message(phase, tracks.time_s))
        return messages

    def _rise(self, person: _Person, box: list[float], time_s: float, in_zone: bool) -> float | None:
        """How far somebody's feet are above where they stood, in their own heights; None where nothing can be said."""
        left, top, right, bottom = box
        if self._heights.is_cut(left, top, right, bottom):
            return None  # what the picture's edge hides says nothing of feet or height
        person.raw.append(((left + right) / 2, bottom, bottom - top))
        x, y, height = (float(value) for value in np.median(np.array(person.raw), axis=0))
        if person.since_s is None:
            self._heights.learn(x, y, height)
            while person.looks and not time_s - self._config.within_s <= person.looks[0][0] <= time_s:
                person.looks.popleft()
            person.looks.append((time_s, x, y, height, in_zone))
        if not self._heights.known:
            return None
        # Whoever is up already is held against where they stood before, however long ago that is by now.
        stood = [look for look in person.looks if look[4] and abs(look[1] - x) <= _ASIDE * look[3]]
        best, now = 0.0, (x, y, height)
        for _, x_then, y_then, height_then, _ in stood:
            seen, then = (y_then - y) / height_then, (x_then, y_then, height_then)
            if seen > best and self._heights.stands(*then) and self._heights.rise(then, now) >= _LEAST_SHARE * seen:
                best = seen
        return best


def _comes_up(person: _Person) -> bool:
    """Whether somebody's feet came up just now."""
    time_s, _, y, height, _ = person.looks[-1]
    return max(look[2] for look in person.looks if time_s - look[0] <= _COMING_S) - y >= _COMING_UP * height
