from __future__ import annotations

import math

import numpy as np
import pytest

from panops.domain.detections import Detections
from panops.domain.protocols import Observation
from panops.tracking.cameras import Cameras
from panops.tracking.settings import TrackerSettings


def seen(camera_id: str, time_s: float) -> Observation:
    return Observation(camera_id, time_s, Detections.empty())


def test_slots_are_stable_and_ids_count_per_camera() -> None:
    cameras = Cameras(TrackerSettings())
    assert cameras.slots([seen("b", 1.0), seen("a", 1.0)]).tolist() == [0, 1]
    assert cameras.slots([seen("a", 2.0), seen("c", 2.0)]).tolist() == [1, 2]
    assert cameras.take_ids(np.array([0, 0, 2])).tolist() == [1, 2, 1]
    assert cameras.take_ids(np.array([0, 1, 2, 2])).tolist() == [3, 1, 2, 3]
    assert cameras.restart("b") == 0
    assert cameras.take_ids(np.array([0])).tolist() == [4]
    assert cameras.restart("never seen") is None


@pytest.mark.parametrize(
    ("observations", "message"),
    [
        pytest.param([seen("a", 5.0)], "'a' goes from 5.000000 s back to 5.000000 s", id="the same time"),
        pytest.param([seen("a", 4.0)], "'a' goes from", id="back"),
        pytest.param([seen("new", math.nan)], "'new' has the time nan", id="not a number"),
        pytest.param([seen("new", math.inf)], "'new' has the time inf", id="infinite"),
        pytest.param([seen("new", 1.0), seen("new", 2.0)], "'new' occurs twice", id="twice"),
        pytest.param([seen("new", math.nan), seen("a", 1.0)], "'new'.*'a'", id="every problem is named"),
    ],
)
def test_impossible_times_are_refused_and_change_nothing(observations: list[Observation], message: str) -> None:
    cameras = Cameras(TrackerSettings())
    slot = cameras.slots([seen("a", 5.0)])
    cameras.clock_s[slot] = 5.0
    with pytest.raises(ValueError, match=message):
        cameras.slots(observations)
    assert len(cameras) == 1


def test_the_user_s_score_can_only_lower_the_bar() -> None:
    cameras = Cameras(TrackerSettings(high_score=0.4))
    slots = cameras.slots([seen(name, 1.0) for name in "abcd"])
    cameras.describe("b", ("person",), 0.25)
    cameras.describe("c", ("person",), 0.9)
    cameras.describe("d", ("person",), None)
    assert cameras.high_score[slots].tolist() == [0.4, 0.25, 0.4, 0.4]
    cameras.restart("b")
    assert cameras.high_score[slots].tolist() == [0.4] * 4
    with pytest.raises(ValueError, match=r"expected min_score in 0\.\.1, got 2"):
        cameras.describe("a", (), 2.0)
