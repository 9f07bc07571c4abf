"""A vision task and a backend as one, and the check that they fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend, TensorSpec, VisionTask

Result = TypeVar("Result")


class ModelTask(Generic[Result]):
    """What a model says of pictures. For one thread at a time; keeps nothing of any camera.

    Args:
        manifest: The model.
        task: What its tensors mean.
        backend: The loaded file; `close` closes it.

    Raises:
        ModelUnsupported: The file's input does not fit the manifest.
    """

    def __init__(self, manifest: ModelManifest, task: VisionTask[Result], backend: Backend) -> None:
        check_input(manifest, backend.inputs)
        self._input_name = backend.inputs[0].name
        self._task = task
        self._backend = backend
        self.classes = manifest.classes

    def run(self, frame: Frame) -> Result:
        """What it says of a whole picture.

        Raises:
            ModelError: The model failed.
        """
        inputs, context = self._task.prepare(frame)
        (tensor,) = inputs.values()
        return self._task.finish(self._backend.infer({self._input_name: tensor}), context)

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._backend.close()


def check_input(manifest: ModelManifest, inputs: Sequence[TensorSpec]) -> None:
    """Find a file that does not fit its manifest at start, not at the first frame.

    Raises:
        ModelUnsupported: It has not one input, or another name or size.
    """
    if len(inputs) != 1:
        raise ModelUnsupported(f"{manifest.name}: expected a model with one input, got {len(inputs)}")
    named = manifest.preprocessing.get("input", "")
    if named and named != inputs[0].name:
        raise ModelUnsupported(f"{manifest.name}: its manifest names the input {named!r}, its file {inputs[0].name!r}")
    shape, wanted = inputs[0].shape, picture_shape(manifest)
    if len(shape) != 4 or any(size not in (-1, need) for size, need in zip(shape, wanted, strict=True)):
        raise ModelUnsupported(f"{manifest.name}: its manifest says input {wanted}, its file {shape}")


def picture_shape(manifest: ModelManifest) -> tuple[int, int, int, int]:
    """The shape of one picture as its model takes it, batch dimension 1."""
    width, height = manifest.input_size_wh
    first = manifest.preprocessing.get("layout", "nchw") == "nchw"
    return (1, 3, height, width) if first else (1, height, width, 3)
