"""Maps of classes: what outputs are read, and where padding goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifests import frame, manifest

from panops.domain.class_map import ClassMap
from panops.domain.errors import ModelUnsupported
from panops.vision.segment_classes import SegmentClasses


def task(**preprocessing: object) -> SegmentClasses:
    return SegmentClasses(replace(manifest("class_map", **preprocessing), task="segmentation"))


def picture(width: int, height: int) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


IDS = np.random.default_rng(3).integers(0, 3, (1, 32, 64))


@pytest.mark.parametrize(
    "output", [IDS, IDS.astype(np.uint8), np.eye(3, dtype=np.float32)[IDS], np.eye(3, dtype=np.float32)[IDS].transpose(0, 3, 1, 2)]
)
def test_whole_numbers_or_scores_either_way_round(output: np.ndarray) -> None:
    one = task()
    _, context = one.prepare(frame(picture(128, 64)))
    found = one.finish({"out": output}, context)
    assert (found.class_id == IDS[0]).all()
    assert found.size_wh == (128, 64)


@pytest.mark.parametrize("last", [True, False])
def test_one_score_says_which_of_two_classes(last: bool) -> None:
    one = SegmentClasses(replace(manifest("class_map", classes=2), task="segmentation"))
    _, context = one.prepare(frame(picture(128, 64)))
    scores = np.random.default_rng(5).random((1, 32, 64, 1)).astype(np.float32)
    found = one.finish({"out": scores if last else scores.transpose(0, 3, 1, 2)}, context)
    assert (found.class_id == (scores[0, ..., 0] >= 0.5)).all()


def test_padding_is_no_part_of_the_picture() -> None:
    one = task(letterbox=0, anchor="center")  # 64x32; a square picture leaves 16 px on either side
    _, context = one.prepare(frame(picture(100, 100)))
    ids = np.zeros((1, 16, 32), np.int64)  # half the input's size
    ids[0, :, 8:24] = 1
    found = one.finish({"out": ids}, context)
    assert found.class_id.shape == (16, 16)
    assert (found.class_id == 1).all()


@pytest.mark.parametrize(
    "output", [np.zeros((1, 32, 64), np.float32), np.zeros((2, 32, 64), np.int64), np.zeros((1, 4, 32, 64), np.float32)]
)
def test_what_is_no_map_is_refused(output: np.ndarray) -> None:
    one = task()
    _, context = one.prepare(frame(picture(128, 64)))
    with pytest.raises(ModelUnsupported, match="expected whole numbers"):
        one.finish({"out": output}, context)


@pytest.mark.parametrize("class_id", [3, -1, 255])
def test_a_class_beyond_the_list_is_refused(class_id: int) -> None:
    one = task()
    _, context = one.prepare(frame(picture(128, 64)))
    with pytest.raises(ModelUnsupported, match="its manifest lists 3 classes"):
        one.finish({"out": np.full((1, 32, 64), class_id, np.int64)}, context)


@pytest.mark.parametrize("count", [1, 257])
def test_a_map_needs_two_classes_and_has_room_for_a_byte(count: int) -> None:
    with pytest.raises(ModelUnsupported, match="2 to 256 classes"):
        SegmentClasses(replace(manifest("class_map", classes=count), task="segmentation"))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 90), st.integers(1, 90))
def test_at_another_size_each_pixel_takes_the_nearest_cell(rows: int, columns: int, width: int, height: int) -> None:
    ids = np.random.default_rng(rows * 41 + columns).integers(0, 5, (rows, columns), np.uint8)
    found = ClassMap(ids, (width, height))
    plain = [[ids[int((y + 0.5) * rows / height), int((x + 0.5) * columns / width)] for x in range(width)] for y in range(height)]
    assert found.at_size().tolist() == np.array(plain).tolist()
    assert found.shares(5).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("ids", [np.zeros((0, 3), np.uint8), np.zeros((2, 2), np.int64), np.zeros(4, np.uint8)])
def test_a_map_is_a_grid_of_bytes(ids: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected class ids"):
        ClassMap(ids, (4, 4))
