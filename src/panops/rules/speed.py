"""An object is faster over the ground than allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import SpeedConfig
from panops.domain.events import Incident
from panops.domain.geometry import PointArray
from panops.domain.tracks import Tracks
from panops.rules.object_incidents import ObjectIncidents
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import TrackTable
from panops.rules.trail import COLUMNS, LEAST_SAMPLES, Trail

# A speed is measured over about this time, and over no less than the shorter one.
WINDOW_S = 1.2
LEAST_S = 0.55
# Whoever is not seen for so long is measured anew.
GAP_S = 1.0
# Places may lie off the straight line by at most this share of its length; else the box jumps more than the object moves.
MOST_SPREAD = 0.1
# A box's lower edge may be off by so much of its height, and so many px; on the ground that may be at most this share of what was
# travelled. Far away a pixel is metres.
OFF_OF_HEIGHT = 0.05
OFF_PX = 1.5
MOST_BLUR = 0.1
# So many looks in a row must show too high a speed.
LEAST_LOOKS = 2
# A box that comes so near to the picture's border is cut by it.
BORDER_PX = 1.5
KMH = 3.6


class Speed:
    """One incident for each object that is faster than `limit_kmh`, with the highest speed in `details.speed_kmh`.

    Ground points become metres by the camera's ground plane. The speed is the slope of a Theil-Sen line through the places of the last
    `WINDOW_S`, so that single boxes that are off change nothing (Sen, "Estimates of the regression coefficient based on Kendall's tau",
    1968). Nothing is measured where the places scatter too much about that line, where the object is so far away that a slightly wrong box
    is a large part of its way, and while the picture's border cuts the box.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
        ValueError: The camera has no ground plane.
    """

    def __init__(self, config: SpeedConfig, scene: Scene) -> None:
        """Look zone and ground plane up."""
        if scene.ground_plane is None:
            raise ValueError(f"expected a camera with a ground plane, got {scene.camera_id!r} without; set its `ground`")
        self._scene = scene
        self._plane = scene.ground_plane
        self._limit_mps = config.limit_kmh / KMH
        self._area = scene.area(config.zone, config.classes)
        self._table = TrackTable(GAP_S, [*COLUMNS, ("fast", "i4")])
        self._trail = Trail(WINDOW_S)
        self._incidents = ObjectIncidents(scene, "speed", config.zone or "", config.end_after_s)
        self._limit_kmh = config.limit_kmh

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if not len(rows) and not len(self._table) and not len(self._incidents):
            return ()
        if len(rows):
            places = self._plane.to_metres(self._scene.ground(tracks)[rows])
            told = np.isfinite(places[:, 0]) & self._is_whole(tracks.xyxy[rows])
            rows, places = rows[told], places[told]
        slots = self._table.update(tracks, rows)
        messages: list[Incident] = []
        if len(slots):
            self._trail.note(self._table.rows, slots, tracks.time_s, places)
            messages += self._fast(tracks, rows, slots)
        if len(self._incidents):
            messages += self._incidents.over(tracks.time_s)
        return messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open; afterwards the rule is as new."""
        self._table.clear()
        return self._incidents.finish(time_s)

    def _is_whole(self, xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(K,) whether the boxes (K, 4) end before the picture does: of one that is cut the ground point is elsewhere."""
        width, height = self._scene.size_wh
        return np.asarray((xyxy[:, 0] > BORDER_PX) & (xyxy[:, 2] < width - BORDER_PX) & (xyxy[:, 3] < height - BORDER_PX))

    def _fast(self, tracks: Tracks, rows: Rows, slots: Rows) -> list[Incident]:
        table = self._table.rows
        first = self._trail.first(table, slots, tracks.time_s)
        start = table["trail"][slots, first]
        spans_s = tracks.time_s - table["trail_s"][slots, first]
        gone = np.hypot(*(table["trail"][slots, -1] - start).T)
        near = (spans_s >= LEAST_S) & (gone >= 0.7 * self._limit_mps * spans_s)
        table["fast"][slots[~near]] = 0
        messages = []
        for index in np.flatnonzero(near):
            row = table[slots[index]]
            speed_mps = ground_speed(row["trail_s"][first[index] :], row["trail"][first[index] :])
            is_sharp = self._blur_m(tracks.xyxy[rows[index]]) <= MOST_BLUR * speed_mps * spans_s[index]
            row["fast"] = row["fast"] + 1 if speed_mps > self._limit_mps and is_sharp else 0
            if row["fast"] < LEAST_LOOKS:
                continue
            incident, phase = self._incidents.hold(int(row["origin"]), tracks, rows[index : index + 1], tracks.time_s - spans_s[index])
            highest = max(round(speed_mps * KMH, 1), float(incident.details.get("speed_kmh") or 0.0))
            incident.details.update(limit_kmh=self._limit_kmh, speed_kmh=highest)
            messages.append(incident.message(phase, tracks.time_s))
        return messages

    def _blur_m(self, xyxy: NDArray[np.float32]) -> float:
        """How far on the ground, m, a box (4,) is off when its lower edge is slightly wrong; NaN where that leaves the ground."""
        width, height = self._scene.size_wh
        x, y = (xyxy[0] + xyxy[2]) / 2, float(xyxy[3])
        off = max(OFF_PX, OFF_OF_HEIGHT * float(xyxy[3] - xyxy[1]))
        here, higher = self._plane.to_metres(np.array([[x / width, y / height], [x / width, (y - off) / height]]))
        return float(np.hypot(*(higher - here)))


def ground_speed(times_s: NDArray[np.float64], places: PointArray) -> float:
    """The speed, m/s, of places (N, 2) in m at times (N,); 0.0 where they are too few, or too far from a straight line."""
    new = np.concatenate([np.diff(times_s) > 0, [True]])
    times_s, places = times_s[new], places[new]
    if len(times_s) < LEAST_SAMPLES:
        return 0.0
    later, earlier = np.tril_indices(len(times_s), -1)
    slopes = (places[later] - places[earlier]) / (times_s[later] - times_s[earlier])[:, None]
    velocity = np.median(slopes, axis=0)
    rest = places - velocity * (times_s - times_s[0])[:, None]
    spread = float(np.median(np.hypot(*(rest - np.median(rest, axis=0)).T)))
    speed = float(np.hypot(*velocity))
    return speed if spread <= MOST_SPREAD * speed * (times_s[-1] - times_s[0]) else 0.0
