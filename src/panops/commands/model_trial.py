"""Does a model run here? Asked after it was added, and when it is shown."""

from __future__ import annotations

import numpy as np

from panops.domain.errors import ModelUnsupported, PanopsError
from panops.domain.frame import ArrayPixels, Frame
from panops.inference.open_backend import open_backend
from panops.models.store import StoredModel
from panops.vision.classify import TASK
from panops.vision.model_classifier import ModelClassifier
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task


def trouble_with(model: StoredModel) -> str:
    """Empty when the model loads and its outputs for a grey picture make sense, else what is wrong."""
    grey = Frame("check", 0, 0.0, 0.0, ArrayPixels(np.full((360, 640, 3), 114, np.uint8)))
    try:
        if model.manifest.task == TASK:
            classifier = ModelClassifier(model.manifest, open_backend(model.path))
            classifier.classify(grey)
            classifier.close()
            return ""
        detector = ModelDetector(model.manifest, open_task(model.manifest), open_backend(model.path))
        detector.detect(grey)
        detector.close()
    except PanopsError as error:
        return str(error)
    return ""


def need_to_run(model: StoredModel) -> None:
    """Raise where a model cannot run on this machine, before it comes into use.

    Raises:
        ModelUnsupported: It cannot; the sentence says why, and how it is done nevertheless.
    """
    trouble = trouble_with(model)
    if trouble:
        raise ModelUnsupported(f"{model.reference} cannot run here, so it is not put into use: {trouble}; with --force it is nevertheless")
