"""`panops evaluate faces` on the test pictures, and on folders that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.face_pictures import main as lay_out
from panops.cli import app
from panops.domain.errors import PanopsError
from panops.models.mirrors import MIRROR_VARIABLE
from panops.models.store import ModelStore

RUN = CliRunner()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    folder = tmp_path_factory.mktemp("people")
    assert lay_out([str(shared_data), str(folder)]) == 0
    return folder


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, shared_data: Path, dlib_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(MIRROR_VARIABLE, f"{shared_data / 'models'}:{dlib_weights}")
    return tmp_path_factory.getbasetemp() / "faces-home"


def told(folder: Path, home: Path, out: Path, *words: str) -> tuple[str, dict[str, Any]]:
    done = RUN.invoke(app, ["evaluate", "faces", str(folder), "--home", str(home), "--json", str(out), *words])
    assert done.exit_code == 0, done.output + str(done.exception)
    return done.output, json.loads(out.read_text())


def test_no_error_at_the_models_threshold(people: Path, home: Path, tmp_path: Path) -> None:
    """Five people on photographs; the same with nineteen others and frames of films is in docs/people.md."""
    plot = tmp_path / "out.png"
    said, figures = told(people / "photographs", home, tmp_path / "o.json", "--plot", str(plot))
    assert (figures["model"], figures["people"], figures["pictures"]) == ("dlib_faces@1", 5, 13)
    assert (figures["same_pairs"], figures["different_pairs"]) == (13, 65)
    assert figures["used"]["threshold"] == 0.62
    assert (figures["used"]["false_accepts"], figures["used"]["false_rejects"]) == (0, 0)
    assert figures["used"]["far_at_most"] == pytest.approx(0.056, abs=0.001)
    assert figures["equal_error_rate"] == 0
    assert figures["left_out"] == [{"file": "fr_obama_partial_face2-2.png", "why": "the face is cut off"}]
    assert figures["lowest_of_one_person"][0]["similarity"] > 0.6
    assert figures["highest_of_two_people"][0]["similarity"] < 0.4
    assert "left out: obama/fr_obama_partial_face2-2.png: the face is cut off" in said
    assert "so few people and pairs say little about others" in said
    drawn = cv2.imread(str(plot))
    assert drawn is not None
    assert 0.01 < (drawn < 200).any(axis=2).mean() < 0.5


def test_strangers_and_films(people: Path, home: Path, tmp_path: Path) -> None:
    _, figures = told(people / "all", home, tmp_path / "o.json")
    assert (figures["people"], figures["used"]["false_accepts"], figures["used"]["false_rejects"]) == (24, 0, 0)
    assert figures["different_pairs"] > 800
    rates = [(row["far"], row["frr"]) for row in figures["curve"]]
    assert rates[0] == (1.0, 0.0)
    assert rates[-1] == (0.0, 1.0)
    by_threshold = {row["threshold"]: row for row in figures["curve"]}
    assert by_threshold[0.4]["far"] > 0


def test_another_threshold(people: Path, home: Path, tmp_path: Path) -> None:
    said, figures = told(people / "photographs", home, tmp_path / "o.json", "--threshold", "0.8")
    assert figures["used"]["threshold"] == 0.8
    assert figures["used"]["false_rejects"] > 3
    assert "at 0.80, which is used" in said


def test_pictures_with_several_people_are_named(people: Path, home: Path, tmp_path: Path, shared_data: Path) -> None:
    folder = tmp_path / "set"
    for name in ("rose_leslie", "biden"):
        (folder / name).mkdir(parents=True)
        for file in (people / "photographs" / name).iterdir():
            (folder / name / file.name).write_bytes(file.read_bytes())
    both = (shared_data / "images" / "faces" / "fr_knn_test_kit_with_rose.jpg").read_bytes()
    (folder / "biden" / "two.jpg").write_bytes(both)
    (folder / "biden" / "text.jpg").write_bytes(b"no picture")
    cv2.imwrite(str(folder / "biden" / "grey.png"), np.full((200, 200, 3), 90, np.uint8))
    _, figures = told(folder, home, tmp_path / "o.json")
    assert {row["file"]: row["why"] for row in figures["left_out"]} == {
        "two.jpg": "2 faces of like size: cut out the one that is meant",
        "text.jpg": "expected a JPEG, PNG or WebP picture, got something else",
        "grey.png": "no face is found in it",
    }
    assert figures["people"] == 2


def test_one_picture_each_is_not_enough(people: Path, home: Path, tmp_path: Path) -> None:
    for name in ("alex_lacamoire", "obama"):
        (tmp_path / name).mkdir()
        file = min((people / "photographs" / name).iterdir())
        (tmp_path / name / file.name).write_bytes(file.read_bytes())
    done = RUN.invoke(app, ["evaluate", "faces", str(tmp_path), "--home", str(home)])
    assert isinstance(done.exception, PanopsError)
    assert "expected two pictures of one person at least, and two people; 2 pictures can be used" in str(done.exception)


@pytest.mark.parametrize(("inside", "words"), [(None, "there is none"), ([], "found 0"), (["a"], "found 1")])
def test_folders_that_are_none(tmp_path: Path, inside: list[str] | None, words: str) -> None:
    folder = tmp_path / "people"
    if inside is not None:
        folder.mkdir()
        for name in inside:
            (folder / name).mkdir()
            cv2.imwrite(str(folder / name / "1.png"), np.zeros((8, 8, 3), np.uint8))
    done = RUN.invoke(app, ["evaluate", "faces", str(folder), "--home", str(tmp_path / "home")])
    assert isinstance(done.exception, PanopsError)
    assert words in str(done.exception)


def test_models_show_says_that_they_run(home: Path, shared_data: Path, dlib_weights: Path) -> None:
    store = ModelStore(home / "models", [shared_data / "models", dlib_weights])
    for name in ("dlib_faces", "minifasnet"):
        store.add(name, allow_network=False, replace_installed=True)
        facts = json.loads(RUN.invoke(app, ["models", "show", name, "--home", str(home), "--json"]).stdout)
        assert (facts["state"], facts["trouble"]) == ("installed", "")
    assert store.is_installed("minifasnet_wide")
    card = RUN.invoke(app, ["models", "card", "dlib_faces", "--home", str(home)])
    assert "It tells faces apart." in card.output
