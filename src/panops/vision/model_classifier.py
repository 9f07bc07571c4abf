"""The task `classification` and a backend as one classifier."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panops.domain.class_scores import ClassScores
from panops.domain.crops import ROOM, part_around
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend
from panops.vision.classify import Classify
from panops.vision.model_task import ModelTask


class ModelClassifier(ModelTask[ClassScores]):
    """A classifier from a model; see `ModelTask`.

    Args:
        manifest: The model.
        backend: The loaded file (`inference.open_backend`); `close` closes it.

    Raises:
        ModelUnsupported: It is no classifier, or the file's input does not fit the manifest.
    """

    def __init__(self, manifest: ModelManifest, backend: Backend) -> None:
        self._classify = Classify(manifest)
        super().__init__(manifest, self._classify, backend)

    def classify(self, frame: Frame) -> ClassScores:
        """The scores (1, C) of a whole picture.

        Raises:
            ModelError: The model failed.
        """
        return self.run(frame)

    def classify_boxes(self, frame: Frame, xyxy: NDArray[np.float32], room: float = ROOM) -> ClassScores:
        """The scores (N, C) of parts of a picture, each with some room around its box.

        Args:
            frame: The picture.
            xyxy: Boxes (N, 4), px of the frame; none gives no scores.
            room: On each side, as a share of the box's longer side.

        Raises:
            ModelError: The model failed.
        """
        rows = []
        for box in xyxy:
            left, top, right, bottom = map(float, box)
            inputs, context = self._classify.prepare_part(frame, part_around((left, top, right, bottom), frame.size_wh, room))
            (tensor,) = inputs.values()
            rows.append(self._classify.finish(self._backend.infer({self._input_name: tensor}), context).scores)
        return ClassScores(np.concatenate(rows)) if rows else ClassScores.empty(len(self.classes))
