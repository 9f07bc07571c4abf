"""The peer does what it should: it finds the people that the product's own code finds with the same network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from panops.domain.boxes import iou
from panops.export.deployed import frame_of
from panops.inference.open_backend import open_backend
from panops.models.catalogue import load_catalogue
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task


def test_it_finds_the_same_people(shared_data: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the peer needs onnxruntime")
    from panops.bench.peer_detector import PeerDetector  # noqa: PLC0415  # onnxruntime may be missing

    path, picture = shared_data / "models" / "yolox_nano_416.onnx", shared_data / "images" / "faces" / "fnp_multiface.jpg"
    if not path.is_file() or not picture.is_file():
        pytest.skip("needs yolox_nano_416.onnx and fnp_multiface.jpg in the shared data")
    image = np.asarray(cv2.imread(str(picture)), np.uint8)
    boxes, scores = PeerDetector(str(path), threads=1, min_score=0.4).detect(image)
    manifest = load_catalogue().models["yolox_nano"].manifest
    backend = open_backend(path)
    ours = ModelDetector(manifest, open_task(manifest), backend).detect(frame_of(image))
    backend.close()
    people = ours.select((ours.class_id == 0) & (ours.score >= 0.4))
    assert len(people) >= 2
    assert len(boxes) == len(people)
    best = iou(people.xyxy, boxes).max(axis=1)
    assert best.min() > 0.8
    assert np.sort(scores) == pytest.approx(np.sort(people.score), abs=0.05)


def test_it_finds_nobody_where_nobody_is(shared_data: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the peer needs onnxruntime")
    from panops.bench.peer_detector import PeerDetector  # noqa: PLC0415  # onnxruntime may be missing

    path = shared_data / "models" / "yolox_nano_416.onnx"
    if not path.is_file():
        pytest.skip("needs yolox_nano_416.onnx in the shared data")
    boxes, scores = PeerDetector(str(path), threads=1).detect(np.full((360, 640, 3), 90, np.uint8))
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))
