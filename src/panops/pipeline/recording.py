"""One shard's recording: a thread that copies packets from the cameras' rings into files, and tells the database which there are.

Nothing waits for it: what happened is noted in memory, and a disk that hangs costs recordings, never a look or an event. The rings hold
some twenty seconds, so a short hang costs nothing at all.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from panops.config.record_schema import RecordingConfig
from panops.domain.clock import Clock
from panops.domain.errors import StorageError
from panops.domain.events import Event
from panops.domain.recordings import Segment, Span
from panops.pipeline.camera_recording import CameraRecording
from panops.pipeline.check import Outcome
from panops.pipeline.stage_meter import StageMeter
from panops.storage.errors import from_os
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recordings import RecordingIndex

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_WRITE_ROWS_EVERY_S = 2.0
_RETRY_S = 15.0
_GIB = 1024**3
# Retention keeps `min_free_gib` free; only where it cannot, recording stops, at half of that, and goes on at three quarters.
_STOP_AT, _GO_ON_AT = 0.5, 0.75
_LEAST_FREE_BYTES = 16 * 1024 * 1024
# Rows that wait for a database that does not work; the files are found again by the sweep in any case.
_MOST_ROWS = 20_000


class Recording:
    """Records the cameras of one shard.

    Args:
        index: Where files are listed.
        clock: Time.
        on_problem: Told a sentence when something is not recorded, and an empty one when all is again.
        meter: Where CPU time is added up.
    """

    def __init__(self, index: RecordingIndex, clock: Clock, on_problem: Callable[[str], None], meter: StageMeter) -> None:
        self._index = index
        self._clock = clock
        self._on_problem = on_problem
        self._meter = meter
        self._cameras: dict[str, CameraRecording] = {}
        self._ending: list[CameraRecording] = []
        self._folder: RecordingFolder | None = None
        self._least_free_bytes = 0.0
        self._disk_problem = ""
        self._retry_at_s = 0.0
        self._rows: deque[Segment] = deque()
        self._eventful: deque[tuple[str, Span]] = deque()
        self._rows_at_s = 0.0
        self._rows_problem = ""
        self._told = ""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add_camera(self, camera: CameraRecording, config: RecordingConfig) -> None:
        """A camera begins to be recorded."""
        with self._lock:
            self._folder, self._least_free_bytes = camera.folder, config.min_free_gib * _GIB
            self._cameras[camera.camera_id] = camera

    def remove_camera(self, camera_id: str) -> None:
        """A camera ends; its file is ended with what there is, soon."""
        with self._lock:
            camera = self._cameras.pop(camera_id, None)
            if camera is not None:
                self._ending.append(camera)
        self._wake.set()

    def of(self, camera_id: str) -> CameraRecording | None:
        """A camera's recording; None where it is not recorded."""
        return self._cameras.get(camera_id)

    def note(self, outcome: Outcome) -> None:
        """Follow a look; cheap."""
        camera = self._cameras.get(outcome.check.camera_id)
        if camera is not None:
            moved = outcome.check.moved or len(outcome.tracks) > 0
            camera.marks.note_look(outcome.check.frame.captured_at_s, moved=moved)

    def told(self, events: Sequence[Event]) -> None:
        """These are told of, and not stored yet; cheap."""
        for event in events:
            camera = self._cameras.get(event.camera_id)
            if camera is not None:
                camera.marks.note_event(event)

    def stored(self, events: Sequence[Event]) -> None:
        """These are in the database now."""
        self.told(events)
        for event in events:
            camera = self._cameras.get(event.camera_id)
            if camera is None:
                continue
            incident = event.incident
            if incident.ended_at_s is not None and not event.is_suppressed:
                with self._lock:
                    self._eventful.append((event.camera_id, camera.event_span(incident.started_at_s, incident.ended_at_s)))

    def close(self, timeout_s: float = 10.0) -> None:
        """End all files, write their rows, and stop. Safe to call twice."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    # --- the thread ---------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._clock.wait(self._wake, _LOOK_EVERY_S)
            self._wake.clear()
            closing = self._closing
            try:
                self.run_once(closing=closing)
            except Exception:  # a fault of ours must not end the recording of all cameras
                log.exception("a round of recording failed; it goes on")
            if closing:
                return

    def run_once(self, *, closing: bool = False) -> None:
        """One round: write packets, judge files, write rows. For the thread, and for tests."""
        with self._lock:
            if closing:
                self._ending += self._cameras.values()
                self._cameras = {}
            ending, self._ending = self._ending, []
            cameras = dict(self._cameras)
        if self._has_room():
            for camera in [*cameras.values(), *ending]:
                self._take(camera)
        else:
            for camera in cameras.values():
                self._guarded(camera.skip)
        self._settle(cameras, ending)
        self._write_rows(at_once=closing)
        self._tell(cameras)

    def _take(self, camera: CameraRecording) -> None:
        before_s = camera.cpu_s
        if self._disk_problem:
            camera.skip()
            return
        try:
            camera.take()
        except (StorageError, OSError) as error:
            camera.failures["disk"] += 1
            self._fail(error)
            camera.cut(failed=True)
        except Exception:  # a fault with one camera must not end the recording of the others
            log.exception("camera %s: recording failed; a new file is begun", camera.camera_id)
            camera.failures["fault"] += 1
            self._guarded(lambda: camera.cut(failed=True))
        self._meter.add("record", camera.cpu_s - before_s)

    def _settle(self, cameras: Mapping[str, CameraRecording], ending: Sequence[CameraRecording]) -> None:
        for camera in [*cameras.values(), *ending]:
            before_s = camera.cpu_s
            leaving = camera in ending
            try:
                if leaving:
                    camera.cut()
                while rows := camera.settle(at_once=leaving):
                    self._rows.extend(rows)
            except (StorageError, OSError) as error:
                self._fail(error)
            self._meter.add("record", camera.cpu_s - before_s)
        while len(self._rows) > _MOST_ROWS:
            self._rows.popleft()

    def _write_rows(self, *, at_once: bool) -> None:
        now_s = self._clock.monotonic_s()
        if now_s < self._rows_at_s and not at_once:
            return
        with self._lock:
            eventful = list(self._eventful)
        rows = list(self._rows)
        try:
            self._index.add(rows, eventful)
        except StorageError as error:
            self._rows_problem = f"recorded files cannot be listed in the database, which is tried again: {error}"
            self._rows_at_s = now_s + _RETRY_S
            return
        self._rows_problem, self._rows_at_s = "", now_s + _WRITE_ROWS_EVERY_S
        for _ in rows:
            self._rows.popleft()
        with self._lock:
            for _ in eventful:
                self._eventful.popleft()

    def _has_room(self) -> bool:
        """Whether files can be written: they are the first to stop where the disk is nearly full, and begin again by themselves."""
        folder = self._folder
        if folder is None:
            return True
        try:
            free = folder.free_bytes()
        except StorageError as error:
            self._fail(error)
            return False
        least = self._least_free_bytes * (_GO_ON_AT if self._disk_problem else _STOP_AT)
        if free < max(least, _LEAST_FREE_BYTES):
            if not self._disk_problem:
                self._disk_problem = (
                    f"recording has stopped: only {free / 1024**2:.0f} MiB are free in {folder.label}; it goes on by itself when there is "
                    "space, and events and their evidence go on now"
                )
                self._cut_all()
            return False
        if self._disk_problem and self._clock.monotonic_s() < self._retry_at_s:
            return False
        self._disk_problem = ""
        return True

    def _fail(self, error: Exception) -> None:
        folder = self._folder
        if isinstance(error, OSError) and not isinstance(error, StorageError) and folder is not None:
            error = from_os(error, folder.path, folder.label)
        self._disk_problem = f"recording has stopped, and is tried again every {_RETRY_S:.0f} s: {error}"
        self._retry_at_s = self._clock.monotonic_s() + _RETRY_S
        self._cut_all()

    def _cut_all(self) -> None:
        for camera in tuple(self._cameras.values()):
            self._guarded(camera.cut)

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (StorageError, OSError) as error:
            log.warning("a recorded file could not be ended in order; it plays as it is: %s", error)

    def _tell(self, cameras: Mapping[str, CameraRecording]) -> None:
        problems = [self._disk_problem, self._rows_problem, *(camera.problem for camera in cameras.values())]
        told = "; ".join(filter(None, problems))
        if told != self._told:
            self._told = told
            if told:
                log.warning("%s", told)
            self._on_problem(told)
