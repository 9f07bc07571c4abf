"""Where people labelled, their word stands; elsewhere the model's is put down."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from panops.datasets.filling_in import fill_in, unlabelled
from panops.domain.detections import Detections
from panops.domain.labels import DetectionSet, LabelledPicture

CLASSES = ("hardhat", "person")


def picture(*boxes: tuple[float, float, float, float, int], labelled: tuple[bool, bool] = (True, False)) -> LabelledPicture:
    rows = np.array(boxes, np.float32).reshape(-1, 5)
    return LabelledPicture(
        Path("a.jpg"), (100, 80), rows[:, :4], rows[:, 4].astype(np.int64), np.zeros(len(rows), bool), np.array(labelled), source="site"
    )


def seen(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def test_the_models_boxes_fill_the_classes_that_nobody_labelled() -> None:
    dataset = DetectionSet("set", CLASSES, (picture((1, 2, 11, 12, 0)),))
    # The model's own order of classes, one that the set does not know, one that is not wanted, one that people have labelled.
    found = [seen((20, 20, 30, 60, 0.9, 0), (40, 40, 60, 60, 0.8, 1), (1, 1, 9, 9, 0.7, 2), (50, 5, 60, 15, 0.6, 3))]
    filled = fill_in(dataset, found, ("person", "car", "dog", "hardhat"), ("person", "car", "hardhat"))
    assert filled.classes == ("hardhat", "person", "car")
    [one] = filled.pictures
    assert one.class_id.tolist() == [0, 1, 2]
    assert one.xyxy.tolist() == [[1, 2, 11, 12], [20, 20, 30, 60], [40, 40, 60, 60]]
    assert one.labelled.tolist() == [True, True, True]
    assert (one.source, one.crowd.tolist()) == ("site", [False] * 3)


def test_only_what_was_asked_for_counts_as_labelled() -> None:
    dataset = DetectionSet("set", CLASSES, (picture(labelled=(False, False)),))
    filled = fill_in(dataset, [seen()], ("person", "hardhat"), ("person",))
    assert filled.classes == CLASSES
    assert filled.pictures[0].labelled.tolist() == [False, True]


def test_boxes_end_at_the_pictures_edge_and_those_outside_are_dropped() -> None:
    dataset = DetectionSet("set", CLASSES, (picture(),))
    filled = fill_in(dataset, [seen((-5, -5, 20, 90, 0.9, 0), (101, 10, 120, 20, 0.8, 0))], ("person",), ("person",))
    assert filled.pictures[0].xyxy.tolist() == [[0, 0, 20, 80]]


def test_without_labels_there_is_the_models_word_alone() -> None:
    dataset = unlabelled(DetectionSet("set", CLASSES, (picture((1, 2, 11, 12, 0)),)))
    filled = fill_in(dataset, [seen((20, 20, 30, 60, 0.9, 0))], ("hardhat",), ("hardhat",))
    assert filled.classes == ("hardhat",)
    assert filled.pictures[0].xyxy.tolist() == [[20, 20, 30, 60]]


def test_a_box_that_somebody_drew_is_not_put_down_twice() -> None:
    dataset = DetectionSet("set", CLASSES, (picture((10, 10, 30, 50, 1), labelled=(False, False)),))
    found = [seen((11, 10, 30, 52, 0.9, 0), (60, 10, 80, 50, 0.8, 0), (10, 10, 30, 50, 0.7, 1))]
    [one] = fill_in(dataset, found, ("person", "hardhat"), ("person", "hardhat")).pictures
    assert one.xyxy.tolist() == [[10, 10, 30, 50], [60, 10, 80, 50], [10, 10, 30, 50]]
    assert one.class_id.tolist() == [1, 1, 0]


def test_two_spellings_are_one_class() -> None:
    one = LabelledPicture(
        Path("a.jpg"), (100, 80), np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, bool), np.array([False])
    )
    filled = fill_in(
        DetectionSet("set", ("traffic_light",), (one,)), [seen((20, 20, 30, 60, 0.9, 0))], ("traffic light",), ("traffic light",)
    )
    assert filled.classes == ("traffic_light",)
    assert filled.pictures[0].class_id.tolist() == [0]
