"""Where a model is from goes along with it: papers, recipe and figures beside the exported file, fit for `panops models add` and `card`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("pycocotools")

from panops.cli import app
from panops.commands.evaluate_detector import measure
from panops.datasets import write_coco
from panops.domain.labels import DetectionSet
from panops.domain.manifest import ModelManifest
from panops.export.agreement import torch_run
from panops.export.exporter import ExportSettings, Source
from panops.export.exporter import export as export_model
from panops.models.figures import other_figures, own_figures
from panops.models.manifest_file import read_manifest
from panops.models.provenance import DataUsed, Parent, Provenance, read_json, read_provenance, write_provenance
from panops.models.store import ModelStore
from panops.training.checkpoint import shape_fields, write_checkpoint
from panops.training.network import DetectorNetwork, NetworkShape
from tests.unit.export.conftest import SquareFinder

PAPERS = Provenance(
    purpose="squares",
    parent=Parent("start", "3", "ab" * 32),
    data=(DataUsed("train.json", "cd" * 32, 40, 160),),
    tools={"torch": "2.0"},
    created_at="2026-01-02T03:04:05+00:00",
    recipe="name: squares\n",
)


def run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def labels(squares: DetectionSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    for picture in squares.pictures:
        shutil.copy(picture.path, folder)
    path = folder / "measured.json"
    write_coco(squares, squares.pictures[0].path.parent / "measured.json")
    shutil.move(squares.pictures[0].path.parent / "measured.json", path)
    return path


@pytest.fixture(scope="module")
def bare(finder: SquareFinder, finder_model: object, finder_manifest: ModelManifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    export_model(Source(finder_model, finder_manifest, torch_run(finder)), folder, ExportSettings("onnx"))  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def trained(bare: Path, labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `panops train` leaves it: papers, recipe, and figures called `val`."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    shutil.copytree(bare, folder)
    measure(str(folder), labels, json_file=folder.parent / "evaluation.json")
    papers = Provenance(
        **{name: getattr(PAPERS, name) for name in PAPERS.__slots__} | {"figures": {"val": read_json(folder.parent / "evaluation.json")}}
    )
    write_provenance(folder, papers)
    return folder


def test_8_bits_bring_papers_and_their_own_figures_beside_the_float_ones(trained: Path, labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "int8"
    printed = run("export", trained, "--format", "int8", "--data", labels, "--out", out)
    assert "judged on 12 pictures with 48 boxes" in printed
    papers, manifest = read_provenance(out), read_manifest(out / "manifest.yaml")
    assert (papers.parent, papers.data, papers.recipe, papers.created_at) == (PAPERS.parent, PAPERS.data, PAPERS.recipe, PAPERS.created_at)
    assert papers.tools["torch"] == "2.0"
    assert papers.tools["nncf"]
    # The data is the same as that of the training's figures, and so is their name.
    (name,) = papers.figures
    assert name == "val"
    own, beside = own_figures(papers.figures["val"], manifest.sha256), other_figures(papers.figures["val"], manifest.sha256)
    assert own is not None
    assert beside is not None
    assert (own["overall"]["AP"], own["backend"]) == (pytest.approx(papers.export["int8"]["gate"]["int8"]["AP"]), "OpenVinoBackend")
    assert (beside["name"], beside["sha256"]) == ("squares in float", read_manifest(trained / "manifest.yaml").sha256)
    assert papers.export["made_from"]["file"] == "squares.onnx"
    assert papers.export["made_from"]["figures"]["val"]["AP50"] == pytest.approx(1.0)

    run("models", "add", out, "--home", tmp_path / "home")
    card = run("models", "card", "squares", "--home", tmp_path / "home")
    for words in (
        "start version 3",
        "train.json",
        "name: squares",
        "On val",
        "Beside it, after the stroke: squares in float",
        "What 8 bits cost",
    ):
        assert words in card
    store = ModelStore(tmp_path / "home" / "models")
    assert store.papers(store.get("squares")).data == PAPERS.data


def test_a_form_without_a_gate_takes_the_figures_over_and_says_of_which_file(trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    out = tmp_path / "phone"
    run("export", trained, "--format", "tflite", "--out", out)
    run("models", "add", out, "--home", tmp_path / "home")
    card = run("models", "card", "squares", "--home", tmp_path / "home")
    assert "OpenVinoBackend on squares.onnx, which this file was made from" in card
    assert "start version 3" in card
    assert "ms in the network" not in card, "another file's speed is not its own"
    assert json.loads((out / "figures" / "val.json").read_text())["models"][0]["measured_of"]["file"] == "squares.onnx"


def test_8_bits_for_phones_have_the_verdict_of_their_levels(trained: Path, labels: Path, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    out = tmp_path / "phone"
    run("export", trained, "--format", "tflite", "--precision", "int8", "--data", labels, "--out", out)
    run("models", "add", out, "--home", tmp_path / "home")
    assert "on squares.onnx, the 8-bit ONNX file whose levels it has" in run("models", "card", "squares", "--home", tmp_path / "home")


def test_a_file_without_papers_is_the_parent_itself(bare: Path, tmp_path: Path) -> None:
    run("export", bare, "--name", "other", "--out", tmp_path / "out")
    papers, manifest = read_provenance(tmp_path / "out"), read_manifest(bare / "manifest.yaml")
    assert papers.parent == Parent("squares", "1", manifest.sha256)
    assert papers.figures == {}


def test_papers_of_an_earlier_export_go(trained: Path, bare: Path, tmp_path: Path) -> None:
    run("export", trained, "--out", tmp_path / "out")
    assert read_provenance(tmp_path / "out").recipe
    run("export", bare, "--out", tmp_path / "out")
    papers = read_provenance(tmp_path / "out")
    assert (papers.recipe, papers.figures, papers.parent and papers.parent.name) == ("", {}, "squares")
    run("models", "add", tmp_path / "out", "--home", tmp_path / "home")


@pytest.mark.parametrize("here", [True, False])
def test_a_checkpoint_brings_its_recipe(here: bool, labels: Path, tmp_path: Path) -> None:
    shape = NetworkShape("nano", ("square",))
    state = DetectorNetwork(shape).state_dict()
    train = labels if here else tmp_path / "gone.json"
    recipe = {"name": "mine", "classes": ["square"], "data": {"train": [str(train)]}}
    write_checkpoint(tmp_path / "best.pt", {"shape": shape_fields(shape), "ema": state, "model": state, "recipe": recipe})
    run("export", tmp_path / "best.pt", "--size", "64", "--out", tmp_path / "out")
    papers = read_provenance(tmp_path / "out")
    assert "name: mine" in papers.recipe
    assert str(tmp_path) not in papers.recipe
    assert [(one.name, one.pictures) for one in papers.data] == ([("measured.json", 12)] if here else [("gone.json", 0)])


def test_an_export_never_takes_the_place_of_its_source_or_of_other_papers(trained: Path, bare: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(trained, own)
    mine = tmp_path / "mine"
    (mine / "figures").mkdir(parents=True)
    (mine / "figures" / "mine.json").write_text("{}")
    (mine / "recipe.yaml").write_text("name: mine\n")
    before = {path: path.read_bytes() for folder in (own, mine) for path in folder.rglob("*") if path.is_file()}
    for model, out, words in ((own, own, "the model's own"), (bare, mine, "recipe.yaml and figures of something else")):
        result = CliRunner().invoke(app, ["export", str(model), "--out", str(out)])
        assert result.exit_code != 0
        assert words in str(result.exception)
    assert {path: path.read_bytes() for folder in (own, mine) for path in folder.rglob("*") if path.is_file()} == before
