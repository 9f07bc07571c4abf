"""One part of each person as a picture, in the folder of what is on it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.datasets.class_folders import read_class_folders
from panops.datasets.coco import write_coco
from panops.datasets.part_cropping import PartCrops, PartSettings, cut_parts
from panops.domain.errors import PanopsError
from panops.domain.labels import DetectionSet, LabelledPicture

CLASSES = ("person", "hat", "bare")
PERSON, HAT, BARE = 0, 1, 2


def picture(path: Path, *labels: tuple[int, tuple[int, int, int, int]], looked_for: bool = True) -> LabelledPicture:
    image = np.full((200, 300, 3), 60, np.uint8)
    for index, (left, top, right, bottom) in labels:
        image[top:bottom, left:right] = ((120, 120, 120), (0, 0, 250), (250, 0, 0))[index]
    cv2.imwrite(str(path), image)
    boxes = np.array([box for _, box in labels], np.float32).reshape(-1, 4)
    ids = np.array([index for index, _ in labels], np.int64)
    return LabelledPicture(path, (300, 200), boxes, ids, np.zeros(len(labels), bool), np.array([True, looked_for, looked_for]))


def cut(tmp_path: Path, *pictures: LabelledPicture, least_px: int = 24) -> PartCrops:
    return cut_parts(
        DetectionSet("x", CLASSES, pictures), PartSettings("person", ("hat", "bare"), "head", least_px), tmp_path / "out", lambda more: None
    )


def crops(tmp_path: Path, name: str) -> list[np.ndarray]:
    return [cv2.imread(str(path)) for path in sorted((tmp_path / "out" / name).iterdir())]


def test_heads_go_to_the_folder_of_what_is_on_them_and_others_to_unseen(tmp_path: Path) -> None:
    first = picture(
        tmp_path / "a.png", (PERSON, (20, 50, 60, 170)), (HAT, (30, 52, 50, 66)), (PERSON, (120, 50, 160, 170)), (BARE, (130, 52, 150, 66)),
        (PERSON, (220, 50, 260, 170)),
    )  # fmt: skip
    result = cut(tmp_path, first)
    assert result.counts == {"hat": 1, "bare": 1, "unseen": 1}
    (hat,), (bare,), (unseen,) = (crops(tmp_path, name) for name in ("hat", "bare", "unseen"))
    assert (hat[..., 2] > 200).mean() > 0.05
    assert (bare[..., 0] > 200).mean() > 0.05
    assert unseen.max() < 150
    assert max(hat.shape[:2]) < 80, "the head alone, not the whole person"


def test_what_may_be_either_persons_is_cut_out_by_itself_and_the_people_are_left_out(tmp_path: Path) -> None:
    both = picture(tmp_path / "a.png", (PERSON, (100, 50, 140, 170)), (PERSON, (110, 50, 150, 170)), (HAT, (115, 52, 135, 66)))
    nobody = picture(tmp_path / "b.png", (BARE, (115, 52, 135, 66)))
    two = picture(tmp_path / "c.png", (PERSON, (100, 50, 140, 170)), (HAT, (102, 52, 118, 66)), (BARE, (120, 52, 136, 66)))
    result = cut(tmp_path, both, nobody, two)
    assert (result.unclear, result.alone) == (3, 4)
    assert result.counts == {"hat": 2, "bare": 2}


def test_what_says_nothing_is_left_out_and_counted(tmp_path: Path) -> None:
    small = picture(tmp_path / "a.png", (PERSON, (100, 50, 108, 70)), (HAT, (102, 50, 106, 54)))
    unlabelled = picture(tmp_path / "b.png", (PERSON, (100, 50, 140, 170)), looked_for=False)
    broken = picture(tmp_path / "c.png", (PERSON, (100, 50, 140, 170)))
    broken.path.write_bytes(b"no picture")
    result = cut(tmp_path, small, unlabelled, broken)
    assert (result.too_small, result.unlabelled, result.unreadable, result.alone, dict(result.counts)) == (1, 1, 1, 0, {})


def test_the_command_makes_what_the_trainer_of_classifiers_reads(tmp_path: Path) -> None:
    people = [
        picture(
            tmp_path / f"{number}.png", (PERSON, (100, 50, 140, 170)), (HAT if number % 2 else BARE, (110 + number, 52, 130 + number, 66))
        )
        for number in range(4)
    ]
    write_coco(DetectionSet("x", CLASSES, tuple(people)), tmp_path / "labels.json")
    out = tmp_path / "heads"
    command = ["data", "crops", str(tmp_path / "labels.json"), "--out", str(out), "--part", "head", "--class", "hat", "--class", "bare"]
    told = CliRunner().invoke(app, [*command, "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["crops"] == {"hat": 2, "bare": 2}
    read = read_class_folders(out)
    assert len(read.dataset) == 4
    told = CliRunner().invoke(
        app, ["data", "crops", str(tmp_path / "labels.json"), "--out", str(tmp_path / "none"), "--part", "torso", "--least", "180"]
    )
    assert told.exit_code == 1
    assert "with and without hat or bare on the torso" in str(told.exception)


@pytest.mark.parametrize("name", ["../../escaped", "hat/yellow", ".hat", "unseen"])
def test_a_class_that_can_be_no_folder_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    data = DetectionSet("x", ("person", name), (picture(tmp_path / "a.png", (PERSON, (100, 50, 140, 170)), (HAT, (110, 52, 130, 66))),))
    with pytest.raises(PanopsError, match="expected classes that can be folders, other than unseen"):
        cut_parts(data, PartSettings("person", (name,), "head"), tmp_path / "out", lambda more: None)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("part", ["leg", ""])
def test_an_unknown_part_is_refused_before_anything_is_written(tmp_path: Path, part: str) -> None:
    told = CliRunner().invoke(app, ["data", "crops", str(tmp_path / "labels.json"), "--out", str(tmp_path / "out"), "--part", part])
    assert told.exit_code == 2
    assert not (tmp_path / "out").exists()
