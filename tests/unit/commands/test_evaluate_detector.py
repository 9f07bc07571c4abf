"""`panops evaluate detector` from files on disk to a table, JSON and a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.commands.evaluate_model import at_size
from panops.domain.errors import ModelChecksumMismatch, ModelNotFound, ModelUnsupported, PanopsError, SourceCorrupt
from panops.models.checksum import sha256_of
from panops.models.store import ModelStore, StoredModel
from panops.testing.tiny_onnx import Node, Tensor, write_onnx
from tests.unit.commands.tiny_detector import BOXES, manifest_of, write_detector, write_grey

pytest.importorskip("pycocotools")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two bright pictures with lamps where the detector sees them, a dark one without; one of four is not there."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name, level in (("a", 200), ("b", 240), ("c", 40), ("d", 90)):
        write_grey(folder / f"{name}.png", level)
    (folder / "d.png").write_bytes(b"\x89PNG not a picture")
    images = [
        {"id": index, "file_name": f"{name}.png", "width": 640, "height": 320, "source": source, "group": source, **more}
        for index, (name, source, more) in enumerate(
            [("a", "yard", {}), ("b", "gate", {}), ("c", "yard", {}), ("d", "gate", {"labelled_category_ids": [2]})], 1
        )
    ]
    boxes = [(1, BOXES[0]), (1, BOXES[1]), (2, BOXES[0])]
    content = {
        "images": images,
        "annotations": [
            {"id": index, "image_id": image, "category_id": 1, "bbox": [x, y, right - x, bottom - y]}
            for index, (image, (x, y, right, bottom)) in enumerate(boxes, 1)
        ],
        "categories": [{"id": 1, "name": "lamp"}, {"id": 2, "name": "cat"}],
    }
    path = folder / "val.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def run(tmp_path: Path, *arguments: object) -> str:
    """What the command prints; nothing is looked up in a store."""
    words = ["evaluate", "detector", *map(str, arguments), "--home", str(tmp_path / "home")]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_table_json_and_page(data: Path, tmp_path: Path) -> None:
    model = write_detector(tmp_path / "bright", classes=("lamp", "dog"))
    summary = tmp_path / "summary.yaml"
    summary.write_text("lamps: {sources: [yard, gate], classes: [lamp]}\ncats: {classes: [cat]}\n", encoding="utf-8")
    out, page = tmp_path / "out.json", tmp_path / "out.html"
    output = run(tmp_path, model.parent, "--data", data, "--summary", summary, "--json", out, "--report", page)
    assert "lamps" in output
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert found["data"]["pictures"] == 3
    assert list(found["data"]["left_out"]) == ["d.png"]
    assert re.fullmatch("[0-9a-f]{64}", found["data"]["fingerprint"])
    assert found["versions"]["pycocotools"] != "not installed"
    (one,) = found["models"]
    assert one["sha256"] == sha256_of(model)
    assert one["classes_not_in_data"] == ["dog"]
    # The set labels cats in every picture, and the model does not have them.
    assert one["classes_not_in_model"] == ["cat"]
    # In the gate, the second box of the detector is wrong, but weaker than the right one.
    assert [(row["source"], row["class"], row["boxes"]) for row in one["pairs"]] == [("yard", "lamp", 2), ("gate", "lamp", 1)]
    assert [row["AP50"] for row in one["pairs"]] == pytest.approx([1.0, 1.0])
    assert one["classes"]["lamp"]["AP50"] == pytest.approx(2 / 3 + 0.75 / 3, abs=0.01)
    assert one["summary"]["lamps"]["value"] == pytest.approx(1.0)
    assert one["summary"]["cats"]["value"] is None
    assert one["errors"]["lamp"]["background"] == 1
    assert one["thresholds"]["lamp"]["best_f1"]["recall"] == pytest.approx(1.0)
    assert one["speed"]["pictures"] == 3
    text = page.read_text(encoding="utf-8")
    assert "data:image/jpeg;base64," in text
    assert "lamp where none is labelled" in text
    assert "<script" not in text
    assert not re.search(r'(?:src|href)="(?!data:)', text)


def test_a_second_model_stands_beside(data: Path, tmp_path: Path) -> None:
    first = write_detector(tmp_path / "first", "first")
    second = write_detector(tmp_path / "second", "second", quantised=True)
    output = run(tmp_path, first, "--data", data, "--beside", second, "--json", tmp_path / "out.json", "--backend", "onnxruntime")
    assert "first" in output
    assert "second" in output
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in found["models"]] == ["first", "second"]
    assert [one["backend"] for one in found["models"]] == ["OnnxRuntimeBackend"] * 2
    assert found["models"][0]["classes"]["lamp"]["AP50"] == pytest.approx(found["models"][1]["classes"]["lamp"]["AP50"])


def test_another_size_is_run_without_touching_the_file(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    model = write_detector(tmp_path / "bright")
    before = model.read_bytes()
    run(tmp_path, model, "--data", data, "--size", 64, "--json", tmp_path / "out.json")
    (one,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["models"]
    assert one["input_size_wh"] == [64, 64]
    # The boxes stay where they are in the input, so in the picture they are half as high.
    assert one["classes"]["lamp"]["AP50"] < 0.5
    assert model.read_bytes() == before


def test_a_file_without_its_own_manifest_takes_the_one_beside(data: Path, tmp_path: Path) -> None:
    model = write_detector(tmp_path / "bright")
    other = model.with_name("bright_copy.onnx")
    other.write_bytes(model.read_bytes())
    run(tmp_path, other, "--data", data, "--json", tmp_path / "out.json")
    (one,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["models"]
    assert one["name"] == "bright_copy"
    assert one["sha256"] == sha256_of(other)


def _damage(model: Path) -> None:
    model.write_bytes(model.read_bytes() + b" ")


def _lose(model: Path) -> None:
    model.unlink()


def _lose_manifest(model: Path) -> None:
    (model.parent / "manifest.yaml").unlink()


FAULTS = [
    ("a damaged file", _damage, True, ModelChecksumMismatch, "expected sha256"),
    ("no file", _lose, True, ModelNotFound, "its manifest names this file"),
    ("no manifest", _lose_manifest, False, ModelNotFound, "expected its manifest beside it"),
]


@pytest.mark.parametrize(("what", "fault", "by_folder", "error", "words"), FAULTS, ids=[row[0] for row in FAULTS])
def test_models_that_cannot_be_used(
    what: str, fault: Any, by_folder: bool, error: type[PanopsError], words: str, data: Path, tmp_path: Path
) -> None:
    del what
    model = write_detector(tmp_path / "bright")
    fault(model)
    with pytest.raises(error, match=words):
        run(tmp_path, model.parent if by_folder else model, "--data", data)


def test_faults_are_sentences(data: Path, tmp_path: Path) -> None:
    model = write_detector(tmp_path / "bright")
    with pytest.raises(ModelNotFound, match="there is none"):
        run(tmp_path, "nowhere/none.onnx", "--data", data)
    with pytest.raises(ModelNotFound, match="there is no model 'nobody'"):
        run(tmp_path, "nobody", "--data", data)
    with pytest.raises(PanopsError, match="cannot write"):
        run(tmp_path, model, "--data", data, "--json", tmp_path / "none" / "out.json")
    for picture in data.parent.glob("*.png"):
        picture.write_bytes(b"\x89PNG not a picture")
    with pytest.raises(SourceCorrupt, match="found none that can be used"):
        run(tmp_path, model, "--data", data)


def test_only_onnx_changes_its_size(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    model = ModelStore(tmp_path, mirrors=[shared_data / "models"]).get("ssd_mobilenet_v1_quant")
    with pytest.raises(ModelUnsupported, match="only ONNX files can be run at another size"), at_size(model, (320, 320)):
        pass


def test_a_graph_of_one_size_says_so(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    path = write_onnx(
        tmp_path / "fixed.onnx",
        [Node("Reshape", ["images", "all"], ["rows"])],
        [Tensor("images", (1, 3, 32, 64))],
        [Tensor("rows", (1, 1024, 6))],
        constants={"all": np.array([1, 1024, 6], np.int64)},
    )
    with pytest.raises(ModelUnsupported, match="its graph does not work at 64x64"), at_size(StoredModel(manifest_of(path), path), (64, 64)):
        pass
