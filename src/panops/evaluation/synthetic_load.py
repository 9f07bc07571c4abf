"""A made-up load for trackers: seeded walkers in front of many cameras, seen by a detector that errs as real ones do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.evaluation.mot_files import MotTable

FloatArray = NDArray[np.float64]

PICTURE_WH = (1280.0, 720.0)
# A walker's width over its height.
_ASPECT = 0.4


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What the load is like.

    Attributes:
        cameras: How many cameras.
        objects: How many objects a camera shows on average.
        fps: Frames a second of each camera.
        seconds: How long it lasts.
        seed: The same seed gives the same load.
        jitter: Standard deviation of a detection's edges, as a share of the box's size.
        miss_rate: Share of plainly visible objects that the detector misses in a frame.
        false_rate: False detections a frame, on average.
    """

    cameras: int = 200
    objects: int = 10
    fps: float = 5.0
    seconds: float = 30.0
    seed: int = 1
    jitter: float = 0.03
    miss_rate: float = 0.04
    false_rate: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: Something is not above 0, or a share is not within 0..1.
        """
        if min(self.cameras, self.objects) < 1 or not (0 < self.fps < np.inf) or not (0 < self.seconds < np.inf):
            raise ValueError(
                f"expected cameras, objects, fps and seconds above 0, got {self.cameras}, {self.objects}, {self.fps}, {self.seconds}"
            )
        if not 0 <= self.miss_rate <= 1 or self.jitter < 0 or self.false_rate < 0:
            raise ValueError(f"expected miss_rate in 0..1, jitter and false_rate of 0 or more, got {self}")

    @property
    def ticks(self) -> int:
        """How many frames each camera shows."""
        return max(1, round(self.fps * self.seconds))


@dataclass(frozen=True, slots=True)
class CameraLoad:
    """One camera's share.

    Attributes:
        detections: One `Detections` a tick.
        truth: The true boxes of the visible objects; frame n is tick n - 1.
    """

    detections: tuple[Detections, ...]
    truth: MotTable


def camera_load(settings: LoadSettings, camera: int) -> CameraLoad:
    """The load of one camera, which depends on the seed and its number only.

    Walkers come and go through the picture's left and right borders at different depths, some stop for a while. Who is mostly hidden by
    somebody nearer is detected seldom and weakly. False detections come anywhere, mostly weak.
    """
    random = np.random.default_rng([settings.seed, camera])
    times = np.arange(settings.ticks) / settings.fps
    centre, height, present = _walk(settings, random, times)
    boxes = np.stack(
        [centre[..., 0] - _ASPECT * height / 2, centre[..., 1] - height, centre[..., 0] + _ASPECT * height / 2, centre[..., 1]], axis=-1
    )
    detections, frames, ids, true_boxes = [], [], [], []
    for tick in range(settings.ticks):
        who = np.flatnonzero(present[tick])
        shown = boxes[tick, who]
        detections.append(_detect(settings, random, shown))
        frames.append(np.full(len(who), tick + 1))
        ids.append(who + 1)
        true_boxes.append(shown)
    xyxy = np.concatenate(true_boxes)
    count = len(xyxy)
    truth = MotTable(
        np.concatenate(frames),
        np.concatenate(ids),
        np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1),
        np.ones(count),
        np.ones(count, np.int64),
    )
    return CameraLoad(tuple(detections), truth)


def _walk(settings: LoadSettings, random: np.random.Generator, times: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Ground points (ticks, W, 2), heights (1, W) and presence (ticks, W) of all walkers that ever come."""
    width, picture_height = PICTURE_WH
    # A walker needs about `crossing_s` from border to border; so many must come that `objects` are there at any time.
    crossing_s = 16.0
    count = max(1, round(settings.objects * (1 + settings.seconds / crossing_s)))
    starts = random.uniform(-crossing_s, settings.seconds, count)
    depth = random.uniform(0.0, 1.0, count)
    height = 60.0 + 240.0 * depth
    ground = picture_height * (0.3 + 0.65 * depth)
    speed = width / crossing_s * random.normal(1.0, 0.15, count).clip(0.5, 1.5)
    rightwards = random.random(count) < 0.5
    pause_at, pause_s = random.uniform(0, crossing_s, count), np.where(random.random(count) < 0.3, random.uniform(1, 6, count), 0.0)
    age = times[:, None] - starts
    moved = age - np.clip(age - pause_at, 0, pause_s)
    # Nobody walks on a ruler's edge: a slow sway in both directions.
    phase, rhythm = random.uniform(0, 2 * np.pi, count), random.uniform(0.2, 0.6, count)
    sway = 0.08 * height * np.sin(2 * np.pi * rhythm * age + phase)
    along = moved * speed + sway
    x = np.where(rightwards, along, width - along)
    y = np.broadcast_to(ground, x.shape) + 0.5 * sway
    present = (age >= 0) & (x > 0) & (x < width)
    return np.stack([x, y], axis=-1), height[None], present


def _detect(settings: LoadSettings, random: np.random.Generator, boxes: FloatArray) -> Detections:
    """What the detector makes of true boxes (N, 4)."""
    hidden = _hidden_share(boxes)
    seen = random.random(len(boxes)) >= np.where(hidden > 0.7, 0.7, settings.miss_rate)
    score = np.where(hidden > 0.4, random.uniform(0.15, 0.6, len(boxes)), random.beta(9, 1.6, len(boxes)))[seen]
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    found = (boxes + random.normal(0, settings.jitter, boxes.shape) * size)[seen]
    extra = random.poisson(settings.false_rate)
    height = random.uniform(40, 250, extra)
    corner = random.uniform(0, 1, (extra, 2)) * np.array(PICTURE_WH)
    false = np.concatenate([corner, corner + np.stack([_ASPECT * height, height], axis=1)], axis=1)
    xyxy = np.concatenate([found, false]).astype(np.float32)
    scores = np.concatenate([score, random.beta(2, 5, extra).clip(0.1)]).astype(np.float32)
    order = np.argsort(-scores, kind="stable")  # as detectors give them: best first
    return Detections(xyxy[order], scores[order], np.zeros(len(order), np.int64))


def _hidden_share(boxes: FloatArray) -> FloatArray:
    """(N,) the greatest share of each box that one nearer box (its feet lower in the picture) covers."""
    if len(boxes) == 0:
        return np.zeros(0)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2)
    nearer = boxes[None, :, 3] > boxes[:, None, 3]
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.asarray(np.max(np.where(nearer, common, 0.0), axis=1) / area)
