"""Looks for who fell: where somebody who is followed is not found any more, their place is shown to the detector enlarged and turned.

Detectors are taught on people who stand, and lose who lies. Turned by a quarter, who lies stands. Whoever is found so stays among the
tracks, with the id that they had, for as long as they are found there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import PoseConfig
from panops.domain.boxes import iou
from panops.domain.crops import part_around
from panops.domain.errors import DeviceFull, DeviceLate, ModelError
from panops.domain.frame import Frame
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks, TrackState
from panops.pipeline.look_again import PartPixels
from panops.pipeline.look_turns import Turns
from panops.pipeline.turned_pixels import LEFT, RIGHT, UPRIGHT, TurnedPixels

log = logging.getLogger(__name__)

# Somebody who falls lands within a body's length of where they stood. In turns, as shares of the box's longer side: where nothing moves,
# the same view has the same answer for ever.
_ROOMS = (1.0, 0.7, 1.4)
_LEAST_PX = 64
_SAME_IOU = 0.3
# So much wider than high is somebody who lies.
_LEVEL = 1.4
# How long somebody who lies is, in heights of who stood there: as long as they were high, or foreshortened.
_LENGTHS = (0.5, 1.6)
# Less is no reason to believe that somebody lies there.
_LEAST_SCORE = 0.25
# For so long after they were last seen, upright or lying: later nobody knows whom one would find.
_LOOKED_FOR_S = 3.0
# Whoever was followed for less may be a mistake of the detector.
_LEAST_FOLLOWED_S = 0.8
# Who leaves the picture is not looked for.
_EDGE_SHARE = 0.01
# From look to look; half of it is left after 2.7 s at five looks a second.
_SHRINKS = 0.95
_MOST = 2


@dataclass(slots=True)
class _Person:
    """Somebody who was followed: where they were seen last, when, s, and what else their track says."""

    box: NDArray[np.float32]
    class_id: int
    first_s: float
    seen_s: float
    height: float
    looks: int = 0
    lies: bool = False
    score: float = 0.0


class FallenLooks:
    """One camera's. Used by the analysis thread.

    Args:
        config: Whom to look for.
        detector: Gives the camera's own detector.
        classes: The class names of the camera's tracks.

    Attributes:
        looks: How often a place was looked at so far.
    """

    stage = "pose"
    lack = "nobody who lies is looked for (pose.fallen)"
    models: tuple[str, ...] = ()

    def __init__(self, config: PoseConfig, detector: Callable[[], Detector], classes: Sequence[str]) -> None:
        self._config = config
        self._detector = detector
        wanted = {name.strip().casefold() for name in config.classes}
        self._is_wanted = np.array([name.casefold() in wanted for name in classes], np.bool_)
        self._people: dict[int, _Person] = {}
        self._turns = Turns(config.refresh_s, _MOST)
        self.looks = 0

    @property
    def problem(self) -> str:
        """Why the last look at a place failed; empty where it did not."""
        return self._turns.problem

    def is_outdated(self, loaded: Callable[[str], Detector | None]) -> bool:
        """Never: it asks for the camera's detector each time."""
        del loaded
        return False

    def renew(self, loaded: Callable[[str], Detector | None]) -> None:
        """Nothing to take up."""

    def add(self, frame: Frame, tracks: Tracks) -> Tracks:
        """The tracks, and behind them, or in place of those that are lost, whoever is found lying where they were."""
        self._remember(frame, tracks)
        found: list[int] = []
        due = self._due(tracks)
        seen = tracks.xyxy[self._seen(tracks)]
        for track_id in due:
            person = self._people[track_id]
            try:
                box, score = self._look(frame, person, seen)
            except (DeviceLate, DeviceFull):
                break  # load, which says nothing about the model; whose place was not looked at is next time
            except ModelError as error:
                if self._turns.failed(track_id, tracks.time_s, str(error)):
                    log.error("camera %s: looking for who lies: %s", frame.camera_id, error)
                continue
            self._turns.note(track_id, tracks.time_s)
            if score >= _LEAST_SCORE and not self._is_told(person, box):
                person.box, person.score, person.seen_s, person.lies = box, score, tracks.time_s, True
                found.append(track_id)
        held = self._held(tracks, found)
        return self._with(tracks, [*found, *held], len(found)) if found or held else tracks

    def _remember(self, frame: Frame, tracks: Tracks) -> None:
        """Who is seen, and could not just have walked out of the picture."""
        now_s = tracks.time_s
        gone = [track_id for track_id, one in self._people.items() if not 0 <= now_s - one.seen_s <= _LOOKED_FOR_S]
        for track_id in gone:
            del self._people[track_id]
        seen = self._seen(tracks)
        if not len(seen):
            return
        boxes, size = tracks.xyxy[seen], np.array(frame.size_wh)
        inside = np.all(boxes[:, :2] > _EDGE_SHARE * size, axis=1) & np.all(boxes[:, 2:] < (1 - _EDGE_SHARE) * size, axis=1)
        heights = boxes[:, 3] - boxes[:, 1]
        for row, is_inside, high in zip(seen.tolist(), inside.tolist(), heights.tolist(), strict=True):
            track_id = int(tracks.track_id[row])
            before = self._people.pop(track_id, None)
            # Boxes shrink while somebody falls; slowly, who walks away is less high, too.
            height = high if before is None else max(high, _SHRINKS * before.height)
            if is_inside and height >= self._config.least_px:
                first_s = float(tracks.first_seen_s[row])
                self._people[track_id] = _Person(tracks.xyxy[row], int(tracks.class_id[row]), first_s, now_s, height)

    def _due(self, tracks: Tracks) -> list[int]:
        """The ids of those whose place is to be looked at: those first whose was looked at the longest ago."""
        missing = {track_id: one for track_id, one in self._people.items() if one.seen_s < tracks.time_s}
        if not missing:
            return []
        seen = self._seen(tracks)
        due = []
        for track_id, one in missing.items():
            if len(seen) and not one.lies:
                here = seen[iou(one.box[None], tracks.xyxy[seen])[0] >= _SAME_IOU]
                # Who was first seen there when this one had just vanished is the same person with another id.
                if (tracks.first_seen_s[here] >= one.seen_s - _LEAST_FOLLOWED_S).any():
                    del self._people[track_id]
                    continue
            if one.seen_s - one.first_s >= _LEAST_FOLLOWED_S:
                due.append(track_id)
        return self._turns.ready(sorted(due), tracks.time_s, frozenset(self._people))

    def _seen(self, tracks: Tracks) -> NDArray[np.intp]:
        """The rows of those who are seen just now."""
        return np.flatnonzero((tracks.state == TrackState.CONFIRMED.value) & self._is_wanted[tracks.class_id])

    def _look(self, frame: Frame, person: _Person, others: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        """The box (4,) of somebody who lies at a place, px of the picture, and the score, 0.0 where nobody does.

        Args:
            frame: The picture.
            person: Who is looked for.
            others: (K, 4) boxes of those who are seen just now: they are somebody else.
        """
        left, top, right, bottom = person.box.tolist()
        part = part_around((left, top, right, bottom), frame.size_wh, _ROOMS[person.looks % len(_ROOMS)], _LEAST_PX)
        pixels = PartPixels(frame.pixels, part)
        detector = self._detector()
        offset = np.array([part[0], part[1], part[0], part[1]], np.float32)
        boxes, scores = [others], [np.ones(len(others), np.float32)]
        self.looks += 1
        person.looks += 1
        for turn in (UPRIGHT, LEFT, RIGHT):
            turned = TurnedPixels(pixels, turn)
            view = Frame(f"{frame.camera_id}#fallen", frame.sequence, frame.pts_s, frame.captured_at_s, turned)
            detector.forget(view.camera_id)
            found = detector.detect(view)
            rows = np.flatnonzero(found.class_id == person.class_id)
            boxes.append((turned.back_box(found.xyxy[rows]) + offset).astype(np.float32))
            scores.append(found.score[rows])
        box, score = np.concatenate(boxes), np.concatenate(scores)
        wide, high = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
        level = (wide >= _LEVEL * high) & (wide >= _LENGTHS[0] * person.height) & (wide <= _LENGTHS[1] * person.height)
        level[: len(others)] = False
        best = -1
        for row in np.flatnonzero(level).tolist():
            # The same thing, seen more surely as somebody who stands.
            stands = ~level & (score >= score[row]) & (iou(box[row : row + 1], box)[0] >= _SAME_IOU)
            if not stands.any() and (best < 0 or score[row] > score[best]):
                best = row
        return (person.box, 0.0) if best < 0 else (box[best], float(score[best]))

    def _is_told(self, person: _Person, box: NDArray[np.float32]) -> bool:
        """Whether somebody else is known to lie there: the same person with an id from before."""
        others = [one for one in self._people.values() if one is not person and one.lies]
        return any(float(iou(box[None], one.box[None])[0, 0]) >= _SAME_IOU for one in others)

    def _held(self, tracks: Tracks, found: Sequence[int]) -> list[int]:
        """Who was found lying before, and not in this picture: they stay followed until they are found anew or given up."""
        lying = [track_id for track_id, one in self._people.items() if one.lies and one.seen_s < tracks.time_s]
        return [track_id for track_id in lying if track_id not in found]

    def _with(self, tracks: Tracks, ids: Sequence[int], found: int) -> Tracks:
        """The tracks with those who lie: the first `found` of `ids` were found in this picture, the others are lost in it."""
        stays = ~np.isin(tracks.track_id, ids)
        others = tracks.select(stays)
        people = [self._people[track_id] for track_id in ids]
        count = len(ids)
        is_found = np.arange(count) < found
        keypoints = None
        if others.keypoints is not None:
            keypoints = np.concatenate([others.keypoints, np.full((count, *others.keypoints.shape[1:]), np.nan, np.float32)])
        return replace(
            others,
            track_id=np.concatenate([others.track_id, np.array(ids, np.int64)]),
            xyxy=np.concatenate([others.xyxy, np.stack([one.box for one in people])]),
            score=np.concatenate([others.score, np.array([one.score for one in people], np.float32)]),
            class_id=np.concatenate([others.class_id, np.array([one.class_id for one in people], np.int64)]),
            state=np.concatenate([others.state, np.where(is_found, TrackState.CONFIRMED.value, TrackState.LOST.value)]),
            first_seen_s=np.concatenate([others.first_seen_s, np.array([one.first_s for one in people])]),
            last_seen_s=np.concatenate([others.last_seen_s, np.array([one.seen_s for one in people])]),
            detection_index=np.concatenate([others.detection_index, np.full(count, -1, np.int64)]),
            keypoints=keypoints,
            lies=np.concatenate([np.zeros(len(others), np.bool_), is_found]),
        )
