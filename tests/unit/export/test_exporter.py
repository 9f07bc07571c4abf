from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from panops.domain.errors import ModelError, ModelUnsupported
from panops.domain.labels import DetectionSet
from panops.domain.manifest import ModelManifest
from panops.export.agreement import compare, file_run, torch_run
from panops.export.calibration import chosen_pictures, input_tensors
from panops.export.deployed import detect_pictures
from panops.export.exporter import ExportSettings, Format, Precision, Source, export, torch_source
from panops.export.gate import ExportRefused, Limits
from panops.export.int8 import Int8Settings
from panops.export.onnx_source import is_quantised, read_onnx
from panops.inference.open_backend import open_backend
from panops.models.checksum import sha256_of
from panops.models.manifest_file import read_manifest
from tests.unit.export.conftest import SquareFinder

_IMPOSSIBLE = Limits(loss=-1.0)


@pytest.fixture(scope="module")
def source(finder: SquareFinder, finder_model: onnx.ModelProto, finder_manifest: ModelManifest) -> Source:
    return Source(finder_model, finder_manifest, torch_run(finder))


@pytest.mark.parametrize(
    ("form", "precision", "file", "runtimes"),
    [
        ("onnx", None, "squares.onnx", {"onnxruntime", "OpenVINO", "OpenVINO against onnxruntime"}),
        ("openvino", None, "squares.xml", {"OpenVINO"}),
        ("tflite", "float32", "squares.tflite", {"LiteRT"}),
        ("tflite", None, "squares.tflite", {"LiteRT"}),
    ],
)
def test_each_form_finds_what_the_network_finds(
    source: Source, squares: DetectionSet, tmp_path: Path, form: Format, precision: Precision | None, file: str, runtimes: set[str]
) -> None:
    exported, report = export(source, tmp_path / "out", ExportSettings(form, precision), squares)
    assert exported.path == tmp_path / "out" / file
    assert set(report["compared"]) == runtimes
    for agreement in report["compared"].values():
        assert agreement["detections"] == agreement["found_again"] == 48
        assert agreement["largest"] < 0.02
    manifest = read_manifest(tmp_path / "out" / "manifest.yaml")
    assert manifest == exported.manifest
    assert manifest.sha256 == sha256_of(exported.path)
    assert json.loads((tmp_path / "out" / "export.json").read_text()) == report
    found = detect_pictures(manifest, exported.path, squares.pictures)
    strong = [detections.select(detections.score > 0.5) for detections in found]
    for picture, detections in zip(squares.pictures, strong, strict=True):
        assert np.array_equal(_sorted(detections.xyxy.round()), _sorted(picture.xyxy))


def _sorted(boxes: np.ndarray) -> np.ndarray:
    return boxes[np.lexsort(boxes.T)]


def test_a_torch_program_finds_what_the_network_finds(
    finder: SquareFinder, finder_manifest: ModelManifest, squares: DetectionSet, tmp_path: Path
) -> None:
    source = torch_source(finder, finder_manifest)
    exported, report = export(source, tmp_path / "out", ExportSettings("pt2"), squares)
    assert exported.path == tmp_path / "out" / "squares.pt2"
    (agreement,) = report["compared"].values()
    assert agreement["detections"] == agreement["found_again"] == 48
    assert agreement["largest"] < 1e-3
    found = detect_pictures(read_manifest(tmp_path / "out" / "manifest.yaml"), exported.path, squares.pictures)
    assert sum(int((detections.score > 0.5).sum()) for detections in found) == 48
    again, _ = export(source, tmp_path / "again", ExportSettings("pt2"))
    assert again.path.read_bytes() == exported.path.read_bytes()
    # On a device it takes any batch.
    assert open_backend(exported.path).inputs[0].shape[0] == -1


def test_a_torch_program_needs_a_torch_network(
    source: Source, finder: SquareFinder, finder_manifest: ModelManifest, tmp_path: Path
) -> None:
    with pytest.raises(ModelUnsupported, match=r"give the checkpoint \(\.pt\)"):
        export(source, tmp_path / "out", ExportSettings("pt2"))
    with pytest.raises(ModelUnsupported, match="written in float32"):
        export(torch_source(finder, finder_manifest), tmp_path / "out", ExportSettings("pt2", "float16"))
    assert not (tmp_path / "out").exists()


def test_8_bits_that_cost_nothing_pass_the_gate(source: Source, squares: DetectionSet, tmp_path: Path) -> None:
    exported, report = export(source, tmp_path, ExportSettings("int8"), squares)
    gate = report["int8"]["gate"]
    assert gate["passed"]
    assert (gate["pictures_with_boxes"], gate["boxes"]) == (12, 48)
    low, high = gate["interval_95"]["loss_points"]
    assert low <= gate["loss_points"] <= high
    assert gate["interval_95"]["draws"] >= 200
    (doubt,) = gate["doubts"]
    assert doubt.startswith("the verdict stands on 12 pictures and 48 boxes: expected at least 30 and 100")
    assert gate["float"]["AP"] > 0.99
    assert abs(gate["loss_points"]) < 1.0
    assert set(gate["sources_ap50"]) == {"even", "odd"}
    assert report["int8"]["calibration_pictures"] == 12
    assert exported.manifest.accuracy == {"squares AP": pytest.approx(gate["int8"]["AP"], abs=1e-4), "squares AP50": pytest.approx(1.0)}
    assert exported.manifest.preprocessing["dtype"] == "uint8"
    assert is_quantised(onnx.load(str(exported.path)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export.json", "manifest.yaml", "squares.onnx"]


def test_8_bits_that_cost_too_much_are_refused(source: Source, squares: DetectionSet, tmp_path: Path) -> None:
    settings = ExportSettings("int8", int8=Int8Settings(limits=_IMPOSSIBLE))
    with pytest.raises(
        ExportRefused, match=r"AP \S+ -> .* nothing was written\. Measured on 12 pictures.*The layers that hurt: .*--mixed.*eight_bits"
    ) as caught:
        export(source, tmp_path / "out", settings, squares)
    assert not (tmp_path / "out").exists()
    worst = {entry["layer"] for entry in caught.value.report["worst_layers"]}
    assert len(worst) == 8
    assert {"look", "objectness", "classes"} <= worst


def test_mixed_precision_is_tried_from_few_layers_to_many(source: Source, squares: DetectionSet, tmp_path: Path) -> None:
    settings = ExportSettings("int8", int8=Int8Settings(limits=_IMPOSSIBLE, mixed=(1, 2)))
    with pytest.raises(ExportRefused, match="even with the 2 worst layers in float") as caught:
        export(source, tmp_path, settings, squares)
    tried = [entry["kept_float"] for entry in caught.value.report["tried"]]
    assert [len(kept) for kept in tried] == [1, 2]
    assert tried[0] == tried[1][:1]


def test_an_8_bit_file_becomes_the_same_8_bits_for_phones(source: Source, squares: DetectionSet, tmp_path: Path) -> None:
    first, _ = export(source, tmp_path / "onnx", ExportSettings("int8"), squares)
    model = read_onnx(first.path)
    again = Source(model, first.manifest, source.run)
    exported, report = export(again, tmp_path / "tflite", ExportSettings("tflite"), None)
    assert report["precision"] == "int8"
    assert report["note"].startswith("not compared")
    assert exported.manifest.preprocessing["layout"] == "nhwc"
    found = detect_pictures(exported.manifest, exported.path, squares.pictures, preferred="litert")
    assert all(int((detections.score > 0.5).sum()) == 4 for detections in found)


def test_an_8_bit_file_becomes_floats_where_floats_are_asked_for(source: Source, squares: DetectionSet, tmp_path: Path) -> None:
    first, _ = export(source, tmp_path / "onnx", ExportSettings("int8"), squares)
    again = Source(read_onnx(first.path), first.manifest, file_run(first.path, "onnxruntime"))
    exported, report = export(again, tmp_path / "tflite", ExportSettings("tflite", "float16"), squares)
    assert report["precision"] == "float16"
    assert set(report["compared"]) == {"LiteRT", "floats against the 8-bit source"}
    assert report["compared"]["floats against the 8-bit source"]["found_again"] == 4 * report["compared"]["LiteRT"]["pictures"]
    assert "dtype" not in exported.manifest.preprocessing
    assert not list(exported.path.parent.glob("*.onnx"))
    found = detect_pictures(exported.manifest, exported.path, squares.pictures, preferred="litert")
    assert all(int((detections.score > 0.5).sum()) == 4 for detections in found)
    _, apple = export(again, tmp_path / "coreml", ExportSettings("coreml"), squares)
    assert apple["precision"] == "float16"
    assert set(apple["compared"]) == {"floats against the 8-bit source"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (ExportSettings("int8"), "give a data set with --data"),
        (ExportSettings("tflite", "int8"), "give a data set with --data"),
        (ExportSettings("onnx", "float16"), "take --format int8"),
        (ExportSettings("coreml", "int8"), "float16 or float32"),
    ],
)
def test_what_cannot_be_is_said(source: Source, tmp_path: Path, settings: ExportSettings, message: str) -> None:
    with pytest.raises(ModelUnsupported, match=message):
        export(source, tmp_path, settings)


def test_a_model_that_finds_nothing_is_not_judged(source: Source, squares: DetectionSet, tmp_path: Path) -> None:
    blind = onnx.ModelProto()
    blind.CopyFrom(source.model)
    for tensor in blind.graph.initializer:
        if tensor.name == "objectness.bias":
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.full(1, -30.0, np.float32), tensor.name))
    with pytest.raises(ModelUnsupported, match="nothing can be lost where nothing is found"):
        export(replace(source, model=blind), tmp_path, ExportSettings("int8"), squares)


def test_a_folder_that_holds_another_model_is_left_alone(source: Source, tmp_path: Path) -> None:
    exported, _ = export(source, tmp_path, ExportSettings("onnx"))
    before = exported.path.read_bytes()
    with pytest.raises(ModelError, match="another model already"):
        export(source, tmp_path, ExportSettings("tflite"))
    other = replace(source, manifest=replace(source.manifest, name="other"))
    with pytest.raises(ModelError, match="another model already"):
        export(other, tmp_path, ExportSettings("onnx"))
    assert exported.path.read_bytes() == before
    export(source, tmp_path, ExportSettings("onnx"))  # the same again is fine
    assert exported.path.read_bytes() == before


def test_a_form_that_differs_is_refused(source: Source, squares: DetectionSet, tmp_path: Path) -> None:
    liar = replace(source, run=lambda tensor: source.run(tensor) + np.float32(0.5))
    with pytest.raises(ModelUnsupported, match=r"differs from its source: by up to 0\.5"):
        export(liar, tmp_path / "out", ExportSettings("onnx"), squares)
    assert not (tmp_path / "out").exists()


def test_calibration_takes_as_many_of_each_source(squares: DetectionSet, finder_manifest: ModelManifest) -> None:
    rare = squares.where(lambda picture: picture.source == "even" or picture.path.stem in ("1", "3"))
    chosen = chosen_pictures(rare, 6, seed=3)
    assert sorted(picture.source for picture in chosen) == ["even"] * 4 + ["odd"] * 2
    assert chosen == chosen_pictures(rare, 6, seed=3)
    assert chosen != chosen_pictures(rare, 6, seed=4)
    assert len(chosen_pictures(rare, 99)) == len(rare)
    tensors = input_tensors(finder_manifest, chosen[:2], "pictures")
    assert tensors[0]["pictures"].shape == (1, 3, 64, 64)
    assert not np.array_equal(tensors[0]["pictures"], tensors[1]["pictures"])


def test_agreement_counts_what_only_one_finds(source: Source, squares: DetectionSet) -> None:
    def half_blind(tensor: np.ndarray) -> np.ndarray:
        rows = source.run(tensor).copy()
        rows[0, : 8 * 4, 4] = 0.0  # the upper half
        return rows

    pictures = list(squares.pictures)
    upper = sum(int((picture.xyxy[:, 1] < 32).sum()) for picture in pictures)
    agreement = compare((source.manifest, source.run), (source.manifest, half_blind), pictures)
    assert (agreement.detections, agreement.found_again, agreement.extra) == (48, 48 - upper, 0)
    assert agreement.largest == pytest.approx(1.0, abs=0.02)
    back = compare((source.manifest, half_blind), (source.manifest, source.run), pictures)
    assert (back.detections, back.found_again, back.extra) == (48 - upper, 48 - upper, upper)
    assert agreement.share == back.share == pytest.approx(2 * (48 - upper) / (96 - upper))


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_rows_that_are_no_numbers_never_agree(source: Source, squares: DetectionSet, tmp_path: Path, precision: Precision) -> None:
    """A sum that overflows hides behind comparisons, which all say no."""

    def broken(tensor: np.ndarray) -> np.ndarray:
        rows = source.run(tensor).copy()
        rows[0, -1, 0] = np.nan
        return rows

    agreement = compare((source.manifest, source.run), (source.manifest, broken), list(squares.pictures)[:2])
    assert agreement.largest == float("inf")
    with pytest.raises(ModelUnsupported, match="differs from its source"):
        export(replace(source, run=broken), tmp_path / "out", ExportSettings("tflite", precision), squares)


def test_a_model_may_be_called_as_the_gate_calls_its_files(source: Source, squares: DetectionSet, tmp_path: Path) -> None:
    after = replace(source, manifest=replace(source.manifest, name="after"))
    export(after, tmp_path, ExportSettings("tflite", "int8"), squares)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after.tflite", "export.json", "labels.txt", "manifest.yaml"]


def test_pictures_that_cannot_be_used_are_not_called_absent(source: Source, squares: DetectionSet, tmp_path: Path) -> None:
    gone = replace(squares, pictures=tuple(replace(one, path=tmp_path / "none.png") for one in squares.pictures))
    _, report = export(source, tmp_path / "out", ExportSettings("onnx"), gone)
    assert report["note"] == "not compared on pictures: none of them could be used"
