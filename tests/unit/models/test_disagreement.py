"""Which frames two versions saw differently, and that only few of them are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from panops.domain.detections import Detections
from panops.models.agreement import Pair
from panops.models.disagreement import (
    MOST_OF_A_CAMERA,
    OLDEST_S,
    Disagreement,
    SeenBox,
    disagreement,
    disagreement_picture,
    disagreements,
    save_disagreement,
)

PAIR = Pair("1", "2", ("a" * 64, "b" * 64))


def boxes(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4].copy(), table[:, 4].copy(), table[:, 5].astype(np.int64))


def test_classes_are_matched_by_name_and_weak_boxes_do_not_count() -> None:
    first = boxes((0, 0, 50, 100, 0.9, 0), (100, 0, 150, 50, 0.8, 1), (0, 0, 9, 9, 0.2, 1))
    second = boxes((0, 0, 52, 100, 0.7, 1), (150, 50, 200, 100, 0.6, 0))
    found = disagreement("gate", 5.0, (200, 100), (first, ("person", "car")), (second, ("bus", "person")), 0.5)
    assert found is not None
    assert found.both == (SeenBox("person", 0.9, (0, 0, 0.25, 1)),)
    assert found.only_active == (SeenBox("car", 0.8, (0.5, 0, 0.75, 0.5)),)
    assert found.only_shadow == (SeenBox("bus", 0.6, (0.75, 0.5, 1, 1)),)


def test_versions_that_agree_leave_no_picture() -> None:
    seen = boxes((0, 0, 50, 100, 0.9, 0))
    assert disagreement("gate", 5.0, (200, 100), (seen, ("person",)), (seen, ("person",)), 0.5) is None
    assert disagreement("gate", 5.0, (200, 100), (Detections.empty(), ()), (Detections.empty(), ()), 0.5) is None


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    alone = (SeenBox("person", 0.9, (0, 0, 0.5, 1)),)
    for number in range(MOST_OF_A_CAMERA + 3):
        save_disagreement(tmp_path, PAIR, Disagreement("gate", 1000.0 + number, (), alone), b"jpeg")
    kept = disagreements(tmp_path, PAIR)
    assert [one.captured_at_s for one in kept] == [1000.0 + number for number in range(MOST_OF_A_CAMERA + 2, 2, -1)]
    assert kept[0].only_active == alone
    assert disagreement_picture(tmp_path, PAIR, "gate", kept[0].name) == b"jpeg"
    assert disagreement_picture(tmp_path, PAIR, "gate", "1000000") is None
    save_disagreement(tmp_path, PAIR, Disagreement("gate", 2000.0 + OLDEST_S, (), alone), b"jpeg")
    assert len(disagreements(tmp_path, PAIR)) == 1


def test_pictures_of_a_version_that_was_replaced_are_void(tmp_path: Path) -> None:
    save_disagreement(tmp_path, PAIR, Disagreement("gate", 1.0, (), (SeenBox("person", 0.9, (0, 0, 1, 1)),)), b"jpeg")
    assert disagreements(tmp_path, Pair("1", "2", ("a" * 64, "c" * 64))) == []
    (next(tmp_path.rglob("*.json"))).write_text("{")
    assert disagreements(tmp_path, PAIR) == []
