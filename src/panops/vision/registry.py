"""The heads by name, and the way from a manifest to its task."""

from __future__ import annotations

from typing import Any, Protocol

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import VisionTask
from panops.domain.registry import Entry, Registry
from panops.vision.candidates import KeepSettings


class HeadFactory(Protocol):
    """What a plug-in registers in `panops.heads`: a class whose instances are `VisionTask[Detections]`."""

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
    },
)


def open_task(manifest: ModelManifest, settings: KeepSettings | None = None) -> VisionTask[Detections]:
    """The task for a detection model.

    Args:
        manifest: The model; its `head` names the decoder.
        settings: What is reported; the defaults of `KeepSettings` when None.

    Raises:
        PluginError: No such head.
        ModelUnsupported: The model is for another task, or its manifest does not fit its head.
    """
    if manifest.task != "detection":
        raise ModelUnsupported(f"{manifest.name} is a model for {manifest.task}; a camera's detector needs one for detection")
    factory: Any = HEADS.load(manifest.head)
    task: VisionTask[Detections] = factory(manifest, settings)
    return task
