"""`panops compliance` and `panops evaluate compliance`, with real databases, pictures and films."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.compliance import ComplianceRecord, ItemRecord, Worn
from panops.storage.compliance import ComplianceRepository
from panops.storage.database import Database
from tests.unit.commands.tiny_detector import BOXES, write_detector, write_grey


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which five people left an hour ago, one of them without a hat, one of whom it was not to be seen."""
    folder, at_s = tmp_path / "home", time.time() - 3600
    worn = [Worn.PRESENT, Worn.PRESENT, Worn.PRESENT, Worn.ABSENT, Worn.NOT_VISIBLE]
    with Database.at(folder) as database:
        ComplianceRepository(database).save(
            [
                ComplianceRecord(f"gate-1-{number}", "gate", "wear", ItemRecord("hardhat", one, "works", number, 0, 5, False, at_s, at_s))
                for number, one in enumerate(worn)
            ]
        )
    return folder


def test_a_table_says_how_many(home: Path) -> None:
    told = run("compliance", "--home", home)
    assert "works" in told
    assert "75 %" in told


def test_csv_and_json_hold_the_same(home: Path, tmp_path: Path) -> None:
    (row,) = json.loads(run("compliance", "--home", home, "--bucket", "shift", "--csv", tmp_path / "out.csv", "--json"))
    with (tmp_path / "out.csv").open(newline="") as file:
        (written,) = csv.DictReader(file)
    assert (row["seen"], row["present"], row["absent"], row["not_visible"], row["rate"]) == (5, 3, 1, 1, 0.75)
    assert (written["seen"], written["rate"], written["zone"]) == ("5", "0.7500", "works")


def test_other_cameras_and_times_have_nobody(home: Path) -> None:
    assert "nobody was seen" in run("compliance", "--home", home, "--camera", "yard")
    assert "nobody was seen" in run("compliance", "--home", home, "--to", "2020-01-02")
    assert "expected a time before --to" in run("compliance", "--home", home, "--from", "2020-01-02", "--to", "2020-01-01", code=2)


def test_decisions_on_pictures(tmp_path: Path) -> None:
    """The detector sees two people and nothing on them: for the hat that is labelled it says so."""
    write_grey(tmp_path / "a.png", 240)
    (left, top, right, bottom), other = BOXES
    hat = [left + 40, top, 40, 16]
    boxes = [(1, [left, top, right - left, bottom - top]), (1, [other[0], other[1], other[2] - other[0], other[3] - other[1]]), (2, hat)]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 320}],
        "annotations": [{"id": index, "image_id": 1, "category_id": one, "bbox": box} for index, (one, box) in enumerate(boxes, 1)],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "hardhat"}, {"id": 3, "name": "bare_head"}],
    }
    (tmp_path / "val.json").write_text(json.dumps(content))
    model = write_detector(tmp_path / "model", classes=("person", "hardhat", "bare_head"))
    told = ["evaluate", "compliance", model, "--data", tmp_path / "val.json", "--required", "hardhat", "--json", tmp_path / "out.json"]
    run(*told, "--home", tmp_path / "home")
    figures = json.loads((tmp_path / "out.json").read_text())["pictures"]["items"]["hardhat"]
    assert (figures["people"], figures["not_found"], figures["not_visible"]) == (1, 0, 1)
    assert (figures["present"]["recall"], figures["present"]["precision"]) == (0.0, None)


def test_decisions_on_a_film_of_the_simulated_site(tmp_path: Path) -> None:
    told = ["evaluate", "compliance", "ppe", "--films", 1, "--seconds", 14, "--size", "320x180", "--json", tmp_path / "out.json"]
    run(*told, "--home", tmp_path / "home")
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["input_wh"] == [416, 416]
    assert set(found["films"]) == {"items", "heights_px", "tracks_of_nobody_or_several"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected pictures (--data) or films"),
        (["--films", 1, "--required", "shoes"], "no item is known as 'shoes'"),
        (["--films", 1, "--required", "mask"], "the simulated site has only: hardhat, vest"),
    ],
)
def test_what_cannot_be_measured_is_said(arguments: list[object], message: str, tmp_path: Path) -> None:
    told = run("evaluate", "compliance", "ppe", *arguments, "--home", tmp_path / "home", code=2)
    assert message in " ".join(told.replace("│", " ").split())
