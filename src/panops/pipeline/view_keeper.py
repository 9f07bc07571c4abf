"""Remembers the views of a shard's cameras over restarts: an hour's learning is lost at most, and nobody waits for the database."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from panops.config.schema import CameraConfig
from panops.domain.clock import Clock
from panops.domain.errors import PanopsError, StorageError
from panops.ingest.address import parse_address
from panops.motion.view_memory import ViewMemory
from panops.pipeline.camera_view import CameraView, LearntPicture
from panops.pipeline.drift_watch import DriftWatch
from panops.storage.views import CameraViews, StoredView

log = logging.getLogger(__name__)

SAVE_EVERY_S = 3600.0
_LOOK_EVERY_S = 10.0


@dataclass(eq=False, slots=True)
class _Kept:
    view: CameraView
    address: str
    saved_s: float


class ViewKeeper:
    """One shard's keeper of views.

    Args:
        views: Where they are kept.
        clock: Time.
        drifts: Is told of cameras that come and go, and works on the same thread; None where nothing is counted.
    """

    def __init__(self, views: CameraViews, clock: Clock, drifts: DriftWatch | None = None) -> None:
        self._drifts = drifts
        self._views = views
        self._clock = clock
        self._cameras: dict[str, _Kept] = {}
        # Those of cameras that went away, until they are saved.
        self._leaving: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="views", daemon=True)

    def start(self) -> None:
        """Start the thread that saves."""
        self._thread.start()

    def view(self, camera_id: str, config: CameraConfig) -> CameraView | None:
        """The view of a camera that begins, with what is remembered of it; None where nothing is wanted.

        What was learnt of another address is another view. A database that cannot be read costs the memory, not the camera.
        """
        if not config.health.enabled:
            self._forget(camera_id)
            return None
        address = _address(config)
        stored = self._load(camera_id, address)
        memory, picture = None, None
        if stored is not None:
            try:
                memory = ViewMemory.from_bytes(stored.memory)
                picture = LearntPicture(stored.picture, stored.pictured_at_s)
            except ValueError as error:
                log.warning("camera %s: %s", camera_id, error)
        view = CameraView(config.health, memory, picture, self._clock)
        if self._drifts is not None:
            self._drifts.add(camera_id, view, config.health)
        with self._lock:
            self._cameras[camera_id] = _Kept(view, address, self._clock.monotonic_s())
        return view

    def remove(self, camera_id: str) -> None:
        """A camera ends; what was learnt of it is saved soon."""
        if self._drifts is not None:
            self._drifts.remove(camera_id)
        with self._lock:
            kept = self._cameras.pop(camera_id, None)
            if kept is not None:
                self._leaving[camera_id] = kept
        self._wake.set()

    def close(self, timeout_s: float = 5.0) -> None:
        """Save everything, and stop. Safe to call twice."""
        with self._lock:
            self._leaving.update(self._cameras)
            self._cameras.clear()
            self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def save_due(self) -> None:
        """Save what is due now: those of cameras that went away, and those that were not saved for an hour."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            leaving = list(self._leaving.items())
            due = [(name, kept) for name, kept in self._cameras.items() if now_s - kept.saved_s >= SAVE_EVERY_S]
        for camera_id, kept in [*leaving, *due]:
            kept.saved_s = now_s  # also when it fails: the next hour tries again
            self._save(camera_id, kept)
            with self._lock:
                if self._leaving.get(camera_id) is kept:
                    del self._leaving[camera_id]

    def _forget(self, camera_id: str) -> None:
        with self._lock:
            self._leaving.pop(camera_id, None)
        try:
            self._views.forget(camera_id)
        except StorageError as error:
            log.warning("camera %s: what was learnt of its view could not be removed: %s", camera_id, error)

    def _load(self, camera_id: str, address: str) -> StoredView | None:
        with self._lock:
            leaving = self._leaving.pop(camera_id, None)
        if leaving is not None:
            self._save(camera_id, leaving)
        try:
            stored = self._views.load(camera_id)
        except StorageError as error:
            log.warning("camera %s: what was learnt of its view cannot be read, and is learnt anew: %s", camera_id, error)
            return None
        return stored if stored is not None and stored.address == address else None

    def _save(self, camera_id: str, kept: _Kept) -> None:
        memory, picture = kept.view.memory(), kept.view.picture
        if memory is None or picture is None:
            return
        try:
            self._views.save(camera_id, StoredView(kept.address, self._clock.utc_s(), memory, picture.jpeg, picture.at_s))
        except StorageError as error:
            log.warning("camera %s: what was learnt of its view could not be saved: %s", camera_id, error)

    def _run(self) -> None:
        while True:
            self._wake.wait(_LOOK_EVERY_S)
            self._wake.clear()
            stopping = self._stopping
            try:
                self.save_due()
                if self._drifts is not None:
                    self._drifts.step(everything=stopping)
            except Exception:  # the thread serves all cameras; what it could not save is learnt anew
                log.exception("views could not be saved")
            if stopping:
                return


def _address(config: CameraConfig) -> str:
    """The camera's address without its password."""
    try:
        return parse_address(config.source.get_secret_value()).masked
    except PanopsError:
        return ""
