from __future__ import annotations

from pathlib import Path

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
    sheet = contact_sheet(one, 6, 192).astype(int)
    # The picture is doubled and centred: 32 px above it; 6 px of gap around the tile.
    edge = sheet[6 + 32 + 60, 6 + 48]
    inside = sheet[6 + 32 + 60, 6 + 96]

    assert sheet.shape == (192 + 40 + 12, 192 + 12, 3)
    assert np.abs(edge - class_color(0)).max() < 60
    assert inside.max() == 0


def test_rows_and_columns(dataset: DetectionSet) -> None:
    assert contact_sheet(dataset, 4, 64).shape == (3 * (64 + 46) + 6, 4 * 70 + 6, 3)


def test_labels_of_another_size_are_scaled(dataset: DetectionSet) -> None:
    half = picture(dataset.pictures[0].path, [(12, 8, 36, 24)], size_wh=(48, 32))
    same = DetectionSet("x", CLASSES, (dataset.pictures[0],))

    left = contact_sheet(DetectionSet("x", CLASSES, (half,)), 1, 192)
    assert np.array_equal(left[:190], contact_sheet(same, 1, 192)[:190])


def test_a_picture_that_cannot_be_decoded_is_a_tile_that_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "x.jpg"
    broken.write_bytes(b"no")
    sheet = contact_sheet(DetectionSet("x", CLASSES, (picture(broken, [(1, 2, 30, 40)]),)), 1, 192)

    assert sheet[80:120].max() > 100


def test_colours_tell_classes_apart() -> None:
    colors = np.array([class_color(index) for index in range(12)], int)
    apart = np.abs(colors[:, None] - colors[None]).sum(axis=2) + 999 * np.eye(12, dtype=int)

    assert apart.min() > 25
