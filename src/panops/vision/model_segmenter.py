"""A segmentation task and a backend as one."""

from __future__ import annotations

from panops.domain.class_map import ClassMap
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend, VisionTask
from panops.vision.model_detector import check_input


class ModelSegmenter:
    """Says what each part of a picture shows. For one thread at a time; keeps nothing of any camera.

    Args:
        manifest: The model.
        task: What its tensors mean (`vision.registry.open_segmentation`).
        backend: The loaded file; `close` closes it.

    Raises:
        ModelUnsupported: The file's input does not fit the manifest.
    """

    def __init__(self, manifest: ModelManifest, task: VisionTask[ClassMap], backend: Backend) -> None:
        check_input(manifest, backend.inputs)
        self._input_name = backend.inputs[0].name
        self._task = task
        self._backend = backend
        self.classes = manifest.classes

    def segment(self, frame: Frame) -> ClassMap:
        """The map of a whole picture.

        Raises:
            ModelError: The model failed.
        """
        inputs, context = self._task.prepare(frame)
        (tensor,) = inputs.values()
        return self._task.finish(self._backend.infer({self._input_name: tensor}), context)

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._backend.close()
