"""Histograms of durations: percentiles within a bucket of the truth, sums over processes exact."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.pipeline.latency import BOUNDS_S, LatencyHistogram, total

DURATIONS = st.lists(st.floats(0.0, 30.0), min_size=1, max_size=200)


def filled(durations: list[float]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for seconds in durations:
        histogram.add(seconds)
    return histogram


@given(DURATIONS, st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_percentile_is_at_most_a_bucket_off(durations: list[float], share: float) -> None:
    truth = float(np.quantile(durations, share, method="inverted_cdf"))
    told = filled(durations).quantile_s(share)
    assert truth / 1.2500001 - 0.001 <= told <= max(truth * 1.2500001, BOUNDS_S[0])


@given(DURATIONS, DURATIONS)
def test_parts_add_up_and_subtract(first: list[float], second: list[float]) -> None:
    whole = total([filled(first), filled(second)])
    assert whole.counts == filled(first + second).counts
    assert whole.count == len(first) + len(second)
    assert whole.sum_s == pytest.approx(sum(first) + sum(second))
    assert whole.since(filled(first)).counts == filled(second).counts


def test_edges() -> None:
    assert math.isnan(LatencyHistogram().quantile_s(0.5))
    assert filled([-5.0]).quantile_s(0.95) <= BOUNDS_S[0]
    assert filled([1e6]).quantile_s(0.95) == BOUNDS_S[-1]
    with pytest.raises(ValueError, match="expected 49 buckets, got 3"):
        LatencyHistogram([1, 2, 3])
