"""Faces, hands and bodies by their landmarks: found once, then followed from frame to frame without the detector.

A finder says where something may be, a landmark model says exactly what is there, and where to look for it in the next frame. So while it
goes well, only the landmark model runs: F. Zhang et al., MediaPipe Hands, 2020, https://arxiv.org/abs/2006.10214, section 3.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.protocols import Backend, Detector
from panops.vision.landmark_roi import FloatArray, Roi, RoiPicture
from panops.vision.point_smoothing import PointSmoother, SmoothingSettings

# Two sets of points that lie so near on the mean, as a share of their size, are one object followed twice.
_SAME_POINTS = 0.2
# Which of two classes an object is of is averaged over about so long: a hand does not change sides.
_SIDE_S = 0.5


@dataclass(frozen=True, slots=True)
class LandmarkSettings:
    """How objects are followed.

    Attributes:
        most: At most so many at once for each camera; bounds the time that a frame can take.
        min_presence: An object is followed while the landmark model is so sure that it is there, 0..1.
        look_again_s: While there is room for more objects, the finder looks so often; 0 looks at each frame.
        longest_gap_s: After so long without a frame, nothing is where it was, and the finder begins anew.
        smoothing: How points are smoothed over time; None gives them as the model does.
    """

    most: int = 4
    min_presence: float = 0.5
    look_again_s: float = 0.5
    longest_gap_s: float = 1.0
    smoothing: SmoothingSettings | None = field(default_factory=SmoothingSettings)


@dataclass(slots=True)
class LandmarkCounts:
    """What was done since the start, for tests and metrics.

    Attributes:
        frames: Frames seen.
        finder_runs: How often the finder ran.
        landmark_runs: How often the landmark model ran.
        lost: How many objects were followed and lost.
    """

    frames: int = 0
    finder_runs: int = 0
    landmark_runs: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """What the landmark model says of one square.

    Attributes:
        shares: Points (K, 2) float32 as shares of the square.
        score: (K,) float32, 0..1.
        presence: How sure it is that the object is there, 0..1.
        side: How sure it is that it is of the second class, 0..1; 0 where there is only one.
    """

    shares: FloatArray
    score: FloatArray
    presence: float
    side: float = 0.0


@dataclass(slots=True, eq=False)
class _Object:
    """One object that is followed: where to look for it next, and what is shown of it."""

    roi: Roi
    points: FloatArray
    score: FloatArray
    presence: float
    side: float
    smoother: PointSmoother | None
    seen_at_s: float = -math.inf


@dataclass(slots=True, eq=False)
class _Camera:
    objects: list[_Object] = field(default_factory=list)
    seen_at_s: float = 0.0
    looked_at_s: float = -math.inf


class LandmarkDetector(ABC):
    """`domain.protocols.Detector` that gives landmarks. For one thread at a time; what is followed is kept for each camera.

    Args:
        finder: Finds the objects; its keypoints are those that the subclass's `first_roi` needs.
        backend: The landmark model.
        settings: How objects are followed.

    Raises:
        ModelUnsupported: The landmark model's file is not of this kind.
    """

    classes: ClassVar[tuple[str, ...]]
    finder_points: ClassVar[int]
    shown_points: ClassVar[int]
    outputs: ClassVar[Mapping[str, int]]
    # Nearer than this share of the square to one that is followed already, a find is the same object.
    same_place: ClassVar[float] = 0.25

    def __init__(self, finder: Detector, backend: Backend, settings: LandmarkSettings | None = None) -> None:
        self._input_px = _checked_side(type(self).__name__, backend, self.outputs)
        self._finder = finder
        self._backend = backend
        self._settings = settings or LandmarkSettings()
        self._picture = RoiPicture(self._input_px)
        self._cameras: dict[str, _Camera] = {}
        self.counts = LandmarkCounts()

    @abstractmethod
    def first_roi(self, xyxy: FloatArray, points: FloatArray) -> Roi:
        """The square around what the finder saw: box (4,) and points (P, 2), px."""

    @abstractmethod
    def next_roi(self, points: FloatArray) -> Roi:
        """The square for the next frame from all points (K, 2) that the model gave, px."""

    @abstractmethod
    def read(self, outputs: Mapping[str, NDArray[Any]]) -> Landmarks:
        """What the model's outputs mean."""

    def detect(self, frame: Frame) -> Detections:
        """The objects in px of the frame, those first that are followed for longest; so an object keeps its row until one is lost.

        Boxes are around the points and clipped to the picture. Points may lie outside of it. `score` is the model's presence.

        Raises:
            ModelError: A model failed; what was followed is kept.
        """
        now_s = frame.captured_at_s
        self.counts.frames += 1
        camera = self._cameras.get(frame.camera_id)
        if camera is None or not 0 <= now_s - camera.seen_at_s <= self._settings.longest_gap_s:
            camera = self._cameras[frame.camera_id] = _Camera()
        camera.seen_at_s = now_s
        before = len(camera.objects)
        camera.objects = self._apart([item for item in camera.objects if self._follow(item, frame)])
        lost = before - len(camera.objects)
        self.counts.lost += lost
        if self._should_look(camera, now_s, lost > 0):
            self._look(camera, frame)
        return self._shown(camera.objects, frame.size_wh)

    def forget(self, camera_id: str) -> None:
        """Drop what is followed at a camera."""
        self._cameras.pop(camera_id, None)

    def close(self) -> None:
        """Free both models. Safe to call twice."""
        self._cameras.clear()
        self._backend.close()
        close = getattr(self._finder, "close", None)
        if close is not None:
            close()

    def _should_look(self, camera: _Camera, now_s: float, lost: bool) -> bool:
        count = len(camera.objects)
        if count >= self._settings.most:
            return False
        return lost or count == 0 or now_s - camera.looked_at_s >= self._settings.look_again_s - 1e-6

    def _look(self, camera: _Camera, frame: Frame) -> None:
        """Let the finder look, and follow what it saw that is not followed yet."""
        found = self._finder.detect(frame)
        self.counts.finder_runs += 1
        camera.looked_at_s = frame.captured_at_s
        if len(found) == 0:
            return
        if found.keypoints is None or found.keypoints.shape[1] != self.finder_points:
            shape = None if found.keypoints is None else found.keypoints.shape
            raise ModelUnsupported(f"{type(self).__name__} needs a finder with {self.finder_points} points, got keypoints {shape}")
        for xyxy, points in zip(found.xyxy, found.keypoints, strict=True):
            if len(camera.objects) >= self._settings.most:
                return
            roi = self.first_roi(xyxy, points[:, :2])
            if any(_distance(roi, item.roi) < self.same_place * item.roi.side_px for item in camera.objects):
                continue
            smoother = None if self._settings.smoothing is None else PointSmoother(self._settings.smoothing)
            item = _Object(roi, points[:0, :2], points[:0, 2], 0.0, 0.0, smoother)
            if self._follow(item, frame):
                camera.objects = self._apart([*camera.objects, item])

    def _follow(self, item: _Object, frame: Frame) -> bool:
        """Look at an object where it should be; False when it is not there."""
        tensor = self._picture.fill(frame, item.roi)
        if tensor is None:
            return False
        self.counts.landmark_runs += 1
        landmarks = self.read(self._backend.infer({self._backend.inputs[0].name: tensor}))
        if not (landmarks.presence >= self._settings.min_presence and np.isfinite(landmarks.shares).all()):
            return False
        points = item.roi.to_frame(landmarks.shares)
        # From the raw points: smoothed ones would let the square trail behind a fast hand until it loses it.
        item.roi = self.next_roi(points)
        shown = points[: self.shown_points]
        if item.smoother is not None:
            shown = item.smoother.smooth(shown, frame.captured_at_s, _size(shown))
        passed_s = frame.captured_at_s - item.seen_at_s
        item.side += (landmarks.side - item.side) * (1.0 - math.exp(-passed_s / _SIDE_S))
        item.points, item.score, item.presence = shown, landmarks.score[: self.shown_points], landmarks.presence
        item.seen_at_s = frame.captured_at_s
        return True

    @staticmethod
    def _apart(objects: list[_Object]) -> list[_Object]:
        """Of objects whose points have come to lie on each other, the one that is followed for longest."""
        kept: list[_Object] = []
        for item in objects:
            size = _size(item.points)
            gaps = (float(np.hypot(*(item.points - other.points).T).mean()) for other in kept)
            if all(gap > _SAME_POINTS * size for gap in gaps):
                kept.append(item)
        return kept

    def _shown(self, objects: list[_Object], size_wh: tuple[int, int]) -> Detections:
        if not objects:
            return Detections.empty()
        points = np.stack([item.points for item in objects])
        score = np.stack([item.score for item in objects])
        limit = np.array(size_wh, np.float32)
        corners = [np.clip(points.min(axis=1), 0, limit), np.clip(points.max(axis=1), 0, limit)]
        return Detections(
            np.concatenate(corners, axis=1).astype(np.float32),
            np.array([item.presence for item in objects], np.float32),
            np.array([int(item.side > 0.5) for item in objects], np.int64),
            np.concatenate([points, score[:, :, None]], axis=2).astype(np.float32),
        )


def _distance(first: Roi, second: Roi) -> float:
    return float(np.hypot(first.centre_xy[0] - second.centre_xy[0], first.centre_xy[1] - second.centre_xy[1]))


def _size(points: FloatArray) -> float:
    """The longer side of the points' box, px; at least 1."""
    return max(float(np.ptp(points, axis=0).max()), 1.0)


def _checked_side(kind: str, backend: Backend, outputs: Mapping[str, int]) -> int:
    """The input's side, px.

    Raises:
        ModelUnsupported: The input is not one square picture, or the outputs have other names or sizes.
    """
    shapes = [spec.shape for spec in backend.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][0] != 1 or shapes[0][3] != 3 or shapes[0][1] != shapes[0][2]:
        raise ModelUnsupported(f"{kind}: expected a landmark model with one input (1, S, S, 3), got {shapes}")
    got = {spec.name: int(np.prod(spec.shape)) for spec in backend.outputs}
    if any(got.get(name) != size for name, size in outputs.items()):
        raise ModelUnsupported(f"{kind}: expected outputs of so many numbers: {dict(outputs)}, got {got}")
    return shapes[0][1]
