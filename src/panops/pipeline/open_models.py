"""Models that are open for programs: raw tensors or pictures, by the same backends, devices and heads as cameras."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.device import CPU, Device
from panops.domain.errors import ModelNotFound, ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.protocols import Backend, BatchRunner, Detector, TensorSpec
from panops.inference.batching import BatchingEngine
from panops.inference.open_backend import open_backend
from panops.inference.tensors import check_inputs
from panops.models.manifest_file import is_model_name
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore
from panops.models.version_id import split_reference
from panops.vision.batch_detector import BatchDetector
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task

_MOST_OPEN = 4

OpenBackend = Callable[[StoredModel], Backend]


class OpenModel:
    """A loaded version. Any thread may use it: on a CPU they take turns, a device makes batches of what comes together.

    Args:
        model: The version.
        backend: Its loaded file; it belongs to this object.
        lane: The same on a device; None on a CPU.
    """

    def __init__(self, model: StoredModel, backend: Backend, lane: BatchRunner | None = None) -> None:
        self.model = model
        self.inputs: tuple[TensorSpec, ...] = backend.inputs
        self.outputs: tuple[TensorSpec, ...] = backend.outputs
        self._backend = backend
        self._lane = lane
        self._turn = threading.Lock()
        self._detector: Detector | None = None

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
                return detector.detect(frame)
        return detector.detect(frame)

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        (self._lane or self._backend).close()

    def _made_detector(self) -> Detector:
        manifest = self.model.manifest
        if self._lane is None:
            return ModelDetector(manifest, open_task(manifest), self._backend)
        return BatchDetector(manifest, lambda: open_task(manifest), self._lane)


class OpenModels:
    """The models that were asked for lately; any thread may ask.

    Args:
        store: Where models are.
        device: Where they run.
        engines: Where what was compiled is kept for the next start; None keeps nothing.
        opens: Opens a version's file; by its format where None (tests give devices that are none).
        opening: Told the model before it is opened, which may take minutes on a device.
    """

    def __init__(
        self,
        store: ModelStore,
        device: Device = CPU,
        engines: Path | None = None,
        opens: OpenBackend | None = None,
        opening: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._engines = engines
        self._opens = opens or self._open_backend
        self._opening = opening or (lambda _reference: None)
        self.device = device
        self._engine = BatchingEngine(str(device)) if device.batches else None
        self._open: OrderedDict[str, tuple[tuple[int, int, int] | None, OpenModel]] = OrderedDict()
        self._lock = threading.Lock()

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
            stamp = self._store.stamp(name)
            found = self._open.get(reference)
            if found is None or found[0] != stamp or not found[1].model.path.is_file():
                found = (stamp, self._followed(reference, found[1] if found is not None else None))
                self._open[reference] = found
            self._open.move_to_end(reference)
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)[1][1].close()
            return found[1]

    def close(self) -> None:
        """Free all models. Safe to call twice."""
        with self._lock:
            for _, model in self._open.values():
                model.close()
            self._open.clear()
            if self._engine is not None:
                self._engine.close()

    def _followed(self, reference: str, before: OpenModel | None) -> OpenModel:
        """What `reference` means now: the open one where that is still it."""
        name, _ = split_reference(reference)
        # Not `get` alone: it would install what only lies in a mirror.
        if not self._store.is_installed(name):
            raise self._unknown(name)
        stored = self._store.get(reference)
        if before is not None:
            if (before.model.version, before.model.manifest.sha256) == (stored.version, stored.manifest.sha256):
                return before
            before.close()
        self._open.pop(reference, None)
        self._opening(reference)
        backend = self._opens(stored)
        if self._engine is None:
            return OpenModel(stored, backend)
        if len(backend.inputs) != 1 or not backend.inputs[0].shape:
            raise ModelUnsupported(f"{stored.manifest.name}: on {self.device} only models with one input that has a batch can be asked")
        spec = backend.inputs[0]
        picture = np.zeros([1, *(max(1, size) for size in spec.shape[1:])], spec.dtype)
        return OpenModel(stored, backend, self._engine.add(backend, picture))

    def _unknown(self, name: str) -> ModelNotFound:
        return ModelNotFound(f"there is no model {ascii(name)[:80]}; known are: {', '.join(self._store.names())}")

    def _open_backend(self, model: StoredModel) -> Backend:
        return open_backend(model.path, device=self.device, cache_dir=self._engines)
