"""The heads with real weights on real pictures, and the two backends against each other."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from manifests import frame

from panops.domain.boxes import iou
from panops.domain.detections import Detections
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panops.inference.backends.openvino_backend import OpenVinoBackend
from panops.inference.open_backend import open_backend
from panops.models.catalogue import load_catalogue
from panops.vision.candidates import KeepSettings
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task

MODELS = load_catalogue().models


def picture(path: Path) -> Frame:
    return frame(np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8))


def detector(shared_data: Path, name: str, min_score: float = 0.3) -> ModelDetector:
    manifest = MODELS[name].manifest
    return ModelDetector(
        manifest, open_task(manifest, KeepSettings(min_score=min_score)), open_backend(shared_data / "models" / manifest.file_name)
    )


def best(found: Detections, manifest: ModelManifest, class_name: str) -> tuple[float, np.ndarray]:
    rows = np.flatnonzero(found.class_id == manifest.classes.index(class_name))
    assert len(rows), f"no {class_name} among {[manifest.classes[index] for index in found.class_id]}"
    row = rows[np.argmax(found.score[rows])]
    return float(found.score[row]), found.xyxy[row : row + 1]


# Boxes drawn by eye, px of the picture.
SEEN = [
    ("rf/person_image.jpg", "person", (278, 148, 357, 381)),
    ("rf/car.jpg", "car", (24, 138, 572, 374)),
    ("rf/truck.jpg", "truck", (95, 270, 1705, 855)),
    ("coral/cat_720p.jpg", "cat", (100, 105, 950, 714)),
]


@pytest.mark.parametrize(("file", "class_name", "box"), SEEN, ids=[class_name for _, class_name, _ in SEEN])
@pytest.mark.parametrize(
    ("name", "overlap"), [("yolox_nano", 0.85), ("fastestdet", 0.75), ("ssd_mobilenet_v1_quant", 0.6)], ids=["yolox", "fastestdet", "ssd"]
)
def test_what_is_to_be_seen_is_found(
    shared_data: Path, name: str, overlap: float, file: str, class_name: str, box: tuple[float, ...]
) -> None:
    if name.startswith("ssd"):
        pytest.importorskip("ai_edge_litert", reason="needs LiteRT: pip install 'panops[litert]'")
    score, xyxy = best(detector(shared_data, name).detect(picture(shared_data / "images" / file)), MODELS[name].manifest, class_name)
    assert score > 0.5
    assert float(iou(xyxy, np.array([box], np.float32))[0, 0]) > overlap


@pytest.mark.parametrize("file", [file for file, _, _ in SEEN])
@pytest.mark.parametrize("name", ["yolox_nano", "fastestdet"])
def test_both_backends_find_the_same(shared_data: Path, name: str, file: str) -> None:
    manifest = MODELS[name].manifest
    path = shared_data / "models" / manifest.file_name
    task = open_task(manifest, KeepSettings(min_score=0.25))
    one = ModelDetector(manifest, task, OpenVinoBackend(path, precision="f32")).detect(picture(shared_data / "images" / file))
    other = ModelDetector(manifest, task, OnnxRuntimeBackend(path)).detect(picture(shared_data / "images" / file))
    assert one.class_id.tolist() == other.class_id.tolist()
    np.testing.assert_allclose(one.score, other.score, atol=1e-3)
    np.testing.assert_allclose(one.xyxy, other.xyxy, atol=0.5)


def test_openvino_at_its_own_precision_finds_the_same_objects(shared_data: Path) -> None:
    """BF16, where the CPU has it, may move scores by a few hundredths and boxes by a few px; no more."""
    for file, class_name, _ in SEEN:
        manifest = MODELS["yolox_nano"].manifest
        path = shared_data / "models" / manifest.file_name
        task = open_task(manifest)
        shown = picture(shared_data / "images" / file)
        score, box = best(ModelDetector(manifest, task, OpenVinoBackend(path)).detect(shown), manifest, class_name)
        exact_score, exact_box = best(ModelDetector(manifest, task, OnnxRuntimeBackend(path)).detect(shown), manifest, class_name)
        assert abs(score - exact_score) < 0.05
        assert float(iou(box, exact_box)[0, 0]) > 0.95


def test_an_empty_scene_has_no_person(shared_data: Path) -> None:
    grey = frame(np.full((360, 640, 3), 114, np.uint8))
    assert len(detector(shared_data, "yolox_nano").detect(grey)) == 0
