from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.vision.letterbox import Letterbox

sizes = st.tuples(st.integers(1, 8192), st.integers(1, 8192))
inputs = st.tuples(st.integers(8, 2048), st.integers(8, 2048))
relative_boxes = st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=8)


@st.composite
def letterboxes(draw: st.DrawFn) -> Letterbox:
    source, target = draw(sizes), draw(inputs)
    kind = draw(st.sampled_from(["top_left", "center", "stretch"]))
    return Letterbox.stretch(source, target) if kind == "stretch" else Letterbox.fit(source, target, kind)


@given(letterboxes(), relative_boxes)
def test_the_way_back_is_exact(box: Letterbox, relative: list[tuple[float, ...]]) -> None:
    boxes = np.array(relative) * np.array([*box.source_wh, *box.source_wh])
    np.testing.assert_allclose(box.inverse(box.forward(boxes)), boxes, rtol=0, atol=1e-3)


@given(letterboxes(), relative_boxes, st.tuples(st.integers(0, 4000), st.integers(0, 4000)))
def test_a_part_of_a_frame_lies_where_it_was_cut_out(box: Letterbox, relative: list[tuple[float, ...]], origin: tuple[int, int]) -> None:
    boxes = np.array(relative) * np.array([*box.source_wh, *box.source_wh])
    part, shift = replace(box, origin_xy=origin), np.array([*origin, *origin])
    np.testing.assert_allclose(part.forward(boxes + shift), box.forward(boxes), rtol=0, atol=1e-3)
    np.testing.assert_allclose(part.inverse(box.forward(boxes)), boxes + shift, rtol=0, atol=1e-3)
    np.testing.assert_allclose(part.clip(boxes + shift), boxes + shift)
    beyond = boxes + shift + np.array([-1e4, -1e4, 1e4, 1e4])
    edges = shift + np.array([0, 0, *box.source_wh])
    np.testing.assert_allclose(part.clip(beyond), np.broadcast_to(edges, beyond.shape))


@given(letterboxes(), relative_boxes)
def test_single_precision_is_enough_for_real_pictures(box: Letterbox, relative: list[tuple[float, ...]]) -> None:
    shrink = max(box.source_wh[0] / box.scaled_wh[0], box.source_wh[1] / box.scaled_wh[1])
    boxes = (np.array(relative) * np.array([*box.source_wh, *box.source_wh])).astype(np.float32)
    back = box.inverse(box.forward(boxes))
    assert back.dtype == np.float32
    # Half a unit in the last place of the input's px, seen through the scale, and one of the source's.
    bound = max(1e-3, 2 * shrink * np.spacing(np.float32(max(box.input_wh))) + np.spacing(np.float32(max(box.source_wh))))
    np.testing.assert_allclose(back, boxes, rtol=0, atol=bound)


@given(letterboxes())
def test_the_picture_lies_inside_the_input(box: Letterbox) -> None:
    left, top = box.offset_xy
    assert 0 <= left <= left + box.scaled_wh[0] <= box.input_wh[0]
    assert 0 <= top <= top + box.scaled_wh[1] <= box.input_wh[1]
    assert min(box.scaled_wh) >= 1


@given(sizes, inputs)
def test_fit_touches_both_sides_of_one_axis(source: tuple[int, int], target: tuple[int, int]) -> None:
    box = Letterbox.fit(source, target)
    assert box.scaled_wh[0] == target[0] or box.scaled_wh[1] == target[1]


@pytest.mark.parametrize(
    ("source", "target", "anchor", "scaled", "offset"),
    [
        ((640, 360), (416, 416), "top_left", (416, 234), (0, 0)),
        ((640, 360), (416, 416), "center", (416, 234), (0, 91)),
        ((360, 640), (416, 416), "center", (234, 416), (91, 0)),
        ((1281, 721), (320, 320), "top_left", (320, 180), (0, 0)),
        ((1, 5000), (416, 416), "top_left", (1, 416), (0, 0)),
        ((100, 50), (400, 400), "top_left", (400, 200), (0, 0)),
    ],
)
def test_fit(source: tuple[int, int], target: tuple[int, int], anchor: str, scaled: tuple[int, int], offset: tuple[int, int]) -> None:
    box = Letterbox.fit(source, target, anchor)  # type: ignore[arg-type]  # a table's text
    assert (box.scaled_wh, box.offset_xy) == (scaled, offset)


def test_a_known_box() -> None:
    box = Letterbox.fit((640, 360), (416, 416), "center")
    inside = box.forward(np.array([[0.0, 0.0, 640.0, 360.0]]))
    np.testing.assert_allclose(inside, [[0, 91, 416, 325]])


@pytest.mark.parametrize("sizes_wh", [((0, 10), (10, 10)), ((10, 10), (10, -1))])
def test_sizes_must_be_positive(sizes_wh: tuple[tuple[int, int], tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="at least 1 px"):
        Letterbox.fit(*sizes_wh)
    with pytest.raises(ValueError, match="at least 1 px"):
        Letterbox.stretch(*sizes_wh)


def test_points_go_back_as_the_corners_of_boxes_do() -> None:
    box = replace(Letterbox.fit((640, 360), (192, 192), "center"), origin_xy=(30, 40))
    boxes = np.array([[10, 60, 100, 120], [0, 42, 192, 150]], np.float32)
    np.testing.assert_allclose(box.inverse_points(boxes.reshape(2, 2, 2)).reshape(2, 4), box.inverse(boxes), rtol=1e-6)
