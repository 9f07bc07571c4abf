"""Which of a camera's tracks stay where they are, and which were lost a moment ago.

Plain numbers and no arrays: a camera has a handful of tracks, for which a call into numpy costs more than its work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from panops.domain.places import Box, iou

# Times are binary fractions: a second may be 1.0000000000000002 s.
_SLACK_S = 1e-6


class _Track(NamedTuple):
    """Where a track was last and when, and where it has been about since when."""

    xyxy: Box
    seen_s: float
    place: Box
    since_s: float


class StillTracks:
    """Remembers, for each track, where it was last and since when it has been about there. Boxes are in px of the frame.

    Args:
        steady_s: A track that has been in one place for so long is steady, s.
        least_iou: As long as its box overlaps the first one of that place by this, it is the same place.
        lost_s: A track that is not found is remembered for so long, s.
    """

    def __init__(self, steady_s: float, least_iou: float, lost_s: float) -> None:
        self._steady_s = steady_s
        self._least_iou = least_iou
        self._lost_s = lost_s
        self._tracks: dict[int, _Track] = {}

    def update(self, time_s: float, track_ids: Sequence[int], boxes: Sequence[Box]) -> tuple[list[bool], list[Box]]:
        """Take in the tracks of one check.

        Args:
            time_s: Its capture time, s; later than the last one.
            track_ids: The tracks that were seen.
            boxes: Where, one for each.

        Returns:
            Which of them are steady, and where those were seen last that are lost.
        """
        before, self._tracks = self._tracks, {}
        steady = []
        for track_id, xyxy in zip(track_ids, boxes, strict=True):
            old = before.pop(track_id, None)
            stays = old is not None and iou(old.place, xyxy) >= self._least_iou
            place, since_s = (old.place, old.since_s) if old is not None and stays else (xyxy, time_s)
            self._tracks[track_id] = _Track(xyxy, time_s, place, since_s)
            steady.append(time_s - since_s >= self._steady_s - _SLACK_S)
        lost = {track_id: old for track_id, old in before.items() if time_s - old.seen_s <= self._lost_s + _SLACK_S}
        self._tracks.update(lost)
        return steady, [old.xyxy for old in lost.values()]
