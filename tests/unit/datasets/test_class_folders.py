"""A folder per class, with all that can be wrong in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from panops.datasets.class_folders import read_class_folders, split_folders, without_copies
from panops.datasets.class_splitting import parted
from panops.domain.errors import SourceUnsupported


def write(folder: Path, count: int = 3, seed: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng([seed, *map(ord, folder.name)])
    for index in range(count):
        cv2.imwrite(str(folder / f"{index}.png"), chance.integers(0, 256, (12, 16, 3), np.uint8))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("10", "2", "wave"):
        write(tmp_path / "data" / name)
    return tmp_path / "data"


def test_folders_become_classes_numbers_by_value(data: Path) -> None:
    report = read_class_folders(data)
    assert report.dataset.classes == ("2", "10", "wave")
    assert report.dataset.counts() == {"2": 3, "10": 3, "wave": 3}
    assert report.problems == ()
    assert len(report.dataset) == 9
    assert "pictures=9" in repr(report.dataset)


def test_faults_are_told_and_the_rest_is_used(data: Path) -> None:
    (data / "2" / "0.png").write_bytes(b"no picture")
    (data / "empty").mkdir()
    (data / "notes.txt").write_text("not a class")
    shutil.copyfile(data / "2" / "1.png", data / "2" / "again.png")
    shutil.copyfile(data / "10" / "1.png", data / "wave" / "stranger.png")
    report = read_class_folders(data)
    assert report.dataset.classes == ("2", "10", "wave")
    assert report.dataset.counts() == {"2": 2, "10": 3, "wave": 3}
    assert [(problem.kind, problem.file.name) for problem in report.problems] == [
        ("class_balance", "empty"),
        ("unreadable_picture", "0.png"),
        ("duplicate_picture", "again.png"),
        ("duplicate_picture", "stranger.png"),
    ]
    assert "labelled 10, too" in report.problems[-1].message


def test_what_leaves_nothing_to_learn_is_one_sentence(tmp_path: Path, data: Path) -> None:
    with pytest.raises(SourceUnsupported, match="there is none"):
        read_class_folders(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(SourceUnsupported, match="expected a folder for each class"):
        read_class_folders(tmp_path / "bare")
    write(tmp_path / "one" / "alone")
    with pytest.raises(SourceUnsupported, match="at least two classes to tell apart, got alone alone"):
        read_class_folders(tmp_path / "one")
    for path in (data / "wave").iterdir():
        path.write_bytes(b"")
    with pytest.raises(SourceUnsupported, match="pictures of wave that can be decoded"):
        read_class_folders(data)


def test_a_second_set_goes_by_the_classes_of_the_first(tmp_path: Path, data: Path) -> None:
    write(tmp_path / "val" / "2", seed=1)
    report = read_class_folders(tmp_path / "val", ("2", "10", "wave"))
    assert report.dataset.classes == ("2", "10", "wave")
    assert [problem.kind for problem in report.problems] == ["class_balance", "class_balance"]
    write(tmp_path / "val" / "fist")
    with pytest.raises(SourceUnsupported, match="expected folders of 2, 10, wave, got fist"):
        read_class_folders(tmp_path / "val", ("2", "10", "wave"))


def test_a_picture_in_both_halves_is_not_learnt(tmp_path: Path, data: Path) -> None:
    write(tmp_path / "val" / "2", seed=1)
    shutil.copyfile(data / "2" / "1.png", tmp_path / "val" / "2" / "seen.png")
    val = read_class_folders(tmp_path / "val", ("2", "10", "wave")).dataset
    left, problems = without_copies(read_class_folders(data).dataset, val)
    assert left.counts() == {"2": 2, "10": 3, "wave": 3}
    assert [problem.file.name for problem in problems] == ["1.png"]
    assert "not learnt" in problems[0].message


def test_splits_are_found(tmp_path: Path, data: Path) -> None:
    assert split_folders(data) == (data, None)
    both = tmp_path / "both"
    shutil.copytree(data, both / "train")
    shutil.copytree(data, both / "valid")
    assert split_folders(both) == (both / "train", both / "valid")


def test_a_part_has_the_same_share_of_each_class(data: Path) -> None:
    write(data / "2", 20)
    dataset = read_class_folders(data).dataset
    left, apart = parted(dataset, 0.25, 3)
    assert apart.counts() == {"2": 5, "10": 1, "wave": 1}
    assert {picture.sha256 for picture in left.pictures}.isdisjoint(picture.sha256 for picture in apart.pictures)
    assert len(left) + len(apart) == len(dataset)
    assert parted(dataset, 0.25, 3)[1] == apart
    with pytest.raises(SourceUnsupported, match="at least two pictures of each class, got 1 of 10"):
        parted(apart, 0.5, 0)
