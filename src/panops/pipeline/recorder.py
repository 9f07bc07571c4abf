"""Keeps the proof of events: a snapshot at once, a first clip after some seconds, a better snapshot, and the clip when it is over.

The analysis thread tells what happens (`note`), the event writer tells what is stored (`stored`): evidence is written only for events that
are in the database. Pictures and packets are held by reference, never copied; the encoder runs for stills only, clips are remuxed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from panops.domain.clock import Clock
from panops.domain.errors import SourceCorrupt, StorageError
from panops.domain.events import Event, EventPhase, EvidenceKind
from panops.ingest.remux import write_clip
from panops.pipeline.annotate import beside, draw_places, draw_tracks, encode_jpeg
from panops.pipeline.check import Outcome
from panops.pipeline.hidden_parts import HiddenParts
from panops.pipeline.open_record import CameraEvidence, OpenRecord, TrailRow
from panops.pipeline.previews import live_boxes
from panops.storage.evidence import EvidenceStore
from panops.storage.trail import TrackTrail

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
# An event's picture is taken again when the object is that much clearer.
_CLEARER = 0.05
# The last packets may arrive late; a camera that died sends none: after this long the clip is written with what there is.
_PATIENCE_S = 5.0
# What may wait in memory for a storage that does not work, or for events that are not stored yet.
_MOST_WAITING_BYTES = 256 * 1024 * 1024
_LONGEST_PAUSE_S = 15.0


class Recorder:
    """One shard's evidence keeper.

    Args:
        store: Where evidence goes.
        trails: Where tracked boxes go.
        clock: Time.
        on_problem: Told a sentence when evidence cannot be written, and an empty one when it can again.
        on_proof: Told of an event whose pictures or clip have just been written; called on the writing thread.
        on_picture: Given what is gathered of an event whose picture has just been written; likewise.
        hidden: What is hidden in the pictures of cameras that ask for it.
    """

    def __init__(
        self,
        store: EvidenceStore,
        trails: TrackTrail,
        clock: Clock,
        on_problem: Callable[[str], None],
        on_proof: Callable[[Event], None] = lambda event: None,
        on_picture: Callable[[OpenRecord], None] = lambda record: None,
        hidden: HiddenParts | None = None,
    ) -> None:
        self._store = store
        self._trails = trails
        self._clock = clock
        self._on_problem = on_problem
        self._on_proof = on_proof
        self._on_picture = on_picture
        self._hidden = hidden
        self._cameras: dict[str, CameraEvidence] = {}
        self._open: dict[str, OpenRecord] = {}
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
                    record.complete_at_s = self._clock.monotonic_s()

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
                record.complete_at_s = float("-inf")
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    # --- following the analysis, under the lock -----------------------------------------------------------------------------

    def _extend_trails(self, camera: CameraEvidence, records: Sequence[OpenRecord], outcome: Outcome) -> None:
        frame = outcome.check.frame
        boxes = [
            (box.track_id, box.class_name, round(box.score, 3), box.box)
            for box in live_boxes(outcome.tracks, camera.classes, frame.size_wh)
        ]
        row: TrailRow = (frame.captured_at_s, boxes)
        camera.remember(row)
        for record in records:
            if frame.captured_at_s <= record.last_wanted_s:
                record.trail.append(row)

    def _note_event(self, event: Event, camera: CameraEvidence, outcome: Outcome) -> None:
        record = self._open.get(event.event_id)
        frame = outcome.check.frame
        if record is None:
            # An event that ends in the same moment (a line crossing) comes once or twice: the first word opens the record.
            told_s, score = frame.captured_at_s, event.incident.score
            record = OpenRecord(event, camera, told_s, frame, outcome.tracks, score, list(camera.recent), outcome.before, outcome.is_blind)
            self._open[event.event_id] = record
        record.event = event
        if event.incident.score > record.frame_score + _CLEARER and event.phase is not EventPhase.END:
            record.frame, record.tracks, record.frame_score = frame, outcome.tracks, event.incident.score
            record.is_blind = outcome.is_blind
        if event.phase is EventPhase.END:
            record.complete_at_s = self._clock.monotonic_s() + camera.wanted.after_s + _PATIENCE_S

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
            _collect(records)
            if self._clock.monotonic_s() >= quiet_until_s or stopping:
                failures = 0 if self._write_all(records, stopping) else failures + 1
                quiet_until_s = self._clock.monotonic_s() + min(_LONGEST_PAUSE_S, failures)
            self._let_go_of_surplus(records)
            if stopping:
                return

    def _write_all(self, records: Sequence[OpenRecord], stopping: bool) -> bool:
        """Write what is due; False when the storage failed, for then the rest of the round would only wait for it too."""
        collected_s = self._clock.monotonic_s()
        for record in records:
            if self._clock.monotonic_s() - collected_s > _LOOK_EVERY_S:  # a slow disk, or clips that have to be encoded
                _collect(records)
                collected_s = self._clock.monotonic_s()
            try:
                self._advance(record, stopping)
            except StorageError as error:
                self._tell(str(error))
                return False
            except Exception:  # a fault with one event's proof must not end the proof of all others
                log.exception("evidence of event %s could not be written", record.event.event_id, extra={"event_id": record.event.event_id})
                self._forget(record)
        return True

    def _advance(self, record: OpenRecord, stopping: bool) -> None:
        if record.stored and record.snapped_score < record.frame_score - (_CLEARER if record.snapped_score >= 0 else 0):
            self._write_snapshots(record)
            self._on_picture(record)
            self._on_proof(record.event)
        now_s = self._clock.monotonic_s()
        due = record.due_clip(now_s) if record.stored else None
        if due is not None:
            self._write_trail(record)  # first: a clip that fails keeps its boxes
            self._write_clip(record, due)
            self._tell("")
            self._on_proof(record.event)
        if not record.is_complete(now_s):
            return
        if record.stored:
            self._write_trail(record)
        if record.stored or stopping:
            self._forget(record)

    def _write_trail(self, record: OpenRecord) -> None:
        trail = record.trail_of_clip()
        if len(trail) != record.trail_written:
            self._trails.save_trail(record.event.event_id, trail)
            record.trail_written = len(trail)

    def _write_snapshots(self, record: OpenRecord) -> None:
        at_s = record.frame.captured_at_s
        event_id, quality = record.event.event_id, record.camera.wanted.snapshot_quality
        image, before = record.frame.image, record.before
        privacy = record.camera.config.privacy
        if self._hidden is not None and privacy.hides("snapshots"):
            tracks = None if record.is_blind else record.tracks
            image = self._hidden.snapshot(record.frame, tracks, record.camera.classes, privacy)
            before = self._hidden.before(before, privacy, quality)
        self._store.add_bytes(event_id, EvidenceKind.SNAPSHOT, encode_jpeg(image, quality), at_s, at_s)
        if before:
            image = beside(before, image)
        else:
            draw_places(image, record.camera.config)
            mine = frozenset(record.event.incident.track_ids)
            name = str(record.event.incident.details.get("name") or "")
            draw_tracks(image, record.tracks, record.camera.classes, mine, dict.fromkeys(mine, name))
        self._store.add_bytes(event_id, EvidenceKind.ANNOTATED, encode_jpeg(image, quality), at_s, at_s)
        record.snapped_score = record.frame_score

    def _write_clip(self, record: OpenRecord, kind: EvidenceKind) -> None:
        """Write the clip, or the one so far, which the clip then takes the place of: both begin with the same picture."""
        written = self._write_packets(record, kind)
        if kind is EvidenceKind.CLIP_SO_FAR:
            record.wrote_clip_so_far()
            return
        if written and record.has_clip_so_far:
            self._store.discard(record.event.event_id, EvidenceKind.CLIP_SO_FAR)
        record.wrote_clip()

    def _write_packets(self, record: OpenRecord, kind: EvidenceKind) -> bool:
        info, packets = record.camera.info(), record.packets_of_clip()
        if not packets or info is None:
            log.warning(
                "event %s has no clip: none of its packets are left", record.event.event_id, extra={"event_id": record.event.event_id}
            )
            return False

        def write(path: Path) -> None:
            write_clip(packets, info, path)

        times_s = [packet.captured_at_s for packet in packets]
        try:
            self._store.write(record.event.event_id, kind, min(times_s), max(times_s), write)
        except SourceCorrupt as error:
            log.warning("event %s has no clip: %s", record.event.event_id, error, extra={"event_id": record.event.event_id})
            return False
        return True

    def _let_go_of_surplus(self, records: Sequence[OpenRecord]) -> None:
        """Memory is bounded: of proof that could not be written the oldest is let go; the events themselves stay."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            waiting = [record for record in records if record.is_complete(now_s) and record.event.event_id in self._open]
        kept: set[int] = set()
        size_bytes = 0
        for record in reversed(waiting):
            size_bytes += record.add_size_bytes(kept)
            if size_bytes > _MOST_WAITING_BYTES:
                why = self._problem or "the event itself could not be stored yet"
                log.error(
                    "event %s keeps no clip, for too much proof waits to be written: %s",
                    record.event.event_id,
                    why,
                    extra={"event_id": record.event.event_id},
                )
                self._forget(record)

    def _forget(self, record: OpenRecord) -> None:
        with self._lock:
            self._open.pop(record.event.event_id, None)

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._on_problem(problem)


def _collect(records: Sequence[OpenRecord]) -> None:
    for record in records:
        record.collect()
