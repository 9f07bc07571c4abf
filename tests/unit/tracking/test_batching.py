"""All cameras in one call give what one tracker a camera gives, bit for bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.domain.protocols import Observation
from panops.domain.tracks import Tracks
from panops.tracking.settings import TrackerSettings
from panops.tracking.tracker import BatchTracker

from .scenes import crowd

COLUMNS = ("track_id", "xyxy", "score", "class_id", "state", "first_seen_s", "last_seen_s", "detection_index")
VOCABULARIES = ((), ("person", "car"), ("car", "truck"), ("person", "dog", "cat"))


def same(first: Tracks, second: Tracks) -> None:
    assert first.camera_id == second.camera_id
    assert first.time_s == second.time_s
    for name in COLUMNS:
        one, two = getattr(first, name), getattr(second, name)
        assert one.dtype == two.dtype, name
        assert one.tobytes() == two.tobytes(), f"{name}: {one} is not {two}"


@given(
    seed=st.integers(0, 2**32 - 1),
    rates=st.lists(st.sampled_from([1.0, 2.5, 5.0, 12.0, 30.0]), min_size=1, max_size=6),
    left_out=st.floats(0.0, 0.6),
    forgets=st.floats(0.0, 0.1),
    report_all=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_one_call_equals_one_tracker_a_camera(seed: int, rates: list[float], left_out: float, forgets: float, report_all: bool) -> None:
    random = np.random.default_rng(seed)
    # Lost and tentative tracks are reported too: their boxes come from the filter, so its bits are compared as well.
    policy = TrackerSettings(report_lost=report_all, report_tentative=report_all)
    ticks = 20
    scenes = {f"camera {index}": crowd(random, ticks, int(random.integers(0, 10))) for index in range(len(rates))}
    times = {name: np.cumsum(random.uniform(0.5, 1.5, ticks) / rate) for name, rate in zip(scenes, rates, strict=True)}
    batched = BatchTracker(policy)
    singles = {name: BatchTracker(policy) for name in scenes}
    for index, name in enumerate(scenes):
        classes = VOCABULARIES[index % len(VOCABULARIES)]
        batched.describe(name, classes, 0.3)
        singles[name].describe(name, classes, 0.3)
    for tick in range(ticks):
        for name in scenes:
            if random.random() < forgets:
                batched.forget(name)
                singles[name].forget(name)
        names = [str(name) for name in random.permutation(list(scenes)) if random.random() >= left_out]
        observations = [Observation(name, float(times[name][tick]), scenes[name][tick]) for name in names]
        for observation, tracks in zip(observations, batched.update(observations), strict=True):
            same(tracks, singles[observation.camera_id].update([observation])[0])
    assert len(batched) == sum(len(tracker) for tracker in singles.values())


def test_the_order_of_the_observations_is_the_order_of_the_result() -> None:
    random = np.random.default_rng(3)
    scenes = {name: crowd(random, 3, 4) for name in "abc"}
    tracker = BatchTracker(TrackerSettings(confirm_hits=1))
    for tick, names in enumerate(("abc", "cab", "bca")):
        result = tracker.update([Observation(name, 1.0 + tick, scenes[name][tick]) for name in names])
        assert [tracks.camera_id for tracks in result] == list(names)
        for name, tracks in zip(names, result, strict=True):
            np.testing.assert_array_equal(tracks.xyxy, scenes[name][tick].xyxy[tracks.detection_index])
