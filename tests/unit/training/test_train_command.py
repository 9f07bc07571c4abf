"""`panops train` as people type it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="needs panops[train]")
pytest.importorskip("pycocotools", reason="needs panops[train]")

import torch
import yaml

from panops.cli import app
from panops.commands.train_papers import papers_of
from panops.datasets.opening import open_dataset
from panops.domain.errors import ConfigError, ModelNotFound, ModelUnsupported
from panops.evaluation.data_fingerprint import data_fingerprint
from panops.models.checksum import sha256_of
from panops.models.provenance import Parent, read_provenance
from panops.models.store import ModelStore
from panops.training.checkpoint import read_checkpoint, shape_fields, write_checkpoint
from panops.training.network import DetectorNetwork, NetworkShape
from panops.training.recipe import write_recipe

from .small_data import tiny_recipe, write_set

RUN = CliRunner()


@pytest.fixture
def start(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = DetectorNetwork(NetworkShape("nano", ("person",), "relu"))
    write_checkpoint(tmp_path / "start.pt", {"shape": shape_fields(network.shape), "ema": network.state_dict()})
    return tmp_path / "start.pt"


def test_one_command_for_ones_own_pictures(tmp_path: Path, start: Path) -> None:
    data, out = write_set(tmp_path, "mine", 10), tmp_path / "out"
    options = ["--data", str(data), "--out", str(out), "--pictures", "32", "--size", "64", "--threads", "1", "--no-deploy", "--json"]
    command = ["train", "--model", str(start), *options, "--keep"]
    first = RUN.invoke(app, [*command, "--show", str(tmp_path / "sheet.jpg")])
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    assert told["finished"]
    assert told["step"] == 2
    assert set(told["AP50"]) >= {"red", "blue"}
    assert cv2.imread(str(tmp_path / "sheet.jpg")).shape[1] > 1900
    assert (out / "recipe.yaml").is_file()
    again = RUN.invoke(app, command)
    assert again.exit_code == 0
    assert "is there and is used again" in again.stderr
    assert json.loads(again.stdout)["resumed_at"] == 2
    anew = RUN.invoke(app, [*command, "--restart"])
    assert json.loads(anew.stdout)["resumed_at"] == 0


def test_the_deployed_file_is_measured_at_the_end(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs panops[train]")
    write_recipe(tiny_recipe(tmp_path, pictures=8), tmp_path / "recipe.yaml")
    # A broken picture to measure on must not cost the end of a long training.
    (tmp_path / "val" / "1.png").write_bytes(b"broken")
    out = tmp_path / "out"
    ended = RUN.invoke(app, ["train", str(tmp_path / "recipe.yaml"), "--out", str(out), "--threads", "1", "--json"])
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    assert set(told["deployed"]["classes"]) == {"red", "blue"}
    assert told["deployed"]["classes"]["red"]["AP50"] == pytest.approx(told["AP50"]["red"], abs=0.05)
    assert Path(told["model"]).is_file()
    assert (out / "model" / "manifest.yaml").is_file()
    assert "<svg" in (out / "evaluation.html").read_text()

    papers = read_provenance(out / "model")
    learnt = open_dataset(tmp_path / "train.json").dataset
    assert papers.parent is None, "it began with no weights"
    assert [(one.name, one.pictures, one.boxes) for one in papers.data] == [("train.json", len(learnt), learnt.box_count)]
    assert papers.data[0].fingerprint == data_fingerprint(learnt)
    assert papers.tools["torch"] == torch.__version__.split("+")[0] or papers.tools["torch"] == torch.__version__
    assert str(tmp_path) not in papers.recipe
    added = RUN.invoke(app, ["models", "add", str(out / "model"), "--home", str(tmp_path / "home")])
    assert added.exit_code == 0, added.output
    store = ModelStore(tmp_path / "home" / "models")
    kept = store.papers(store.get("tiny"))
    assert (kept.data, kept.created_at, kept.recipe) == (papers.data, papers.created_at, papers.recipe)
    assert set(kept.figures) == {"measured"}


def test_papers_name_the_model_that_a_training_began_with(tmp_path: Path, start: Path) -> None:
    recipe = tiny_recipe(tmp_path, start=str(start), distil={"teacher": str(start)})
    papers = papers_of(recipe)
    assert papers.parent == Parent("start.pt", sha256=sha256_of(start))
    assert str(tmp_path) not in papers.recipe
    assert yaml.safe_load(papers.recipe)["distil"] == {"teacher": "start.pt"}


def test_sigterm_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    write_recipe(tiny_recipe(tmp_path, pictures=40_000, save_every=40_000, evaluate_every=40_000), tmp_path / "recipe.yaml")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "panops.entry", "train", str(tmp_path / "recipe.yaml"), "--out", str(out), "--threads", "1"]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        end_s = time.monotonic() + 120
        while not (out / "history.jsonl").is_file() and child.poll() is None and time.monotonic() < end_s:
            time.sleep(0.1)
        child.send_signal(signal.SIGTERM)
        _, said = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130, said
    assert "go on with: panops train" in said
    assert read_checkpoint(out / "last.pt")["progress"]["step"] >= 20


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "expected a recipe, or --model and --data"),
        (["recipe.yaml", "--model", "street"], "got both"),
        (["--model", "street"], "expected a recipe, or --model and --data"),
    ],
)
def test_what_is_missing_is_told(words: list[str], expected: str) -> None:
    ended = RUN.invoke(app, ["train", *words], env={"COLUMNS": "200"})
    assert ended.exit_code == 2
    assert expected in ended.output


def test_faults_are_sentences(tmp_path: Path, start: Path) -> None:
    data = write_set(tmp_path, "mine", 6)
    cases: list[tuple[list[str], type[Exception], str]] = [
        ([str(tmp_path / "none.yaml")], ConfigError, "expected a recipe"),
        (["--model", str(tmp_path / "none.pt"), "--data", str(data)], ModelNotFound, "there is no such file"),
        (["--model", str(data), "--data", str(data)], ModelUnsupported, "expected a checkpoint of panops"),
    ]
    for words, kind, expected in cases:
        ended = RUN.invoke(app, ["train", *words, "--out", str(tmp_path / "out")])
        assert isinstance(ended.exception, kind), ended.output
        assert expected in str(ended.exception)


def test_tune_as_people_type_it(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="needs panops[train]")
    recipe = tiny_recipe(tmp_path, tune={"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}})
    write_recipe(recipe, tmp_path / "recipe.yaml")
    options = ["--trials", "1", "--out", str(tmp_path / "study"), "--pictures", "8", "--threads", "1"]
    command = ["tune", str(tmp_path / "recipe.yaml"), *options]
    ended = RUN.invoke(app, [*command, "--json"])
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    assert told["finished"]
    assert told["best"]["settings"]["learning_rate"] == pytest.approx(told["trials"][0]["settings"]["learning_rate"])
    assert {path.name for path in (tmp_path / "study").iterdir()} >= {"study.db", "best.yaml", "report.html"}


def test_more_processes_than_pictures_in_a_batch_are_refused(tmp_path: Path) -> None:
    write_recipe(tiny_recipe(tmp_path), tmp_path / "recipe.yaml")
    refused = RUN.invoke(app, ["train", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "out"), "--gpus", "5"])
    assert refused.exit_code == 2
    assert "expected at most 4" in refused.output
