"""Parts of pictures through a detector: the right size of input, boxes in px of the frame, and whole pictures where parts do not work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from manifests import frame, manifest
from numpy.typing import NDArray

from panops.domain.boxes import iou
from panops.domain.protocols import RegionDetector, RegionTask, TensorSpec
from panops.domain.region import Region
from panops.inference.backends.openvino_backend import OpenVinoBackend
from panops.models.store import ModelStore
from panops.vision.candidates import KeepSettings
from panops.vision.detect_yolox import DetectYolox, DetectYoloxDecoded
from panops.vision.model_detector import ModelDetector
from panops.vision.region_detector import RegionModelDetector

MANIFEST = manifest(size_wh=(416, 416), letterbox=114)
Outputs = dict[str, NDArray[Any]]


class AnySizeBackend:
    """One box in the first cell of stride 8, 16x16 px of the input, at whatever size is announced; notes what it is asked."""

    def __init__(self, *, ready: bool = True, fixed_rows: int = 0, shape: tuple[int, ...] = (1, 3, 416, 416)) -> None:
        self.inputs = (TensorSpec("images", shape, np.dtype(np.float32)),)
        self.outputs = (TensorSpec("output", (1, -1, 8), np.dtype(np.float32)),)
        self.ready = ready
        self.fixed_rows = fixed_rows
        self.announced: list[tuple[tuple[int, ...], bool]] = []
        self.shapes: list[tuple[int, ...]] = []

    def takes(self, shape: tuple[int, ...], *, wait: bool = False) -> bool:
        self.announced.append((shape, wait))
        return self.ready

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> Outputs:
        (tensor,) = inputs.values()
        self.shapes.append(tensor.shape)
        height, width = tensor.shape[2:]
        count = sum((height // stride) * (width // stride) for stride in (8, 16, 32))
        rows = np.zeros((1, self.fixed_rows or count, 8), np.float32)
        rows[0, 0] = [1.0, 1.0, np.log(2), np.log(2), 1, 0, 0.9, 0]
        return {"output": rows}

    def close(self) -> None:
        """Nothing to free."""


def make(backend: AnySizeBackend, *, wait: bool = False) -> RegionModelDetector:
    return RegionModelDetector(MANIFEST, DetectYolox(MANIFEST), backend, wait=wait)


PICTURE = frame(np.zeros((360, 640, 3), np.uint8))


def test_a_part_is_looked_at_at_its_own_size_and_told_in_px_of_the_frame() -> None:
    detector = make(backend := AnySizeBackend(), wait=True)
    assert isinstance(detector, RegionDetector)
    region = detector.region((640, 360), (300.0, 150.0, 330.0, 220.0))
    assert region == Region((250, 104, 378, 264), (128, 160))
    found = detector.look(PICTURE, region)
    np.testing.assert_allclose(found.xyxy, [[250, 104, 266, 120]], atol=1e-3)
    assert backend.announced == [((1, 3, 160, 128), True)]
    assert set(backend.shapes) == {(1, 3, 160, 128)}


def test_a_whole_picture_goes_without_its_padding() -> None:
    detector = make(backend := AnySizeBackend())
    found = detector.detect(PICTURE)
    np.testing.assert_allclose(found.xyxy, [[0, 0, 16 * 640 / 416, 16 * 360 / 234]], atol=1e-3)
    assert set(backend.shapes) == {(1, 3, 256, 416)}
    square = frame(np.zeros((400, 400, 3), np.uint8))
    detector.detect(square)
    assert backend.shapes[-1] == (1, 3, 416, 416)


def test_until_a_size_is_ready_the_whole_picture_is_looked_at_at_the_files_own_size() -> None:
    detector = make(backend := AnySizeBackend(ready=False))
    assert detector.region((640, 360), (300.0, 150.0, 330.0, 220.0)) is None
    detector.detect(PICTURE)
    assert backend.shapes == [(1, 3, 416, 416)]
    backend.ready = True
    assert detector.region((640, 360), (300.0, 150.0, 330.0, 220.0)) is not None
    detector.detect(PICTURE)
    assert backend.shapes[-1] == (1, 3, 256, 416)


def test_a_file_with_its_own_size_inside_is_found_out_and_used_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    detector = make(backend := AnySizeBackend(fixed_rows=3549))
    for _ in range(3):
        assert detector.region((640, 360), (300.0, 150.0, 330.0, 220.0)) is None
        assert len(detector.detect(PICTURE)) == 1
    assert backend.shapes.count((1, 3, 160, 128)) == 1
    assert caplog.text.count("m cannot be run at 128x160") == 1


def test_a_file_whose_size_varies_needs_no_announcement() -> None:
    class Plain(AnySizeBackend):
        takes = None  # type: ignore[assignment]  # a backend that knows nothing of sizes

    detector = make(backend := Plain(shape=(1, 3, -1, -1)))
    assert detector.region((640, 360), (300.0, 150.0, 330.0, 220.0)) is not None
    detector.detect(PICTURE)
    assert backend.shapes[-1] == (1, 3, 256, 416)


def test_which_tasks_look_at_parts() -> None:
    assert isinstance(DetectYolox(MANIFEST), RegionTask)
    assert DetectYolox(MANIFEST).any_size
    assert not DetectYolox(manifest(size_wh=(416, 416))).any_size  # stretched: a part would have another shape
    assert not DetectYoloxDecoded(MANIFEST).any_size


SEEN = [("rf/person_image.jpg", "person", (278, 148, 357, 381)), ("rf/car.jpg", "car", (24, 138, 572, 374))]


@pytest.mark.parametrize(("file", "class_name", "box"), SEEN, ids=[class_name for _, class_name, _ in SEEN])
def test_the_built_in_detector_finds_in_a_part_what_it_finds_in_the_whole(
    shared_data: Path, tmp_path: Path, file: str, class_name: str, box: tuple[float, float, float, float]
) -> None:
    model = ModelStore(tmp_path).get("street")
    rgb = cv2.cvtColor(cv2.imread(str(shared_data / "images" / file)), cv2.COLOR_BGR2RGB)
    # As seen by a camera far away, so that the object is a small part of the picture.
    height, width = rgb.shape[:2]
    wide = np.full((2 * height, 3 * width, 3), 114, np.uint8)
    wide[height // 2 : height // 2 + height, width : 2 * width] = rgb
    there = (box[0] + width, box[1] + height // 2, box[2] + width, box[3] + height // 2)
    picture = frame(wide)
    task, backend = DetectYolox(model.manifest, KeepSettings(min_score=0.3)), OpenVinoBackend(model.path)
    detector = RegionModelDetector(model.manifest, task, backend, wait=True)
    part = detector.region(picture.size_wh, there)
    assert part is not None
    for found in (detector.look(picture, part), detector.detect(picture), ModelDetector(model.manifest, task, backend).detect(picture)):
        right = found.xyxy[found.class_id == model.manifest.classes.index(class_name)]
        assert iou(right, np.array([there], np.float32)).max(initial=0.0) > 0.7
