from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.vision.point_smoothing import PointSmoother, SmoothingSettings


def by_loops(series: np.ndarray, times: list[float], size: float, settings: SmoothingSettings) -> np.ndarray:
    """The filter of the paper for one point after the other, with one speed for both coordinates."""

    def share(cutoff: float, passed: float) -> float:
        return 1 / (1 + 1 / (2 * math.pi * cutoff) / passed)

    result = series.astype(np.float64).copy()
    for k in range(series.shape[1]):
        velocity = [0.0, 0.0]
        for i in range(1, len(times)):
            passed = times[i] - times[i - 1]
            steady = share(settings.speed_hz, passed)
            for axis in range(2):
                raw = (series[i, k, axis] - result[i - 1, k, axis]) / passed
                velocity[axis] = steady * raw + (1 - steady) * velocity[axis]
            cutoff = settings.still_hz + settings.per_speed_hz * math.hypot(*velocity) / size
            taken = share(cutoff, passed)
            for axis in range(2):
                result[i, k, axis] = taken * series[i, k, axis] + (1 - taken) * result[i - 1, k, axis]
    return result


def smoothed(series: np.ndarray, times: list[float], size: float, settings: SmoothingSettings | None = None) -> np.ndarray:
    smoother = PointSmoother(settings or SmoothingSettings())
    return np.stack([smoother.smooth(points, time_s, size) for points, time_s in zip(series, times, strict=True)])


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 5), st.floats(0, 50), st.floats(0.3, 3))
def test_as_by_loops(seed: int, still: float, rise: float, speed: float) -> None:
    rng = np.random.default_rng(seed)
    settings = SmoothingSettings(still, rise, speed)
    series = rng.normal(100, 20, (12, 3, 2)).astype(np.float32)
    times = np.cumsum(rng.uniform(0.01, 0.3, 12)).tolist()
    np.testing.assert_allclose(smoothed(series, times, 80.0, settings), by_loops(series, times, 80.0, settings), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("rate", [5, 15, 30])
def test_points_at_rest_tremble_less(rate: int) -> None:
    rng = np.random.default_rng(3)
    series = (100 + rng.normal(0, 0.5, (60, 21, 2))).astype(np.float32)
    steady = smoothed(series, [i / rate for i in range(60)], 100.0)
    raw_step, step = (np.abs(np.diff(values[10:], axis=0)).mean() for values in (series, steady))
    assert step < raw_step * {5: 0.7, 15: 0.4, 30: 0.3}[rate]


@pytest.mark.parametrize("rate", [5, 15, 30])
def test_a_fast_movement_is_followed_closely(rate: int) -> None:
    """Two sizes a second: at most 20 ms behind once it is under way, whatever the frame rate."""
    times = [i / rate for i in range(2 * rate)]
    series = np.array([[[200.0 * time_s, 0.0]] for time_s in times], np.float32)
    behind_px = (series - smoothed(series, times, 100.0))[-1, 0, 0]
    assert 0 <= behind_px / 200.0 < 0.020


def test_near_and_far_objects_are_treated_alike() -> None:
    rng = np.random.default_rng(5)
    series = np.cumsum(rng.normal(0, 2, (20, 4, 2)), axis=0).astype(np.float32)
    times = [i / 10 for i in range(20)]
    np.testing.assert_allclose(smoothed(series * 3, times, 150.0), smoothed(series, times, 50.0) * 3, rtol=1e-3, atol=1e-3)


def test_a_movement_is_smoothed_alike_in_every_direction() -> None:
    rng = np.random.default_rng(6)
    series = np.cumsum(rng.normal(0, 2, (20, 4, 2)), axis=0).astype(np.float32)
    times = [i / 10 for i in range(20)]
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]], np.float32)
    np.testing.assert_allclose(smoothed(series @ turn, times, 50.0), smoothed(series, times, 50.0) @ turn, rtol=1e-3, atol=1e-3)


def test_a_time_that_does_not_go_on_begins_anew() -> None:
    smoother = PointSmoother(SmoothingSettings())
    here, there = np.zeros((2, 2), np.float32), np.full((2, 2), 50, np.float32)
    smoother.smooth(here, 5.0, 100.0)
    np.testing.assert_array_equal(smoother.smooth(there, 5.0, 100.0), there)
    np.testing.assert_array_equal(smoother.smooth(here, 1.0, 100.0), here)


@pytest.mark.parametrize("settings", [SmoothingSettings(still_hz=0), SmoothingSettings(speed_hz=-1), SmoothingSettings(per_speed_hz=-1)])
def test_settings_that_cannot_be(settings: SmoothingSettings) -> None:
    with pytest.raises(ValueError, match="positive cut-offs"):
        PointSmoother(settings)
