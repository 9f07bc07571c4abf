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
from panops.commands.train_begin import folder_of
from panops.commands.train_finish import NOTE, Ending, ending_of
from panops.commands.train_papers import papers_of
from panops.datasets.opening import open_dataset
from panops.domain.errors import ConfigError, ModelNotFound, ModelUnsupported, PanopsError
from panops.evaluation.data_fingerprint import data_fingerprint
from panops.models.checksum import sha256_of
from panops.models.provenance import Parent, read_provenance
from panops.models.store import ModelStore
from panops.training.checkpoint import read_checkpoint, shape_fields, write_checkpoint
from panops.training.folder_lock import FolderLock
from panops.training.network import DetectorNetwork, NetworkShape
from panops.training.recipe import read_recipe, write_recipe

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
    assert set(kept.figures) == {"val"}


def test_a_finished_training_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given again it only says so; what is missing of its end, and nothing else, is made."""
    pytest.importorskip("onnxscript", reason="needs panops[train]")
    monkeypatch.setenv("COLUMNS", "300")
    write_recipe(tiny_recipe(tmp_path, pictures=8), tmp_path / "recipe.yaml")
    out = tmp_path / "out"
    model, page = out / "model" / "tiny.onnx", out / "evaluation.html"
    command = ["train", str(tmp_path / "recipe.yaml"), "--out", str(out), "--threads", "1"]

    def given() -> str:
        ended = RUN.invoke(app, command, catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return ended.stderr

    def stamps() -> list[int]:
        return [path.stat().st_mtime_ns for path in (out / "last.pt", out / "history.jsonl", model, page)]

    first = given()
    assert "finished already" not in first
    assert f"--data {out}/data/measured.json" in first
    assert "/val</h1>" in page.read_text(), "the page names the recipe's data"
    before = stamps()
    told = given()
    assert stamps() == before
    assert "finished already: nothing was trained now" in told
    assert f"to use it: panops models add {out}/model" in told
    assert f"panops train --model {out}/best.pt --data DATA --out ANOTHER_FOLDER" in told
    assert "--restart" in told

    page.unlink()
    told = given()
    assert "its measurement is missing and is made now" in told
    assert page.is_file()
    assert stamps()[:3] == before[:3], "neither trained nor exported again"

    model.write_bytes(model.read_bytes()[:-1])
    assert "its export is missing and is made now" in given()
    assert ending_of(read_recipe(tmp_path / "recipe.yaml"), out) == Ending(exported=True, measured=True)

    # A new training that was killed before its end: what lies in model/ is of the old one.
    (out / "last.pt").write_bytes((out / "last.pt").read_bytes())
    content = read_checkpoint(out / "best.pt")
    write_checkpoint(out / "best.pt", {**content, "ema_steps": content["ema_steps"] + 1})
    assert ending_of(read_recipe(tmp_path / "recipe.yaml"), out) == Ending(exported=False, measured=False)


def test_an_end_without_a_note_is_known_by_its_age(tmp_path: Path) -> None:
    """As trainings of an older panops have left it."""
    pytest.importorskip("onnxscript", reason="needs panops[train]")
    recipe = tiny_recipe(tmp_path, pictures=8)
    write_recipe(recipe, tmp_path / "recipe.yaml")
    out = tmp_path / "out"
    assert RUN.invoke(app, ["train", str(tmp_path / "recipe.yaml"), "--out", str(out), "--threads", "1"]).exit_code == 0
    (out / NOTE).unlink()
    assert ending_of(recipe, out) == Ending(exported=True, measured=True)
    later_s = time.time() + 60
    os.utime(out / "best.pt", (later_s, later_s))
    assert not ending_of(recipe, out).exported


def test_a_training_that_stopped_early_goes_on_with_more_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    recipe = tiny_recipe(tmp_path, pictures=400, evaluate_every=4, patience=1)
    write_recipe(recipe, tmp_path / "recipe.yaml")
    command = ["train", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "out"), "--threads", "1", "--no-deploy", "--json"]
    first = json.loads(RUN.invoke(app, command).stdout)
    assert first["finished"]
    assert first["step"] < 100
    again = RUN.invoke(app, command)
    assert json.loads(again.stdout)["finished_before"]
    assert "raise patience in the recipe, now 1" in again.stderr
    write_recipe(recipe.model_copy(update={"patience": 2}), tmp_path / "recipe.yaml")
    further = json.loads(RUN.invoke(app, command).stdout)
    assert not further["finished_before"]
    assert further["step"] > first["step"]


def test_restart_leaves_a_training_that_runs_alone(tmp_path: Path, start: Path) -> None:
    out = tmp_path / "out"
    write_recipe(tiny_recipe(tmp_path), tmp_path / "recipe.yaml")
    out.mkdir()
    (out / "last.pt").write_bytes(b"somebody's")
    (out / "recipe.yaml").write_text("somebody's")
    own = ["--model", str(start), "--data", str(write_set(tmp_path, "mine", 6))]
    with FolderLock(out):
        for words in ([str(tmp_path / "recipe.yaml")], own, [str(tmp_path / "recipe.yaml"), "--gpus", "2"]):
            ended = RUN.invoke(app, ["train", *words, "--out", str(out), "--restart"])
            assert isinstance(ended.exception, PanopsError)
            assert "another training is running in this folder" in str(ended.exception)
            assert (out / "last.pt").read_bytes() == b"somebody's"
            assert (out / "recipe.yaml").read_text() == "somebody's"


def test_looking_removes_nothing(tmp_path: Path) -> None:
    write_recipe(tiny_recipe(tmp_path), tmp_path / "recipe.yaml")
    out = tmp_path / "out"
    out.mkdir()
    (out / "last.pt").write_bytes(b"kept")
    words = ["--restart", "--show", str(tmp_path / "sheet.png"), "--look-only"]
    ended = RUN.invoke(app, ["train", str(tmp_path / "recipe.yaml"), "--out", str(out), *words])
    assert ended.exit_code == 0, ended.output
    assert (out / "last.pt").read_bytes() == b"kept"


@pytest.mark.parametrize("held", ["recipe.yaml", "last.pt"])
def test_looking_writes_nothing_into_a_folder_that_holds_a_training(tmp_path: Path, start: Path, held: str) -> None:
    out, sheet = tmp_path / "out", tmp_path / "sheet.png"
    out.mkdir()
    (out / held).write_bytes(b"kept")
    words = ["--model", str(start), "--data", str(write_set(tmp_path, "mine", 6)), "--size", "64", "--pictures", "32"]
    ended = RUN.invoke(app, ["train", *words, "--out", str(out), "--restart", "--show", str(sheet), "--look-only"])

    assert ended.exit_code == 0, ended.output
    assert sheet.is_file()
    assert {file.name: file.read_bytes() for file in out.rglob("*") if file.is_file()} == {held: b"kept"}
    assert "not written, as you only look" in ended.stderr


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
        (["--model", str(start), "--data", str(data), "--name", "My Model"], ConfigError, "--name: expected a name of small letters"),
        (["--model", str(start), "--data", str(data), "--size", "300"], ConfigError, "--size: expected a multiple of 32, got 300"),
    ]
    for words, kind, expected in cases:
        ended = RUN.invoke(app, ["train", *words, "--out", str(tmp_path / "out")])
        assert isinstance(ended.exception, kind), ended.output
        assert expected in str(ended.exception)
    assert not (tmp_path / "out" / "data").exists()


def test_a_folder_with_other_letters_gives_a_name_that_a_recipe_takes() -> None:
    for folder, name in (("Höfe 2", "h-fe-2"), ("二号门", "own"), ("gate_1", "gate_1")):
        assert folder_of(None, None, Path(folder), "") == Path("runs") / name


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
