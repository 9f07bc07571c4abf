from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.domain.light import fit_light

THEN = np.random.default_rng(0).uniform(20, 200, (60, 60)).astype(np.float32)
NOBODY = np.zeros((60, 60), np.bool_)


@settings(max_examples=50, deadline=None)
@given(gain=st.floats(0.4, 1.6), offset=st.floats(-20, 40), step=st.sampled_from([1, 3]))
def test_the_light_is_found(gain: float, offset: float, step: int) -> None:
    found = fit_light(THEN, THEN * np.float32(gain) + np.float32(offset), NOBODY, step)
    if not found.is_none:  # what differs by a grey level or two is left alone
        assert (found.gain, found.offset) == (pytest.approx(gain, abs=0.02), pytest.approx(offset, abs=2.0))
    else:
        assert float(np.median(np.abs(THEN * gain + offset - THEN))) < 1.6


def test_somebody_in_the_picture_changes_little() -> None:
    now = 0.8 * THEN + 12
    now[:8] = 255.0
    found = fit_light(THEN, now, NOBODY, step=1)
    assert (found.gain, found.offset) == (pytest.approx(0.8, abs=0.03), pytest.approx(12, abs=3))


def test_who_is_known_is_left_out() -> None:
    now = 0.8 * THEN + 12
    now[:40] = 255.0
    known = NOBODY.copy()
    known[:40] = True
    found = fit_light(THEN, now, known, step=1)
    assert (found.gain, found.offset) == (pytest.approx(0.8, abs=0.01), pytest.approx(12, abs=1))


def test_where_little_is_left_nothing_is_fitted() -> None:
    assert fit_light(THEN, THEN + 50, np.ones((60, 60), np.bool_)).is_none
