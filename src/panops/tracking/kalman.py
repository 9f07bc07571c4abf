"""The motion model: constant velocity, for any elapsed time, on all tracks at once.

ByteTrack's and SORT's filter has eight states (centre x and y, width, height, and their velocities) and diagonal noise. Nothing couples one
coordinate to another, so the 8x8 filter is exactly four 2x2 filters, and a 2x2 filter needs no matrix at all: variance of the position
`p`, covariance `c`, variance of the velocity `v`. All arrays here are (4, N): one row a coordinate, one column a track, so that every
operation runs over contiguous memory.

Time is counted in reference steps k, a real number: elapsed seconds times the reference rate. With F = [[1, 1], [0, 1]] and
Q = diag(a, b) a step, k steps give F^k = [[1, k], [0, 1]] and the noise sum over i < k of F^i Q F^iT, whose closed form is

    [[k a + b k (k - 1) (2 k - 1) / 6,  b k (k - 1) / 2],
     [b k (k - 1) / 2,                  k b            ]]

It equals ByteTrack's k single steps for whole k, and two intervals one after the other equal one of their sum for every real k.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# ByteTrack's start: twice the position noise, ten times the velocity noise (standard deviations).
_INITIAL_POSITION = 2.0
_INITIAL_VELOCITY = 10.0


class Filter(NamedTuple):
    """State of N tracks after their last measurement. Every array is (4, N) float64: rows are centre x, centre y, width, height.

    Attributes:
        position: px.
        velocity: px a reference step.
        p: Variance of the position.
        c: Covariance of position and velocity.
        v: Variance of the velocity.
    """

    position: FloatArray
    velocity: FloatArray
    p: FloatArray
    c: FloatArray
    v: FloatArray


def initiate(measured: FloatArray, position_noise: float, velocity_noise: float) -> Filter:
    """Filters of new tracks, standing still.

    Args:
        measured: (4, N) centre x, centre y, width, height in px.
        position_noise: Share of the size; see `TrackerSettings`.
        velocity_noise: Share of the size.
    """
    size = _scale(measured)
    zeros = np.zeros_like(measured)
    return Filter(
        measured, zeros, (_INITIAL_POSITION * position_noise * size) ** 2, zeros, (_INITIAL_VELOCITY * velocity_noise * size) ** 2
    )


def extrapolate(position: FloatArray, velocity: FloatArray, steps: FloatArray, size_moves: FloatArray) -> FloatArray:
    """Where the tracks are expected, (4, N).

    Args:
        position: (4, N).
        velocity: (4, N).
        steps: (N,) reference steps since the last measurement.
        size_moves: (N,) 1 where width and height go on changing, 0 where they stay (lost tracks: a size that drifts unseen ruins the
            overlap when the object is back).
    """
    expected = velocity * steps
    expected[2:] *= size_moves
    expected += position
    # A box shrinking towards nothing keeps a tenth of its size: a width of 0 or below has no overlap with anything.
    np.maximum(expected[2:], 0.1 * position[2:], out=expected[2:])
    return expected


def update(
    state: Filter,
    expected: FloatArray,
    measured: FloatArray,
    steps: FloatArray,
    position_noise: float,
    velocity_noise: float,
) -> Filter:
    """The filters after a measurement.

    Args:
        state: State after the measurement before.
        expected: (4, N) the extrapolated positions, as `extrapolate` gave them.
        measured: (4, N) what was seen.
        steps: (N,) reference steps between the two, above 0.
        position_noise: Share of the size.
        velocity_noise: Share of the size.
    """
    variance = _scale(state.position)
    variance *= variance
    a, b = variance * position_noise**2, variance * velocity_noise**2
    drift = b * (steps * (steps - 1) * 0.5)
    p = state.p + steps * (2 * state.c + steps * state.v) + steps * a + drift * ((2 * steps - 1) / 3)
    c = state.c + steps * state.v + drift
    v = state.v + steps * b
    noise = (position_noise * _scale(expected)) ** 2
    inverse = 1.0 / (p + noise)
    innovation = measured - expected
    gain_position, gain_velocity = p * inverse, c * inverse
    return Filter(
        expected + gain_position * innovation,
        state.velocity + gain_velocity * innovation,
        p - gain_position * p,
        c - gain_position * c,
        v - gain_velocity * c,
    )


def _scale(position: FloatArray) -> FloatArray:
    """The size each coordinate's noise is a share of: width for x and width, height for y and height."""
    return np.concatenate([position[2:], position[2:]])
