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
from panops.rules.trail import COLUMNS, LEAST_SAMPLES, Trail

# Whoever is not seen for so long begins a new way.
GAP_S = 2.0
# A movement goes at least this far, as a share of the box's longer side: boxes of people who stand jump when their legs are hidden.
LEAST_OF_SIZE = 0.5
# And so far where it was followed for less than half the window: there is less to judge by.
LEAST_OF_SIZE_AT_ONCE = 1.5
# One step may be at most this share of the whole movement: a jump is none.
MOST_OF_STEP = 0.6
# No step leads back by more than this share of it, and together they are at most so many times as long: going to and fro is none.
MOST_BACK = 0.15
MOST_DETOUR = 2.0
# So many looks in a row must show a wrong movement.
LEAST_LOOKS = 2


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
        self._table = TrackTable(GAP_S, [*COLUMNS, ("wrong", "i4")])
        self._window_s = config.window_s
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
        table = self._table.rows
        trail = table["trail"][slots]
        far = np.abs(trail - trail[:, -1:]).max(axis=(1, 2)) >= 0.7 * self._least_px
        table["wrong"][slots[~far]] = 0
        if not far.any():
            return []
        first = self._trail.first(table, slots, tracks.time_s)
        messages = []
        for index in np.flatnonzero(far):
            row, start = table[slots[index]], first[index]
            moved = _movement(row["trail_s"][start:], row["trail"][start:])
            row["wrong"] = row["wrong"] + 1 if self._is_wrong(moved, tracks.time_s - row["trail_s"][start], tracks.xyxy[rows[index]]) else 0
            if row["wrong"] < LEAST_LOOKS:
                continue
            incident, phase = self._incidents.hold(int(row["origin"]), tracks, rows[index : index + 1], float(row["trail_s"][start]))
            incident.details["heading_deg"] = round(math.degrees(math.atan2(-moved[1], moved[0])) % 360.0, 1)
            messages.append(incident.message(phase, tracks.time_s))
        return messages

    def _is_wrong(self, moved: NDArray[np.float64], took_s: float, xyxy: NDArray[np.float32]) -> bool:
        """Whether a movement (2,), px, in `took_s` of a box (4,) is long enough and not the allowed way."""
        length = float(np.hypot(*moved))
        sides = LEAST_OF_SIZE if took_s >= 0.5 * self._window_s else LEAST_OF_SIZE_AT_ONCE
        least_px = max(self._least_px, sides * float(max(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1])))
        return length >= least_px and float(moved @ self._allowed) < self._wrong_below * length


def _allowed(config: DirectionConfig, size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """The allowed way as a vector (2,) of length 1 in px, y down."""
    if config.along is not None:
        (x1, y1), (x2, y2) = config.along
        across, down = (x2 - x1) * size_wh[0], (y2 - y1) * size_wh[1]
        return np.array([across, down]) / math.hypot(across, down)
    angle = math.radians(config.heading_deg or 0.0)
    return np.array([math.cos(angle), -math.sin(angle)])


def _movement(times_s: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the first place (N, 2) to the last, (2,) px; nothing where that is too few looks at times (N,), a jump, or to and fro."""
    if np.count_nonzero(np.diff(times_s)) < LEAST_SAMPLES - 1:
        return np.zeros(2)
    moved = places[-1] - places[0]
    steps = np.diff(places, axis=0)
    lengths, length = np.hypot(*steps.T), float(np.hypot(*moved))
    if lengths.max() > MOST_OF_STEP * length or lengths.sum() > MOST_DETOUR * length or (steps @ moved).min() < -MOST_BACK * length**2:
        return np.zeros(2)
    return np.asarray(moved)
