"""Makes detectors from model names: a vision task, a backend and the store, joined."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from panops.domain.clock import Clock, SystemClock
from panops.domain.device import CPU, Device
from panops.domain.errors import DeviceError, ModelUnsupported, PanopsError
from panops.domain.protocols import Backend, Detector, HandReader
from panops.inference.batching import BatchingEngine
from panops.inference.open_backend import open_backend
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore
from panops.pipeline.analysis_loop import MOST_CHECKS_A_ROUND
from panops.pipeline.model_file import open_model_file
from panops.pipeline.open_detector import open_detector
from panops.vision.batch_detector import BatchDetector
from panops.vision.hand_signs import open_hand_reader, reads_hands
from panops.vision.model_task import picture_shape
from panops.vision.moving import MovingDetector
from panops.vision.registry import BOX_TASKS, open_task

MOTION = "motion"
# A round fills two batches: the device works on the first while the pictures of the second are prepared.
_BATCHES_A_ROUND = 2
# A model whose device could not be used is tried again so often: drivers come up after panops, memory is freed.
_TRY_AGAIN_S = 60.0


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
        engines: Where what was compiled is kept for the next start; None keeps nothing.
        clock: Time of the deadlines on a device; the machine's own when None.
        patient: Whether the first look at a part of a picture waits until the model is ready for it, so that results do not depend on time.
    """

    def __init__(
        self, store: ModelStore, threads: int = 1, *, engines: Path | None = None, clock: Clock | None = None, patient: bool = False
    ) -> None:
        self.store = store
        self.device = CPU
        self._patient = patient
        self._threads = threads
        self._engines_folder = engines
        self._clock = clock or SystemClock()
        self._loaded: dict[str, LoadedModel] = {}
        self._lock = threading.Lock()
        self._engines: dict[Device, BatchingEngine] = {}
        self._engines_lock = threading.Lock()
        self._opening: dict[str, Future[LoadedModel]] = {}
        self._opener: ThreadPoolExecutor | None = None
        self._failed: dict[str, tuple[float, DeviceError]] = {}
        self._refused: dict[str, tuple[float, tuple[int, int, int] | None, ModelUnsupported]] = {}

    def use(self, device: Device) -> None:
        """Load models onto this device from now on. Detectors that are in use stay where they are until their cameras ask anew."""
        with self._lock:
            if device != self.device:
                self.device = device
                self._loaded.clear()
                self._opening.clear()
                self._failed.clear()
                self._refused.clear()

    @property
    def checks_a_round(self) -> int:
        """How many checks a round of analysis takes at most."""
        engine = self._engines.get(self.device)
        return MOST_CHECKS_A_ROUND if engine is None else _BATCHES_A_ROUND * engine.settings.sizes[-1]

    @property
    def dead_s(self) -> float:
        """For how long the device has failed, s; 0.0 while it works."""
        engine = self._engines.get(self.device)
        return 0.0 if engine is None else engine.dead_s

    def get(self, name: str) -> Detector:
        """The detector of model `name`; `motion` is the one without a model.

        Raises:
            ModelError: It is not in the store, is damaged, cannot be run here, or finds nothing by itself.
        """
        detector = self.part(name)
        if isinstance(detector, HandReader):
            raise ModelUnsupported(f"{name} says what pictures or hands show; a detector needs a model for {' or '.join(BOX_TASKS)}")
        return detector

    def part(self, name: str) -> Detector:
        """The same, also of a model that says what others found: a `HandReader`.

        Raises:
            ModelError: It is not in the store, is damaged, or cannot be run here.
        """
        with self._lock:
            if name not in self._loaded:
                stamp = self.store.stamp(name)
                self._loaded[name] = LoadedModel(MovingDetector()) if name == MOTION else self._first(name, stamp)
            return self._loaded[name].detector

    def loaded(self, name: str) -> LoadedModel | None:
        """What is in use under this name, or None before the first `get`."""
        return self._loaded.get(name)

    def may_work_now(self, name: str) -> bool:
        """Whether a model that failed because of its device is worth another try."""
        failed = self._failed.get(name)
        return failed is not None and self._clock.monotonic_s() - failed[0] >= _TRY_AGAIN_S

    def refresh(self, name: str) -> None:
        """Load the version that is active now, when somebody chose another one since the last look. It costs one `stat` otherwise.

        On a device the version is opened on a thread of its own, and taken over by a later call: TensorRT may compile for minutes, and
        who calls this tells the supervisor that the shard lives.

        Raises:
            ModelError: It cannot be used; the one before stays, and this is not tried again before somebody decides anew.
        """
        before = self._loaded.get(name)
        if before is None or before.model is None:
            return
        stamp = self.store.stamp(name)
        if (stamp == before.stamp and name not in self._opening) or not self._lock.acquire(blocking=False):
            return  # nobody decided anything, or a model is being opened just now: the next look is soon enough
        try:
            opening = self._opening.get(name)
            if self._loaded.get(name) is not before:
                return
            if opening is None:
                self._follow(name, before.detector, before.model, stamp)
            elif opening.done():
                del self._opening[name]
                self._loaded[name] = opening.result()
        finally:
            self._lock.release()

    def _follow(self, name: str, detector: Detector, model: StoredModel, stamp: tuple[int, int, int] | None) -> None:
        """Load what is active now in place of `model`. The caller holds the lock."""
        self._loaded[name] = LoadedModel(detector, model, stamp)
        now = self.store.get(name)
        if (now.version, now.manifest.sha256) == (model.version, model.manifest.sha256):
            return
        if not self.device.batches:
            self._loaded[name] = LoadedModel(self.open(now), now, stamp)
            return
        if self._opener is None:
            self._opener = ThreadPoolExecutor(1, thread_name_prefix="open-model")
        self._opening[name] = self._opener.submit(lambda: LoadedModel(self.open(now), now, stamp))

    def open(self, model: StoredModel) -> Detector:
        """A detector of its own for a version.

        Raises:
            ModelError: It cannot be run here.
        """
        manifest, device = model.manifest, self.device
        # What says what a picture shows is small and asked about one crop at a time: it stays on the CPU, whatever the others run on.
        if not device.batches or reads_hands(manifest):
            backend = self._backend(model)
            try:
                if reads_hands(manifest):
                    return open_hand_reader(manifest, backend)
                return open_detector(model, backend, self.store, self._backend, wait=self._patient)
            except PanopsError:
                backend.close()
                raise
        if manifest.needs:
            raise ModelUnsupported(f"{manifest.name} is made of several models, which run on the CPU only, not on {device}")
        backend = open_backend(model.path, device=device, cache_dir=self._engines_folder)
        picture = np.zeros(picture_shape(manifest), backend.inputs[0].dtype)
        return BatchDetector(manifest, lambda: open_task(manifest), self._engine(device).add(backend, picture))

    def open_alone(self, name: str) -> Detector:
        """A detector of its own for a model, on the CPU, for whoever asks from another thread than the cameras' analysis.

        Raises:
            ModelError: It is not in the store, is damaged, or cannot be run here.
        """
        model = self.store.get(name)
        backend = self._backend(model)
        try:
            return open_detector(model, backend, self.store, self._backend)
        except PanopsError:
            backend.close()
            raise

    def _backend(self, model: StoredModel) -> Backend:
        return open_model_file(model, threads=self._threads, cache_dir=self._engines_folder)

    def close(self) -> None:
        """End what runs on devices; whoever waits gets an error. Safe to call twice."""
        if self._opener is not None:
            self._opener.shutdown(wait=False, cancel_futures=True)
        for engine in self._engines.values():
            engine.close()

    def _engine(self, device: Device) -> BatchingEngine:
        with self._engines_lock:
            if device not in self._engines:
                self._engines[device] = BatchingEngine(str(device), clock=self._clock)
            return self._engines[device]

    def _first(self, name: str, stamp: tuple[int, int, int] | None) -> LoadedModel:
        """Open a model; where it or its device could not be used a moment ago, all its cameras get that answer without a try each."""
        failed = self._failed.get(name)
        if failed is not None and not self.may_work_now(name):
            raise DeviceError(str(failed[1]))
        now_s = self._clock.monotonic_s()
        refused = self._refused.get(name)
        if refused is not None and refused[1] == stamp and now_s - refused[0] < _TRY_AGAIN_S:
            raise ModelUnsupported(str(refused[2]))
        try:
            loaded = self._open(name, stamp)
        except ModelUnsupported as error:
            self._refused[name] = (self._clock.monotonic_s(), stamp, error)
            raise
        except DeviceError as error:
            self._failed[name] = (self._clock.monotonic_s(), error)
            raise
        self._failed.pop(name, None)
        return loaded

    def _open(self, name: str, stamp: tuple[int, int, int] | None) -> LoadedModel:
        model = self.store.get(name)
        return LoadedModel(self.open(model), model, stamp)
