"""An object moves in a direction that is not allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import DirectionConfig
from panops.domain.events import Incident
from panops.domain.tracks import Tracks
from panops.rules.object_incidents import ObjectIncidents
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import TrackTable
from panops.rules.trail import COLUMNS, Trail

# Whoever is not seen for so long begins a new way.
GAP_S = 2.0
# A movement goes at least this far, as a share of the box's longer side: boxes of people who stand jump when their legs are hidden.
LEAST_OF_SIZE = 0.5
# One step may be at most this share of the whole movement: a jump is none.
MOST_OF_STEP = 0.6
# The steps together are at most so many times as long as the movement: going to and fro is none.
MOST_DETOUR = 2.0


class Direction:
    """One incident for each object that moves the wrong way.

    What counts is the movement of the ground point over the last `window_s`, in px of the picture as seen: at least `least_share` of its
    diagonal and half the box's longer side, in several steps and without much to and fro. The incident counts from the beginning of that
    movement and ends when none has been wrong for `end_after_s`.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: DirectionConfig, scene: Scene) -> None:
        """Work the allowed way out."""
        self._scene = scene
        self._area = scene.area(config.zone, config.classes)
        self._size = np.array(scene.size_wh, dtype=np.float64)
        self._allowed = _allowed(config, scene.size_wh)
        self._least_px = config.least_share * math.hypot(*scene.size_wh)
        within = math.cos(math.radians(config.tolerance_deg))
        # The cosine of the angle to the allowed way, from which on downwards a movement is wrong.
        self._wrong_below = -within if config.when == "against" else within
        self._table = TrackTable(GAP_S, COLUMNS)
        self._trail = Trail(config.window_s)
        self._incidents = ObjectIncidents(scene, "direction", config.zone or "", config.end_after_s)

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if not len(rows) and not len(self._table) and not len(self._incidents):
            return ()
        slots = self._table.update(tracks, rows)
        messages: list[Incident] = []
        if len(slots):
            self._trail.note(self._table.rows, slots, tracks.time_s, self._scene.ground(tracks)[rows] * self._size)
            messages += self._wrong(tracks, rows, slots)
        if len(self._incidents):
            messages += self._incidents.over(tracks.time_s)
        return messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open; afterwards the rule is as new."""
        self._table.clear()
        return self._incidents.finish(time_s)

    def _wrong(self, tracks: Tracks, rows: Rows, slots: Rows) -> list[Incident]:
        trail = self._table.rows["trail"][slots]
        far = np.flatnonzero(np.abs(trail - trail[:, -1:]).max(axis=(1, 2)) >= 0.7 * self._least_px)
        if not len(far):
            return []
        first = self._trail.first(self._table.rows, slots[far], tracks.time_s)
        movements = [_movement(trail[index, start:]) for index, start in zip(far, first, strict=True)]
        messages = []
        for index, start, moved in zip(far, first, movements, strict=True):
            x1, y1, x2, y2 = tracks.xyxy[rows[index]]
            length = float(np.hypot(*moved))
            if length < max(self._least_px, LEAST_OF_SIZE * float(max(x2 - x1, y2 - y1))):
                continue
            if float(moved @ self._allowed) / length >= self._wrong_below:
                continue
            row = self._table.rows[slots[index]]
            since_s = float(row["trail_s"][start])
            incident, phase = self._incidents.hold(int(row["origin"]), tracks, rows[index : index + 1], since_s)
            incident.details["heading_deg"] = round(math.degrees(math.atan2(-moved[1], moved[0])) % 360.0, 1)
            messages.append(incident.message(phase, tracks.time_s))
        return messages


def _allowed(config: DirectionConfig, size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """The allowed way as a vector (2,) of length 1 in px, y down."""
    if config.along is not None:
        (x1, y1), (x2, y2) = config.along
        across, down = (x2 - x1) * size_wh[0], (y2 - y1) * size_wh[1]
        return np.array([across, down]) / math.hypot(across, down)
    angle = math.radians(config.heading_deg or 0.0)
    return np.array([math.cos(angle), -math.sin(angle)])


def _movement(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the first place (N, 2) to the last, (2,) px; nothing where that is a jump, or to and fro."""
    moved = places[-1] - places[0]
    steps = np.hypot(*np.diff(places, axis=0).T)
    length = float(np.hypot(*moved))
    if steps.max(initial=0.0) > MOST_OF_STEP * length or steps.sum() > MOST_DETOUR * length:
        return np.zeros(2)
    return np.asarray(moved)
