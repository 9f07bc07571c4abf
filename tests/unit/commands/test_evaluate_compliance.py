"""`panops evaluate compliance`, with the built-in models on the simulated site and on labelled photographs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.models.store import package_builtin


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["evaluate", "compliance", *arguments])


def figures(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    told = run(*arguments, "--home", str(tmp_path), "--json", str(tmp_path / "figures.json"))
    assert told.exit_code == 0, told.output
    found: dict[str, Any] = json.loads((tmp_path / "figures.json").read_text())
    return found


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "expected pictures (--data) or films of the simulated site (--films), got neither"),
        (["--films", "1", "--parts", "leg=ppe_head"], 2, "expected a part of the body and a model for each"),
        (["--films", "1", "--parts", "head"], 2, "such as head=ppe_head,torso=ppe_torso, got 'head'"),
        (["--films", "1", "--parts", "head=nobody"], 1, "nobody"),
        (["--films", "1", "--parts", "head=street"], 1, "street does not say what a picture shows; secondary.parts needs a classifier"),
        (["--films", "1", "--secondary", "ppe_head"], 1, "ppe_head says what is on a part of somebody and finds nothing"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    told = run(*arguments, "--home", str(tmp_path))
    assert told.exit_code == code
    said = " ".join((told.output + str(told.exception)).replace("│", " ").split())
    assert words in said


def test_what_was_just_exported_is_measured_before_it_is_installed(tmp_path: Path) -> None:
    exported = tmp_path / "exported"
    shutil.copytree(package_builtin() / "ppe_close", exported)
    found = figures(tmp_path, "street", "--films", "1", "--seconds", "10", "--secondary", str(exported))
    assert found["secondary"] == str(exported)
    assert found["films"]["items"]


def test_classifiers_of_parts_answer_for_those_of_whom_a_detector_of_photographs_says_nothing(tmp_path: Path) -> None:
    film = ("street", "--films", "1", "--seconds", "25")
    alone = figures(tmp_path, *film)["films"]["items"]
    parts = figures(tmp_path, *film, "--parts", "head=ppe_head,torso=ppe_torso")
    assert parts["parts"] == "head=ppe_head,torso=ppe_torso"
    for item in ("hardhat", "vest"):
        assert alone[item]["decided"] in (None, 0), "street knows no hats and vests"
        assert parts["films"]["items"][item]["people"] > 2
        assert parts["films"]["items"][item]["decided"] >= 0.7


def test_on_photographs_who_is_large_enough_gets_an_answer_and_mostly_the_right_one(tmp_path: Path, shared_data: Path) -> None:
    labels = str(shared_data / "train" / "val.json")
    found = figures(
        tmp_path,
        "ppe",
        "--data",
        labels,
        "--source",
        "construction-site-safety",
        "--min-score",
        "0.15",
        "--parts",
        "head=ppe_head,torso=ppe_torso",
    )["pictures"]["items"]
    for item, least in (("hardhat", 0.9), ("vest", 0.85)):
        assert found[item]["right_of_decided"] >= least
        assert found[item]["decided"] >= 0.7
