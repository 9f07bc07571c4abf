"""Where a camera's next look goes: the whole picture, the part of it where something goes on, or nowhere.

Most of a picture is as it was a fifth of a second ago. What was seen there still stands, so only the rest is shown to the detector:

- what moved since the last look, with room around it, for people are larger than what moves of them;
- tracks that are young, or that were not found at the last look;
- tracks that stand still where something moves, and those that the part to look at would cut.

A steady track outside of that, in whose place nothing moved, is told to the tracker as it was seen last. So the tracker is never told
"looked, and nothing there" of a place that was not looked at. The whole picture is looked at first, at least every `whole_every_s`, and
whenever a part is not clearly cheaper, for what never moved is seen in no other way.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from panops.config.schema import CameraConfig
from panops.domain.detections import Detections
from panops.domain.places import Box, around, share_area, widened
from panops.domain.region import Region
from panops.domain.tracks import Tracks
from panops.pipeline.still_tracks import StillTracks
from panops.tracking.settings import TrackerSettings

Size = tuple[int, int]
RegionFor = Callable[[Size, Box], Region | None]

EVERYWHERE: Box = (0.0, 0.0, 1.0, 1.0)
# A check may come so much of a period early: timestamps jitter.
_EARLY_SHARE = 0.25
# More looks than that were given up in a row: nobody knows any more what moved meanwhile.
_MOST_NOTED = 64


@dataclass(frozen=True, slots=True)
class LookingSettings:
    """How parts are chosen.

    Attributes:
        moved_share: Room on each side of what moved, as a share of its width or height.
        moved_least: At least this share of the picture's longer side.
        moved_most: At most this share of the picture's longer side.
        track_share: Room on each side of a track's box, as a share of its width or height.
        track_least: At least this share of the picture's longer side.
        steady_s: Only a track that has been in its place for so long stands without being looked at, s. Younger ones are looked at at each
            check, so that a false one is found out as ever.
        steady_iou: A box that overlaps the first one of a place by this is still in it.
        lost_s: A track that was looked at and not found is looked for so long, s; as long as the tracker remembers it.
        edge_px: A box that ends within so many px of the network's input of an inner edge is cut by it.
    """

    moved_share: float = 0.3
    moved_least: float = 0.05
    moved_most: float = 0.15
    track_share: float = 0.2
    track_least: float = 0.02
    steady_s: float = 1.0
    steady_iou: float = 0.7
    lost_s: float = 1.0
    edge_px: float = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one check looks at.

    Attributes:
        whole: The whole picture.
        region: The part of it; None with `whole`, and where nothing needs to be looked at.
        standing: What is not looked at and stands as it was seen last; empty with `whole`.
    """

    whole: bool
    region: Region | None
    standing: Detections


class _Noted(NamedTuple):
    """What the gate saw at one check: relative x1, y1, x2, y2 around what moved, or None."""

    time_s: float
    moved: Box | None


class Looking:
    """One camera's looks. `note` is called by the decode worker, everything else by the analysis thread.

    Args:
        whole_every_s: The whole picture is looked at at least so often while the detector is wanted; 0 always.
        birth_score: From this score on a detection may begin a track.
        early_s: By so much earlier a check may come than its time.
        settings: How parts are chosen.
    """

    def __init__(self, whole_every_s: float, birth_score: float, early_s: float = 0.0, settings: LookingSettings | None = None) -> None:
        self._whole_every_s = whole_every_s
        self._birth_score = birth_score
        self._early_s = early_s
        self._settings = settings or LookingSettings()
        self._noted: deque[_Noted] = deque(maxlen=_MOST_NOTED)
        self.reset()

    @classmethod
    def of(cls, config: CameraConfig) -> Looking:
        """As a camera's settings want it."""
        whole_every_s = min(config.motion.whole_every_s, config.motion.refresh_s) if config.motion.enabled else 0.0
        return cls(whole_every_s, min(config.min_score, TrackerSettings().high_score), _EARLY_SHARE / config.check_fps)

    def reset(self) -> None:
        """Forget everything: the next look is at the whole picture."""
        settings = self._settings
        self._looked_s: float | None = None
        self._noted.clear()
        self._size_wh = (0, 0)
        self._still = StillTracks(settings.steady_s, settings.steady_iou, settings.lost_s)
        self._whole_s = -math.inf
        self._seen = self._standing = Detections.empty()
        self._standing_boxes: list[Box] = []
        self._restless: list[Box] = []

    def note(self, time_s: float, moved: Box | None) -> None:
        """A check's answer of the motion gate: relative x1, y1, x2, y2 around what moved, or None. It counts at the next look."""
        self._noted.append(_Noted(time_s, moved))

    def plan(self, time_s: float, size_wh: Size, region_for: RegionFor | None) -> Look:
        """What to look at.

        Args:
            time_s: The check's capture time, s.
            size_wh: Its picture's size, px.
            region_for: `RegionDetector.region`; None where the detector looks at whole pictures only.
        """
        if self._looked_s is not None:
            self._forget_places()  # what came of the last look was never learnt: the detector failed, or its check was given up
        self._looked_s = time_s
        moved, sure = self._moved_until(time_s, size_wh)
        due = not 0 <= time_s - self._whole_s < self._whole_every_s - self._early_s
        look = None
        if region_for is not None and sure and not due and size_wh == self._size_wh:
            look = self._partly(moved, size_wh, region_for)
        if look is None:
            self._whole_s, self._size_wh = time_s, size_wh
            return Look(True, None, Detections.empty())
        return look

    def seen(self, look: Look, found: Detections) -> Detections:
        """What the check saw in all: what was found, without boxes that the region's inner edges cut, and what stands.

        What is cut, unless it is too weak to begin a track, is seen whole at the next look, which is at the whole picture.
        """
        if look.region is not None and len(found):
            cut = cut_by_edges(_boxes(found), look.region, self._size_wh, self._settings.edge_px)
            if any(cut):
                rows = np.array(cut)
                if (found.score[rows] >= self._birth_score).any():
                    self._whole_s = -math.inf
                found = found.select(~rows)
        self._seen = Detections.concat([found, look.standing]) if len(look.standing) else found
        return self._seen

    def learn(self, tracks: Tracks) -> None:
        """What the tracker made of the last look: the tracks it reports, each with the row of its detection.

        After a check without a look nothing stands, and the next look is at the whole picture.
        """
        looked_s, self._looked_s = self._looked_s, None
        if looked_s != tracks.time_s:
            self._forget_places()
            return
        # Rows behind these are of a second model, which looks for itself.
        boxes, scores = _boxes(self._seen), self._seen.score.tolist()
        followed = [
            (track_id, row)
            for track_id, row in zip(tracks.track_id.tolist(), tracks.detection_index.tolist(), strict=True)
            if 0 <= row < len(boxes)
        ]
        steady, lost = self._still.update(tracks.time_s, [track_id for track_id, _ in followed], [boxes[row] for _, row in followed])
        still = [row for (_, row), stays in zip(followed, steady, strict=True) if stays]
        matched = {row for _, row in followed}
        self._standing = self._seen.select(np.array(still, np.int64)) if still else Detections.empty()
        self._standing_boxes = [boxes[row] for row in still]
        moving = [boxes[row] for (_, row), stays in zip(followed, steady, strict=True) if not stays]
        unsure = [box for row, box in enumerate(boxes) if row not in matched and scores[row] >= self._birth_score]
        self._restless = [*moving, *unsure, *lost]

    def _forget_places(self) -> None:
        self._whole_s = -math.inf
        self._seen = self._standing = Detections.empty()
        self._standing_boxes, self._restless = [], []

    def _moved_until(self, time_s: float, size_wh: Size) -> tuple[list[Box], bool]:
        """What moved since the last look, in px, and whether nothing of it was forgotten."""
        sure = 0 < len(self._noted) < _MOST_NOTED
        moved: list[Box] = []
        width, height = size_wh
        while self._noted and self._noted[0].time_s <= time_s:
            box = self._noted.popleft().moved
            if box is not None:
                moved.append((box[0] * width, box[1] * height, box[2] * width, box[3] * height))
        return moved, sure

    def _partly(self, moved: list[Box], size_wh: Size, region_for: RegionFor) -> Look | None:
        """The part to look at, or None where it should be the whole picture."""
        settings, longer = self._settings, float(max(size_wh))
        track_least_px = settings.track_least * longer
        places = [widened(box, settings.track_share, track_least_px) for box in self._restless]
        if moved:
            places.append(widened(around(moved), settings.moved_share, settings.moved_least * longer, settings.moved_most * longer))
        standing = list(range(len(self._standing_boxes)))
        while places:
            places = [around(places)]
            region = region_for(size_wh, places[0])
            if region is None:
                return None
            # A box that is looked at in part only would be found cut, so it is looked at whole, with its own room.
            touched = [row for row in standing if share_area(self._standing_boxes[row], region.xyxy)]
            if not touched:
                rest = self._standing if len(standing) == len(self._standing) else self._standing.select(np.array(standing, np.int64))
                return Look(False, region, rest)
            places += [widened(self._standing_boxes[row], settings.track_share, track_least_px) for row in touched]
            standing = [row for row in standing if row not in touched]
        return Look(False, None, self._standing)


def cut_by_edges(boxes: Sequence[Box], region: Region, size_wh: Size, edge_px: float) -> list[bool]:
    """Which boxes end at an edge of the region that is not the picture's own.

    Args:
        boxes: px of the frame.
        region: What was looked at.
        size_wh: The picture, px.
        edge_px: How near the edge counts as at it, px of the network's input.
    """
    left, top, right, bottom = region.xyxy
    near = edge_px * max(whole / shown for whole, shown in zip(region.size_wh, region.input_wh, strict=True))
    first_x, first_y = left + near if left > 0 else -math.inf, top + near if top > 0 else -math.inf
    last_x, last_y = right - near if right < size_wh[0] else math.inf, bottom - near if bottom < size_wh[1] else math.inf
    return [box[0] <= first_x or box[1] <= first_y or box[2] >= last_x or box[3] >= last_y for box in boxes]


def _boxes(detections: Detections) -> list[Box]:
    return [(left, top, right, bottom) for left, top, right, bottom in detections.xyxy.tolist()]
