"""The heads by name, and the way from a manifest to its task."""

from __future__ import annotations

from typing import Any, Protocol

from panops.domain.class_map import ClassMap
from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import VisionTask
from panops.domain.registry import Entry, Registry
from panops.vision.candidates import KeepSettings

# Tasks whose answer is boxes, with points in them for the last three: all of them can be a camera's detector.
BOX_TASKS = ("detection", "faces", "pose", "hands")
SEGMENTATION = "segmentation"
PART = "part"
"""Of a model that sees nothing alone and serves others."""


class HeadFactory(Protocol):
    """What a plug-in registers in `panops.heads`: a class whose instances are `VisionTask[Detections]`.

    One with an attribute `for_task` reads models for that task only; others read whatever the manifest says.
    """

    def __call__(self, manifest: ModelManifest, settings: KeepSettings | None = None) -> VisionTask[Detections]:
        """Make the task.

        Raises:
            ModelUnsupported: The manifest does not fit this head.
        """
        ...


HEADS = Registry(
    "head",
    "panops.heads",
    {
        "yolox": Entry("panops.vision.detect_yolox:DetectYolox"),
        "yolox_decoded": Entry("panops.vision.detect_yolox:DetectYoloxDecoded"),
        "fastestdet": Entry("panops.vision.detect_fastestdet:DetectFastestDet"),
        "ssd": Entry("panops.vision.detect_ssd:DetectSsd"),
        "yunet": Entry("panops.vision.faces_yunet:FacesYuNet"),
        "movenet": Entry("panops.vision.pose_movenet:PoseMoveNet"),
        "heatmap_pose": Entry("panops.vision.pose_heatmaps:PoseHeatmaps"),
        "blaze_face": Entry("panops.vision.detect_blaze:DetectFaces"),
        "blaze_palm": Entry("panops.vision.detect_blaze:DetectPalms"),
        "blaze_body": Entry("panops.vision.detect_blaze:DetectBodies"),
    },
)

SEGMENT_HEADS = Registry("segmentation head", "panops.segment_heads", {"class_map": Entry("panops.vision.segment_classes:SegmentClasses")})


def open_task(manifest: ModelManifest, settings: KeepSettings | None = None) -> VisionTask[Detections]:
    """The task for a model that finds things: objects, faces, people with their points.

    Args:
        manifest: The model; its `head` names the decoder.
        settings: What is reported; the defaults of `KeepSettings` when None.

    Raises:
        PluginError: No such head.
        ModelUnsupported: The model is for another task, or its manifest does not fit its head.
    """
    if manifest.task not in BOX_TASKS:
        raise ModelUnsupported(f"{manifest.name} is a model for {manifest.task}; a detector needs one for {' or '.join(BOX_TASKS)}")
    return open_part(manifest, settings)


def open_part(manifest: ModelManifest, settings: KeepSettings | None = None) -> VisionTask[Detections]:
    """The same, also of a model that only serves others.

    Raises:
        PluginError: No such head.
        ModelUnsupported: The head is for another task, or the manifest does not fit it.
    """
    factory: Any = HEADS.load(manifest.head)
    for_task = getattr(factory, "for_task", manifest.task)
    if for_task != manifest.task:
        raise ModelUnsupported(f"{manifest.name} is a model for {manifest.task}, but its head {manifest.head} is for {for_task}")
    task: VisionTask[Detections] = factory(manifest, settings)
    return task


def open_segmentation(manifest: ModelManifest) -> VisionTask[ClassMap]:
    """The task for a segmentation model.

    Raises:
        PluginError: No such head.
        ModelUnsupported: The model is for another task, or its manifest does not fit its head.
    """
    if manifest.task != SEGMENTATION:
        raise ModelUnsupported(f"{manifest.name} is a model for {manifest.task}; a map of classes needs one for {SEGMENTATION}")
    factory: Any = SEGMENT_HEADS.load(manifest.head)
    task: VisionTask[ClassMap] = factory(manifest)
    return task
