"""From the names of models to a reader of faces, on the CPU."""

from __future__ import annotations

from contextlib import ExitStack

from panops.domain.errors import ModelUnsupported
from panops.models.store import ModelStore
from panops.pipeline.face_reader import ModelFaceReader
from panops.pipeline.model_file import open_model_file
from panops.pipeline.open_detector import open_detector
from panops.vision.face_embedding import ModelFaceEmbedder
from panops.vision.face_liveness import LIVENESS, WIDE, FaceLiveness
from panops.vision.face_quality import LIMITS, QualityLimits

FACES = "faces"
DEFAULT_DETECTOR, DEFAULT_EMBEDDER = "yunet", "dlib_faces"
DEFAULT_LIVENESS = "minifasnet"


def open_face_reader(
    store: ModelStore,
    detector: str = DEFAULT_DETECTOR,
    embedder: str = DEFAULT_EMBEDDER,
    liveness: str = "",
    *,
    threads: int = 1,
    limits: QualityLimits = LIMITS,
    threshold: float | None = None,
) -> ModelFaceReader:
    """Load the models of a reader; it closes them.

    Args:
        store: Where models are.
        detector: A model for `faces`: NAME or NAME@VERSION.
        embedder: A model for `face_embedding`; the embeddings are called after its NAME@VERSION.
        liveness: A model for `liveness`; empty asks nobody whether faces live.
        threads: Threads of each model.
        limits: From where on a face is good enough.
        threshold: From which similarity on two faces are one person's; None as it was measured for the embedder.

    Raises:
        ModelNotFound: One is not here; the message says how to get it.
        ModelError: One cannot be used, or is for another task.
    """
    with ExitStack() as opened:
        found = store.get(detector)
        if found.manifest.task != FACES:
            raise ModelUnsupported(f"{found.reference} is a model for {found.manifest.task}; finding faces needs one for {FACES}")
        backend = open_model_file(found, threads=threads)
        opened.callback(backend.close)
        finds = open_detector(found, backend, store, open_model_file, wait=True)
        tells = store.get(embedder)
        backend = open_model_file(tells, threads=threads)
        opened.callback(backend.close)
        apart = ModelFaceEmbedder(tells.manifest, backend, tells.reference)
        lives = open_liveness(store, liveness, threads=threads) if liveness else None
        opened.pop_all()
        return ModelFaceReader(finds, found.reference, apart, lives, limits, threshold=threshold)


def open_liveness(store: ModelStore, name: str = DEFAULT_LIVENESS, *, threads: int = 1) -> FaceLiveness:
    """Load what tells living faces from pictures of faces.

    Raises:
        ModelNotFound: It, or the model for the wider view that it needs, is not here.
        ModelError: It cannot be used, or is for another task.
    """
    near = store.get(name)
    if near.manifest.task != LIVENESS or set(near.manifest.needs) != {WIDE}:
        raise ModelUnsupported(
            f"{near.reference} is a model for {near.manifest.task}; expected one for {LIVENESS} that needs one for {WIDE}"
        )
    with ExitStack() as opened:
        backends = []
        for model in (near, store.get(near.manifest.needs[WIDE])):
            backends.append(open_model_file(model, threads=threads))
            opened.callback(backends[-1].close)
        made = FaceLiveness(*backends)
        opened.pop_all()
        return made
