"""`panops look`: what is told, drawn and said of pictures that are none."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.errors import PanopsError
from panops.models.mirrors import MIRROR_VARIABLE

RUN = CliRunner()


@pytest.fixture
def home(tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models of the catalogue can be had without a network."""
    monkeypatch.setenv(MIRROR_VARIABLE, str(shared_data / "models"))
    return tmp_path / "home"


def test_faces_are_told_and_drawn(home: Path, shared_data: Path, tmp_path: Path) -> None:
    picture, out = shared_data / "images" / "faces" / "fr_obama.jpg", tmp_path / "drawn"
    done = RUN.invoke(app, ["look", str(picture), "--model", "yunet", "--out", str(out), "--home", str(home)])
    assert done.exit_code == 0, done.output
    assert "910x1137, yunet 1" in done.output
    assert "face  0.9" in done.output
    assert "5 points" in done.output
    drawn, before = cv2.imread(str(out / "fr_obama.jpg")), cv2.imread(str(picture))
    assert drawn is not None
    assert before is not None
    assert 0.001 < (np.abs(drawn.astype(int) - before) > 60).any(axis=2).mean() < 0.1


def test_maps_are_told_as_shares_and_as_json(home: Path, shared_data: Path) -> None:
    picture = shared_data / "images" / "tflite_support" / "segmentation_input_rotation0.jpg"
    words = ["look", str(picture), "--model", "deeplab_voc_small", "--home", str(home)]
    assert "person  3" in RUN.invoke(app, words).output
    done = RUN.invoke(app, [*words, "--json"])
    (told,) = json.loads(done.stdout)["pictures"]
    assert told["file"] == str(picture)
    assert [row["class"] for row in told["classes"]] == ["background", "person", "horse"]


def test_a_folder_goes_on_after_what_is_no_picture(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not looked at")
    cv2.imwrite(str(folder / "b.png"), np.full((90, 160, 3), 114, np.uint8))
    done = RUN.invoke(app, ["look", str(folder), "--home", str(tmp_path / "home")])
    assert isinstance(done.exception, PanopsError)
    assert str(done.exception) == "1 of 2 pictures could not be looked at"
    assert "a.jpg: expected a JPEG, PNG or WebP picture" in done.output
    assert "b.png: 160x90, street" in done.output
    assert "nothing" in done.output
    assert "notes" not in done.output


def test_pictures_of_one_name_are_drawn_apart(tmp_path: Path) -> None:
    files = []
    for name, file in (("one", "same.png"), ("two", "same.png"), ("three", "same-2.png")):
        (tmp_path / name).mkdir()
        files.append(tmp_path / name / file)
        cv2.imwrite(str(files[-1]), np.full((90, 160, 3), 114, np.uint8))
    done = RUN.invoke(app, ["look", *map(str, files), "--out", str(tmp_path / "out"), "--home", str(tmp_path / "home")])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["same-2-2.jpg", "same-2.jpg", "same.jpg"]


def test_a_picture_is_never_written_over(tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    cv2.imwrite(str(picture), np.full((90, 160, 3), 114, np.uint8))
    before = picture.read_bytes()
    done = RUN.invoke(app, ["look", str(tmp_path), "--out", str(tmp_path), "--home", str(tmp_path / "home")])
    assert done.exit_code == 2
    assert picture.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.jpg"], "expected a picture or a folder, got nowhere.jpg, which is not there"),
        (["."], "expected pictures (JPEG, PNG, WebP), found none in ."),
    ],
)
def test_what_is_not_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(RUN.invoke(app, ["look", *words]).exception) == sentence


def test_a_model_that_is_not_here_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    cv2.imwrite(str(tmp_path / "a.png"), np.full((90, 160, 3), 114, np.uint8))
    done = RUN.invoke(app, ["look", str(tmp_path / "a.png"), "--model", "yunet", "--home", str(tmp_path / "home")])
    assert "panops models add yunet" in str(done.exception)
