"""Models that are open for programs: raw tensors or pictures, by the same backends, devices and heads as cameras."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from panops.domain.class_map import ClassMap
from panops.domain.class_scores import ClassScores
from panops.domain.clock import Clock
from panops.domain.detections import Detections
from panops.domain.device import CPU, Device
from panops.domain.errors import DeviceError, ModelNotFound, ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.protocols import Backend, BatchRunner, Detector, TensorSpec
from panops.inference.batch_queue import BatchSettings
from panops.inference.batching import BatchingEngine
from panops.inference.open_backend import open_backend
from panops.inference.tensors import check_inputs
from panops.models.manifest_file import is_model_name
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore
from panops.models.version_id import split_reference
from panops.pipeline.model_file import open_model_file
from panops.pipeline.open_detector import open_detector
from panops.vision.batch_detector import BatchDetector
from panops.vision.model_classifier import ModelClassifier
from panops.vision.model_task import ModelTask
from panops.vision.registry import open_segmentation, open_task

_MOST_OPEN = 4
# A batch holds a device for longer, and a camera's picture may wait for that: it has to be worth it.
_LEAST_GAIN = 0.1

OpenBackend = Callable[[StoredModel], Backend]


class OpenModel:
    """A loaded version. Any thread may use it: on a CPU they take turns, a device that gains by it makes batches of what comes together.

    Args:
        model: The version.
        backend: Its loaded file; it belongs to this object.
        lane: The same on a device; None on a CPU.
        store: Where the models are that it needs.
    """

    def __init__(self, model: StoredModel, backend: Backend, lane: BatchRunner | None = None, store: ModelStore | None = None) -> None:
        self._store = store
        self.model = model
        self.inputs: tuple[TensorSpec, ...] = backend.inputs
        self.outputs: tuple[TensorSpec, ...] = backend.outputs
        self._backend = backend
        self._lane = lane
        self._turn = threading.Lock()
        self._detector: Detector | None = None
        self._segmenter: ModelTask[ClassMap] | None = None
        self._classifier: ModelClassifier | None = None

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the model; see `domain.protocols.Backend.infer`."""
        if self._lane is None:
            with self._turn:
                return self._backend.infer(inputs)
        check_inputs(self.model.path.name, self.inputs, inputs)
        (tensor,) = inputs.values()
        tickets = [self._lane.submit(tensor[row : row + 1], math.inf, background=True) for row in range(len(tensor))]
        rows = [ticket.result() for ticket in tickets]
        return {spec.name: np.concatenate([row[spec.name] for row in rows]) for spec in self.outputs}

    def detect(self, frame: Frame) -> Detections:
        """What is in a picture; see `domain.protocols.Detector.detect`.

        Raises:
            ModelUnsupported: It is no detector.
        """
        with self._turn:
            detector = self._detector = self._detector or self._made_detector()
            if self._lane is None:
                detector.forget(frame.camera_id)  # pictures of programs are no film: nothing of the one before may count
                return detector.detect(frame)
        return detector.detect(frame)

    def segment(self, frame: Frame) -> ClassMap:
        """What each part of a picture shows.

        Raises:
            ModelUnsupported: It is no segmentation model, or its file runs on a device that makes batches.
        """
        manifest = self.model.manifest
        if self._lane is not None:
            raise ModelUnsupported(f"{manifest.name}: maps of classes are made on the CPU only, and the device of this site is another")
        with self._turn:
            self._segmenter = self._segmenter or ModelTask(manifest, open_segmentation(manifest), self._backend)
            return self._segmenter.run(frame)

    def classify(self, frame: Frame) -> ClassScores:
        """What a picture shows as a whole.

        Raises:
            ModelUnsupported: It is no classifier, or its file runs on a device that makes batches.
        """
        if self._lane is not None:
            raise ModelUnsupported(
                f"{self.model.manifest.name}: pictures are classified on the CPU only, and the device of this site is another"
            )
        with self._turn:
            self._classifier = self._classifier or ModelClassifier(self.model.manifest, self._backend)
            return self._classifier.classify(frame)

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        close_others = getattr(self._detector, "close", None) if self.model.manifest.needs else None
        if close_others is not None:
            close_others()
        (self._lane or self._backend).close()

    def _made_detector(self) -> Detector:
        manifest = self.model.manifest
        if self._lane is None:
            return open_detector(self.model, self._backend, self._store, open_model_file)
        return BatchDetector(manifest, lambda: open_task(manifest), self._lane)


class OpenModels:
    """The models that were asked for lately; any thread may ask.

    Args:
        store: Where models are.
        device: Where they run.
        engines: Where what was compiled is kept for the next start; None keeps nothing.
        opens: Opens a version's file; by its format where None (tests give devices that are none).
        opening: Told the model before it is opened, which may take minutes on a device.
        opened: Told it once that is over, whether it could be opened or not.
        clock: Time.
    """

    def __init__(
        self,
        store: ModelStore,
        device: Device = CPU,
        engines: Path | None = None,
        opens: OpenBackend | None = None,
        opening: Callable[[str], None] | None = None,
        opened: Callable[[str], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._engines = engines
        self._opens = opens or self._open_backend
        self._opening = opening or (lambda _reference: None)
        self._opened = opened or (lambda _reference: None)
        self.device = device
        self._engine = BatchingEngine(str(device), BatchSettings(least_gain=_LEAST_GAIN), clock) if device.batches else None
        self._open: OrderedDict[str, tuple[tuple[int, int, int] | None, OpenModel]] = OrderedDict()
        self._closed = False
        # Guards what is open, and is never held while a file is opened; then only the model's own turn is.
        self._lock = threading.Lock()
        self._turns: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    def get(self, reference: str) -> OpenModel:
        """A model, opened unless it is open already. The one that was not asked for the longest is closed when there are too many.

        Args:
            reference: A name, for its active version, or `NAME@VERSION`.

        Raises:
            ModelNotFound: It is not here.
            ModelError: It cannot be used.
        """
        name, _ = split_reference(reference)
        if not is_model_name(name):
            raise self._unknown(name)
        with self._lock:
            model = self._current(reference, self._store.stamp(name))
            if model is not None:
                return model
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:
            stamp = self._store.stamp(name)
            with self._lock:
                model = self._current(reference, stamp)  # somebody else may have opened it in the meantime
                if model is not None:
                    return model
                before = self._open.pop(reference, (None, None))[1]
            model = self._followed(reference, before)
            with self._lock:
                if self._closed:
                    model.close()
                    raise DeviceError(f"{self.device} was closed")
                self._open[reference] = (stamp, model)
                while len(self._open) > _MOST_OPEN:
                    self._open.popitem(last=False)[1][1].close()
            return model

    def close(self) -> None:
        """Free all models. Safe to call twice."""
        with self._lock:
            self._closed = True
            for _, model in self._open.values():
                model.close()
            self._open.clear()
            if self._engine is not None:
                self._engine.close()

    def _current(self, reference: str, stamp: tuple[int, int, int] | None) -> OpenModel | None:
        """The open one, if nobody decided anything since. The caller holds the lock."""
        found = self._open.get(reference)
        if found is None or found[0] != stamp or not found[1].model.path.is_file():
            return None
        self._open.move_to_end(reference)
        return found[1]

    def _followed(self, reference: str, before: OpenModel | None) -> OpenModel:
        """What `reference` means now: the open one where that is still it; otherwise that is closed."""
        kept = False
        try:
            stored = self._stored(reference)
            kept = before is not None and _are_same(before.model, stored)
        finally:
            if before is not None and not kept:
                before.close()
        if before is not None and kept:
            return before
        self._opening(reference)
        try:
            return self._made(stored)
        finally:
            self._opened(reference)

    def _stored(self, reference: str) -> StoredModel:
        name, _ = split_reference(reference)
        # Not `get` alone: it would install what only lies in a mirror.
        if not self._store.is_installed(name):
            raise self._unknown(name)
        return self._store.get(reference)

    def _made(self, stored: StoredModel) -> OpenModel:
        backend = self._opens(stored)
        if self._engine is None:
            return OpenModel(stored, backend, store=self._store)
        if stored.manifest.needs:
            backend.close()
            raise ModelUnsupported(f"{stored.manifest.name} is made of several models, which run on the CPU only, not on {self.device}")
        if len(backend.inputs) != 1 or not backend.inputs[0].shape:
            raise ModelUnsupported(f"{stored.manifest.name}: on {self.device} only models with one input that has a batch can be asked")
        spec = backend.inputs[0]
        picture = np.zeros([1, *(max(1, size) for size in spec.shape[1:])], spec.dtype)
        return OpenModel(stored, backend, self._engine.add(backend, picture))

    def _unknown(self, name: str) -> ModelNotFound:
        return ModelNotFound(f"there is no model {ascii(name)[:80]}; known are: {', '.join(self._store.names())}")

    def _open_backend(self, model: StoredModel) -> Backend:
        if self._engine is None:
            return open_model_file(model, cache_dir=self._engines)
        return open_backend(model.path, device=self.device, cache_dir=self._engines)


def _are_same(model: StoredModel, other: StoredModel) -> bool:
    return (model.version, model.manifest.sha256) == (other.version, other.manifest.sha256)
