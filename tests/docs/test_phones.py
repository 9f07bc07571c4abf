"""docs/phones.md: its JavaScript is run in node as it stands there, and held against panops's own preprocessing and decoding."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panops.domain.frame import ArrayPixels, Frame
from panops.domain.manifest import ModelManifest
from panops.inference.open_backend import open_backend
from panops.models.manifest_file import read_manifest
from panops.models.store import package_builtin
from panops.vision.candidates import KeepSettings
from panops.vision.classify import Classify
from panops.vision.letterbox import Letterbox
from panops.vision.registry import open_task
from tests.docs.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "phones.md"
LEAST = 0.35


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the page's module lies; skips where node is not installed."""
    if shutil.which("node") is None:
        pytest.skip("needs node, to run the page's JavaScript")
    folder = tmp_path_factory.mktemp("phones")
    (code,) = blocks(PAGE, "js")
    (folder / "panops.mjs").write_text(code)
    return folder


def run(folder: Path, script: str) -> Any:
    """What a script prints as JSON; it finds the page's functions, and `read` for the arrays that the test left in the folder."""
    read = "const read = (name, Kind) => new Kind(fs.readFileSync(name).buffer.slice(0, fs.statSync(name).size));"
    (folder / "run.mjs").write_text(f'import fs from "fs";\nimport * as page from "./panops.mjs";\n{read}\n{script}\n')
    done = subprocess.run(["node", "run.mjs"], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def builtin(name: str) -> ModelManifest:
    return read_manifest(package_builtin() / name / "manifest.yaml")


def seen(image: np.ndarray) -> Frame:
    return Frame("cam", 0, 0.0, 0.0, ArrayPixels(image))


@pytest.mark.parametrize(("name", "called"), [("street", "street"), ("sign_digits", "signs")])
def test_its_numbers_are_those_of_the_manifests(node: Path, name: str, called: str) -> None:
    manifest = builtin(name)
    told = run(node, f"console.log(JSON.stringify(page.{called}))")
    how = manifest.preprocessing
    assert (told["width"], told["height"]) == manifest.input_size_wh
    assert told["classes"] == len(manifest.classes)
    assert (told["pad"], told["bgr"], told["centre"]) == (how["letterbox"], how["channels"] == "bgr", how["anchor"] == "center")


def test_a_picture_lies_where_panops_lays_it(node: Path) -> None:
    sizes = [(1920, 1080), (1280, 720), (640, 480), (704, 576), (416, 416), (100, 100), (720, 1280), (3, 2000)]
    for called, name in (("street", "street"), ("signs", "sign_digits")):
        script = f"console.log(JSON.stringify({json.dumps(sizes)}.map(([w, h]) => page.fit(w, h, page.{called}))))"
        manifest = builtin(name)
        for size, told in zip(sizes, run(node, script), strict=True):
            box = Letterbox.fit(size, manifest.input_size_wh, manifest.preprocessing["anchor"])
            assert (told["width"], told["height"]) == box.scaled_wh
            assert (told["left"], told["top"]) == box.offset_xy


@pytest.mark.parametrize(("name", "called", "size_wh"), [("street", "street", (416, 234)), ("sign_digits", "signs", (90, 128))])
def test_its_tensor_is_that_of_cameras(node: Path, name: str, called: str, size_wh: tuple[int, int]) -> None:
    """A picture that needs no scaling, so that only the layout counts."""
    width, height = size_wh
    image = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)  # RGB
    rgba = np.dstack([image, np.full((height, width), 255, np.uint8)])
    (node / "rgba").write_bytes(np.ascontiguousarray(rgba).tobytes())
    manifest = builtin(name)
    task = Classify(manifest) if manifest.task == "classification" else open_task(manifest)
    inputs, _ = task.prepare(seen(image))
    (wanted,) = inputs.values()
    for planes in ("true", "false"):
        script = (
            f"const how = page.{called}, box = page.fit({width}, {height}, how);\n"
            "const into = new Uint8Array(3 * how.width * how.height);\n"
            f'page.fill(into, read("rgba", Uint8Array), box, how, {planes});\n'
            'fs.writeFileSync("tensor", into);\nconsole.log("[]")'
        )
        run(node, script)
        got = np.frombuffer((node / "tensor").read_bytes(), np.uint8)
        np.testing.assert_array_equal(got, (wanted if planes == "true" else wanted.transpose(0, 2, 3, 1)).ravel())


def test_its_boxes_are_those_of_the_detector(node: Path) -> None:
    """Rows of the built-in model on noise, with sixty of them made detections: near each other, so that some are dropped."""
    manifest, size_wh = builtin("street"), (640, 360)
    task = open_task(manifest, KeepSettings(min_score=LEAST, iou_threshold=0.45))
    chance = np.random.default_rng(7)
    inputs, box = task.prepare(seen(chance.integers(0, 256, (size_wh[1], size_wh[0], 3), np.uint8)))
    backend = open_backend(package_builtin() / "street" / manifest.file_name)
    (rows,) = backend.infer({backend.inputs[0].name: next(iter(inputs.values()))}).values()
    backend.close()
    rows = np.array(rows, np.float32)
    for place in chance.choice(rows.shape[1], 60, replace=False):
        rows[0, place : place + 3, :2] = chance.normal(0.5, 0.2, 2)
        rows[0, place : place + 3, 2:4] = chance.uniform(0.5, 2.5, 2)
        rows[0, place : place + 3, 4] = chance.uniform(0.6, 1.0)
        rows[0, place : place + 3, 5:] = chance.uniform(0.0, 1.0, len(manifest.classes))
    wanted = task.finish({"rows": rows}, box)
    (node / "rows").write_bytes(rows.tobytes())
    script = (
        f"const box = page.fit({size_wh[0]}, {size_wh[1]}, page.street);\n"
        f'console.log(JSON.stringify(page.decode(read("rows", Float32Array), box, page.street, {LEAST})))'
    )
    # What lies in the padding alone has no area in the picture; panops leaves it out.
    got = [one for one in run(node, script) if one["xyxy"][2] > one["xyxy"][0] and one["xyxy"][3] > one["xyxy"][1]]
    assert 20 < len(wanted) < 150
    assert len(got) == len(wanted)
    np.testing.assert_allclose([one["score"] for one in got], wanted.score, atol=1e-6)
    assert [one["kind"] for one in got] == wanted.class_id.tolist()
    np.testing.assert_allclose([one["xyxy"] for one in got], wanted.xyxy, atol=0.01)


def test_a_classifiers_answer_is_the_largest_score(node: Path) -> None:
    assert run(node, "console.log(JSON.stringify(page.answer([0.1, 0.7, 0.2])))") == {"kind": 1, "score": 0.7}


def test_the_other_languages_use_the_same_numbers() -> None:
    """They cannot be run here; what can be held against the manifest is."""
    manifest = builtin("street")
    kotlin, swift = blocks(PAGE, "kotlin")[0], blocks(PAGE, "swift")[0]
    for code in (kotlin, swift):
        assert str(manifest.preprocessing["letterbox"]) in code
        assert f"side = {manifest.input_size_wh[0]}" in code
        assert f"classes = {len(manifest.classes)}" in code
        assert "0.35" in code
        assert "0.45" in code
