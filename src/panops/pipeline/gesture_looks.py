"""Which signs a camera's people make with their hands: the upper part of each is cut out, hands are looked for in it, and each is read.

It happens between tracker and rules, as looks for joints do. One look at somebody is one answer: the surest sign of their hands, or none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import GesturesConfig
from panops.config.signs import is_no_sign
from panops.domain.crops import part_around
from panops.domain.detections import Detections
from panops.domain.errors import DeviceFull, DeviceLate, ModelError, ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.gestures import GestureLook
from panops.domain.places import Box
from panops.domain.protocols import Detector, HandReader
from panops.domain.tracks import Tracks
from panops.pipeline.look_again import look_at_part
from panops.pipeline.look_turns import LookTurns

log = logging.getLogger(__name__)

# Room on each side of what is shown of somebody, as a share of its longer side: hands reach over a person's box.
_ROOM = 0.2
_LEAST_PX = 128
# Whoever is seen from head to foot is shown from the head to below the hips, where hands hang: so hands are larger for the model that finds
# them, which knows none below a tenth of what it is shown.
_WHOLE_BODY = 1.6
_UPPER = 0.6


class GestureLooks:
    """One camera's. Used by the analysis thread.

    Args:
        config: Whom to look at, and how often.
        hands: The model that finds hands.
        reader: What says which sign a hand shows.
        classes: The class names of the camera's tracks.

    Attributes:
        models: The names of both models.
        looks: How many people were looked at so far.
        hands: How many hands were read so far.

    Raises:
        ModelUnsupported: One of the models does something else.
    """

    stage = "gestures"
    lack = "nobody's signs are known (gestures)"

    def __init__(self, config: GesturesConfig, hands: Detector, reader: Detector, classes: Sequence[str]) -> None:
        self.models = (config.model, config.classifier)
        self._config = config
        self._finder = hands
        self._reader = _checked(config.classifier, reader)
        self._turns = LookTurns(config, classes)
        self.looks = self.hands = 0

    @property
    def problem(self) -> str:
        """Why the last look at somebody failed; empty when it did not."""
        return self._turns.problem

    @property
    def signs(self) -> tuple[str, ...]:
        """What the classifier knows, without what stands for no sign."""
        return tuple(name for name in self._reader.classes if not is_no_sign(name))

    def is_outdated(self, loaded: Callable[[str], Detector | None]) -> bool:
        """Whether one of the models is loaded in another version by now."""
        used = (self._finder, self._reader)
        return any((newer := loaded(name)) is not None and newer is not old for name, old in zip(self.models, used, strict=True))

    def renew(self, loaded: Callable[[str], Detector | None]) -> None:
        """Take up the models that are loaded now."""
        finder, reader = (loaded(name) for name in self.models)
        self._finder = finder or self._finder
        if isinstance(reader, HandReader):
            self._reader = reader

    def add(self, frame: Frame, tracks: Tracks) -> Tracks:
        """The tracks with the signs of those whose turn it is; the same tracks where it is nobody's."""
        rows = self._turns.due(tracks)
        if not rows:
            return tracks
        found: list[GestureLook] = []
        for row in rows:
            track_id = int(tracks.track_id[row])
            try:
                look = self._one(frame, tracks, row)
            except (DeviceLate, DeviceFull):
                break  # load, which says nothing about the models; who was not looked at is next time
            except ModelError as error:
                if self._turns.failed(track_id, tracks.time_s, str(error)):
                    log.error("camera %s: the models %s: %s", frame.camera_id, " and ".join(self.models), error)
                continue
            self._turns.note(track_id, tracks.time_s)
            self.looks += 1
            found.append(look)
        return replace(tracks, gestures=tuple(found)) if found else tracks

    def _one(self, frame: Frame, tracks: Tracks, row: int) -> GestureLook:
        """What the hands of somebody show: the surest sign of all of them."""
        track_id = int(tracks.track_id[row])
        part = part_around(_upper(tracks.xyxy[row]), frame.size_wh, _ROOM, _LEAST_PX)
        hands = _moved(look_at_part(self._finder, frame, part), part)
        hands = hands.select(_own(hands.xyxy, tracks, row))
        self.hands += len(hands)
        best = GestureLook(track_id, "", 0.0)
        for scores in self._reader.read_signs(frame, hands).scores if len(hands) else ():
            name, score = self._reader.classes[int(scores.argmax())], float(scores.max())
            if score >= self._config.min_score and score > best.score and not is_no_sign(name):
                best = GestureLook(track_id, name, score)
        return best


def _checked(name: str, reader: Detector) -> HandReader:
    if not isinstance(reader, HandReader):
        raise ModelUnsupported(
            f"{name} finds things and does not say which sign a hand shows; expected a classifier of hands, such as sign_digits"
        )
    return reader


def _upper(xyxy: NDArray[np.float32]) -> Box:
    """Of a person's box what hands are in, px: the upper part of who is seen from head to foot, all of others."""
    left, top, right, bottom = xyxy.tolist()
    height = bottom - top
    return left, top, right, top + (_UPPER * height if height > _WHOLE_BODY * (right - left) else height)


def _moved(found: Detections, part: tuple[int, int, int, int]) -> Detections:
    """Hands that were found in a part, in px of the frame."""
    offset = np.array([part[0], part[1]], np.float32)
    points = found.keypoints
    if points is not None:
        points = points.copy()
        points[:, :, :2] += offset
    return replace(found, xyxy=found.xyxy + np.tile(offset, 2), keypoints=points)


def _own(hands: NDArray[np.float32], tracks: Tracks, row: int) -> NDArray[np.bool_]:
    """Which hands (N, 4) are those of somebody: not those that lie in the box of another of their kind alone."""
    people = tracks.xyxy[tracks.class_id == tracks.class_id[row]]
    middle = np.asarray((hands[:, None, :2] + hands[:, None, 2:]) / 2, np.float32)
    own = _within(middle, tracks.xyxy[row : row + 1])[:, 0]
    return np.asarray(own | ~np.any(_within(middle, people), axis=1), np.bool_)


def _within(points: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which points (N, 1, 2) lie in which boxes (P, 4): (N, P) bool."""
    return np.asarray(np.all((points >= boxes[None, :, :2]) & (points <= boxes[None, :, 2:]), axis=2), np.bool_)
