"""Somebody crosses a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import LineCrossingConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import PointArray, Tripwire
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import EPSILON_S, TrackTable

# Two sightings further apart in time are not joined to a step.
GAP_S = 2.0
# Clear of the line: further away than this share of the picture's height, and than this share of the object's own height.
CLEAR = 0.005
CLEAR_OF_HEIGHT = 0.05
# Away from the line, out of reach of a box whose feet come and go: further than this share of the picture's height, and of the object's
# longer side.
AWAY = 0.01
AWAY_OF_SIZE = 0.5
# A size that was seen counts for that long at half its length: a box that lost its legs still belongs to a whole person.
SIZE_HALVES_S = 2.0
# Who is clear of the line, but not away from it, has crossed it after so long.
HOLD_S = 0.5
# Who stays just behind the line has crossed it after so long.
SETTLE_S = 1.0
# Products of distances below this are looked at exactly.
NEAR = 1e-9


class LineCrossing:
    """One incident for each crossing of the line by an object's ground point; it begins and ends in the same update.

    Each step between two sightings adds its crossings, +1 from a to b and -1 back. The sum is read when it is certain: at once when the
    object is *away* from the line, after `HOLD_S` on the new side when it is only *clear* of it. An object that has been clear once also
    counts as across when it stays just behind the line for `SETTLE_S` or vanishes there (a door).

    **Once at the line.** After it was counted, an object counts again, in whatever direction, only once it has been away from the line on
    either side. Going over, turning round somewhere away and coming back are two crossings; hovering at the line, for however long, is
    one at most. Should the object leave on the side that it came from after all, its return is counted when it is away there.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no line of that name.
    """

    def __init__(self, config: LineCrossingConfig, scene: Scene) -> None:
        """Look the line up and lay out its segments."""
        self._config = config
        self._scene = scene
        self._line = scene.lines[config.line]
        self._area = scene.area(None, config.classes)
        start, end = self._line.points[:-1], self._line.points[1:]
        along = end - start
        # Cross product of a segment with a point, as one matrix product: its sign is the side of the segment.
        self._normals = np.stack([-along[:, 1], along[:, 0]])
        self._offsets = along[:, 0] * start[:, 1] - along[:, 1] * start[:, 0]
        segments = len(along)
        self._table = TrackTable(
            GAP_S,
            [
                ("known", "?"),
                ("armed", "?"),
                ("busy", "?"),
                ("counted", "?"),
                ("net", "i4"),
                ("size", "f8"),
                ("sized_s", "f8"),
                ("point", "f8", (2,)),
                ("sides", "f8", (segments,)),
                ("crossed_s", "f8"),
                ("score", "f4"),
                ("class_id", "i8"),
                ("box", "f4", (4,)),
            ],
        )
        self._aspect = np.array([scene.size_wh[0] / scene.size_wh[1], 1.0])
        self._count = 0

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """The crossings that became certain with these tracks; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if not len(rows) and not len(self._table):
            return ()
        slots = self._table.update(tracks, rows)
        table = self._table.rows
        points = self._scene.ground(tracks)[rows]
        sides = points @ self._normals - self._offsets
        unsettled = table["busy"] | ~table["known"]
        if len(slots) and (unsettled[slots].any() or (sides * table["sides"][slots]).min() <= NEAR):
            messages = self._look_closely(tracks, rows, slots, points)
        else:
            messages = []
        table["point"][slots] = points
        table["sides"][slots] = sides
        for gone in self._table.left[self._table.left["busy"]]:
            messages += self._vanished(gone, tracks.time_s)
        return messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """Count who vanished behind the line; afterwards the rule is as new."""
        messages: list[Incident] = []
        for row in self._table.rows:
            messages += self._vanished(row, time_s)
        self._table.clear()
        return messages

    def _look_closely(self, tracks: Tracks, rows: Rows, slots: Rows, points: PointArray) -> list[Incident]:
        table = self._table.rows
        fresh = ~table["known"][slots]
        table["known"][slots[fresh]] = table["busy"][slots[fresh]] = True
        table["point"][slots[fresh]] = points[fresh]
        crossed = self._line.crossings(table["point"][slots], points)
        self._note_steps(tracks, rows, slots, crossed)
        clear, away = self._is_off(tracks, rows, slots, points)
        messages: list[Incident] = []
        for index in np.flatnonzero(table["busy"][slots]):
            row: Any = table[slots[index]]
            if row["net"] and (away[index] or self._is_certain(row, bool(clear[index]), tracks.time_s)):
                messages += self._crossing(row, tracks.time_s)
                row["net"], row["armed"], row["counted"] = 0, False, True
            row["counted"] &= not away[index]
            row["armed"] |= clear[index]
            row["busy"] = row["net"] != 0 or row["counted"] or not row["armed"]
        return messages

    @staticmethod
    def _is_certain(row: Any, clear: bool, time_s: float) -> bool:
        """Whether an object near the line is across: it has not been counted there before, and stays."""
        stays_s = time_s - row["crossed_s"] + EPSILON_S
        return not row["counted"] and ((clear and stays_s >= HOLD_S) or (bool(row["armed"]) and stays_s >= SETTLE_S))

    def _note_steps(self, tracks: Tracks, rows: Rows, slots: Rows, crossed: NDArray[np.int8]) -> None:
        """Add the steps' crossings (K,) to the sums, and remember what the object looked like."""
        moved = crossed != 0
        if not moved.any():
            return
        table, where, seen = self._table.rows, slots[moved], rows[moved]
        table["net"][where] += crossed[moved]
        table["busy"][where] = True
        table["crossed_s"][where] = tracks.time_s
        table["score"][where] = tracks.score[seen]
        table["class_id"][where] = tracks.class_id[seen]
        table["box"][where] = tracks.xyxy[seen]

    def _is_off(self, tracks: Tracks, rows: Rows, slots: Rows, points: PointArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which objects (K,) are clear of the line, and which are away from it."""
        table, xyxy = self._table.rows, tracks.xyxy[rows]
        widths_heights = (xyxy[:, 2:] - xyxy[:, :2]).astype(np.float64) / self._scene.size_wh[1]
        remembered = table["size"][slots] * 0.5 ** ((tracks.time_s - table["sized_s"][slots]) / SIZE_HALVES_S)
        sizes = np.maximum(widths_heights.max(axis=1), remembered)
        table["size"][slots], table["sized_s"][slots] = sizes, tracks.time_s
        distances = _distances(self._line, points, self._aspect)
        return distances > np.maximum(CLEAR, CLEAR_OF_HEIGHT * widths_heights[:, 1]), distances > np.maximum(AWAY, AWAY_OF_SIZE * sizes)

    def _vanished(self, row: Any, time_s: float) -> list[Incident]:
        return self._crossing(row, time_s) if row["armed"] and row["net"] and not row["counted"] else []

    def _crossing(self, row: Any, time_s: float) -> list[Incident]:
        direction = "a_to_b" if row["net"] > 0 else "b_to_a"
        if self._config.direction not in (direction, "both"):
            return []
        self._count += 1
        track_id = int(row["id"])
        incident = OpenIncident(self._scene, "line_crossing", f"{track_id}-{self._count}", self._config.line, float(row["crossed_s"]))
        incident.involve([track_id])
        incident.note(float(row["score"]), row["box"], int(row["class_id"]))
        incident.details["direction"] = direction
        return [incident.message(EventPhase.BEGIN, time_s), incident.message(EventPhase.END, time_s)]


def _distances(line: Tripwire, points: PointArray, aspect: PointArray) -> NDArray[np.float64]:
    """Distances (K,) of relative points (K, 2) from a line, in picture heights; `aspect` is width / height and 1."""
    start, end, at = line.points[:-1] * aspect, line.points[1:] * aspect, points * aspect
    along = end - start
    length_2 = np.maximum((along**2).sum(axis=1), 1e-12)
    share = np.clip(((at[:, None] - start) * along).sum(axis=2) / length_2, 0.0, 1.0)
    nearest = start + share[..., None] * along
    return np.asarray(np.sqrt(((at[:, None] - nearest) ** 2).sum(axis=2)).min(axis=1), dtype=np.float64)
