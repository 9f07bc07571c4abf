"""Where the joints of a camera's people are: each is cut out and shown to a pose model, again and again while they are followed.

Rules see the joints beside the tracks. It happens between tracker and rules: a pose says how somebody stands, not who or where they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import PoseConfig
from panops.domain.boxes import iou
from panops.domain.crops import part_around
from panops.domain.errors import DeviceFull, DeviceLate, ModelError, ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.protocols import Detector
from panops.domain.tracks import KEYPOINTS_SHAPE, Tracks
from panops.pipeline.look_again import look_at_part
from panops.pipeline.look_turns import LookTurns

log = logging.getLogger(__name__)

# Room on each side of the box, as a share of its longer side: raised hands and a fallen body's feet reach over it.
_ROOM = 0.25
_LEAST_PX = 64
# A pose that overlaps the person's box less is somebody else's.
_SAME_PERSON_IOU = 0.2


class PoseLooks:
    """One camera's. Used by the analysis thread.

    Args:
        config: Whom to look at, and how often.
        detector: The pose model's; it finds one person with 17 joints in what it is shown.
        classes: The class names of the camera's tracks.

    Attributes:
        model: The pose model's name.
        detector: It; may be exchanged between two rounds.
        looks: How many people were looked at so far.
    """

    stage = "pose"
    lack = "nobody's joints are known (pose.model)"

    def __init__(self, config: PoseConfig, detector: Detector, classes: Sequence[str]) -> None:
        self.model = config.model
        self.detector = detector
        self._turns = LookTurns(config, classes)
        self.looks = 0

    @property
    def problem(self) -> str:
        """Why the last look at somebody failed; empty when it did not."""
        return self._turns.problem

    @property
    def models(self) -> tuple[str, ...]:
        """The pose model's name."""
        return (self.model,)

    def is_outdated(self, loaded: Callable[[str], Detector | None]) -> bool:
        """Whether the pose model is loaded in another version by now."""
        newer = loaded(self.model)
        return newer is not None and newer is not self.detector

    def renew(self, loaded: Callable[[str], Detector | None]) -> None:
        """Take up the model that is loaded now."""
        self.detector = loaded(self.model) or self.detector

    def add(self, frame: Frame, tracks: Tracks) -> Tracks:
        """The tracks with the joints of those whose turn it is; the others' are NaN. The same tracks where nobody was looked at."""
        rows = self._turns.due(tracks)
        if not rows:
            return tracks
        keypoints = np.full((len(tracks), *KEYPOINTS_SHAPE), np.nan, np.float32)
        looks = self.looks
        for row in rows:
            track_id = int(tracks.track_id[row])
            try:
                found = self._one(frame, tracks.xyxy[row])
            except (DeviceLate, DeviceFull):
                break  # load, which says nothing about the model; who was not looked at is next time
            except ModelError as error:
                if self._turns.failed(track_id, tracks.time_s, str(error)):
                    log.error("camera %s: the pose model %s: %s", frame.camera_id, self.model, error)
                continue
            self._turns.note(track_id, tracks.time_s)
            self.looks += 1
            if found is not None:
                keypoints[row] = found
        return replace(tracks, keypoints=keypoints) if self.looks > looks else tracks

    def _one(self, frame: Frame, box: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """(17, 3) joints of the person at a box, px of the frame; None where the model finds nobody there."""
        left, top, right, bottom = box.tolist()
        part = part_around((left, top, right, bottom), frame.size_wh, _ROOM, _LEAST_PX)
        found = look_at_part(self.detector, frame, part)
        if not len(found):
            return None
        if found.keypoints is None or found.keypoints.shape[1:] != KEYPOINTS_SHAPE:
            got = "none" if found.keypoints is None else f"{found.keypoints.shape[1]}"
            raise ModelUnsupported(f"{self.model} is no model for poses with 17 joints: it gives {got}")
        offset = np.array([part[0], part[1]], np.float32)
        overlap = iou(box[None], found.xyxy + np.concatenate([offset, offset]))[0]
        best = int(overlap.argmax())
        if overlap[best] < _SAME_PERSON_IOU:
            return None
        points: NDArray[np.float32] = found.keypoints[best].copy()
        points[:, :2] += offset
        return points
