"""Objects that stand still, by their places: a tracker forgets what was hidden for a second, a place does not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import area, ground_points, intersection
from panops.domain.tracks import Tracks
from panops.rules.scene import NO_ROWS, Rows
from panops.rules.track_table import BLIND_S, EPSILON_S, Table

# Within this share of its box's longer side an object is in its place.
REACH = 0.3
# The box of one and the same object is at most so many times as large as before.
ALIKE = 2.0
# How fast a place follows the boxes that are seen in it.
FOLLOWS = 0.05
# Whose box is covered so much by another one may be hidden by that.
HIDDEN_SHARE = 0.25
# What is hidden for longer is forgotten.
LONGEST_HIDDEN_S = 600.0

_COLUMNS = [("key", "i8"), ("id", "i8"), ("since_s", "f8"), ("seen_s", "f8"), ("shown_s", "f8"), ("keep_s", "f8")]
_LOOKS = [("box", "f4", (4,)), ("best_box", "f4", (4,)), ("score", "f4"), ("class_id", "i8")]


class StillObjects:
    """Places where something stands, one row each, whatever ids the tracker gives it.

    Columns: `key` (unique), `id` (the newest track id), `since_s` (first sighting), `seen_s` (last one), `shown_s` (the last look at which
    it was seen, or may have been hidden), `keep_s`, `box` (the place, px), `best_box`, `score` and `class_id` of the best sighting, and
    those that the rule adds, which begin as zeros. A place whose object is neither seen nor hidden for `keep_s` is dropped. What moves
    makes a new place every now and then, and leaves it again.

    Args:
        keep_s: For how long a place without its object is kept, s; a rule may raise it for single rows.
        columns: What the rule adds, as numpy field descriptions.
    """

    def __init__(self, keep_s: float, columns: list[Any] | None = None) -> None:
        self._keep_s = keep_s
        self._dtype = np.dtype(_COLUMNS + _LOOKS + (columns or []))
        self._looked_s = -np.inf
        self._next_key = 0
        self.rows: Table = np.zeros(0, dtype=self._dtype)

    def __len__(self) -> int:
        """How many places there are."""
        return len(self.rows)

    def clear(self) -> None:
        """Forget them all; keys go on."""
        self.rows = self.rows[:0]

    def update(self, tracks: Tracks, seen: Rows) -> Rows:
        """Enter what is seen now.

        Args:
            tracks: The look; any of them may hide what stands behind it.
            seen: Which rows of it (K,) are objects that may stand still.

        Returns:
            (K,) the rows of `self.rows` that they stand in.
        """
        time_s = tracks.time_s
        if time_s - self._looked_s > BLIND_S:
            self.clear()
        self._looked_s = time_s
        places = self._match(tracks, seen) if len(seen) else NO_ROWS
        new = places < 0
        if new.any():
            places[new] = len(self.rows) + np.arange(int(new.sum()))
            self._insert(tracks, seen[new])
        if len(places):
            self._note(tracks, seen, places)
        if len(places) < len(self.rows):
            places = self._leave(tracks, places)
        return places

    def _match(self, tracks: Tracks, seen: Rows) -> Rows:
        """The place (K,) of each row of `seen`, -1 for none; a place holds one object, the nearest."""
        places = np.full(len(seen), -1, dtype=np.intp)
        if not len(self.rows):
            return places
        boxes, here = self.rows["box"], tracks.xyxy[seen]
        reach = REACH * np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        between = ground_points(boxes)[:, None] - ground_points(here)[None, :]
        apart = np.hypot(between[..., 0], between[..., 1]) / np.maximum(reach, 1e-6)[:, None]
        before, now = area(boxes)[:, None], area(here)[None, :]
        apart[(now > ALIKE * before) | (before > ALIKE * now) | (apart > 1.0)] = np.inf
        for _ in range(min(apart.shape)):
            place, index = np.unravel_index(int(apart.argmin()), apart.shape)
            if not np.isfinite(apart[place, index]):
                break
            places[index] = place
            apart[place], apart[:, index] = np.inf, np.inf
        return places

    def _insert(self, tracks: Tracks, fresh: Rows) -> None:
        added: Table = np.zeros(len(fresh), dtype=self._dtype)
        added["key"] = self._next_key + np.arange(len(fresh))
        self._next_key += len(fresh)
        added["since_s"] = tracks.time_s
        added["keep_s"] = self._keep_s
        added["box"] = tracks.xyxy[fresh]
        added["score"] = -1.0
        self.rows = np.concatenate([self.rows, added])

    def _note(self, tracks: Tracks, seen: Rows, places: Rows) -> None:
        rows = self.rows
        rows["id"][places] = tracks.track_id[seen]
        rows["seen_s"][places] = rows["shown_s"][places] = tracks.time_s
        rows["box"][places] += FOLLOWS * (tracks.xyxy[seen] - rows["box"][places])
        better = tracks.score[seen] > rows["score"][places]
        if better.any():
            here, best = places[better], seen[better]
            rows["score"][here] = tracks.score[best]
            rows["best_box"][here] = tracks.xyxy[best]
            rows["class_id"][here] = tracks.class_id[best]

    def _leave(self, tracks: Tracks, places: Rows) -> Rows:
        """Look who hides the objects that are not seen, and drop the places that are empty for too long."""
        time_s, rows = tracks.time_s, self.rows
        empty = rows["seen_s"] < time_s
        hidden = empty & (time_s - rows["seen_s"] <= LONGEST_HIDDEN_S)
        hidden[hidden] = _covered(rows["box"][hidden], tracks.xyxy)
        rows["shown_s"][hidden] = time_s
        gone = time_s - rows["shown_s"] > rows["keep_s"] + EPSILON_S
        if gone.any():
            places = places - np.cumsum(gone)[places]  # each row moves up by the dropped rows above it
            self.rows = rows[~gone]
        return places


def _covered(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) whether any of the other boxes (M, 4) covers much of each box (N, 4)."""
    if not len(others) or not len(boxes):
        return np.zeros(len(boxes), dtype=np.bool_)
    return np.asarray((intersection(boxes, others) >= HIDDEN_SHARE * area(boxes)[:, None]).any(axis=1))
