from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from panops.domain.protocols import Observation
from panops.domain.tracks import Tracks
from panops.evaluation.comparison import compare
from panops.evaluation.mot_files import MotTable
from panops.evaluation.tracking_score import combine, score, track_detections

from .tables import random_pair, table


class EveryBoxIsItsOwnTrack:
    """A tracker that remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[Observation] = []

    def update(self, observations: Sequence[Observation]) -> list[Tracks]:
        self.shown += observations
        return [self._tracks(seen) for seen in observations]

    def forget(self, camera_id: str) -> None:
        raise AssertionError(camera_id)

    def _tracks(self, seen: Observation) -> Tracks:
        count = len(seen.detections)
        ids, times = np.arange(1, count + 1), np.full(count, seen.time_s)
        detections = seen.detections
        return Tracks(
            seen.camera_id, seen.time_s, ids, detections.xyxy, detections.score, detections.class_id, ids, times, times.copy(), ids - 1
        )


def test_a_tracker_sees_the_asked_frames_in_real_time() -> None:
    detections = table([(1, -1, 10, 20, 30, 40), (2, -1, 11, 20, 30, 40), (4, -1, 13, 20, 30, 40), (4, -1, 90, 20, 30, 40)])
    tracker = EveryBoxIsItsOwnTrack()
    found = track_detections(tracker, "gate", detections, np.array([1, 3, 4]), 10.0)
    assert [(seen.camera_id, seen.time_s, len(seen.detections)) for seen in tracker.shown] == [
        ("gate", 0.1, 1),
        ("gate", 0.3, 0),
        ("gate", 0.4, 2),
    ]
    assert found.frame.tolist() == [1, 4, 4]
    assert found.track_id.tolist() == [1, 1, 2]
    assert found.xywh.tolist() == [[10, 20, 30, 40], [13, 20, 30, 40], [90, 20, 30, 40]]
    assert len(track_detections(tracker, "gate", detections, np.zeros(0, np.int64), 10.0)) == 0


def test_every_figure_is_there() -> None:
    truth, tracks = random_pair(1)
    part = score(compare(truth, tracks, np.arange(1, 31)))
    figures = combine([part]).figures()
    assert figures == pytest.approx(part.figures())
    assert {"HOTA", "DetA", "AssA", "LocA", "MOTA", "IDSW", "IDF1"} <= figures.keys()
    assert 0 < figures["HOTA"] < 1


def test_no_frames_at_all() -> None:
    nothing = MotTable(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    assert score(compare(nothing, nothing, np.zeros(0, np.int64))).figures()["HOTA"] == 0
