from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.domain import boxes

FloatArray = NDArray[np.float32]

sides = st.integers(0, 60)
box_lists = st.lists(st.tuples(sides, sides, sides, sides), max_size=12)


def array(rows: object) -> FloatArray:
    return np.array(rows, np.float32).reshape(-1, 4)


def from_xywh(rows: list[tuple[int, int, int, int]]) -> FloatArray:
    return array([(x, y, x + w, y + h) for x, y, w, h in rows])


def plain_iou(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> float:
    def pixels(box: tuple[int, int, int, int]) -> set[tuple[int, int]]:
        x, y, w, h = box
        return {(column, row) for column in range(x, x + w) for row in range(y, y + h)}

    one, other = pixels(first), pixels(second)
    return len(one & other) / len(one | other) if one | other else 0.0


@given(st.tuples(sides, sides, st.integers(0, 12), st.integers(0, 12)), st.tuples(sides, sides, st.integers(0, 12), st.integers(0, 12)))
def test_iou_agrees_with_counting_pixels(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> None:
    assert boxes.iou(from_xywh([first]), from_xywh([second]))[0, 0] == pytest.approx(plain_iou(first, second), abs=1e-6)


@given(box_lists, box_lists)
def test_iou_is_symmetric_and_a_share(first: list[tuple[int, int, int, int]], second: list[tuple[int, int, int, int]]) -> None:
    one, other = from_xywh(first), from_xywh(second)
    found = boxes.iou(one, other)
    assert found.shape == (len(first), len(second))
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()
    assert (found == boxes.iou(other, one).T).all()


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param((0, 0, 10, 20), 200, id="a box"),
        pytest.param((5, 5, 5, 9), 0, id="no width"),
        pytest.param((10, 10, 0, 0), 0, id="inside out"),
    ],
)
def test_area(box: tuple[int, int, int, int], expected: float) -> None:
    assert boxes.area(array([box])).tolist() == [expected]


@given(box_lists)
def test_forms_of_boxes_come_back(rows: list[tuple[int, int, int, int]]) -> None:
    xyxy = from_xywh(rows)
    assert (boxes.xywh_to_xyxy(boxes.xyxy_to_xywh(xyxy)) == xyxy).all()
    centred = np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    assert boxes.cxcywh_to_xyxy(centred) == pytest.approx(xyxy)


def test_clip_keeps_boxes_in_the_picture() -> None:
    assert boxes.clip(array([(-5, -5, 700, 400), (10, 10, 20, 20)]), (640, 360)).tolist() == [[0, 0, 640, 360], [10, 10, 20, 20]]


def test_ground_points_are_the_middle_of_the_bottom() -> None:
    assert boxes.ground_points(array([(10, 20, 30, 80)])).tolist() == [[20, 80]]
    assert boxes.ground_points(array([])).shape == (0, 2)


def plain_nms(xyxy: FloatArray, score: FloatArray, class_id: NDArray[np.int64], threshold: float) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(score)), key=lambda one: (-score[one], one)):
        rivals = [one for one in kept if class_id[one] == class_id[index]]
        if all(boxes.iou(xyxy[index : index + 1], xyxy[one : one + 1])[0, 0] <= threshold for one in rivals):
            kept.append(index)
    return kept


@given(
    st.lists(st.tuples(sides, sides, st.integers(1, 40), st.integers(1, 40), st.integers(0, 5), st.integers(0, 1)), max_size=15),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)
def test_nms_agrees_with_the_plain_one(rows: list[tuple[int, int, int, int, int, int]], threshold: float) -> None:
    xyxy = from_xywh([row[:4] for row in rows])
    score, class_id = np.array([row[4] / 5 for row in rows], np.float32), np.array([row[5] for row in rows], np.int64)
    assert boxes.nms(xyxy, score, class_id, threshold).tolist() == plain_nms(xyxy, score, class_id, threshold)
