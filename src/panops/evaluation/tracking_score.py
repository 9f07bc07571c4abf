"""All tracking metrics of one or more sequences, and a tracker run over a sequence's detections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.protocols import Observation, Tracker
from panops.evaluation.clear import Clear, clear, combine_clear
from panops.evaluation.comparison import Comparison
from panops.evaluation.hota import Hota, combine_hota, hota
from panops.evaluation.identity import Identity, combine_identity, identity
from panops.evaluation.mot_files import MotTable

MOT_PEDESTRIAN = 1


@dataclass(frozen=True, slots=True, eq=False)
class TrackingScore:
    """HOTA, CLEAR and identity of the same sequences."""

    hota: Hota
    clear: Clear
    identity: Identity

    def figures(self) -> dict[str, float]:
        """Every figure by TrackEval's name; shares are 0..1, the rest are counts."""
        return {**self.hota.figures(), **self.clear.figures(), **self.identity.figures()}


def score(comparison: Comparison) -> TrackingScore:
    """Every metric of one sequence."""
    return TrackingScore(hota(comparison), clear(comparison), identity(comparison))


def combine(parts: Sequence[TrackingScore]) -> TrackingScore:
    """The sequences as one, as TrackEval's COMBINED row.

    Raises:
        ValueError: `parts` is empty.
    """
    return TrackingScore(
        combine_hota([part.hota for part in parts]),
        combine_clear([part.clear for part in parts]),
        combine_identity([part.identity for part in parts]),
    )


def track_detections(tracker: Tracker, camera_id: str, detections: MotTable, frames: NDArray[np.int64], rate_fps: float) -> MotTable:
    """Run a tracker over a sequence's detections.

    Args:
        tracker: Any tracker; what it remembers of `camera_id` goes on.
        camera_id: The name under which it is called.
        detections: Detections of the whole sequence; `xywh` in px. Their classes are not used: all are class 0.
        frames: (F,) the frame numbers it gets to see, ascending.
        rate_fps: The sequence's rate; frame n is given as captured at n / rate_fps seconds.

    Returns:
        What it reported for these frames, with MOT's class for pedestrians.
    """
    pieces: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]] = []
    for frame, rows in zip(frames.tolist(), detections.by_frame(frames), strict=True):
        xywh = detections.xywh[rows]
        xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1).astype(np.float32)
        seen = Detections(xyxy, detections.score[rows].astype(np.float32), np.zeros(len(rows), np.int64))
        tracks = tracker.update([Observation(camera_id, frame / rate_fps, seen)])[0]
        pieces.append((np.full(len(tracks), frame, np.int64), tracks.track_id, tracks.xyxy, tracks.score))
    if not pieces:
        return MotTable(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    frame_column, ids, boxes, scores = (np.concatenate(column) for column in zip(*pieces, strict=True))
    xyxy64 = boxes.astype(np.float64)
    xywh64 = np.concatenate([xyxy64[:, :2], xyxy64[:, 2:] - xyxy64[:, :2]], axis=1)
    return MotTable(frame_column, ids, xywh64, scores.astype(np.float64), np.full(len(ids), MOT_PEDESTRIAN, np.int64))
