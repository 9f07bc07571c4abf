"""Poses, segmentations and faces on the pictures whose answers are known."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from manifests import frame

from panops.domain.class_map import ClassMap
from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.inference.open_backend import open_backend
from panops.models.catalogue import load_catalogue
from panops.vision.model_detector import ModelDetector
from panops.vision.model_task import ModelTask
from panops.vision.registry import open_segmentation, open_task

MODELS = load_catalogue().models
GREY = frame(np.full((360, 640, 3), 114, np.uint8))


def picture(path: Path) -> Frame:
    return frame(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8))


def look(shared_data: Path, name: str, shown: Frame) -> Detections:
    manifest = MODELS[name].manifest
    detector = ModelDetector(manifest, open_task(manifest), open_backend(shared_data / "models" / manifest.file_name))
    try:
        return detector.detect(shown)
    finally:
        detector.close()


def segment(shared_data: Path, name: str, shown: Frame) -> ClassMap:
    manifest = MODELS[name].manifest
    segmenter = ModelTask(manifest, open_segmentation(manifest), open_backend(shared_data / "models" / manifest.file_name))
    try:
        return segmenter.run(shown)
    finally:
        segmenter.close()


def test_movenet_finds_the_joints_where_coral_does(shared_data: Path) -> None:
    folder = shared_data / "images" / "coral"
    with (folder / "movenet_single_pose_lightning_ptq_reference.csv").open(encoding="utf-8") as file:
        golden = np.array([[float(row["keypoint_x"]), float(row["keypoint_y"])] for row in csv.DictReader(file)])
    shown = picture(folder / "squat.bmp")
    found = look(shared_data, "movenet_lightning", shown)
    assert found.keypoints is not None
    assert found.keypoints.shape == (1, 17, 3)
    relative = found.keypoints[0, :, :2] / np.array(shown.size_wh)
    assert np.abs(relative - golden).max() <= 0.04
    assert np.abs(relative - golden).mean() < 0.015
    left, top, right, bottom = found.xyxy[0]
    sure = found.keypoints[0][found.keypoints[0, :, 2] >= 0.2]
    assert (sure[:, 0] >= left - 1).all()
    assert (sure[:, 0] <= right + 1).all()
    assert (sure[:, 1] >= top - 1).all()
    assert (sure[:, 1] <= bottom + 1).all()


def test_movenet_sees_nobody_in_nothing(shared_data: Path) -> None:
    assert len(look(shared_data, "movenet_lightning", GREY)) == 0


@pytest.mark.parametrize(("name", "least"), [("deeplab_voc", 0.97), ("deeplab_voc_small", 0.96)])
def test_deeplab_colours_the_bird_as_coral_does(shared_data: Path, name: str, least: float) -> None:
    folder = shared_data / "images" / "coral"
    found = segment(shared_data, name, picture(folder / "bird_segmentation.bmp"))
    golden = cv2.imread(str(folder / "bird_segmentation_mask.bmp"), cv2.IMREAD_UNCHANGED)
    assert golden is not None
    assert (found.at_size((golden.shape[1], golden.shape[0])) == golden).mean() >= least


def test_deeplab_tells_a_rider_from_the_horse(shared_data: Path) -> None:
    """The golden picture is of another DeepLab, so the outlines are not the same."""
    folder = shared_data / "images" / "tflite_support"
    found = segment(shared_data, "deeplab_voc", picture(folder / "segmentation_input_rotation0.jpg"))
    golden = cv2.imread(str(folder / "segmentation_golden_rotation0.png"), cv2.IMREAD_GRAYSCALE)
    assert golden is not None
    golden = golden // 10
    seen = found.at_size()
    assert set(np.unique(seen).tolist()) == {0, 13, 15}
    assert (seen == golden).mean() > 0.85
    for class_id in (13, 15):
        both, either = (seen == class_id) & (golden == class_id), (seen == class_id) | (golden == class_id)
        assert both.sum() / either.sum() > 0.7


# How many faces one sees, without those turned away or cut off by the edge.
FACES = {
    "fnp_multiface.jpg": 6,
    "fr_biden.jpg": 1,
    "fr_knn_test_johnsnow_test1.jpg": 1,
    "fr_knn_test_kit_with_rose.jpg": 2,
    "fr_knn_test_obama1.jpg": 1,
    "fr_knn_train_alex_lacamoire_img1.jpg": 1,
    "fr_knn_train_rose_leslie_img1.jpg": 1,
    "fr_knn_train_rose_leslie_img2.jpg": 1,
    "fr_obama.jpg": 1,
    "fr_obama2.jpg": 1,
    "fr_obama_partial_face2.jpg": 1,
}


@pytest.mark.parametrize(("file", "count"), FACES.items(), ids=list(FACES))
def test_yunet_finds_the_faces_and_where_the_eyes_are(shared_data: Path, file: str, count: int) -> None:
    shown = picture(shared_data / "images" / "faces" / file)
    found = look(shared_data, "yunet", shown)
    found = found.select(found.score > 0.8)
    assert len(found) == count
    assert found.keypoints is not None
    right_eye, left_eye, nose, right_mouth, left_mouth = found.keypoints[:, :, :2].transpose(1, 0, 2)
    assert (right_eye[:, 0] < left_eye[:, 0]).all()  # the person's own right is on the left of the picture
    assert (right_mouth[:, 0] < left_mouth[:, 0]).all()
    assert (nose[:, 1] > np.minimum(right_eye, left_eye)[:, 1]).all()
    assert (nose[:, 1] < np.maximum(right_mouth, left_mouth)[:, 1]).all()
    width, height = (found.xyxy[:, 2:] - found.xyxy[:, :2]).T
    assert ((left_eye - right_eye)[:, 0] < width).all()
    assert (height > 0.9 * width).all()


def test_yunet_sees_no_face_in_nothing_and_in_a_street(shared_data: Path) -> None:
    assert len(look(shared_data, "yunet", GREY)) == 0
    assert len(look(shared_data, "yunet", picture(shared_data / "images" / "rf" / "car.jpg"))) == 0


def test_posenet_with_its_own_decoder_says_why_it_cannot_be_run(shared_data: Path) -> None:
    with pytest.raises(ModelUnsupported, match="PosenetDecoderOp"):
        open_backend(shared_data / "models" / "posenet_481_641_decoder.tflite")


@pytest.mark.parametrize("name", ["yunet", "movenet_lightning"])
@pytest.mark.parametrize("size_wh", [(2, 2), (640, 2), (2, 640), (33, 31)])
def test_pictures_of_any_size_can_be_looked_at(shared_data: Path, name: str, size_wh: tuple[int, int]) -> None:
    look(shared_data, name, frame(np.random.default_rng(1).integers(0, 255, (size_wh[1], size_wh[0], 3), np.uint8)))
