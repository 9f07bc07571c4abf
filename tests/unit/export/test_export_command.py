from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from panops.commands.export import export
from panops.datasets import open_dataset, write_coco
from panops.domain.errors import ModelNotFound, ModelUnsupported
from panops.domain.labels import DetectionSet
from panops.domain.manifest import ModelManifest
from panops.export.agreement import torch_run
from panops.export.exporter import ExportSettings, Source
from panops.export.exporter import export as export_model
from panops.export.gate import ExportRefused, Limits
from panops.models.catalogue import load_catalogue
from panops.models.manifest_file import dump_manifest, read_manifest
from panops.training.checkpoint import shape_fields, write_checkpoint
from panops.training.network import DetectorNetwork, NetworkShape
from tests.unit.export.conftest import SquareFinder

_app = typer.Typer(pretty_exceptions_enable=False)
_app.command()(export)


def _export(*arguments: str | Path) -> str:
    result = CliRunner().invoke(_app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def model_folder(
    finder: SquareFinder, finder_model: object, finder_manifest: ModelManifest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("model")
    export_model(Source(finder_model, finder_manifest, torch_run(finder)), folder, ExportSettings("onnx"))  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def labels(squares: DetectionSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = squares.pictures[0].path.parent / "labels.json"
    write_coco(squares, path)
    assert len(open_dataset(path).dataset) == 12
    return path


def test_a_model_folder_becomes_8_bits(model_folder: Path, labels: Path, tmp_path: Path) -> None:
    printed = json.loads(
        _export(model_folder, "--format", "int8", "--data", labels, "--out", tmp_path / "int8", "--pictures", "8", "--json")
    )
    assert printed["int8"]["gate"]["passed"]
    assert printed["int8"]["calibration_pictures"] == 8
    assert printed["path"] == str(tmp_path / "int8" / "squares.onnx")
    text = _export(tmp_path / "int8" / "squares.onnx", "--format", "tflite", "--data", labels, "--out", tmp_path / "phone")
    assert "tflite, int8" in text
    assert "LiteRT: 48 of 48 detections the same on 12 pictures" in text


def test_a_refusal_is_also_json(model_folder: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.commands.export.Limits", lambda _loss, _small: Limits(loss=-1.0))  # these 8 bits cost nothing
    arguments = [model_folder, "--format", "int8", "--data", labels, "--out", tmp_path / "no", "--json"]
    result = CliRunner().invoke(_app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, ExportRefused)
    report = json.loads(result.stdout)
    assert "8 bits cost too much" in report["error"]
    assert len(report["worst_layers"]) == 8


def test_a_name_licence_and_size_of_ones_own(model_folder: Path, tmp_path: Path) -> None:
    _export(model_folder / "squares.onnx", "--out", tmp_path / "a", "--name", "mine")
    assert read_manifest(tmp_path / "a" / "manifest.yaml").file_name == "mine.onnx"
    with pytest.raises(ModelUnsupported, match="fixed input size 64x64"):
        _export(model_folder, "--out", tmp_path / "b", "--size", "128")
    with pytest.raises(ModelUnsupported, match="for checkpoints"):
        _export(model_folder, "--out", tmp_path / "c", "--dynamic")


def test_a_file_without_a_manifest_is_refused(model_folder: Path, tmp_path: Path) -> None:
    shutil.copy(model_folder / "squares.onnx", tmp_path / "alone.onnx")
    with pytest.raises(ModelNotFound, match=r"expected manifest\.yaml beside it"):
        _export(tmp_path / "alone.onnx", "--out", tmp_path / "out")
    with pytest.raises(ModelNotFound, match="there is no model"):
        _export("nothing", "--out", tmp_path / "out", "--home", tmp_path / "home")


def test_a_checkpoint_becomes_onnx(tmp_path: Path) -> None:
    shape = NetworkShape("nano", ("one", "two"))
    state = DetectorNetwork(shape).state_dict()
    write_checkpoint(tmp_path / "best.pt", {"shape": shape_fields(shape), "ema": state, "model": state})
    _export(tmp_path / "best.pt", "--out", tmp_path / "out", "--size", "64", "--name", "nano", "--licence", "Apache-2.0", "--credit", "us")
    manifest = read_manifest(tmp_path / "out" / "manifest.yaml")
    assert (manifest.classes, manifest.input_size_wh, manifest.licence) == (("one", "two"), (64, 64), "Apache-2.0")
    assert manifest.preprocessing == {"channels": "bgr", "layout": "nchw", "letterbox": 114, "anchor": "top_left", "input": "pictures"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_published_weights_need_mixed_precision(shared_data: Path, tmp_path: Path) -> None:
    """YOLOX-nano has SiLU: 8 bits everywhere cost it several points; the layers that hurt are found, and in float they mend it."""
    entry = load_catalogue().models["yolox_nano"]
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(shared_data / "models" / "yolox_nano_416.onnx", folder)
    (folder / "manifest.yaml").write_text(dump_manifest(entry.manifest), encoding="utf-8")
    data = open_dataset(shared_data / "train" / "val.json").dataset
    few = data.where(lambda picture: int(picture.path.stem[-5:]) % 12 == 0)
    labels = tmp_path / "labels.json"
    write_coco(few, labels)
    out = tmp_path / "out"
    printed = json.loads(_export(folder, "--format", "int8", "--data", labels, "--pictures", "16", "--out", out, "--mixed", "--json"))
    assert not printed["int8"]["refused"]["passed"]
    assert printed["int8"]["worst_layers"][0]["layer"] == "conv_0"
    assert printed["int8"]["gate"]["passed"]
    assert "conv_0" in printed["int8"]["kept_float"]
    assert printed["bytes"] < 4_000_000
