"""One tick's observations as flat arrays, with everything left out that cannot be a box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.protocols import Observation

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """C cameras' observations, ordered by slot, and their D usable detections, each camera's together.

    Attributes:
        slot: (C,) camera slots, ascending.
        time_s: (C,) capture times.
        start: (C,) where each camera's usable detections begin.
        count: (C,) how many they are.
        all_start: (C,) where each camera's detections begin in `xyxy`.
        xyxy: (R, 4) float32, every detection as it came, usable or not.
        centred: (4, D) centre x, centre y, width, height.
        score: (D,).
        class_id: (D,).
        camera: (D,) index of the camera, 0 .. C - 1.
        row: (D,) the detection's row in its own camera's `Detections`.
        rejected: How many detections had no number, no area or no score.
    """

    slot: IntArray
    time_s: FloatArray
    start: IntArray
    count: IntArray
    all_start: IntArray
    xyxy: NDArray[np.float32]
    centred: FloatArray
    score: FloatArray
    class_id: IntArray
    camera: IntArray
    row: IntArray
    rejected: int


def flatten(observations: Sequence[Observation], slots: IntArray, least_score: FloatArray) -> Batch:
    """The observations as one batch.

    A detection is usable when its box and score are finite, the box has an area, and the score is at least the camera's
    `least_score`.

    Args:
        observations: C observations, ordered by slot.
        slots: (C,) their cameras' slots, ascending.
        least_score: (C,) lower scores are left out (they are not counted as rejected).
    """
    detections = [observation.detections for observation in observations]
    all_count = np.array([len(seen.score) for seen in detections], dtype=np.int64)
    all_start = np.cumsum(all_count) - all_count
    xyxy = np.concatenate([seen.xyxy for seen in detections])
    score = np.concatenate([seen.score for seen in detections]).astype(np.float64)
    class_id = np.concatenate([seen.class_id for seen in detections])
    camera = np.repeat(np.arange(len(detections)), all_count)
    # A copy with one row a coordinate: the rest of the tick reads whole coordinates.
    edges = xyxy.T.astype(np.float64, order="C")
    with np.errstate(invalid="ignore"):  # infinity minus infinity: NaN, found below
        size = edges[2:] - edges[:2]
    # NaN fails every comparison; an infinite edge gives an infinite or undefined size.
    sound = (size[0] > 0) & (size[1] > 0) & (size[0] < np.inf) & (size[1] < np.inf) & (score <= _LARGEST)
    used = sound & (score >= least_score[camera])
    chosen = np.flatnonzero(used)
    camera = camera[chosen]
    count = np.bincount(camera, minlength=len(detections))
    low, size = edges[:2, chosen], size[:, chosen]
    return Batch(
        slot=slots,
        time_s=np.array([observation.time_s for observation in observations], dtype=np.float64),
        start=np.cumsum(count) - count,
        count=count,
        all_start=all_start,
        xyxy=xyxy,
        centred=np.concatenate([low + 0.5 * size, size]),
        score=score[chosen],
        class_id=class_id[chosen],
        camera=camera,
        row=chosen - all_start[camera],
        rejected=int(len(sound) - np.count_nonzero(sound)),
    )
