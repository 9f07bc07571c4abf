from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from panops.vision.letterbox import Letterbox
from panops.vision.region_sizes import RegionSizes, part_inputs

SIZES = RegionSizes((416, 416))
PICTURES = st.tuples(st.integers(64, 2600), st.integers(64, 2600))
SHARES = st.tuples(st.floats(-0.3, 1.2), st.floats(-0.3, 1.2), st.floats(0.0, 0.6), st.floats(0.0, 0.6))


@pytest.mark.parametrize(
    ("size_wh", "input_wh"),
    [((640, 360), (416, 256)), ((704, 576), (416, 352)), ((360, 640), (256, 416)), ((500, 500), (416, 416)), ((1920, 1080), (416, 256))],
)
def test_a_whole_picture_is_shown_without_needless_padding(size_wh: tuple[int, int], input_wh: tuple[int, int]) -> None:
    whole = SIZES.whole(size_wh)
    assert (whole.xyxy, whole.input_wh) == ((0, 0, *size_wh), input_wh)


@given(size_wh=PICTURES)
def test_a_whole_picture_keeps_its_scale(size_wh: tuple[int, int]) -> None:
    whole = SIZES.whole(size_wh)
    assert Letterbox.fit(size_wh, whole.input_wh).scaled_wh == Letterbox.fit(size_wh, (416, 416)).scaled_wh
    assert all(side % 32 == 0 for side in whole.input_wh)


@given(size_wh=PICTURES, shares=SHARES)
def test_a_part_holds_what_was_asked_for_and_shows_it_no_smaller(
    size_wh: tuple[int, int], shares: tuple[float, float, float, float]
) -> None:
    width, height = size_wh
    left, top = shares[0] * width, shares[1] * height
    right, bottom = left + shares[2] * width, top + shares[3] * height
    part = SIZES.part(size_wh, (left, top, right, bottom))
    assume(part is not None)
    assert part is not None
    x1, y1, x2, y2 = part.xyxy
    assert 0 <= x1 < x2 <= width
    assert 0 <= y1 < y2 <= height
    assert x1 % 2 == y1 % 2 == 0
    assert x1 <= max(left, 0.0) or left >= width - 2  # a box beyond the picture leaves its last pixels
    assert y1 <= max(top, 0.0) or top >= height - 2
    assert x2 >= min(right, width) or right <= 2
    assert y2 >= min(bottom, height) or bottom <= 2
    assert part.input_wh in part_inputs((416, 416))
    least = min(416 / width, 416 / height)
    scale = min(part.input_wh[0] / (x2 - x1), part.input_wh[1] / (y2 - y1))
    assert scale >= least * (1 - 2 / min(x2 - x1, y2 - y1))  # whole pixels
    if part.size_wh != size_wh:
        assert scale <= max(1.0, least) * (1 + 2 / min(x2 - x1, y2 - y1)) or (x2 - x1 == width or y2 - y1 == height)


def test_a_part_fills_its_input_where_the_picture_has_room() -> None:
    part = SIZES.part((640, 360), (300.0, 150.0, 330.0, 220.0))
    assert part is not None
    assert part.input_wh == (128, 160)
    assert part.size_wh == (128, 160)
    assert part.xyxy == (250, 104, 378, 264)


def test_what_is_larger_gets_a_larger_input_and_at_last_the_whole_picture() -> None:
    inputs = []
    for half in range(10, 300, 10):
        part = SIZES.part((640, 360), (320.0 - half, 180.0 - half / 2, 320.0 + half, 180.0 + half / 2))
        inputs.append(None if part is None else part.input_wh)
    assert inputs[0] == (128, 160)
    assert inputs[-1] is None
    areas = [10**9 if size is None else size[0] * size[1] for size in inputs]
    assert areas == sorted(areas)


def test_a_picture_that_is_small_anyway_has_no_parts() -> None:
    assert RegionSizes((128, 128)).part((640, 360), (300.0, 150.0, 310.0, 160.0)) is None


@pytest.mark.parametrize("side", [320, 416, 640])
def test_the_usual_inputs_fit_the_network(side: int) -> None:
    inputs = part_inputs((side, side))
    assert all(width % 32 == height % 32 == 0 for width, height in inputs)
    assert all(width * height < side * side * 0.5 for width, height in inputs)
