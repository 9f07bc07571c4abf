"""One camera's recording: packets of its ring into files, cut at keyframes, and which of the files stay."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from panops.config.record_schema import RecordConfig
from panops.domain.clock import Clock
from panops.domain.errors import SourceError, SourceUnsupported, StorageError
from panops.domain.packets import Packet, StreamInfo
from panops.domain.recordings import Segment, Span
from panops.ingest.packet_ring import PacketRing
from panops.ingest.segment_file import SegmentFile
from panops.pipeline.recording_marks import RecordingMarks
from panops.storage.recording_folder import RecordingFolder, synced_and_hashed

log = logging.getLogger(__name__)

# Looks come late: those of a camera that slept, those that waited. An event is told even later.
_LATE_LOOK_S = 10.0
_LATE_EVENT_S = 20.0
# Times within an epoch that are further apart are a gap, and a gap begins a file: what a file says it shows, it shows.
_GAP_S = 3.0
_CLOCK_SET_BACK_S = 2.0
# A camera that sends nothing for so long (its connection gives up after 10 s) ends its file: it may be away for days.
_SILENT_S = 20.0
# Files that wait for what may still be told are touched that often, so that nobody takes them for left by a killed process.
_TOUCH_EVERY_S = 300.0
# Marks are kept for so long beyond a file's length: until the last word on it is said.
_MARGIN_S = 900.0


@dataclass(frozen=True, slots=True)
class _Closed:
    """A file that is whole, until it is known whether it stays."""

    file: SegmentFile
    closed_s: float


class CameraRecording:
    """Writes one camera's files. `take`, `cut` and `settle` are called by the recording thread.

    Args:
        camera_id: The camera.
        config: What of it is wanted.
        segment_s: Length of a file, s.
        ring: Its packets.
        info: Gives the current stream, or None before the first connection.
        folder: Where files go.
        clock: Time.
        source_problem: Says why the stream that is recorded does not come, where it is not the one that is looked at.
        is_behind: Whether events that were told are not stored: then nothing is judged by them.
        told_after_s: How long after its beginning an event may be told, by the camera's rules, s.
        first_share: How long the first file is, as a share of the others: so that not all cameras of a site end theirs at once.

    Attributes:
        folder: Where files go.
        marks: What happened there.
        recorded_bytes: Bytes that were written and stayed, or are still to be judged, so far.
        recorded_segments: Files that stayed so far.
        failures: What went wrong so far, by cause: `lost` packets that the ring let go before they were written, times that a full or
            failing `disk` refused, a `packet` that could not be written, a `fault` of ours.
        cpu_s: CPU time of the recording thread for this camera, so far, s.
    """

    def __init__(
        self,
        camera_id: str,
        config: RecordConfig,
        segment_s: float,
        ring: PacketRing,
        info: Callable[[], StreamInfo | None],
        folder: RecordingFolder,
        clock: Clock,
        source_problem: Callable[[], str] = lambda: "",
        is_behind: Callable[[], bool] = lambda: False,
        *,
        told_after_s: float = 0.0,
        first_share: float = 1.0,
    ) -> None:
        self.camera_id = camera_id
        self.folder = folder
        self.marks = RecordingMarks(segment_s + told_after_s + _MARGIN_S)
        self.recorded_bytes = self.recorded_segments = 0
        self.failures: Counter[str] = Counter()
        self.cpu_s = 0.0
        self._config = config
        self._segment_s = segment_s
        self._length_s = segment_s * first_share
        self._ring = ring
        self._info = info
        self._source_problem = source_problem
        self._is_behind = is_behind
        self._told_after_s = told_after_s
        self._came_at_s = self._touched_at_s = clock.monotonic_s()
        self._refused = ""
        self._clock = clock
        self._next = 0
        self._file: SegmentFile | None = None
        self._newest: Packet | None = None
        self._refused_epoch: int | None = None
        self._closed: deque[_Closed] = deque()

    @property
    def problem(self) -> str:
        """Why nothing is recorded, in words, though it should be; empty when all is well."""
        why = self._refused or self._source_problem()
        return f"camera {self.camera_id} is not recorded: {why}" if why else ""

    def event_span(self, start_s: float, end_s: float) -> Span:
        """An event's span with what is to be kept around it."""
        return start_s - self._config.before_s, end_s + self._config.after_s

    def take(self) -> None:
        """Write what has come.

        Raises:
            StorageError, OSError: The disk refuses; what was written before is in its file.
        """
        began_s = time.thread_time()
        packets, number = self._ring.following(self._next)
        lost = number - self._next - len(packets)
        first, self._next = self._next, number
        if lost and first:
            self.failures["lost"] += lost
            self.cut()
        now_s = self._clock.monotonic_s()
        if packets:
            self._came_at_s = now_s
        try:
            if not packets and self._file is not None and now_s - self._came_at_s > _SILENT_S:
                self.cut()
            for packet in packets:
                self._write(packet)
        finally:
            self.cpu_s += time.thread_time() - began_s

    def skip(self) -> None:
        """Let go of what has come: there is nowhere to write it."""
        self._next = self._ring.following(self._next)[1]

    def cut(self, *, failed: bool = False) -> None:
        """End the file that is being written. After a failure it is not closed in order: it plays as it is, and is put right later."""
        file, self._file, self._newest = self._file, None, None
        if file is None:
            return
        try:
            file.close()
        except OSError:
            if not failed:
                raise
        else:
            if file.packets and not failed:
                self._closed.append(_Closed(file, self._clock.monotonic_s()))

    def settle(self, *, at_once: bool = False) -> list[Segment]:
        """Judge the files that are old enough: those that stay, with their sums; the others are deleted.

        Args:
            at_once: Do not wait for what may still be told of them: the camera stops.

        Raises:
            StorageError, OSError: The disk refuses at the first file; it is judged again next time. At a later one, those before it are
                given, and the next call raises.
        """
        began_s = time.thread_time()
        stay: list[Segment] = []
        try:
            while self._closed and (at_once or self._is_due(self._closed[0])):
                self._judge(self._closed[0].file, stay)
                self._closed.popleft()
        except (StorageError, OSError):
            if not stay:
                raise
        finally:
            self.cpu_s += time.thread_time() - began_s
        self._touch()
        return stay

    def _is_due(self, closed: _Closed) -> bool:
        waited_s = self._clock.monotonic_s() - closed.closed_s
        if self._config.mode == "continuous":
            return waited_s >= _LATE_LOOK_S
        return waited_s >= self._config.before_s + self._told_after_s + _LATE_EVENT_S and not self._is_behind()

    def _judge(self, file: SegmentFile, stay: list[Segment]) -> None:
        if not file.path.exists():
            log.warning("camera %s: the recorded file %s is gone", self.camera_id, file.path)
        elif self._is_wanted(file):
            stay.append(self._segment(file))
        else:
            self.folder.remove([self.folder.stored(file.path)])

    def _touch(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._touched_at_s < _TOUCH_EVERY_S:
            return
        self._touched_at_s = now_s
        for closed in self._closed:
            with suppress(OSError):
                os.utime(closed.file.path)

    def _write(self, packet: Packet) -> None:
        if self._file is not None and self._must_cut(packet, self._file):
            if self._newest is not None and packet.captured_at_s > self._newest.captured_at_s:
                self._file.end_s = min(self._file.end_s, packet.captured_at_s)  # the usual distance may be more than this one
            self.cut()
            self._length_s = self._segment_s
        if self._file is None:
            if not packet.is_keyframe or packet.epoch == self._refused_epoch:
                return
            self._begin(packet)
            if self._file is None:
                return
        try:
            self._file.add(packet)
        except SourceError as error:
            log.warning("camera %s: %s", self.camera_id, error)
            self.failures["packet"] += 1
            self.cut()
            return
        self._newest = packet
        self.recorded_bytes += packet.size_bytes

    def _begin(self, packet: Packet) -> None:
        carried = getattr(packet.payload, "opaque", None)
        info = carried if isinstance(carried, StreamInfo) else self._info()
        if info is None:
            return
        try:
            self._file = SegmentFile(self.folder.new_file(self.camera_id, packet.captured_at_s), info)
            self._refused = ""
        except SourceUnsupported as error:
            self._refused = str(error)
            self._refused_epoch = packet.epoch

    def _must_cut(self, packet: Packet, file: SegmentFile) -> bool:
        newest = self._newest
        if newest is None or packet.epoch != newest.epoch:
            return True
        step_s = packet.captured_at_s - newest.captured_at_s
        return packet.is_keyframe and (
            packet.captured_at_s - file.start_s >= self._length_s or step_s > _GAP_S or step_s < -_CLOCK_SET_BACK_S
        )

    def _is_wanted(self, file: SegmentFile) -> bool:
        if self._config.mode == "continuous":
            return True
        start_s, end_s = file.start_s - self._config.after_s, file.end_s + self._config.before_s
        if self.marks.has_event(start_s, end_s):
            return True
        if not self.marks.was_looked_at(file.start_s, file.end_s):
            return True  # nobody looked: that is never "nothing there"
        return self._config.mode == "motion" and bool(self.marks.motion(start_s, end_s))

    def _segment(self, file: SegmentFile) -> Segment:
        size_bytes, sha256 = synced_and_hashed(file.path)
        self.recorded_segments += 1
        start_s, end_s = file.start_s, file.end_s
        has_event = self.marks.has_event(start_s - self._config.after_s, end_s + self._config.before_s)
        stored = self.folder.stored(file.path)
        return Segment(self.camera_id, stored, start_s, end_s, size_bytes, sha256, self.marks.motion(start_s, end_s), has_event)
