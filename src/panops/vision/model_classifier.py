"""The task `classification` and a backend as one classifier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from panops.domain.class_scores import ClassScores
from panops.domain.crops import part_around
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend
from panops.vision.classify import Classify
from panops.vision.model_detector import check_input


class ModelClassifier:
    """A classifier from a model. For one thread at a time; keeps nothing of any camera.

    Args:
        manifest: The model.
        backend: The loaded file (`inference.open_backend`); `close` closes it.

    Raises:
        ModelUnsupported: It is no classifier, or the file's input does not fit the manifest.
    """

    def __init__(self, manifest: ModelManifest, backend: Backend) -> None:
        check_input(manifest, backend.inputs)
        named = replace(manifest, preprocessing={**manifest.preprocessing, "input": backend.inputs[0].name})
        self._task = Classify(named)
        self._backend = backend
        self.classes = manifest.classes

    def classify(self, frame: Frame) -> ClassScores:
        """The scores (1, C) of a whole picture.

        Raises:
            ModelError: The model failed.
        """
        inputs, context = self._task.prepare(frame)
        return self._task.finish(self._backend.infer(inputs), context)

    def classify_boxes(self, frame: Frame, xyxy: NDArray[np.float32]) -> ClassScores:
        """The scores (N, C) of parts of a picture, each with a little room around its box.

        Args:
            frame: The picture.
            xyxy: Boxes (N, 4), px of the frame; none gives no scores.

        Raises:
            ModelError: The model failed.
        """
        rows = []
        for box in xyxy:
            left, top, right, bottom = map(float, box)
            inputs, context = self._task.prepare_part(frame, part_around((left, top, right, bottom), frame.size_wh))
            rows.append(self._task.finish(self._backend.infer(inputs), context).scores)
        return ClassScores(np.concatenate(rows)) if rows else ClassScores.empty(len(self.classes))

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._backend.close()
