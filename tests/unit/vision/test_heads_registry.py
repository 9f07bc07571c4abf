from __future__ import annotations

from dataclasses import replace

import pytest
from manifests import manifest

from panops.domain.errors import ModelUnsupported, PluginError
from panops.vision.detect_fastestdet import DetectFastestDet
from panops.vision.detect_ssd import DetectSsd
from panops.vision.detect_yolox import DetectYolox, DetectYoloxDecoded
from panops.vision.faces_yunet import FacesYuNet
from panops.vision.pose_movenet import PoseMoveNet
from panops.vision.registry import HEADS, open_segmentation, open_task
from panops.vision.segment_classes import SegmentClasses


@pytest.mark.parametrize(
    ("head", "kind"), [("yolox", DetectYolox), ("yolox_decoded", DetectYoloxDecoded), ("ssd", DetectSsd), ("fastestdet", DetectFastestDet)]
)
def test_every_head_opens(head: str, kind: type) -> None:
    assert type(open_task(manifest(head))) is kind
    assert head in HEADS.names()


def test_an_unknown_head_names_the_known_ones() -> None:
    with pytest.raises(
        PluginError,
        match="unknown head 'yolo9000'; known are: blaze_body, blaze_face, blaze_palm, fastestdet, heatmap_pose, movenet, ssd",
    ):
        open_task(manifest("yolo9000"))


@pytest.mark.parametrize(("head", "task", "kind"), [("yunet", "faces", FacesYuNet), ("movenet", "pose", PoseMoveNet)])
def test_faces_and_poses_open_too(head: str, task: str, kind: type) -> None:
    assert type(open_task(replace(manifest(head), task=task))) is kind


def test_segmentation_opens_apart() -> None:
    model = replace(manifest("class_map"), task="segmentation")
    assert type(open_segmentation(model)) is SegmentClasses
    with pytest.raises(ModelUnsupported, match="m is a model for segmentation; a detector needs one for detection or faces"):
        open_task(model)
    with pytest.raises(ModelUnsupported, match="m is a model for detection; a map of classes needs one for segmentation"):
        open_segmentation(manifest())


@pytest.mark.parametrize(("head", "task"), [("yolox", "pose"), ("movenet", "detection"), ("yunet", "hands")])
def test_a_head_for_another_task_is_refused(head: str, task: str) -> None:
    with pytest.raises(ModelUnsupported, match=f"m is a model for {task}, but its head {head} is for"):
        open_task(replace(manifest(head), task=task))


@pytest.mark.parametrize("size_wh", [(64, 33), (65, 32)])
def test_yunet_needs_sides_of_whole_strides(size_wh: tuple[int, int]) -> None:
    with pytest.raises(ModelUnsupported, match="multiples of 32 px"):
        open_task(replace(manifest("yunet", size_wh), task="faces"))
