"""The task `reid`: people as numbers; the nearer two rows are, the more alike two people look: their clothes, and hardly their faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panops.domain.crops import part_around
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend
from panops.domain.region import Region
from panops.vision.model_task import check_input
from panops.vision.preprocess import InputPicture, Preprocessing

REID = "reid"
"""The task and the head of such models."""
_DIMENSIONS = range(8, 4097)
# Such models learn from boxes that end at the person; what is around it would be a part of how somebody looks.
_ROOM = 0.0
_LEAST_LENGTH = 1e-9


class PersonEmbedder:
    """People in a picture to unit embeddings. For one thread at a time; keeps nothing of any camera.

    Args:
        manifest: A model for `reid`.
        backend: The loaded file; `close` closes it.

    Attributes:
        name: The model with its version: embeddings of different models cannot be compared.
        dimensions: How many numbers a person has.

    Raises:
        ModelUnsupported: It is for another task, or the file does not fit its manifest.
    """

    def __init__(self, manifest: ModelManifest, backend: Backend) -> None:
        if manifest.task != REID or manifest.head != REID:
            raise ModelUnsupported(
                f"{manifest.name} is a model for {manifest.task} with the head {manifest.head}; finding people again needs one for "
                f"{REID} with the head {REID}"
            )
        check_input(manifest, backend.inputs)
        if len(backend.outputs) != 1:
            raise ModelUnsupported(f"{manifest.name}: expected a model with one output, got {len(backend.outputs)}")
        how = Preprocessing.of(manifest)
        self.name = f"{manifest.name}@{manifest.version}"
        self._input_name, self._output_name = backend.inputs[0].name, backend.outputs[0].name
        self._size_wh = how.size_wh
        self._picture = InputPicture(how)
        self._backend = backend
        self.dimensions = backend.outputs[0].shape[-1]
        if self.dimensions not in _DIMENSIONS:
            least, most = _DIMENSIONS[0], _DIMENSIONS[-1]
            raise ModelUnsupported(f"{manifest.name}: expected {least} to {most} numbers a person, got {self.dimensions}")

    def embed(self, frame: Frame, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, D) float32 of length 1, one row a box; the dot product of two rows is their similarity, -1..1.

        Args:
            frame: The picture.
            xyxy: People's boxes (N, 4), px of the frame; none gives no rows.

        Raises:
            ModelError: The model failed, or gives numbers without a direction.
        """
        rows = np.zeros((len(xyxy), self.dimensions), np.float32)
        for row, box in enumerate(xyxy):
            left, top, right, bottom = map(float, box)
            part = part_around((left, top, right, bottom), frame.size_wh, _ROOM)
            tensor, _ = self._picture.fill(frame, Region(part, self._size_wh))
            raw = np.asarray(self._backend.infer({self._input_name: tensor})[self._output_name], np.float32).reshape(-1)
            length = float(np.linalg.norm(raw))
            if len(raw) != self.dimensions or not np.isfinite(length) or length < _LEAST_LENGTH:
                raise ModelUnsupported(f"{self.name} gives numbers for a person that have no direction")
            rows[row] = raw / length
        return rows

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._backend.close()
