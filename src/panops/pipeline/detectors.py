"""Makes detectors from model names: a vision task, a backend and the store, joined."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from panops.domain.protocols import Detector, RegionTask
from panops.inference.open_backend import open_backend
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore
from panops.vision.model_detector import ModelDetector
from panops.vision.moving import MovingDetector
from panops.vision.region_detector import RegionModelDetector
from panops.vision.registry import open_task

MOTION = "motion"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is in use.

    Attributes:
        detector: What runs it.
        model: The version, or None for the detector without a model.
        stamp: `ModelStore.stamp` from before it was looked up.
    """

    detector: Detector
    model: StoredModel | None = None
    stamp: tuple[int, int, int] | None = None


class DetectorPool:
    """The detectors of one process: each model is loaded once, when the first camera asks for it. Any thread may ask.

    Args:
        store: Where models are.
        threads: Threads a session.
        patient: Whether the first look at a part of a picture waits until the model is ready for it, so that results do not depend on time.
    """

    def __init__(self, store: ModelStore, threads: int = 1, *, patient: bool = False) -> None:
        self.store = store
        self._patient = patient
        self._threads = threads
        self._loaded: dict[str, LoadedModel] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Detector:
        """The detector of model `name`; `motion` is the one without a model.

        Raises:
            ModelError: It is not in the store, is damaged, or cannot be run here.
        """
        with self._lock:
            if name not in self._loaded:
                stamp = self.store.stamp(name)
                self._loaded[name] = LoadedModel(MovingDetector()) if name == MOTION else self._open(name, stamp)
            return self._loaded[name].detector

    def loaded(self, name: str) -> LoadedModel | None:
        """What is in use under this name, or None before the first `get`."""
        return self._loaded.get(name)

    def refresh(self, name: str) -> None:
        """Load the version that is active now, when somebody chose another one since the last look. It costs one `stat` otherwise.

        Raises:
            ModelError: It cannot be used; the one before stays, and this is not tried again before somebody decides anew.
        """
        before = self._loaded.get(name)
        if before is None or before.model is None or (stamp := self.store.stamp(name)) == before.stamp:
            return
        with self._lock:
            self._loaded[name] = LoadedModel(before.detector, before.model, stamp)
            now = self.store.get(name)
            if (now.version, now.manifest.sha256) != (before.model.version, before.model.manifest.sha256):
                self._loaded[name] = LoadedModel(self.open(now), now, stamp)

    def open(self, model: StoredModel) -> Detector:
        """A detector of its own for a version.

        Raises:
            ModelError: It cannot be run here.
        """
        backend, task = open_backend(model.path, threads=self._threads), open_task(model.manifest)
        if isinstance(task, RegionTask) and task.any_size:
            return RegionModelDetector(model.manifest, task, backend, wait=self._patient)
        return ModelDetector(model.manifest, task, backend)

    def _open(self, name: str, stamp: tuple[int, int, int] | None) -> LoadedModel:
        model = self.store.get(name)
        return LoadedModel(self.open(model), model, stamp)
