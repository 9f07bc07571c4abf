from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.testing.tiny_onnx import Node, Tensor, write_onnx


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PANOPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PANOPS_MODEL_MIRROR", raising=False)
    return lambda *words: CliRunner().invoke(app, ["models", *words])


@pytest.fixture
def mirror(shared_data: Path, monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    monkeypatch.setenv("PANOPS_MODEL_MIRROR", str(shared_data / "models"))


def test_list_shows_what_can_be_had_with_licences(run: Any) -> None:
    answer = json.loads(run("list", "--json").stdout)["models"]
    assert {row["name"]: row["state"] for row in answer}["yolox_nano"] == "available"
    assert all(row["licence"] for row in answer)
    table = run("list")
    assert table.exit_code == 0
    assert "yolox_nano" in table.stdout


def test_add_show_remove(run: Any, mirror: None) -> None:
    added = run("add", "yolox_nano", "--offline")
    assert added.exit_code == 0, added.output
    assert "licence Apache-2.0, sha256 checked" in added.stdout
    facts = json.loads(run("show", "yolox_nano", "--json").stdout)
    assert (facts["state"], facts["licence"], facts["trouble"], len(facts["classes"])) == ("installed", "Apache-2.0", "", 80)
    assert "Apache-2.0" in run("show", "yolox_nano").stdout
    refused = run("remove", "yolox_nano")
    assert refused.exit_code == 1
    assert "yolox_nano@1 is the version in use; say --force" in refused.stderr
    assert run("remove", "yolox_nano", "--force").exit_code == 0
    assert run("remove", "yolox_nano").exit_code == 1


def test_show_knows_what_is_not_installed(run: Any) -> None:
    facts = json.loads(run("show", "fastestdet", "--json").stdout)
    assert (facts["state"], facts["path"]) == ("available", "")


def test_a_damaged_file_is_said(run: Any, mirror: None) -> None:
    path = json.loads(run("add", "fastestdet", "--json").stdout)["path"]
    Path(path).write_bytes(b"damaged")
    shown = run("show", "fastestdet")
    assert shown.exit_code == 1
    assert "expected sha256" in shown.stderr


def test_a_file_of_ones_own(run: Any, tmp_path: Path) -> None:
    """Its size, layout and input name are read from the file."""
    path = write_onnx(
        tmp_path / "mine.onnx",
        [Node("Relu", ["picture"], ["out"])],
        [Tensor("picture", (1, 3, 32, 64))],
        [Tensor("out", (1, 3, 32, 64))],
    )
    words = [
        "add",
        str(path),
        "--head",
        "yolox",
        "--classes",
        "person, car",
        "--licence",
        "MIT",
        "--preprocessing",
        "channels=bgr,letterbox=114",
    ]
    added = run(*words, "--json")
    facts = json.loads(added.stdout)
    assert (facts["name"], facts["classes"], facts["input_size_wh"]) == ("mine", ["person", "car"], [64, 32])
    assert "expected one output" in facts["trouble"]
    shown = json.loads(run("show", "mine", "--json").stdout)
    assert shown["preprocessing"] == {"input": "picture", "layout": "nchw", "dtype": "float32", "channels": "bgr", "letterbox": 114.0}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["add", "yolox_nano", "--offline"], "PANOPS_MODEL_MIRROR"),
        (["add", "nonsense"], "there is no model 'nonsense'"),
        (["add", "https://example.com/m.onnx"], "needs a manifest with its sha256"),
        (["show", "../x"], "is no model name"),
        (["remove", "absent"], "not installed"),
        (["add", "x.onnx", "--head", "yolox"], "needs --head, --classes and --licence"),
        (["add", "x.onnx", "--head", "yolox", "--classes", "a", "--licence", "MIT"], "no such file"),
        (["add", "x.onnx", "--manifest", "none.yaml"], "cannot read the file"),
    ],
)
def test_a_fault_is_one_sentence_and_exit_code_1(run: Any, words: list[str], told: str) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_wrong_words_are_exit_code_2(run: Any) -> None:
    assert run("add").exit_code == 2
    assert run("paint").exit_code == 2
