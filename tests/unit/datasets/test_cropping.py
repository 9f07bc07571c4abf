from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from panops.datasets.coco import load_coco, write_coco
from panops.datasets.cropping import Crops, CropSettings, cut_crops
from panops.domain.labels import DetectionSet, LabelledPicture

CLASSES = ("person", "hat", "car")


def picture(path: Path, boxes: list[list[float]], ids: list[int], labelled: tuple[bool, ...] = (True, True, True)) -> LabelledPicture:
    image = np.full((200, 300, 3), 60, np.uint8)
    for (left, top, right, bottom), index in zip(boxes, ids, strict=True):
        image[int(top) : int(bottom), int(left) : int(right)] = (0, 0, 250) if index == 1 else (120, 120, 120)
    cv2.imwrite(str(path), image)
    count = len(boxes)
    return LabelledPicture(
        path,
        (300, 200),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(ids, np.int64),
        np.zeros(count, bool),
        np.array(labelled),
        source="site",
        group="north",
    )


def cut(tmp_path: Path, *pictures: LabelledPicture, **settings: int) -> Crops:
    return cut_crops(
        DetectionSet("x", CLASSES, pictures), CropSettings("person", ("hat",), **settings), tmp_path / "out", lambda more: None
    )


def test_each_person_becomes_a_picture_with_the_hat_where_it_was(tmp_path: Path) -> None:
    person, hat = [100, 50, 140, 170], [110, 52, 130, 66]
    crops = cut(tmp_path, picture(tmp_path / "a.png", [person, hat], [0, 1]))
    (one,) = crops.dataset.pictures
    assert crops.dataset.classes == ("hat",)
    assert (one.source, one.group) == ("site", "north")
    image = cv2.imread(str(one.path))
    assert (image.shape[1], image.shape[0]) == one.size_wh
    left, top, right, bottom = one.xyxy[0].astype(int)
    assert (right - left, bottom - top) == (20, 14)
    inside = image[top + 2 : bottom - 2, left + 2 : right - 2].reshape(-1, 3).mean(axis=0)
    assert inside[2] > 220
    assert inside[0] < 40
    assert one.size_wh[1] > 120  # with room around
    write_coco(crops.dataset, tmp_path / "out" / "crops.json")
    report = load_coco(tmp_path / "out" / "crops.json")
    assert not report.problems
    assert report.dataset.pictures[0].xyxy == pytest.approx(one.xyxy, abs=0.01)


def test_a_large_person_is_scaled_down_with_the_labels(tmp_path: Path) -> None:
    crops = cut(tmp_path, picture(tmp_path / "a.png", [[50, 10, 150, 190], [70, 12, 120, 50]], [0, 1]), longest_px=100)
    (one,) = crops.dataset.pictures
    assert max(one.size_wh) == 100
    image = cv2.imread(str(one.path))
    x, y = ((one.xyxy[0, :2] + one.xyxy[0, 2:]) / 2).astype(int)
    assert image[y, x, 2] > 220


def test_half_of_a_neighbours_hat_is_neither_an_example_nor_background(tmp_path: Path) -> None:
    boxes = [[100, 50, 140, 170], [150, 50, 190, 170], [152, 52, 188, 66]]
    crops = cut(tmp_path, picture(tmp_path / "a.png", boxes, [0, 0, 1]))
    first, second = crops.dataset.pictures
    assert first.crowd.tolist() == [True]
    assert second.crowd.tolist() == [False]


def test_what_says_nothing_is_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    good = picture(tmp_path / "a.png", [[100, 50, 140, 170], [10, 10, 20, 30]], [0, 0])
    unlabelled = picture(tmp_path / "b.png", [[100, 50, 140, 170]], [0], (True, False, True))
    broken = picture(tmp_path / "c.png", [[100, 50, 140, 170]], [0])
    broken.path.write_bytes(b"no picture")
    empty = picture(tmp_path / "d.png", [], [])
    crops = cut(tmp_path, good, unlabelled, broken, empty)
    assert (len(crops.dataset), crops.too_small, crops.unlabelled, crops.unreadable) == (1, 1, 1, 1)
    assert len(list((tmp_path / "out").iterdir())) == 1
