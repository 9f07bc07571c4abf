from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.domain import boxes
from panops.domain.places import Box, around, iou, share_area, widened


@st.composite
def some_box(draw: st.DrawFn) -> Box:
    left, top = draw(st.floats(-50, 600)), draw(st.floats(-50, 300))
    # Thinner than a thousandth of a pixel, an area in single precision is nothing while one in double is something.
    side = st.one_of(st.just(0.0), st.floats(1e-3, 300))
    return left, top, left + draw(side), top + draw(side)


@given(box=some_box(), share=st.floats(0, 1), least=st.floats(0, 50), most=st.floats(50, 100))
def test_room_is_within_its_bounds(box: Box, share: float, least: float, most: float) -> None:
    found = widened(box, share, least, most)
    for axis in (0, 1):
        room = min(max(share * (box[axis + 2] - box[axis]), least), most)
        assert found[axis] == pytest.approx(box[axis] - room)
        assert found[axis + 2] == pytest.approx(box[axis + 2] + room)


@given(some=st.lists(some_box(), min_size=1, max_size=5))
def test_around_holds_all_and_touches_each_side(some: list[Box]) -> None:
    rows = np.array(some)
    assert around(some) == (*rows[:, :2].min(axis=0), *rows[:, 2:].max(axis=0))


@given(one=some_box(), other=some_box())
def test_overlap_agrees_with_the_arrays(one: Box, other: Box) -> None:
    first, second = np.array([one], np.float32), np.array([other], np.float32)
    expected = float(boxes.iou(first, second)[0, 0])
    assert iou(one, other) == pytest.approx(expected, abs=2e-3)
    assert share_area(one, other) or expected == pytest.approx(0.0, abs=1e-3)
