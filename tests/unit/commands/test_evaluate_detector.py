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
from panops.commands.evaluate_facts import data_title
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


@pytest.mark.parametrize("same_version", [False, True])
def test_two_versions_of_one_model_are_told_apart(data: Path, tmp_path: Path, same_version: bool) -> None:
    first, second = (write_detector(tmp_path / folder / "model", "bright") for folder in ("first", "second"))
    if not same_version:
        manifest = second.parent / "manifest.yaml"
        manifest.write_text(manifest.read_text().replace('version: "1"', 'version: "2"').replace("version: '1'", "version: '2'"))
    page, out = tmp_path / "out.html", tmp_path / "out.json"
    output = run(tmp_path, first.parent, "--data", data, "--beside", second.parent, "--report", page, "--json", out)
    wanted = [str(first.parent), str(second.parent)] if same_version else ["bright@1", "bright@2"]
    assert [one["name"] for one in json.loads(out.read_text())["models"]] == wanted
    text = page.read_text(encoding="utf-8")
    for name in wanted:
        assert name in text
        assert name in output.replace("\n", "")


def test_the_same_model_twice_is_numbered(data: Path, tmp_path: Path) -> None:
    model, out = write_detector(tmp_path / "bright"), tmp_path / "out.json"
    run(tmp_path, model, "--data", data, "--beside", model, "--json", out)
    assert [one["name"] for one in json.loads(out.read_text())["models"]] == [f"{model} (1)", f"{model} (2)"]


def test_names_stay_whole_on_a_narrow_terminal(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, label = "construction-site-safety-of-the-north", "motorcycle_with_a_side_car"
    content = json.loads(data.read_text())
    for image in content["images"]:
        image["source"] = source
    content["categories"][0]["name"] = label
    data.write_text(json.dumps(content))
    model = write_detector(tmp_path / "bright", "a-long-name-of-a-model", classes=(label,))
    other = write_detector(tmp_path / "other", "another-long-name-of-one", classes=(label,))
    monkeypatch.setenv("COLUMNS", "80")
    for words in ([], ["--beside", other]):
        lines = run(tmp_path, model, "--data", data, *words).splitlines()
        assert max(len(line) for line in lines) <= 80
        for name in (source, label):
            assert any(name in line for line in lines)
        # Nothing is cut from a name or a figure.
        assert not any("…" in line for line in lines)
    assert any(line.startswith("(2) another-long-name-of-one") for line in lines)


def test_the_heading_names_the_data(data: Path, tmp_path: Path) -> None:
    model, page = write_detector(tmp_path / "bright"), tmp_path / "out.html"
    mine = data.parent.rename(tmp_path / "my-yard")
    output = run(tmp_path, model, "--data", mine / "val.json", "--report", page)
    assert "<h1>bright on my-yard/val</h1>" in page.read_text(encoding="utf-8")
    assert "my-yard/val: 3 pictures, 3 boxes" in output


@pytest.mark.parametrize(
    ("path", "split", "title"),
    [
        ("site/val.json", "", "site/val"),
        ("site/helmets.json", "", "helmets"),
        ("runs/mine/data/val.json", "", "mine/val"),
        ("mine/data/measured.json", "", "mine/measured"),
        ("mine/_annotations.coco.json", "", "mine/_annotations.coco"),
        ("cones/dataset.yaml", "test", "cones, test"),
        ("cones/yolo.v2", "", "yolo.v2"),
    ],
)
def test_what_data_is_called(path: str, split: str, title: str, tmp_path: Path) -> None:
    assert data_title(tmp_path / path, split) == title


def test_data_without_a_common_class_or_box_says_so(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    model = write_detector(tmp_path / "bright", classes=("Lamp", "dog"))
    page = tmp_path / "out.html"
    output = run(tmp_path, model, "--data", data, "--report", page, "--json", tmp_path / "out.json")
    assert "nothing to judge bright by: it finds Lamp, dog, and the data labels lamp, cat" in output
    assert "There is nothing to find here" in page.read_text(encoding="utf-8")
    assert json.loads((tmp_path / "out.json").read_text())["models"][0]["overall"]["AP"] is None
    content = json.loads(data.read_text())
    content["annotations"] = []
    data.write_text(json.dumps(content))
    output = run(tmp_path, write_detector(tmp_path / "other", "other"), "--data", data, "--report", page)
    assert "nothing to judge other by: expected labelled boxes of lamp, and there are none" in output


def test_pictures_of_one_name_in_two_folders_are_both_named(data: Path, tmp_path: Path) -> None:
    content = json.loads(data.read_text())
    for index, folder in ((1, "east"), (3, "west")):
        content["images"][index]["file_name"] = f"{folder}/1.png"
        (data.parent / folder).mkdir()
        (data.parent / folder / "1.png").write_bytes(b"\x89PNG not a picture")
    data.write_text(json.dumps(content))
    out = tmp_path / "out.json"
    run(tmp_path, write_detector(tmp_path / "bright"), "--data", data, "--json", out)
    left_out = json.loads(out.read_text())["data"]["left_out"]
    assert [Path(name).parent.name for name in left_out] == ["east", "west"]


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
