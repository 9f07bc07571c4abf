"""Random scenes for the tracker's tests: crowded on purpose, so that there is something to confuse."""

from __future__ import annotations

import numpy as np

from panops.domain.detections import Detections
from panops.domain.protocols import Observation


def boxes(*rows: tuple[float, float, float, float], score: float | list[float] = 0.9, class_id: int | list[int] = 0) -> Detections:
    """Detections from rows of left, top, right, bottom."""
    count = len(rows)
    return Detections(
        np.array(rows, np.float32).reshape(count, 4),
        np.full(count, score, np.float32) if isinstance(score, float) else np.array(score, np.float32),
        np.full(count, class_id, np.int64) if isinstance(class_id, int) else np.array(class_id, np.int64),
    )


def square(x: float, y: float = 100.0, size: float = 50.0) -> tuple[float, float, float, float]:
    """A box by its centre."""
    return (x - size / 2, y - size / 2, x + size / 2, y + size / 2)


def crowd(random: np.random.Generator, frames: int, objects: int, classes: int = 2) -> list[Detections]:
    """Walkers in a small room: they cross, vanish, return, and the detector adds, weakens and misses boxes."""
    position = random.uniform(0, 400, (objects, 2))
    velocity = random.normal(0, 25, (objects, 2))
    size = random.uniform(30, 90, (objects, 2))
    kind = random.integers(0, classes, objects)
    result = []
    for _ in range(frames):
        position = np.abs(position + 0.2 * velocity + random.normal(0, 1, position.shape))
        seen = random.random(objects) < 0.85
        xyxy = np.concatenate([position - size / 2, position + size / 2], axis=1)[seen] + random.normal(0, 2, (seen.sum(), 4))
        extra = random.uniform(0, 400, (random.poisson(0.7), 2))
        xyxy = np.concatenate([xyxy, np.concatenate([extra, extra + 40], axis=1)])
        count = len(xyxy)
        class_id = np.concatenate([kind[seen], random.integers(0, classes, len(extra))])
        order = random.permutation(count)
        score = random.uniform(0.05, 1.0, count) ** 0.5
        result.append(Detections(xyxy[order].astype(np.float32), score.astype(np.float32), class_id[order].astype(np.int64)))
    return result


def single(camera_id: str, time_s: float, detections: Detections) -> list[Observation]:
    """One camera's observation as a whole call."""
    return [Observation(camera_id, time_s, detections)]
