"""Makes detectors from model names: a vision task, a backend and the store, joined."""

from __future__ import annotations

from panops.domain.protocols import Detector
from panops.inference.open_backend import open_backend
from panops.models.store import ModelStore
from panops.vision.model_detector import ModelDetector
from panops.vision.moving import MovingDetector
from panops.vision.registry import open_task

MOTION = "motion"


class DetectorPool:
    """The detectors of one process: each model is loaded once, when the first camera asks for it.

    Args:
        store: Where models are.
        threads: Threads a session.
    """

    def __init__(self, store: ModelStore, threads: int = 1) -> None:
        self._store = store
        self._threads = threads
        self._loaded: dict[str, Detector] = {}

    def get(self, name: str) -> Detector:
        """The detector of model `name`; `motion` is the one without a model.

        Raises:
            ModelError: It is not in the store, is damaged, or cannot be run here.
        """
        if name not in self._loaded:
            self._loaded[name] = self._open(name)
        return self._loaded[name]

    def _open(self, name: str) -> Detector:
        if name == MOTION:
            return MovingDetector()
        model = self._store.get(name)
        backend = open_backend(model.path, threads=self._threads)
        return ModelDetector(model.manifest, open_task(model.manifest), backend)
