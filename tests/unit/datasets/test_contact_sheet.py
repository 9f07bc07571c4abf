from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from panops.datasets.contact_sheet import chosen, class_color, contact_sheet
from panops.domain.labels import DetectionSet
from tests.unit.datasets.drawn import CLASSES, picture, save


@pytest.fixture
def dataset(tmp_path: Path) -> DetectionSet:
    black = save(tmp_path / "black.png", np.zeros((64, 96, 3), np.uint8))
    pictures = [picture(black, [(24, 16, 72, 48)], class_id=[index % 3], source="ab"[index % 2]) for index in range(9)]
    return DetectionSet("train", CLASSES, tuple(pictures))


def test_the_choice_is_seeded_and_filtered(dataset: DetectionSet) -> None:
    cars = chosen(dataset, 2, 1, "car")

    assert len(cars) == 2
    assert all(1 in one.class_id for one in cars.pictures)
    assert chosen(dataset, 2, 1, "car").pictures == cars.pictures
    assert {one.source for one in chosen(dataset, 99, 0, source="a").pictures} == {"a"}
    assert len(chosen(dataset, 99, 0)) == 9
    assert len(chosen(dataset, 99, 0, source="none")) == 0


def test_boxes_are_drawn_where_they_are(dataset: DetectionSet) -> None:
    one = DetectionSet("x", CLASSES, dataset.pictures[:1])
    sheet = contact_sheet(one, 6, 192)
    # The picture is doubled; 6 px of gap around the tile.
    assert sheet[6 + 60, 6 + 48].tolist() == list(class_color(0))
    assert sheet[6 + 60, 6 + 96].max() == 0
    assert sheet[6 + 60, 6 + 49].max() == 0, "the line is thin"


def test_rows_are_as_high_as_their_pictures_and_the_key_is_below(dataset: DetectionSet, tmp_path: Path) -> None:
    tall = picture(save(tmp_path / "tall.png", np.zeros((96, 64, 3), np.uint8)), size_wh=(64, 96))
    wide, mixed = (
        contact_sheet(DetectionSet("x", CLASSES, pictures), 4, 192) for pictures in (dataset.pictures, (*dataset.pictures, tall))
    )

    assert wide.shape[1] == 4 * 198 + 6
    assert wide.shape[0] - 6 - 3 * (128 + 46) in range(20, 40), "one line of colours"
    assert mixed.shape[0] - wide.shape[0] == 64


def test_the_key_tells_the_colours_of_all_classes_that_were_looked_for(dataset: DetectionSet) -> None:
    partly = picture(dataset.pictures[0].path, [(24, 16, 72, 48)], labelled=[True, True, False])
    sheet = contact_sheet(DetectionSet("x", CLASSES, (partly,)), 1, 300)
    key, caption = sheet[6 + 200 + 46 :], sheet[6 + 200 : 6 + 240]

    for index, there in enumerate((True, True, False)):
        for part in (key, caption):
            assert bool((part == class_color(index)).all(axis=2).any()) is there


def test_many_classes_take_more_lines_and_no_square_is_lost(dataset: DetectionSet) -> None:
    names = tuple(f"class number {index}" for index in range(20))
    one = picture(dataset.pictures[0].path, [(24, 16, 72, 48)], class_id=[19], labelled=np.ones(20, bool))
    sheet = contact_sheet(DetectionSet("x", names, (one,)), 1, 300)
    key = sheet[6 + 200 + 46 :]

    assert len(key) > 5 * 24
    for index in range(20):
        assert (key == class_color(index)).all(axis=2).sum() >= 121, index


def test_labels_of_another_size_are_scaled(dataset: DetectionSet) -> None:
    half = picture(dataset.pictures[0].path, [(12, 8, 36, 24)], size_wh=(48, 32))
    same = DetectionSet("x", CLASSES, (dataset.pictures[0],))

    left = contact_sheet(DetectionSet("x", CLASSES, (half,)), 1, 192)
    assert np.array_equal(left[:134], contact_sheet(same, 1, 192)[:134])


def test_a_picture_that_cannot_be_decoded_is_a_tile_that_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "x.jpg"
    broken.write_bytes(b"no")
    sheet = contact_sheet(DetectionSet("x", CLASSES, (picture(broken, [(1, 2, 30, 40)]),)), 1, 192)

    assert sheet[60:80].max() > 100


def test_colours_tell_classes_apart() -> None:
    colors = np.array([[class_color(index) for index in range(12)]], np.float32) / 255
    lab = cv2.cvtColor(colors, cv2.COLOR_BGR2Lab)[0]
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 999 * np.eye(12)

    assert apart.min() > 35
    assert class_color(500) in {class_color(index) for index in range(24)}
