"""What every track of a camera did since it was first seen: how often it was seen, how sure, how far it came.

Plain numbers: a camera has a handful of tracks, for which a call into numpy costs more than its work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from panops.domain.tracks import Tracks, TrackState

# Who was not seen for so long is not asked about any more: longer than any event waits for its object to come back.
_FORGET_S = 120.0


@dataclass(eq=False, slots=True)
class TrackRecord:
    """One track's life. Lengths are in px of the frame.

    Attributes:
        track_id: The track.
        class_id: Its class.
        first_s: First sighting, s.
        last_s: Latest sighting, s.
        looks: Looks since it was first seen.
        hits: Those at which it was seen.
        best_score: The highest score so far, 0..1.
        xyxy: Its latest box.
        reach: Leftmost, topmost, rightmost and bottommost ground point.
        edge_reach: The same of the box's upper left corner: both corners of a thing that moves go with it, of one that only grows do not.
        looks_then: Looks until it was seen last.
        heights_px: The heights of its last boxes, three at most.
        first_px: The greatest of its first three heights.
        steady_px: The greatest height that three sightings in a row had at least: one box that is too tall counts for nothing.
        seen_now: Whether it was seen at the look that is being entered.
    """

    track_id: int
    class_id: int
    first_s: float
    last_s: float
    looks: int
    hits: int
    best_score: float
    xyxy: tuple[float, float, float, float]
    reach: tuple[float, float, float, float]
    edge_reach: tuple[float, float, float, float]
    looks_then: int = 1
    heights_px: tuple[float, ...] = ()
    first_px: float = 0.0
    steady_px: float = 0.0
    seen_now: bool = True

    @property
    def share_seen(self) -> float:
        """Of the looks since it was first seen, the share at which it was, 0..1."""
        return self.hits / self.looks if self.looks else 0.0

    @property
    def share_seen_then(self) -> float:
        """The same until it was seen last: what is gone is not missed any more."""
        return self.hits / self.looks_then

    @property
    def grew(self) -> float:
        """How many times as tall as at first its box became and stayed: who walks straight at the camera hardly moves, but grows."""
        return max(self.steady_px / self.first_px, 1.0) if self.first_px > 0 else 1.0

    @property
    def height_px(self) -> float:
        """The latest box's height."""
        return self.xyxy[3] - self.xyxy[1]

    @property
    def size_px(self) -> float:
        """The latest box's longer side."""
        return max(self.xyxy[2] - self.xyxy[0], self.xyxy[3] - self.xyxy[1])

    @property
    def travelled(self) -> float:
        """How far it came, in longer sides of its box: the lesser of what its ground point and its upper left corner did."""
        size = self.size_px
        if size <= 0:
            return 0.0
        ground = math.hypot(self.reach[2] - self.reach[0], self.reach[3] - self.reach[1])
        corner = math.hypot(self.edge_reach[2] - self.edge_reach[0], self.edge_reach[3] - self.edge_reach[1])
        return min(ground, corner) / size


class TrackLog:
    """The tracks of one camera. Used by one thread."""

    def __init__(self) -> None:
        """Begin empty."""
        self._records: dict[int, TrackRecord] = {}

    def __len__(self) -> int:
        """How many tracks are remembered."""
        return len(self._records)

    def get(self, track_id: int) -> TrackRecord | None:
        """What is known of a track, or None."""
        return self._records.get(track_id)

    def clear(self) -> None:
        """Forget all."""
        self._records.clear()

    def note(self, tracks: Tracks) -> None:
        """Enter one look."""
        if not len(tracks):
            if self._records:
                self._pass(tracks.time_s)
            return
        seen_state = TrackState.CONFIRMED.value
        rows = zip(
            tracks.track_id.tolist(),
            tracks.xyxy.tolist(),
            tracks.score.tolist(),
            tracks.class_id.tolist(),
            tracks.state.tolist(),
            strict=True,
        )
        for track_id, xyxy, score, class_id, state in rows:
            if state != seen_state:
                continue
            left, top, right, bottom = xyxy
            x, y = (left + right) / 2, bottom
            record = self._records.get(track_id)
            if record is None:
                box = (left, top, right, bottom)
                self._records[track_id] = TrackRecord(
                    track_id, class_id, tracks.time_s, tracks.time_s, 1, 1, score, box,
                    (x, y, x, y), (left, top, left, top), heights_px=(bottom - top,), first_px=bottom - top,
                )  # fmt: skip
                continue
            record.seen_now = True
            record.looks += 1
            record.hits += 1
            record.looks_then = record.looks
            record.heights_px = heights_px = (*record.heights_px[-2:], bottom - top)
            if record.hits <= 3:
                record.first_px = max(heights_px)
            else:
                record.steady_px = max(record.steady_px, min(heights_px))
            record.last_s = tracks.time_s
            record.class_id = class_id
            record.xyxy = (left, top, right, bottom)
            reach, edge = record.reach, record.edge_reach
            record.reach = (min(reach[0], x), min(reach[1], y), max(reach[2], x), max(reach[3], y))
            record.edge_reach = (min(edge[0], left), min(edge[1], top), max(edge[2], left), max(edge[3], top))
            record.best_score = max(record.best_score, score)
        self._pass(tracks.time_s)

    def _pass(self, time_s: float) -> None:
        """Count the look for those that were not seen at it, and forget who is long gone."""
        gone = []
        for track_id, record in self._records.items():
            if record.seen_now:
                record.seen_now = False
            else:
                record.looks += 1
                if not 0 <= time_s - record.last_s <= _FORGET_S:
                    gone.append(track_id)
        for track_id in gone:
            del self._records[track_id]
