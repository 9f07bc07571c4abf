from __future__ import annotations

import numpy as np

from panops.domain.detections import Detections
from panops.domain.protocols import Observation
from panops.tracking.intake import flatten

from .scenes import boxes

NAN, INF = float("nan"), float("inf")


def test_what_is_no_box_is_left_out_and_counted() -> None:
    rows = [(0, 0, 10, 20), (NAN, 0, 10, 10), (0, 0, INF, 10), (-INF, 0, INF, 10), (5, 5, 5, 9), (9, 9, 1, 1), (1, 2, 3, 4), (0, 0, 4, 4)]
    scores = [0.9, 0.9, 0.9, 0.9, 0.9, 0.9, NAN, 0.05]
    batch = flatten([Observation("a", 1.0, boxes(*rows, score=scores))], np.array([7]), np.array([0.1]))
    assert batch.row.tolist() == [0]
    assert batch.centred[:, 0].tolist() == [5, 10, 10, 20]
    assert batch.rejected == 6  # a weak score is no fault
    assert len(batch.xyxy) == len(rows)


def test_cameras_keep_their_places() -> None:
    observations = [
        Observation("a", 1.0, Detections.empty()),
        Observation("b", 2.0, boxes((NAN, 0, 1, 1), (0, 0, 2, 2), (4, 4, 6, 8), class_id=[1, 2, 3])),
        Observation("c", 3.0, boxes((1, 1, 3, 3), score=0.3)),
    ]
    batch = flatten(observations, np.array([0, 3, 4]), np.array([0.1, 0.1, 0.4]))
    assert batch.count.tolist() == [0, 2, 0]
    assert batch.start.tolist() == [0, 0, 2]
    assert batch.all_start.tolist() == [0, 0, 3]
    assert batch.camera.tolist() == [1, 1]
    assert batch.row.tolist() == [1, 2]
    assert batch.class_id.tolist() == [2, 3]
    assert batch.time_s.tolist() == [1.0, 2.0, 3.0]


def test_nothing_seen_anywhere() -> None:
    batch = flatten([Observation("a", 1.0, Detections.empty())], np.array([0]), np.array([0.1]))
    assert batch.centred.shape == (4, 0)
    assert batch.rejected == 0
