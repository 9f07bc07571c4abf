"""An object stands still and nobody is with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import ObjectLeftConfig
from panops.domain.boxes import ground_points
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Scene
from panops.rules.still_objects import StillObjects
from panops.rules.track_table import EPSILON_S

# An object that is neither seen nor hidden for so long has left its place.
GAP_S = 5.0
# Who is near for a shorter time only passes by.
PASSING_S = 2.0


class ObjectLeft:
    """One incident for each object that has been alone in its place for `after_s`.

    It is alone when nobody of `owner_classes` stands nearer than `owner_distance` of their own box heights for longer than `PASSING_S`. The
    incident counts from when it was left, and ends when somebody is with it, or it is gone from its place, for `end_after_s`.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: ObjectLeftConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._scene = scene
        self._objects = scene.area(config.zone, config.classes, without=config.owner_classes)
        self._owners = scene.area(None, config.owner_classes)
        self._still = StillObjects(GAP_S, [("near_since_s", "f8"), ("is_near", "?"), ("left_s", "f8")])
        self._open: dict[int, OpenIncident] = {}

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nothing is there."""
        rows = self._objects.rows(tracks)
        if not len(rows) and not len(self._still) and not self._open:
            return ()
        places = self._still.update(tracks, rows)
        if len(self._still):
            self._note_company(tracks)
        still = self._still.rows
        alone = tracks.time_s - still["left_s"] >= self._config.after_s - EPSILON_S
        messages = [self._goes_on(tracks, int(rows[index]), still[places[index]]) for index in np.flatnonzero(alone[places])]
        # A place whose object is hidden says nothing new: it is still there.
        for key in still["key"][(still["seen_s"] < tracks.time_s) & (still["shown_s"] == tracks.time_s) & alone].tolist():
            if key in self._open:
                self._open[key].last_s = tracks.time_s
        return [*messages, *self._over(tracks.time_s)] if self._open else messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, as of the last look at which it was alone; afterwards the rule is as new."""
        self._still.clear()
        ended = [one.message(EventPhase.END, time_s) for one in self._open.values()]
        self._open.clear()
        return ended

    def _note_company(self, tracks: Tracks) -> None:
        """Write down since when each place's object is alone."""
        still, time_s = self._still.rows, tracks.time_s
        owners = tracks.xyxy[self._owners.rows(tracks)]
        near = _near(ground_points(still["box"]), owners, self._config.owner_distance)
        came = near & ~still["is_near"]
        still["near_since_s"][came] = time_s
        still["is_near"] = near
        fresh = still["left_s"] == 0.0
        still["left_s"][fresh] = still["since_s"][fresh]
        kept = near & (time_s - still["near_since_s"] >= PASSING_S - EPSILON_S)
        still["left_s"][kept] = time_s

    def _goes_on(self, tracks: Tracks, row: int, place: np.void) -> Incident:
        key, phase = int(place["key"]), EventPhase.UPDATE
        if key not in self._open:
            phase = EventPhase.BEGIN
            self._open[key] = OpenIncident(self._scene, "object_left", str(key), self._config.zone or "", float(place["left_s"]))
        incident = self._open[key]
        incident.last_s = tracks.time_s
        incident.see(tracks, np.array([row]))
        incident.details["alone_s"] = round(tracks.time_s - incident.started_at_s, 1)
        return incident.message(phase, tracks.time_s)

    def _over(self, time_s: float) -> list[Incident]:
        done = [key for key, one in self._open.items() if time_s - one.last_s >= self._config.end_after_s + EPSILON_S]
        return [self._open.pop(key).message(EventPhase.END, time_s) for key in done]


def _near(points: NDArray[np.float32], owners: NDArray[np.float32], distance: float) -> NDArray[np.bool_]:
    """(N,) whether any of the boxes (M, 4) stands nearer to each point (N, 2) than so many of its own heights."""
    if not len(owners):
        return np.zeros(len(points), dtype=np.bool_)
    between = points[:, None] - ground_points(owners)[None, :]
    heights = owners[:, 3] - owners[:, 1]
    return np.asarray((np.hypot(between[..., 0], between[..., 1]) < distance * heights).any(axis=1))
