"""The plan of a film: as many busy pictures as asked for, time that runs in them and stands still between them."""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.bench.film_plan import Moment, plan_film


@given(
    pictures=st.integers(1, 400),
    share=st.floats(0, 1),
    spare=st.integers(0, 200),
    rate_fps=st.sampled_from([1.0, 5.0, 15.0]),
    seed=st.integers(0, 9),
)
def test_a_plan_has_what_was_asked_for(pictures: int, share: float, spare: int, rate_fps: float, seed: int) -> None:
    busy = round(share * pictures)
    goes_on = np.random.default_rng(seed).random(busy + spare + 1) < 0.4
    plan = plan_film(goes_on, pictures, busy, rate_fps, seed)
    assert len(plan) == pictures
    assert sum(moment.moving for moment in plan) == busy
    assert all(0 <= moment.frame_index < len(goes_on) for moment in plan)
    # The scene's time only ever goes forward, and no moment of it is shown twice.
    shown = [moment.frame_index for moment in plan if moment.moving]
    assert shown == sorted(set(shown))
    for before, after in pairwise(plan):
        if not after.moving:
            assert after.frame_index == before.frame_index


def test_a_busy_stretch_is_where_something_goes_on() -> None:
    goes_on = np.zeros(300, np.bool_)
    goes_on[80:120] = goes_on[240:270] = True
    plan = plan_film(goes_on, 200, 80, 5.0)
    stretches = [[moment.frame_index for moment in group] for moving, group in groupby(plan, lambda one: one.moving) if moving]
    assert len(stretches) == 2
    assert sum(goes_on[index] for stretch in stretches for index in stretch) == 70
    # Each begins before anything does, so that whoever comes is seen to come.
    assert all(stretch[0] <= begins for stretch, begins in zip(stretches, (80, 240), strict=True))


def test_nothing_and_everything() -> None:
    goes_on = np.ones(10, np.bool_)
    assert plan_film(goes_on, 10, 0, 5.0) == [Moment(0, moving=False)] * 10
    assert plan_film(goes_on, 10, 10, 5.0) == [Moment(index, moving=True) for index in range(10)]


@pytest.mark.parametrize(("frames", "pictures", "busy"), [(10, 10, 11), (10, 10, -1), (4, 10, 5)])
def test_what_cannot_be_planned(frames: int, pictures: int, busy: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        plan_film(np.ones(frames, np.bool_), pictures, busy, 5.0)
