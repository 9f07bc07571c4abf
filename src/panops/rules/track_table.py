"""Objects that a rule follows, on arrays: since when, last seen when, and what else the rule wants to remember of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.tracks import Tracks, TrackState
from panops.rules.scene import NO_ROWS, Rows

Table = NDArray[np.void]

# Two looks in a row that are further apart than this say nothing of what happened in between.
BLIND_S = 10.0
# A new track is taken for an object that vanished at most so long ago.
HANDOVER_S = 2.0
# Sums of frame times miss round numbers by a few 1e-7 s at UTC times.
EPSILON_S = 1e-6

_BASE = [("id", "i8"), ("origin", "i8"), ("entered_s", "f8"), ("seen_s", "f8"), ("keep_s", "f8"), ("xyxy", "f4", (4,))]


class TrackTable:
    """The objects that a rule follows, one row each, sorted by track id.

    An object stays in the table while it is seen, and for `keep_s` after it was last seen; then it is dropped, so the table never holds
    more than what was in view lately. Two sightings in successive looks belong together however far apart the looks are, up to
    `BLIND_S`: a camera that is looked at every two seconds loses nobody.

    **Handover.** A tracker sometimes gives one and the same object a new id. A new track, born after an object in the table was last
    seen, at most `HANDOVER_S` later and close to where that was (a quarter of the box's longer side, and one such side a second),
    takes over its row: it keeps `origin` (the first id) and `entered_s`.

    Columns: `id` (current track id), `origin`, `entered_s`, `seen_s` (first and last sighting, s), `keep_s`, `xyxy` (last box, px) and
    those that the rule adds, which begin as zeros.

    Args:
        keep_s: For how long an object that is not seen is kept, s; a rule may raise it for single rows.
        columns: What the rule adds, as numpy field descriptions.
    """

    def __init__(self, keep_s: float, columns: list[Any] | None = None) -> None:
        """Begin empty."""
        self._keep_s = keep_s
        self._dtype = np.dtype(_BASE + (columns or []))
        self._looked_s = -np.inf
        self._none: Table = np.zeros(0, dtype=self._dtype)
        self.rows: Table = self._none
        self.left: Table = self._none
        self._last_ids: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._last_slots: Rows | None = NO_ROWS

    def __len__(self) -> int:
        """How many objects are in the table."""
        return len(self.rows)

    def clear(self) -> None:
        """Forget everybody."""
        self.rows = self.left = self._none
        self._last_slots = None

    def update(self, tracks: Tracks, seen: Rows) -> Rows:
        """Enter what is seen now.

        Args:
            tracks: The camera's tracks.
            seen: The rows of `tracks` (K,) that the rule follows.

        Returns:
            (K,) the rows of `self.rows` that belong to `seen`. `self.left` holds the objects that this look dropped.
        """
        self.left = self._none
        if len(self.rows):
            self._drop_forgotten(tracks.time_s)
        slots = self._match(tracks, seen) if len(seen) else NO_ROWS
        if len(slots):
            self.rows["seen_s"][slots] = tracks.time_s
            self.rows["xyxy"][slots] = tracks.xyxy[seen]
        if len(slots) < len(self.rows):
            slots = self._drop_absent(tracks.time_s, slots)
        self._looked_s = tracks.time_s
        return slots

    def _drop_forgotten(self, time_s: float) -> None:
        """Drop who was missing at the last look already and has now been away for too long, or everybody after a blind spell."""
        if time_s - self._looked_s > BLIND_S:
            self._drop(np.ones(len(self.rows), dtype=np.bool_))
            return
        seen_s = self.rows["seen_s"]
        if seen_s.min() >= self._looked_s:
            return
        away = (seen_s < self._looked_s) & (time_s - seen_s > self.rows["keep_s"] + EPSILON_S)
        if away.any():
            self._drop(away)

    def _drop_absent(self, time_s: float, slots: Rows) -> Rows:
        away = time_s - self.rows["seen_s"] > self.rows["keep_s"] + EPSILON_S
        if away.any():
            slots = slots - np.cumsum(away)[slots]  # each row moves up by the dropped rows above it
            self._drop(away)
        return slots

    def _drop(self, away: NDArray[np.bool_]) -> None:
        gone = self.rows[away]
        self.left = gone if not len(self.left) else np.concatenate([self.left, gone])
        self.rows = self.rows[~away]
        self._last_slots = None

    def _match(self, tracks: Tracks, seen: Rows) -> Rows:
        ids = tracks.track_id[seen]
        if self._last_slots is not None and len(ids) == len(self._last_ids) and (ids == self._last_ids).all():
            return self._last_slots
        new = ~np.isin(ids, self.rows["id"])
        if new.any():
            if len(self.rows):
                new = self._hand_over(tracks, seen, new)
            self._insert(tracks, seen[new])
        slots = np.searchsorted(self.rows["id"], ids)
        self._last_ids, self._last_slots = ids, slots
        return slots

    def _insert(self, tracks: Tracks, fresh: Rows) -> None:
        added: Table = np.zeros(len(fresh), dtype=self._dtype)
        added["id"] = added["origin"] = tracks.track_id[fresh]
        added["entered_s"] = added["seen_s"] = tracks.time_s
        added["keep_s"] = self._keep_s
        added["xyxy"] = tracks.xyxy[fresh]
        joined = np.concatenate([self.rows, added])
        self.rows = joined[np.argsort(joined["id"])]

    def _hand_over(self, tracks: Tracks, seen: Rows, new: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Give rows of vanished objects to new tracks nearby; returns which of `seen` are still new. Rare, so plain loops."""
        in_view = tracks.track_id[tracks.state == TrackState.CONFIRMED.value]
        vanished = np.flatnonzero(~np.isin(self.rows["id"], in_view))
        offers = sorted(
            (distance, int(index), int(row))
            for row in vanished
            for index in np.flatnonzero(new)
            if (distance := _handover_distance(self.rows[row], tracks, int(seen[index]))) <= 1.0
        )
        still_new, taken = new.copy(), set()
        for _distance, index, row in offers:
            if still_new[index] and row not in taken:
                still_new[index] = False
                taken.add(row)
                self.rows["id"][row] = tracks.track_id[seen[index]]
        if taken:
            self.rows = self.rows[np.argsort(self.rows["id"])]
        return still_new


def _handover_distance(old: Any, tracks: Tracks, row: int) -> float:
    """How far the new track is from where the old one was last seen, in shares of what it may be; infinite where it cannot be the same."""
    seen_s = float(old["seen_s"])
    if tracks.first_seen_s[row] <= seen_s or tracks.time_s - seen_s > HANDOVER_S:
        return float("inf")
    x1, y1, x2, y2 = (float(value) for value in old["xyxy"])
    new_x1, _, new_x2, new_y2 = (float(value) for value in tracks.xyxy[row])
    reach = (0.25 + tracks.time_s - seen_s) * max(x2 - x1, y2 - y1)
    moved = float(np.hypot((new_x1 + new_x2 - x1 - x2) / 2, new_y2 - y2))
    return moved / reach if reach > 0 else float("inf")
