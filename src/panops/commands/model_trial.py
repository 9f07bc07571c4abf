"""Does a model run here? Asked after it was added, and when it is shown."""

from __future__ import annotations

import numpy as np

from panops.domain.errors import ModelUnsupported, PanopsError
from panops.domain.frame import ArrayPixels, Frame
from panops.models.store import ModelStore, StoredModel
from panops.pipeline.model_file import open_model_file
from panops.pipeline.open_models import OpenModel
from panops.pipeline.picture_answer import look_at
from panops.vision.face_embedding import FACE_EMBEDDING, ModelFaceEmbedder
from panops.vision.face_liveness import LIVENESS
from panops.vision.registry import PART
from panops.vision.reid import REID, PersonEmbedder


def trouble_with(model: StoredModel, store: ModelStore | None = None) -> str:
    """Empty when the model loads and its outputs for a grey picture make sense, else what is wrong; a part is only loaded.

    Args:
        model: The model.
        store: Where the models are that it needs.
    """
    grey = Frame("check", 0, 0.0, 0.0, ArrayPixels(np.full((360, 640, 3), 114, np.uint8)))
    try:
        opened = OpenModel(model, open_model_file(model), store=store)
        try:
            if model.manifest.task == FACE_EMBEDDING:
                ModelFaceEmbedder(model.manifest, open_model_file(model)).close()  # asks it about a black face
            elif model.manifest.task == REID:
                PersonEmbedder(model.manifest, opened).embed(grey, np.array([[0, 0, 160, 320]], np.float32))
            elif model.manifest.task not in (PART, LIVENESS):
                look_at(opened, grey)
        finally:
            opened.close()
    except PanopsError as error:
        return str(error)
    return ""


def need_to_run(model: StoredModel, store: ModelStore | None = None) -> None:
    """Raise where a model cannot run on this machine, before it comes into use; see `trouble_with`.

    Raises:
        ModelUnsupported: It cannot; the sentence says why, and how it is done nevertheless.
    """
    trouble = trouble_with(model, store)
    if trouble:
        raise ModelUnsupported(f"{model.reference} cannot run here, so it is not put into use: {trouble}; with --force it is nevertheless")
