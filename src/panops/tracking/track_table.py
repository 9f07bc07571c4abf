"""Every track of every camera, in flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from panops.tracking.kalman import Filter

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_FILTER_ROWS = 20


class TrackTable(NamedTuple):
    """N tracks, ordered by camera slot and within it by birth. Only the tracker holds it, and changes it in place.

    Attributes:
        motion: (20, N) float64, the filters: position, velocity, `p`, `c`, `v`, four rows each; see `kalman.Filter`.
        slot: (N,) int64, the camera's number inside the tracker.
        track_id: (N,) int64, unique within the camera.
        state: (N,) int64 of `TrackState`.
        hits: (N,) int64, matched frames one after the other since birth; only counted until the track is confirmed.
        class_id: (N,) int64, the class that leads the vote.
        class_lead: (N,) float64, the leader's score over all others.
        group: (N,) int64, what `class_id` may change into; see `ClassGroups`.
        score: (N,) float64, of the last match.
        first_seen_s: (N,) float64.
        last_seen_s: (N,) float64.
        detection: (N,) int64, the row of the camera's last `Detections` that matched, -1 where none did.
    """

    motion: FloatArray
    slot: IntArray
    track_id: IntArray
    state: IntArray
    hits: IntArray
    class_id: IntArray
    class_lead: FloatArray
    group: IntArray
    score: FloatArray
    first_seen_s: FloatArray
    last_seen_s: FloatArray
    detection: IntArray

    @classmethod
    def empty(cls) -> TrackTable:
        """No tracks."""
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        return cls(np.zeros((_FILTER_ROWS, 0)), whole, whole, whole, whole, whole, real, whole, real, real, real, whole)

    def take(self, rows: IntArray) -> TrackTable:
        """Copies of these rows, in this order."""
        columns: list[NDArray[Any]] = [column.take(rows) for column in self[1:]]
        return TrackTable(self.motion.take(rows, axis=1), *columns)

    def merged(self, keep: IntArray, born: TrackTable) -> TrackTable:
        """The rows `keep` and all of `born`, each camera's together, older ones first."""
        slots = np.concatenate([self.slot[keep], born.slot])
        rows = np.concatenate([keep, np.arange(len(self.slot), len(self.slot) + len(born.slot))])
        order = rows[np.argsort(slots, kind="stable")]
        return joined([self, born]).take(order)

    def filters(self, rows: IntArray) -> Filter:
        """Copies of these rows' filters."""
        motion = self.motion.take(rows, axis=1)
        return Filter(motion[0:4], motion[4:8], motion[8:12], motion[12:16], motion[16:20])

    def set_filters(self, rows: IntArray, state: Filter) -> None:
        """Write the filters of these rows."""
        self.motion[:, rows] = np.concatenate(state)


def joined(tables: Sequence[TrackTable]) -> TrackTable:
    """The tables' rows one after the other."""
    return TrackTable(
        np.concatenate([table.motion for table in tables], axis=1),
        *(np.concatenate(columns) for columns in zip(*(table[1:] for table in tables), strict=True)),
    )
