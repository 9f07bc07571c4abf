"""A model version that looks on: it sees a few of the frames that the version in use sees, and how far the two agree is counted.

It runs on a thread of its own, for one frame at a time and only while the shard has nothing else to do. It makes no tracks and no events,
and whatever goes wrong with it stays here: it is counted, logged once, and the shadow is switched off until somebody decides anew.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from panops.domain.clock import Clock
from panops.domain.detections import Detections
from panops.domain.errors import PanopsError
from panops.domain.frame import Frame
from panops.domain.protocols import Detector, Observation
from panops.models.agreement import CameraAgreement, Pair, load_agreement, save_agreement
from panops.models.disagreement import disagreement, save_disagreement
from panops.pipeline.annotate import encode_jpeg
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.check import Check
from panops.pipeline.detectors import DetectorPool

log = logging.getLogger(__name__)

_SAVE_EVERY_S = 10.0
# A slow shadow rests between two frames, so that it never takes more than this share of one core.
_LARGEST_SHARE = 0.2
# What is seen differently is seen so again a moment later: a picture a minute tells more than sixty of one second.
_PICTURE_EVERY_S = 60.0
_PICTURE_WIDTH_PX = 854
_PICTURE_QUALITY = 80


@dataclass(eq=False, slots=True)
class _Shadow:
    """A shadow of one model.

    Attributes:
        active: The detector in use, beside which it looks on.
        detector: The shadow itself; None where it could not be opened or was switched off.
    """

    pair: Pair
    active: Detector
    detector: Detector | None
    every: int
    problem: str = ""


@dataclass(eq=False, slots=True)
class _Watched:
    """A camera of this shard."""

    camera_id: str
    model: str
    turn: int = 0
    behind: int = 0
    found: CameraAgreement | None = None
    changed: bool = False
    saved_s: float = float("-inf")
    pictured_s: float = float("-inf")


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    shadow: _Shadow
    camera: _Watched
    frame: Frame
    seen: Detections
    loop: CameraLoop
    took_s: float


@dataclass(frozen=True, slots=True)
class _Known:
    """What `follow` saw last of a model, so that it looks closer only when something changed."""

    stamp: tuple[int, int, int] | None
    active: Detector = field(compare=False)


class ShadowWatch:
    """The shadows of one shard. `offer` is called by the analysis thread, everything else by threads that may wait.

    Args:
        pool: The detectors in use, and where models are.
        clock: Time.
        busy: Whether checks wait for the detector; then no shadow looks.
    """

    def __init__(self, pool: DetectorPool, clock: Clock, busy: Callable[[], bool]) -> None:
        self._pool = pool
        self._clock = clock
        self._busy = busy
        self._shadows: dict[str, _Shadow] = {}
        self._known: dict[str, _Known] = {}
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._job: _Job | None = None
        self._rest_until_s = float("-inf")
        self._stopping = False
        self._thread: threading.Thread | None = None

    @property
    def on(self) -> bool:
        """Whether any shadow looks on: only then is there anything to offer."""
        return any(shadow.detector is not None for shadow in self._shadows.values())

    # --- which cameras and versions -----------------------------------------------------------------------------------------------

    def begin(self, camera_id: str, model: str) -> None:
        """A camera runs with this model from now on."""
        with self._lock:
            self._watched[camera_id] = _Watched(camera_id, model)

    def forget(self, camera_id: str) -> None:
        """A camera stops; what was counted of it is written."""
        with self._lock:
            camera = self._watched.pop(camera_id, None)
            if camera is not None:
                self._save(camera)

    def follow(self, model: str) -> None:
        """Look whether somebody changed the shadow of a model, or another version came into use. It costs one `stat` when nobody did."""
        loaded = self._pool.loaded(model)
        if loaded is None or loaded.model is None:
            return
        stamp, known = self._pool.store.stamp(model), self._known.get(model)
        if known is not None and known.stamp == stamp and known.active is loaded.detector:
            return
        known = self._known[model] = _Known(stamp, loaded.detector)
        self._end(model)
        try:
            shelf = self._pool.store.shelf(model)
            if not shelf.shadow or shelf.shadow == loaded.model.version:
                return
            version = shelf.read(shelf.shadow)
            pair = Pair(loaded.model.version, shelf.shadow, (loaded.model.manifest.sha256, version.manifest.sha256))
        except PanopsError as error:
            log.error("the shadow of model %s cannot be looked up: %s", model, error)
            return
        shadow = _Shadow(pair, loaded.detector, None, shelf.state.shadow_every)
        if not self._pool.device.batches:
            self._open(model, shadow, version.reference, known)
            return
        # A device may compile for minutes, and who calls this tells the supervisor that the shard lives.
        arguments = (model, shadow, version.reference, known)
        threading.Thread(target=self._open, args=arguments, name="open-shadow", daemon=True).start()

    def _open(self, model: str, shadow: _Shadow, reference: str, known: _Known) -> None:
        """Open a shadow and let it look on, unless somebody decided anew meanwhile."""
        try:
            shadow.detector = self._pool.open(self._pool.store.get(reference))
        except Exception as error:  # whatever a file does to a backend, cameras go on
            self._switch_off(shadow, error)
        if self._known.get(model) is known:
            self._start(model, shadow)

    def _start(self, model: str, shadow: _Shadow) -> None:
        with self._lock:
            self._shadows[model] = shadow
            if shadow.problem:
                for camera in self._watched.values():
                    if camera.model == model:
                        self._agreement(camera, shadow).problem = shadow.problem
                        camera.changed = True
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
                self._thread.start()

    def _end(self, model: str) -> None:
        """No shadow of this model any more; what was counted is written."""
        with self._lock:
            for camera in self._watched.values():
                if camera.model == model:
                    self._save(camera)
                    camera.found, camera.behind = None, 0
            self._shadows.pop(model, None)

    # --- the analysis thread ------------------------------------------------------------------------------------------------------

    def offer(self, loop: CameraLoop, check: Check, observation: Observation, took_s: float) -> None:
        """A frame went through the detector in use. Returns at once."""
        camera = self._watched.get(loop.camera_id)
        shadow = self._shadows.get(camera.model) if camera is not None else None
        if camera is None or shadow is None or shadow.detector is None or loop.detector is not shadow.active:
            return
        camera.turn += 1
        if camera.turn % shadow.every:
            return
        if self._job is not None or self._clock.monotonic_s() < self._rest_until_s or self._busy():
            camera.behind += 1  # no lock and no file here: this thread serves all cameras
            return
        self._job = _Job(shadow, camera, check.frame, observation.detections, loop, took_s)
        self._wake.set()

    def _agreement(self, camera: _Watched, shadow: _Shadow) -> CameraAgreement:
        """The camera's counts for this pair of versions. The caller holds the lock."""
        if camera.found is None:
            camera.found = load_agreement(self._pool.store.folder / camera.model, shadow.pair, camera.camera_id)
            camera.found.problem = shadow.problem
        return camera.found

    # --- the shadow's own thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._stopping:
                return
            job = self._job
            if job is None:
                continue
            began_s = self._clock.monotonic_s()
            try:
                self._look(job)
            except Exception:
                log.exception("camera %s: what a shadow saw could not be counted", job.loop.camera_id)
            now_s = self._clock.monotonic_s()
            self._rest_until_s = now_s + (now_s - began_s) * (1 / _LARGEST_SHARE - 1)
            self._job = None

    def _look(self, job: _Job) -> None:
        shadow, detector = job.shadow, job.shadow.detector
        if detector is None:
            return
        began_s = self._clock.monotonic_s()
        try:
            seen = detector.detect(job.frame)
        except Exception as error:  # whatever it is, it stays here
            self._switch_off(shadow, error)
            with self._lock:
                if self._shadows.get(job.camera.model) is shadow:
                    found = self._agreement(job.camera, shadow)
                    found.errors, found.problem, job.camera.changed = found.errors + 1, shadow.problem, True
            return
        took_s = self._clock.monotonic_s() - began_s
        seen = _followed(seen, detector.classes, job.loop.followed_names)
        here = (job.seen, job.loop.detector.classes, job.took_s)
        with self._lock:
            if self._shadows.get(job.camera.model) is not shadow:
                return  # somebody decided anew while it looked
            found = self._agreement(job.camera, shadow)
            found.add(job.frame.captured_at_s, here, (seen, detector.classes, took_s), job.loop.config.min_score)
            job.camera.changed = True
        self._keep_picture(job, seen, detector.classes)

    def _keep_picture(self, job: _Job, seen: Detections, classes: tuple[str, ...]) -> None:
        """Keep the frame where the two versions differ, at most one a minute."""
        now_s = self._clock.monotonic_s()
        if now_s - job.camera.pictured_s < _PICTURE_EVERY_S:
            return
        frame, here = job.frame, (job.seen, job.loop.detector.classes)
        found = disagreement(job.camera.camera_id, frame.captured_at_s, frame.size_wh, here, (seen, classes), job.loop.config.min_score)
        if found is None:
            return
        job.camera.pictured_s = now_s
        width, height = frame.size_wh
        share = min(1.0, _PICTURE_WIDTH_PX / width)
        jpeg = encode_jpeg(frame.pixels.rgb((round(width * share), max(1, round(height * share)))), _PICTURE_QUALITY)
        try:
            save_disagreement(self._pool.store.folder / job.camera.model, job.shadow.pair, found, jpeg)
        except OSError as error:
            log.warning("camera %s: a picture that two versions saw differently cannot be written: %s", job.camera.camera_id, error)

    @staticmethod
    def _switch_off(shadow: _Shadow, error: Exception) -> None:
        shadow.detector = None
        shadow.problem = str(error) or type(error).__name__
        log.error("version %s, which looks on beside %s, is switched off: %s", shadow.pair.shadow, shadow.pair.active, shadow.problem)

    # --- on disk ------------------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write what was counted since the last time, each camera at most every ten seconds."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            for camera in self._watched.values():
                if now_s - camera.saved_s >= _SAVE_EVERY_S:
                    self._save(camera)

    def stop(self, timeout_s: float = 2.0) -> None:
        """End, and write everything. Safe to call twice."""
        with self._lock:  # a version that was just opened may be starting the thread
            self._stopping, thread = True, self._thread
        self._wake.set()
        if thread is not None:
            thread.join(timeout_s)
        with self._lock:
            for camera in self._watched.values():
                self._save(camera)

    def _save(self, camera: _Watched) -> None:
        """Write one camera's counts. The caller holds the lock. A disk that is full costs the counts, not the camera."""
        shadow = self._shadows.get(camera.model)
        if shadow is None or not (camera.changed or camera.behind):
            return
        found = self._agreement(camera, shadow)
        found.behind, camera.behind = found.behind + camera.behind, 0
        camera.changed, camera.saved_s = False, self._clock.monotonic_s()
        try:
            save_agreement(self._pool.store.folder / camera.model, shadow.pair, found)
        except OSError as error:
            log.warning("camera %s: what a shadow saw cannot be written: %s", camera.camera_id, error)


def _followed(seen: Detections, classes: tuple[str, ...], names: frozenset[str] | None) -> Detections:
    """Of the shadow's detections those of classes that the camera follows."""
    if names is None or not len(seen):
        return seen
    wanted = np.array([name in names for name in classes], dtype=np.bool_)
    return seen.select(wanted[seen.class_id])
