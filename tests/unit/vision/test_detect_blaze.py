from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from blaze_models import BODY, FULL_RANGE, PALM_FULL, PALM_LITE, SHORT_RANGE, FileFinder, Finder, picture
from manifests import frame

from panops.domain.errors import ModelUnsupported
from panops.inference.backends.openvino_backend import OpenVinoBackend
from panops.inference.open_backend import open_backend
from panops.vision.candidates import KeepSettings
from panops.vision.detect_blaze import DetectFaces
from panops.vision.letterbox import Letterbox

EMPTY = {"rows": np.zeros((1, 896, 16), np.float32), "scores": np.full((1, 896, 1), -9, np.float32)}


def outputs(index: int, logit: float = 3.0) -> dict[str, np.ndarray]:
    """One face: a box of 32 by 16 px around an anchor, its points 4 px right of it, 0, 2, 4 ... px below."""
    rows, scores = EMPTY["rows"].copy(), EMPTY["scores"].copy()
    rows[0, index, 2:4] = 32, 16
    rows[0, index, 4::2], rows[0, index, 5::2] = 4, np.arange(6) * 2
    scores[0, index] = logit
    return {"rows": rows, "scores": scores}


def test_rows_become_boxes_and_points_in_the_frame() -> None:
    task = DetectFaces(SHORT_RANGE.manifest())
    tensors, box = task.prepare(frame(np.full((100, 200, 3), 255, np.uint8)))
    (tensor,) = tensors.values()
    assert tensor.shape == (1, 128, 128, 3)
    assert (tensor[0, 0].max(), tensor[0, 64].min()) == (-1.0, 1.0)  # black above, the white picture in the middle
    found = task.finish(outputs(512 - 2 * 16 * 8 + 2 * 8), box)  # stride 8, row 8, column 8: the anchor at 68, 68
    scale = 200 / 128
    np.testing.assert_allclose(found.xyxy, [[52 * scale, (60 - 32) * scale, 84 * scale, (76 - 32) * scale]], atol=1e-3)
    assert found.keypoints is not None
    np.testing.assert_allclose(found.keypoints[0, :, 0], 72 * scale, atol=1e-3)
    np.testing.assert_allclose(found.keypoints[0, :, 1], (68 - 32 + np.arange(6) * 2) * scale, atol=1e-3)
    np.testing.assert_allclose(found.keypoints[0, :, 2], found.score[0])
    assert (found.score[0], found.class_id[0]) == (pytest.approx(0.9526, abs=1e-3), 0)


def test_empty_and_bad_rows_give_nothing() -> None:
    task, box = DetectFaces(SHORT_RANGE.manifest()), Letterbox.fit((200, 100), (128, 128), "center")
    assert len(task.finish(EMPTY, box)) == 0
    broken = outputs(40)
    broken["rows"][0, 40, 7] = np.nan
    assert len(task.finish(broken, box)) == 0


@pytest.mark.parametrize(
    "shapes",
    [[(1, 896, 16)], [(1, 896, 18), (1, 896, 1)], [(1, 2304, 16), (1, 2304, 1)], [(1, 896, 16), (1, 896)]],
)
def test_outputs_that_do_not_fit(shapes: list[tuple[int, ...]]) -> None:
    task = DetectFaces(SHORT_RANGE.manifest())
    given = {f"output{index}": np.zeros(shape, np.float32) for index, shape in enumerate(shapes)}
    with pytest.raises(ModelUnsupported, match=r"expected rows \(1, 896, 16\) and scores \(1, 896, 1\)"):
        task.finish(given, Letterbox.fit((200, 100), (128, 128)))


def test_manifests_that_do_not_fit() -> None:
    good = SHORT_RANGE.manifest()
    for bad in (replace(good, input_size_wh=(160, 160)), replace(good, classes=("face", "cat"))):
        with pytest.raises(ModelUnsupported, match="expected one class and an input of 128x128 or 192x192"):
            DetectFaces(bad)


# Counted by eye; a child at the edge of one picture and heads out of focus do not count.
FACES = {
    "fnp_multiface": 6,
    "fr_biden": 1,
    "fr_knn_test_johnsnow_test1": 1,
    "fr_knn_test_kit_with_rose": 2,
    "fr_knn_test_obama1": 1,
    "fr_knn_test_obama_and_biden": 2,
    "fr_knn_train_alex_lacamoire_img1": 1,
    "fr_knn_train_biden_biden2": 1,
    "fr_knn_train_rose_leslie_img1": 1,
    "fr_knn_train_rose_leslie_img2": 1,
    "fr_obama": 1,
    "fr_obama2": 1,
    "fr_obama_partial_face2": 1,
}


def test_full_range_finds_every_face_and_nothing_else(shared_data: Path, mediapipe_file: FileFinder) -> None:
    detector = FULL_RANGE.open(mediapipe_file)
    assert detector.classes == ("face",)
    for name, count in FACES.items():
        found = detector.detect(picture(shared_data / "images" / "faces" / f"{name}.jpg"))
        assert len(found) == count, name
        assert found.keypoints is not None
        right_eye, left_eye, nose, mouth, right_ear, left_ear = found.keypoints[:, :, :2].transpose(1, 0, 2)
        assert (right_eye[:, 0] < left_eye[:, 0]).all(), name  # the person's right is on the picture's left
        assert (right_ear[:, 0] < left_ear[:, 0]).all(), name
        eyes = (right_eye + left_eye) / 2
        assert (eyes[:, 1] < nose[:, 1]).all(), name
        assert (nose[:, 1] < mouth[:, 1]).all(), name


def test_short_range_finds_large_faces_only(shared_data: Path, mediapipe_file: FileFinder) -> None:
    detector = SHORT_RANGE.open(mediapipe_file, KeepSettings(min_score=0.75, iou_threshold=0.3))
    counts = {name: len(detector.detect(picture(shared_data / "images" / "faces" / f"{name}.jpg"))) for name in FACES}
    missed = {name: FACES[name] - count for name, count in counts.items() if count != FACES[name]}
    # Six faces of 7 % of the width and two of 10 % are too small for 128 px; one of the pair of 15 % scores about 0.75.
    missed.pop("fr_knn_test_kit_with_rose", None)
    assert missed == {"fnp_multiface": 6, "fr_knn_test_obama_and_biden": 2}


# Where eyes are, drawn by eye in px of the picture: the person's right and left one.
EYES = [("fr_obama", (443, 214), (548, 211)), ("fr_knn_train_biden_biden2", (562, 404), (747, 413))]


@pytest.mark.parametrize("finder", [SHORT_RANGE, FULL_RANGE], ids=["short range", "full range"])
@pytest.mark.parametrize(("name", "right", "left"), EYES, ids=[name for name, _, _ in EYES])
def test_eyes_are_on_eyes(
    shared_data: Path, mediapipe_file: FileFinder, finder: Finder, name: str, right: tuple[int, int], left: tuple[int, int]
) -> None:
    found = finder.open(mediapipe_file).detect(picture(shared_data / "images" / "faces" / f"{name}.jpg"))
    assert found.keypoints is not None
    off = np.hypot(*(found.keypoints[0, :2, :2] - np.array([right, left])).T)
    assert (off < 0.12 * np.hypot(*np.subtract(left, right))).all()


@pytest.mark.parametrize("finder", [SHORT_RANGE, FULL_RANGE, PALM_FULL, PALM_LITE, BODY])
def test_nothing_on_empty_and_tiny_pictures(mediapipe_file: FileFinder, finder: Finder) -> None:
    detector = finder.open(mediapipe_file)
    for rgb in (np.zeros((480, 640, 3), np.uint8), np.full((360, 640, 3), 114, np.uint8), np.zeros((1, 1, 3), np.uint8)):
        assert len(detector.detect(frame(rgb))) == 0


def test_both_backends_find_the_same(shared_data: Path, mediapipe_file: FileFinder) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs LiteRT: pip install 'panops[litert]'")
    shown = picture(shared_data / "images" / "faces" / "fnp_multiface.jpg")
    task, path = DetectFaces(FULL_RANGE.manifest()), mediapipe_file(FULL_RANGE.member)
    found = []
    for backend in (OpenVinoBackend(path, precision="f32"), open_backend(path, preferred="litert")):
        tensors, box = task.prepare(shown)
        (tensor,) = tensors.values()
        found.append(task.finish(backend.infer({backend.inputs[0].name: tensor}), box))
    np.testing.assert_allclose(found[0].xyxy, found[1].xyxy, atol=0.5)
    np.testing.assert_allclose(found[0].score, found[1].score, atol=2e-3)
