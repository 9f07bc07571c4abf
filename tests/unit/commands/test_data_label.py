"""`panops data label` with a small real detector: boxes whose score is the picture's brightness."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from panops.cli import app
from panops.datasets.opening import open_dataset
from panops.domain.errors import PanopsError, SourceUnsupported
from tests.unit.commands.tiny_detector import BOXES, write_detector, write_grey


def label(*words: object) -> Result:
    result = CliRunner().invoke(app, ["data", "label", *map(str, words)], env={"COLUMNS": "60"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_detector(tmp_path / "bright", classes=("lamp", "cat"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shots").mkdir()
    write_grey(tmp_path / "shots" / "bright.png", 230)  # boxes of .9 and .45
    write_grey(tmp_path / "shots" / "dim.png", 115)  # boxes of .45 and .23
    return tmp_path / "shots"


def test_a_folder_of_pictures_becomes_a_set_to_correct(tmp_path: Path, folder: Path, model: Path) -> None:
    out = tmp_path / "labelled" / "set.json"
    result = label(folder, "--model", model, "--out", out)
    assert result.exit_code == 0
    assert "set.json: 2 pictures; bright added lamp 3" in result.stdout.replace("\n", "")
    report = open_dataset(out)
    assert not report.problems
    dataset = report.dataset
    assert dataset.classes == ("lamp", "cat")
    assert [len(picture) for picture in dataset.pictures] == [2, 1]
    assert all(picture.labelled.all() for picture in dataset.pictures)
    assert dataset.pictures[0].xyxy.tolist() == [pytest.approx(box, abs=0.5) for box in BOXES]


def test_what_people_labelled_stands_unless_it_is_to_be_forgotten(tmp_path: Path, folder: Path, model: Path) -> None:
    images = [{"id": 1, "file_name": str(folder / "bright.png"), "width": 640, "height": 320, "source": "yard"}]
    own = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400, "iscrowd": 0}]
    (tmp_path / "own.json").write_text(json.dumps({"images": images, "annotations": own, "categories": [{"id": 1, "name": "lamp"}]}))
    label(tmp_path / "own.json", "--model", model, "--out", tmp_path / "kept.json")
    [kept] = open_dataset(tmp_path / "kept.json").dataset.pictures
    assert kept.xyxy.tolist() == [[5, 5, 25, 25]]
    assert kept.source == "yard"
    told = label(tmp_path / "own.json", "--model", model, "--out", tmp_path / "new.json", "--forget", "--classes", "lamp", "--json")
    assert json.loads(told.stdout)["added"] == {"lamp": 2}
    [new] = open_dataset(tmp_path / "new.json").dataset.pictures
    assert len(new) == 2


def test_a_higher_score_takes_less(tmp_path: Path, folder: Path, model: Path) -> None:
    told = label(folder, "--model", model, "--out", tmp_path / "set.json", "--min-score", "0.6", "--json")
    assert json.loads(told.stdout) == {
        "file": str(tmp_path / "set.json"), "model": "bright", "pictures": 2, "left_out": 0, "added": {"lamp": 1, "cat": 0},
    }  # fmt: skip


def test_a_picture_that_cannot_be_read_is_told_and_left_out(
    tmp_path: Path, folder: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "aaa.png").write_bytes(b"no picture")
    result = label(folder, "--model", model, "--out", tmp_path / "set.json")
    assert "2 pictures" in result.stdout
    assert "aaa.png: expected a picture" in caplog.text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "set.txt"), "expected the name of a COCO file"),
        (("--out", "s.json", "--classes", "lamp,dog"), "does not know dog; it knows lamp, cat"),
    ],
)
def test_faults_are_told(folder: Path, model: Path, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(PanopsError, match=message):
        label(folder, "--model", model, *words)


def test_nothing_that_somebody_wrote_is_written_over_unasked(tmp_path: Path, folder: Path, model: Path) -> None:
    out = tmp_path / "set.json"
    label(folder, "--model", model, "--out", out)
    before = out.read_bytes()
    with pytest.raises(PanopsError, match="is there already"):
        label(folder, "--model", model, "--out", out, "--min-score", "0.6")
    with pytest.raises(PanopsError, match="expected another file"):
        label(out, "--model", model, "--out", out, "--forget", "--replace")
    assert out.read_bytes() == before
    label(folder, "--model", model, "--out", out, "--min-score", "0.6", "--replace")
    assert out.read_bytes() != before


def test_a_folder_that_somebody_began_to_label_is_finished(tmp_path: Path, folder: Path, model: Path) -> None:
    (folder / "classes.txt").write_text("lamp\n")
    (folder / "bright.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    label(folder, "--model", model, "--out", tmp_path / "set.json", "--classes", "lamp")
    pictures = {one.path.stem: one for one in open_dataset(tmp_path / "set.json").dataset.pictures}
    assert pictures["bright"].xyxy.tolist() == [pytest.approx([288, 144, 352, 176], abs=0.5)]
    assert len(pictures["dim"]) == 1


def test_an_empty_folder_is_told(tmp_path: Path, model: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceUnsupported):
        label(tmp_path / "none", "--model", model, "--out", tmp_path / "set.json")
