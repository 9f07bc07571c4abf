from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from panops.datasets.checking import CheckReport, check_sets
from panops.datasets.problems import KINDS, DataProblem, ReadReport
from panops.domain.labels import DetectionSet, LabelledPicture
from tests.unit.datasets.drawn import CLASSES, picture, save, scene

MANY = [(float(index), 2.0, float(index + 20), 40.0) for index in range(25)]


def check(decode: bool = True, **sets: tuple[LabelledPicture, ...] | DetectionSet) -> CheckReport:
    made = {name: part if isinstance(part, DetectionSet) else DetectionSet(name, CLASSES, part) for name, part in sets.items()}
    reports = {name: ReadReport(part, (), "coco") for name, part in made.items()}
    return check_sets(reports, origin={name: Path(f"{name}.json") for name in made}, decode=decode)


def kinds(report: CheckReport) -> Counter[str]:
    return Counter(problem.kind for problem in report.problems if problem.kind != "class_balance")


def test_good_sets_have_no_problem(tmp_path: Path) -> None:
    parts = {
        name: (picture(save(tmp_path / f"{name}.png", scene(seed)), MANY * 3, class_id=[0] * 25 + [1] * 25 + [2] * 25, group=name),)
        for seed, name in enumerate(("train", "val"))
    }

    assert check(**parts).problems == ()


def test_broken_cut_and_wrongly_sized_pictures_are_told(tmp_path: Path) -> None:
    good = save(tmp_path / "good.png", scene(1))
    cut = save(tmp_path / "cut.jpg", scene(2, (640, 480)))
    cut.write_bytes(cut.read_bytes()[:-2000])
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    turned = save(tmp_path / "turned.png", scene(3, (64, 96)))
    report = check(
        train=(
            picture(good, MANY),
            picture(cut, MANY, size_wh=(640, 480)),
            picture(broken, MANY),
            picture(turned, MANY),
        ),
    )
    told = {problem.file.name: problem for problem in report.problems if problem.kind != "class_balance"}

    assert {name: problem.kind for name, problem in told.items()} == {
        "cut.jpg": "unreadable_picture",
        "broken.jpg": "unreadable_picture",
        "turned.png": "size_mismatch",
    }
    assert "cut off" in told["cut.jpg"].message
    assert "no picture of a known format" in told["broken.jpg"].message
    assert "EXIF" in told["turned.png"].message
    assert report.error_count == 3


def test_near_copies_between_splits_are_told_once_with_their_twin(tmp_path: Path) -> None:
    first = save(tmp_path / "first.png", scene(1, (384, 256)))
    copy = save(tmp_path / "copy.jpg", scene(1, (384, 256)), quality=40)
    other = save(tmp_path / "other.png", scene(2, (384, 256)))
    size = (384, 256)
    report = check(train=(picture(first, MANY, size_wh=size),), val=(picture(copy, MANY, size_wh=size), picture(other, MANY, size_wh=size)))
    near = [problem for problem in report.problems if problem.kind == "near_copy"]

    assert [problem.file for problem in near] == [copy]
    assert str(first) in near[0].message
    assert near[0].severity == "warning"


def test_without_decoding_neither_damage_nor_copies_are_looked_for(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")

    assert kinds(check(decode=False, train=(picture(broken, MANY),))) == Counter()


def test_a_group_in_two_splits_is_told_once(scenes: list[Path]) -> None:
    report = check(
        decode=False,
        train=(picture(scenes[0], MANY, group="cam1"),),
        val=(picture(scenes[1], MANY, group="cam1"), picture(scenes[2], MANY, group="cam1"), picture(scenes[3], MANY)),
    )

    assert kinds(report) == {"shared_group": 1}


def test_a_picture_twice_in_a_set_is_told(scenes: list[Path]) -> None:
    assert kinds(check(decode=False, train=(picture(scenes[0], MANY), picture(scenes[0], MANY)))) == {"duplicate_picture": 1}


def test_other_classes_are_told(scenes: list[Path]) -> None:
    other = DetectionSet("val", ("person", "car", "dog"), (picture(scenes[1], MANY),))
    problem = next(
        one for one in check(decode=False, train=(picture(scenes[0], MANY),), val=other).problems if one.kind == "classes_differ"
    )

    assert "dog, hard hat" in problem.message


@pytest.mark.parametrize(
    ("class_id", "labelled", "expected"),
    [
        ([0] * 25 + [1] * 25 + [2] * 25, [True, True, True], []),
        ([0] * 25 + [1] * 25 + [2] * 5, [True, True, True], ["train: hard hat has 5 boxes, fewer than 20"]),
        ([0] * 25 + [1] * 25, [True, True, True], ["train: hard hat has 0 boxes, fewer than 20"]),
        ([0] * 25 + [1] * 25, [True, True, False], ["train: hard hat was looked for in no picture"]),
        ([0] * 2500 + [1] * 25 + [2] * 24, [True, True, True], ["train: hard hat has 24 boxes, 104 times fewer than person"]),
    ],
)
def test_rare_classes_are_told(scenes: list[Path], class_id: list[int], labelled: list[bool], expected: list[str]) -> None:
    boxes = [(index % 90 * 0.5, index // 90 * 0.5, index % 90 * 0.5 + 20, index // 90 * 0.5 + 20) for index in range(len(class_id))]
    report = check(decode=False, train=(picture(scenes[0], boxes, class_id=class_id, labelled=labelled),))

    assert [problem.message for problem in report.problems] == expected


def test_no_boxes_at_all_is_told_once(scenes: list[Path]) -> None:
    assert [problem.kind for problem in check(decode=False, train=(picture(scenes[0]),)).problems] == ["no_boxes"]


def test_a_problem_says_where_what_and_what_became_of_it() -> None:
    problem = DataProblem("bad_line", Path("a.txt"), "expected numbers", "dropped", "line 3")

    assert str(problem) == "a.txt: line 3: bad_line (dropped): expected numbers"
    assert problem.record() == {
        "kind": "bad_line", "file": "a.txt", "message": "expected numbers", "outcome": "dropped", "where": "line 3", "severity": "error",
    }  # fmt: skip
    assert set(KINDS.values()) == {"error", "warning"}
