"""`panops data simulate`: labelled pictures of the simulated site, and the set behind it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.datasets.opening import open_dataset
from panops.simulation import picture_set
from panops.simulation.picture_set import simulated_pictures
from panops.simulation.recording import WATCHED
from panops.simulation.worn_labels import WORN


def test_a_set_that_can_be_learnt_from(tmp_path: Path) -> None:
    words = ["data", "simulate", "--out", str(tmp_path / "[set]"), "--pictures", "8", "--scene", "yard", "--weather", "clear"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "[set]/simulated.json: 8 pictures with " in result.stdout
    report = open_dataset(tmp_path / "[set]")
    assert not [problem for problem in report.problems if problem.severity == "error"]
    assert report.dataset.classes == WATCHED
    assert report.dataset.box_count >= 8
    assert len({picture.group for picture in report.dataset.pictures}) == 2, "six of one script, two of the next"
    for picture in report.dataset.pictures:
        assert picture.labelled.all()
        assert picture.path.is_file()
        assert (picture.xyxy[:, :2] >= 0).all()
        assert (picture.xyxy[:, 2:] <= picture.size_wh).all()


def test_the_same_seed_gives_the_same_pictures_and_another_others() -> None:
    first, again, other = (list(simulated_pictures(2, seed, ["gate"], ["clear"], (160, 90))) for seed in (3, 3, 4))
    for one, same, different in zip(first, again, other, strict=True):
        assert (one.image == same.image).all()
        assert (one.xyxy == same.xyxy).all()
        assert one.name == same.name
        assert one.group != different.group


def test_every_scene_meets_every_weather_and_no_frame_comes_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_set, "_APART_S", 0.0)
    monkeypatch.setattr(picture_set.Scene, "render", lambda scene, index: np.zeros((36, 64, 3), np.uint8))
    pictures = list(simulated_pictures(6 * 4, 1, ["yard", "gate"], ["clear", "night"], (64, 36)))
    assert len({picture.name for picture in pictures}) == 24
    assert {tuple(picture.name.split("-")[:2]) for picture in pictures} == {
        ("yard", "clear"),
        ("yard", "night"),
        ("gate", "clear"),
        ("gate", "night"),
    }


def test_what_people_wear_is_labelled_on_request(tmp_path: Path) -> None:
    words = ["data", "simulate", "--out", str(tmp_path), "--pictures", "6", "--scene", "street", "--weather", "clear"]
    result = CliRunner().invoke(app, [*words, "--worn", "--workers", "1", "--activity", "14", "--size", "480x270"])
    assert result.exit_code == 0, result.output
    dataset = open_dataset(tmp_path).dataset
    assert dataset.classes == (*WATCHED, *WORN)
    assert {picture.size_wh for picture in dataset.pictures} == {(480, 270)}
    counts = {
        name: sum(int((picture.class_id == index).sum()) for picture in dataset.pictures) for index, name in enumerate(dataset.classes)
    }
    assert all(counts[name] > 0 for name in WORN), counts


def test_people_have_key_points_and_do_something_on_request(tmp_path: Path) -> None:
    words = ["data", "simulate", "--out", str(tmp_path), "--pictures", "6", "--scene", "yard", "--weather", "clear", "--worn"]
    result = CliRunner().invoke(app, [*words, "--deeds", "1", "--activity", "14", "--size", "320x180"])
    assert result.exit_code == 0, result.output
    coco = json.loads((tmp_path / "simulated.json").read_text(encoding="utf-8"))
    person = coco["categories"][WATCHED.index("person")]
    assert len(person["keypoints"]) == 17
    counts = {row["num_keypoints"] for row in coco["annotations"] if row["category_id"] == person["id"]}
    assert max(counts) == 17
    assert all(("keypoints" in row) == (row["category_id"] == person["id"]) for row in coco["annotations"])
    assert not [problem for problem in open_dataset(tmp_path).problems if problem.severity == "error"]


@pytest.mark.parametrize("size", ["large", "641x360", "0x0"])
def test_a_size_that_cannot_be_is_told(tmp_path: Path, size: str) -> None:
    result = CliRunner().invoke(app, ["data", "simulate", "--out", str(tmp_path / "out"), "--size", size])
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("option", "word", "known"), [("--scene", "moon", "yard"), ("--weather", "hail", "rain")])
def test_unknown_scenes_and_weathers_are_told(tmp_path: Path, option: str, word: str, known: str) -> None:
    result = CliRunner().invoke(app, ["data", "simulate", "--out", str(tmp_path / "out"), option, word])
    assert result.exit_code == 2
    assert word in result.output
    assert known in result.output
    assert not (tmp_path / "out").exists()
