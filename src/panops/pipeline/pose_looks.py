"""Where the joints of a camera's people are: each is cut out and shown to a pose model, again and again while they are followed.

Rules see the joints beside the tracks. It happens between tracker and rules: a pose says how somebody stands, not who or where they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, PoseConfig
from panops.domain.boxes import iou
from panops.domain.crops import part_around
from panops.domain.errors import DeviceFull, DeviceLate, ModelError, ModelUnsupported, PanopsError
from panops.domain.frame import Frame
from panops.domain.protocols import Detector
from panops.domain.tracks import KEYPOINTS_SHAPE, Tracks, TrackState
from panops.pipeline.look_again import look_at_part

log = logging.getLogger(__name__)

# Room on each side of the box, as a share of its longer side: raised hands and a fallen body's feet reach over it.
_ROOM = 0.25
_LEAST_PX = 64
# A pose that overlaps the person's box less is somebody else's.
_SAME_PERSON_IOU = 0.2
# A turn may come so much of `refresh_s` early: timestamps jitter.
_EARLY_SHARE = 0.25


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
        problem: Why the last look failed; empty when it did not.
    """

    def __init__(self, config: PoseConfig, detector: Detector, classes: Sequence[str]) -> None:
        self._config = config
        self.model = config.model
        self.detector = detector
        wanted = {name.strip().casefold() for name in config.classes}
        self._is_wanted = np.array([name.casefold() in wanted for name in classes], np.bool_)
        self._looked_s: dict[int, float] = {}
        self.looks = 0
        self.problem = ""

    @classmethod
    def of(cls, config: CameraConfig, detectors: Callable[[str], Detector], classes: Sequence[str]) -> tuple[PoseLooks | None, str]:
        """A camera's, or None where it has none; and why its model cannot be used, in words, or nothing.

        Args:
            config: The camera's settings.
            detectors: Gives the detector of a model.
            classes: The class names of the camera's tracks.
        """
        if config.pose is None:
            return None, ""
        try:
            return cls(config.pose, detectors(config.pose.model), classes), ""
        except PanopsError as error:
            return None, f"nobody's joints are known (pose.model): {error}"

    def add(self, frame: Frame, tracks: Tracks) -> Tracks:
        """The tracks with the joints of those whose turn it is; the others' are NaN. The same tracks where nobody's turn it is."""
        rows = self._due(tracks)
        if not rows:
            return tracks
        keypoints = np.full((len(tracks), *KEYPOINTS_SHAPE), np.nan, np.float32)
        try:
            for row in rows:
                found = self._one(frame, tracks.xyxy[row])
                self._looked_s[int(tracks.track_id[row])] = tracks.time_s
                self.looks += 1
                if found is not None:
                    keypoints[row] = found
        except (DeviceLate, DeviceFull):
            pass  # load, which says nothing about the model; who was not looked at is next time
        except ModelError as error:
            if self.problem != str(error):
                log.error("camera %s: the pose model %s: %s", frame.camera_id, self.model, error)
            self.problem = str(error)
            return tracks
        self.problem = ""
        return replace(tracks, keypoints=keypoints)

    def _due(self, tracks: Tracks) -> list[int]:
        """The rows to look at now: those whose last look is the longest ago, at most as many as are allowed."""
        if not len(tracks):
            self._looked_s.clear()  # ids never come back
            return []
        longer = np.maximum(tracks.xyxy[:, 2] - tracks.xyxy[:, 0], tracks.xyxy[:, 3] - tracks.xyxy[:, 1])
        seen = (tracks.state == TrackState.CONFIRMED.value) & self._is_wanted[tracks.class_id] & (longer >= self._config.least_px)
        if len(self._looked_s) > 256:
            present = set(tracks.track_id.tolist())
            self._looked_s = {track_id: time_s for track_id, time_s in self._looked_s.items() if track_id in present}
        pause_s = self._config.refresh_s * (1 - _EARLY_SHARE)
        due = []
        for row in np.flatnonzero(seen).tolist():
            before_s = self._looked_s.get(int(tracks.track_id[row]), -np.inf)  # later than now where the camera's time began anew
            if not 0 <= tracks.time_s - before_s < pause_s:
                due.append((before_s, row))
        return [row for _, row in sorted(due)[: self._config.most]]

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
