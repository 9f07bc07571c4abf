from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.tracking.kalman import Filter, extrapolate, initiate, update

from .reference_tracker import steps_matrices

POSITION_NOISE, VELOCITY_NOISE = 1 / 20, 1 / 160


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float64).reshape(4, 1)


def full(state: Filter) -> tuple[np.ndarray, np.ndarray]:
    """Mean (8,) and covariance (8, 8) of the first track."""
    covariance = np.zeros((8, 8))
    for row in range(4):
        covariance[row, row] = state.p[row, 0]
        covariance[row, row + 4] = covariance[row + 4, row] = state.c[row, 0]
        covariance[row + 4, row + 4] = state.v[row, 0]
    return np.concatenate([state.position[:, 0], state.velocity[:, 0]]), covariance


@given(steps=st.integers(1, 60), width=st.floats(5, 500), height=st.floats(5, 500))
@settings(max_examples=50, deadline=None)
def test_closed_form_noise_equals_single_steps(steps: int, width: float, height: float) -> None:
    size = np.array([width, height])
    one_motion, one_noise = steps_matrices(size, 1.0, POSITION_NOISE, VELOCITY_NOISE)
    noise = np.zeros((8, 8))
    for _ in range(steps):
        noise = one_motion @ noise @ one_motion.T + one_noise
    _, closed = steps_matrices(size, float(steps), POSITION_NOISE, VELOCITY_NOISE)
    np.testing.assert_allclose(closed, noise, rtol=1e-9, atol=1e-12)


@given(first=st.floats(0.05, 40), second=st.floats(0.05, 40))
@settings(max_examples=50, deadline=None)
def test_two_intervals_equal_their_sum(first: float, second: float) -> None:
    size = np.array([40.0, 90.0])
    motion, noise = steps_matrices(size, first, POSITION_NOISE, VELOCITY_NOISE)
    after, more = steps_matrices(size, second, POSITION_NOISE, VELOCITY_NOISE)
    whole, total = steps_matrices(size, first + second, POSITION_NOISE, VELOCITY_NOISE)
    np.testing.assert_allclose(after @ motion, whole, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(after @ noise @ after.T + more, total, rtol=1e-9, atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1), steps=st.lists(st.floats(0.2, 60), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_four_small_filters_are_the_one_large_filter(seed: int, steps: list[float]) -> None:
    random = np.random.default_rng(seed)
    state = initiate(column(100, 200, 40, 90), POSITION_NOISE, VELOCITY_NOISE)
    look = np.eye(4, 8)
    for step in steps:
        measured = column(*random.uniform([80, 150, 30, 70], [130, 250, 60, 120]))
        count = np.array([step])
        expected = extrapolate(state.position, state.velocity, count, np.ones(1))
        mean, covariance = full(state)
        motion, noise = steps_matrices(mean[2:4], step, POSITION_NOISE, VELOCITY_NOISE)
        large = motion @ mean
        large[2:4] = np.maximum(large[2:4], 0.1 * mean[2:4])
        np.testing.assert_allclose(expected[:, 0], large[:4], rtol=1e-12)
        covariance = motion @ covariance @ motion.T + noise
        measurement_noise = np.diag((POSITION_NOISE * np.tile(large[2:4], 2)) ** 2)
        gain = covariance @ look.T @ np.linalg.inv(look @ covariance @ look.T + measurement_noise)
        state = update(state, expected, measured, count, POSITION_NOISE, VELOCITY_NOISE)
        new_mean, new_covariance = full(state)
        np.testing.assert_allclose(new_mean, large + gain @ (measured[:, 0] - large[:4]), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(new_covariance, (np.eye(8) - gain @ look) @ covariance, rtol=1e-6, atol=1e-9)
        assert np.all(np.linalg.eigvalsh((new_covariance + new_covariance.T) / 2) > 0)


def test_it_learns_a_steady_walk() -> None:
    state = initiate(column(0, 100, 40, 90), POSITION_NOISE, VELOCITY_NOISE)
    steps = np.array([6.0])
    for frame in range(1, 20):
        expected = extrapolate(state.position, state.velocity, steps, np.ones(1))
        state = update(state, expected, column(12.0 * frame, 100, 40, 90), steps, POSITION_NOISE, VELOCITY_NOISE)
    assert state.velocity[0, 0] == pytest.approx(2.0, rel=0.02)
    assert abs(state.velocity[1, 0]) < 1e-9


def test_sizes_stay_positive_and_stand_still_while_lost() -> None:
    position, velocity = column(0, 0, 40, 90), column(1, 1, -10, -10)
    shrinking = extrapolate(position, velocity, np.array([30.0]), np.ones(1))
    assert shrinking[2:, 0].tolist() == pytest.approx([4.0, 9.0])
    lost = extrapolate(position, velocity, np.array([30.0]), np.zeros(1))
    assert lost[:, 0].tolist() == [30.0, 30.0, 40.0, 90.0]


def test_no_tracks_at_all() -> None:
    nothing = np.zeros((4, 0))
    state = initiate(nothing, POSITION_NOISE, VELOCITY_NOISE)
    assert update(state, nothing, nothing, np.zeros(0), POSITION_NOISE, VELOCITY_NOISE).position.shape == (4, 0)
