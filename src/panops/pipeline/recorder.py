"""Keeps the proof of events: a snapshot at once, a better one and the clip when it is over.

The analysis thread tells what happens (`note`), the event writer tells what is stored (`stored`): evidence is written only for events that
are in the database. Pictures and packets are held by reference, never copied; the encoder runs for stills only, clips are remuxed.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from panops.config.schema import CameraConfig, EvidenceConfig
from panops.domain.clock import Clock
from panops.domain.errors import StorageError
from panops.domain.events import Event, EventPhase, EvidenceKind
from panops.domain.frame import Frame
from panops.domain.packets import Packet, StreamInfo
from panops.domain.tracks import Tracks
from panops.ingest.packet_ring import PacketRing
from panops.ingest.remux import write_clip
from panops.pipeline.annotate import draw_places, draw_tracks, encode_jpeg
from panops.pipeline.check import Outcome
from panops.pipeline.previews import live_boxes
from panops.storage.evidence import EvidenceStore
from panops.storage.trail import TrackTrail

log = logging.getLogger(__name__)

TrailRow = tuple[float, list[tuple[int, str, float, tuple[float, float, float, float]]]]

_LOOK_EVERY_S = 0.5
# An event's picture is taken again when the object is that much clearer.
_CLEARER = 0.05
# The last packets may arrive late; a camera that died sends none: after this long the clip is written with what there is.
_PATIENCE_S = 5.0
_GIVE_UP_S = 60.0
# How far apart decoding and presentation order may be.
_REORDER_S = 1.0
_LONGEST_PAUSE_S = 15.0


@dataclass(eq=False, slots=True)
class CameraEvidence:
    """What the recorder needs of a camera.

    Attributes:
        config: For zones in the annotated picture.
        classes: Names by class id.
        ring: The camera's packets.
        info: Gives the current stream, or None before the first connection.
        wanted: Spans and quality of the proof.
        recent: What was tracked in the last seconds, for the beginning of a trail.
    """

    config: CameraConfig
    classes: tuple[str, ...]
    ring: PacketRing
    info: Callable[[], StreamInfo | None]
    wanted: EvidenceConfig
    recent: deque[TrailRow] = field(default_factory=deque)


@dataclass(eq=False, slots=True)
class _Open:
    event: Event
    camera: CameraEvidence
    frame: Frame
    tracks: Tracks
    frame_score: float
    trail: list[TrailRow]
    packets: list[Packet] = field(default_factory=list)
    stored: bool = False
    snapped_score: float = -1.0
    complete_at_s: float | None = None


class Recorder:
    """One shard's evidence keeper.

    Args:
        store: Where evidence goes.
        trails: Where tracked boxes go.
        clock: Time.
        on_problem: Told a sentence when evidence cannot be written, and an empty one when it can again.
    """

    def __init__(self, store: EvidenceStore, trails: TrackTrail, clock: Clock, on_problem: Callable[[str], None]) -> None:
        self._store = store
        self._trails = trails
        self._clock = clock
        self._on_problem = on_problem
        self._cameras: dict[str, CameraEvidence] = {}
        self._open: dict[str, _Open] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)

    def start(self) -> None:
        """Start the writing thread."""
        self._thread.start()

    def add_camera(self, camera_id: str, camera: CameraEvidence) -> None:
        """A camera begins."""
        with self._lock:
            self._cameras[camera_id] = camera

    def remove_camera(self, camera_id: str) -> None:
        """A camera ends; its open recordings are finished with what there is."""
        with self._lock:
            self._cameras.pop(camera_id, None)

    def note(self, outcome: Outcome) -> None:
        """Follow an outcome of the analysis; cheap."""
        check = outcome.check
        with self._lock:
            camera = self._cameras.get(check.camera_id)
            if camera is None:
                return
            mine = [record for record in self._open.values() if record.event.camera_id == check.camera_id]
            if len(outcome.tracks):
                self._extend_trails(camera, mine, outcome)
            for event in outcome.events:
                self._note_event(event, camera, outcome)

    def end(self, events: Sequence[Event]) -> None:
        """Events that ended without a picture, because their camera stopped."""
        with self._lock:
            for event in events:
                record = self._open.get(event.event_id)
                if record is not None:
                    record.event = event
                    record.complete_at_s = self._clock.utc_s()

    def stored(self, events: Sequence[Event]) -> None:
        """These are in the database now."""
        with self._lock:
            for event in events:
                record = self._open.get(event.event_id)
                if record is not None:
                    record.stored = True
        self._wake.set()

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what can be written now, and stop. Safe to call twice."""
        with self._lock:
            self._stopping = True
            for record in self._open.values():
                record.complete_at_s = 0.0
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    # --- following the analysis, under the lock -----------------------------------------------------------------------------

    def _extend_trails(self, camera: CameraEvidence, records: Sequence[_Open], outcome: Outcome) -> None:
        frame = outcome.check.frame
        boxes = [
            (box.track_id, box.class_name, round(box.score, 3), box.box)
            for box in live_boxes(outcome.tracks, camera.classes, frame.size_wh)
        ]
        row: TrailRow = (frame.captured_at_s, boxes)
        camera.recent.append(row)
        while camera.recent and camera.recent[0][0] < frame.captured_at_s - camera.wanted.before_s:
            camera.recent.popleft()
        for record in records:
            if frame.captured_at_s <= self._last_wanted_s(record):
                record.trail.append(row)

    def _note_event(self, event: Event, camera: CameraEvidence, outcome: Outcome) -> None:
        record = self._open.get(event.event_id)
        frame = outcome.check.frame
        if record is None:
            # An event that ends in the same moment (a line crossing) comes once or twice: the first word opens the record.
            record = _Open(event, camera, frame, outcome.tracks, event.incident.score, list(camera.recent))
            self._open[event.event_id] = record
        record.event = event
        if event.incident.score > record.frame_score + _CLEARER and event.phase is not EventPhase.END:
            record.frame, record.tracks, record.frame_score = frame, outcome.tracks, event.incident.score
        if event.phase is EventPhase.END:
            record.complete_at_s = self._clock.utc_s() + camera.wanted.after_s + _PATIENCE_S

    def _last_wanted_s(self, record: _Open) -> float:
        """Capture time of the clip's last picture, as far as it is known."""
        wanted = record.camera.wanted
        longest_s = self._first_wanted_s(record) + wanted.max_clip_s
        ended_s = record.event.incident.ended_at_s
        return longest_s if ended_s is None else min(ended_s + wanted.after_s, longest_s)

    def _first_wanted_s(self, record: _Open) -> float:
        return record.event.incident.started_at_s - record.camera.wanted.before_s

    # --- writing ------------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        failures, quiet_until_s = 0, 0.0
        while True:
            self._wake.wait(_LOOK_EVERY_S)
            self._wake.clear()
            with self._lock:
                records = list(self._open.values())
                stopping = self._stopping
            # First of all records: the ring lets packets go, whatever the disk does meanwhile.
            for record in records:
                self._collect_packets(record)
            if self._clock.monotonic_s() >= quiet_until_s or stopping:
                failures = 0 if self._write_all(records, stopping) else failures + 1
                quiet_until_s = self._clock.monotonic_s() + min(_LONGEST_PAUSE_S, failures)
            if stopping:
                return

    def _write_all(self, records: Sequence[_Open], stopping: bool) -> bool:
        """Write what is due; False when the storage failed, for then the rest of the round would only wait for it too."""
        for record in records:
            try:
                self._advance(record, stopping)
            except StorageError as error:
                self._tell(str(error))
                self._give_up_late(record)
                return False
            except Exception:  # a fault with one event's proof must not end the proof of all others
                log.exception("evidence of event %s could not be written", record.event.event_id)
                self._forget(record)
        return True

    def _advance(self, record: _Open, stopping: bool) -> None:
        if record.stored and record.snapped_score < record.frame_score - (_CLEARER if record.snapped_score >= 0 else 0):
            self._write_snapshots(record)
        if not self._is_complete(record) and not stopping:
            return
        if record.stored:
            self._write_clip(record)
            if record.trail:
                end_s = self._last_wanted_s(record)
                self._trails.save_trail(record.event.event_id, [row for row in record.trail if row[0] <= end_s])
            self._tell("")
        if record.stored or stopping:
            self._forget(record)

    def _collect_packets(self, record: _Open) -> None:
        """Take over packets in decoding order before the ring lets them go, from the keyframe at or before the wanted start on."""
        ring, packets = record.camera.ring, record.packets
        last_s = self._last_wanted_s(record)
        if not packets:
            found = ring.since(self._first_wanted_s(record))
            # After a reconnection only the connection that shows the event counts.
            showing = ring.since(record.event.incident.started_at_s)
            if showing and found[0].epoch != showing[0].epoch:
                found = showing
        else:
            if packets[-1].captured_at_s > last_s + _REORDER_S:
                return
            found = ring.since(packets[-1].captured_at_s)
            # By identity: with B-frames times go back and forth in decoding order.
            place = next((index for index, packet in enumerate(found) if packet is packets[-1]), None)
            if place is not None:
                found = found[place + 1 :]
            elif found and found[0].epoch != packets[-1].epoch:
                return
        packets += [packet for packet in found if packet.captured_at_s <= last_s + 2 * _REORDER_S]

    def _is_complete(self, record: _Open) -> bool:
        if record.complete_at_s is None:
            return False
        if self._clock.utc_s() >= record.complete_at_s:
            return True
        return bool(record.packets) and record.camera.ring.newest_s >= self._last_wanted_s(record)

    def _write_snapshots(self, record: _Open) -> None:
        image, at_s = record.frame.image, record.frame.captured_at_s
        event_id, quality = record.event.event_id, record.camera.wanted.snapshot_quality
        self._store.add_bytes(event_id, EvidenceKind.SNAPSHOT, encode_jpeg(image, quality), at_s, at_s)
        draw_places(image, record.camera.config)
        draw_tracks(image, record.tracks, record.camera.classes, frozenset(record.event.incident.track_ids))
        self._store.add_bytes(event_id, EvidenceKind.ANNOTATED, encode_jpeg(image, quality), at_s, at_s)
        record.snapped_score = record.frame_score

    def _write_clip(self, record: _Open) -> None:
        info = record.camera.info()
        if not record.packets or info is None:
            log.warning("event %s has no clip: none of its packets are left", record.event.event_id)
            return
        # While the event was open nobody knew where it would end, so a little too much was taken.
        end_s = self._last_wanted_s(record)
        last = max((index for index, packet in enumerate(record.packets) if packet.captured_at_s <= end_s), default=len(record.packets) - 1)
        packets = record.packets[: last + 1]

        def write(path: Path) -> None:
            write_clip(packets, info, path)

        times_s = [packet.captured_at_s for packet in packets]
        first_s, last_s = min(times_s), max(times_s)
        self._store.write(record.event.event_id, EvidenceKind.CLIP, first_s, last_s, write)

    def _give_up_late(self, record: _Open) -> None:
        """Memory is bounded: proof that could not be written for a minute is let go, the event itself stays."""
        if record.complete_at_s is not None and self._clock.utc_s() > record.complete_at_s + _GIVE_UP_S:
            log.error("event %s keeps no clip: %s", record.event.event_id, self._problem)
            self._forget(record)

    def _forget(self, record: _Open) -> None:
        with self._lock:
            self._open.pop(record.event.event_id, None)

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._on_problem(problem)
