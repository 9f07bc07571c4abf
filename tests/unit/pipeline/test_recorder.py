"""Evidence: a snapshot at once, a better one later, clips from the original packets; and nothing for what is not stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from panops.config.schema import CameraConfig, EvidenceConfig
from panops.domain.clock import SystemClock
from panops.domain.errors import SourceCorrupt, StorageFull
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.packets import Packet, StreamInfo
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks
from panops.ingest.packet_ring import PacketRing
from panops.ingest.registry import open_source
from panops.ingest.remux import write_clip
from panops.pipeline.check import Check, Outcome
from panops.pipeline.face_blur import FaceBlur
from panops.pipeline.hidden_parts import HiddenParts
from panops.pipeline.open_record import CameraEvidence
from panops.pipeline.person_mask import PersonMask
from panops.pipeline.recorder import Recorder
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.scope import Scope
from panops.storage.trail import TrackTrail
from panops.testing.films import make_film


class Stage:
    """A recorder over a real database, and a film whose packets lie in the ring."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.at(folder).open()
        self.events = EventRepository(self.database)
        self.store = EvidenceStore(self.database, folder / "evidence")
        self.trails = TrackTrail(self.database)
        self.problems: list[str] = []
        self.proofs: list[str] = []
        self.recorder = Recorder(
            self.store, self.trails, SystemClock(), self.problems.append, lambda event: self.proofs.append(event.event_id)
        )
        film = make_film(folder / "film.mp4", count=120, rate_fps=10, gop=10)
        source = open_source("cam", CameraConfig.model_validate({"source": str(film)}), SystemClock(), realtime=False)
        self.info: StreamInfo = source.open()
        self.packets: list[Packet] = list(iter(source.read, None))
        source.close()
        self.ring = PacketRing(max_s=30, max_bytes=10_000_000)
        self.want()
        self.recorder.start()

    def want(self, **changed: float) -> None:
        wanted = EvidenceConfig.model_validate({"before_s": 2, "after_s": 1, "max_clip_s": 8, "first_clip_s": 2, **changed})
        self.recorder.add_camera(
            "cam", CameraEvidence(CameraConfig.model_validate({"source": "x"}), ("person",), self.ring, lambda: self.info, wanted)
        )

    def play(self, until_s: float) -> None:
        for packet in self.packets:
            if self.ring.newest_s < packet.captured_at_s <= until_s:
                self.ring.append(packet)

    def say(self, event: Event | None, time_s: float, brightness: int = 90) -> None:
        frame = Frame("cam", 0, time_s, time_s, ArrayPixels(np.full((120, 160, 3), brightness, np.uint8)))
        one = np.ones(1, np.int64)
        box = np.array([[10, 10, 50, 90]], np.float32)
        times = np.full(1, time_s)
        tracks = Tracks("cam", time_s, one, box, np.array([0.9], np.float32), one * 0, one, times, times, one * 0)
        self.recorder.note(Outcome(Check("cam", frame, 0.0, True), tracks, (event,) if event else (), 0.0))
        if event:
            self.events.save([event])
            self.recorder.stored([event])

    def kinds(self, event_id: str) -> dict[EvidenceKind, Path]:
        found = {kind: self.store.path(Scope.everything(), event_id, kind) for kind in EvidenceKind}
        return {kind: path for kind, path in found.items() if path is not None}


def event(phase: EventPhase, started_s: float, updated_s: float, score: float = 0.5, event_id: str = "cam-1-0") -> Event:
    ended_s = updated_s if phase is EventPhase.END else None
    incident = Incident("k", phase, "intrusion", "person", "", (1,), score, started_s, updated_s, ended_s, (0.1, 0.1, 0.3, 0.7))
    return Event(event_id, "cam", "rule", Severity.ALARM, incident)


def wait_for(condition: Callable[[], object], timeout_s: float = 8.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.recorder.close()
    made.database.close()


@pytest.mark.parametrize("is_blind", [False, True])
def test_the_picture_of_a_look_that_nobody_made_is_hidden_where_people_are_masked(stage: Stage, is_blind: bool) -> None:
    config = CameraConfig.model_validate({"source": "x", "privacy": {"mask_persons": ["snapshots"], "person_model": ""}})
    loops = SimpleNamespace(config=config, classes=("person",), followed_names=None, detects=True, is_blind=False)
    stage.recorder._hidden = HiddenParts(FaceBlur(_no_detector), PersonMask(SimpleNamespace()), {"cam": loops})  # type: ignore[arg-type]
    wanted = EvidenceConfig.model_validate({})
    stage.recorder.add_camera("cam", CameraEvidence(config, ("person",), stage.ring, lambda: stage.info, wanted))
    image = np.random.default_rng(3).integers(0, 256, (120, 160, 3), np.uint8)
    begun = event(EventPhase.BEGIN, 4.0, 4.0)
    stage.recorder.note(
        Outcome(
            Check("cam", Frame("cam", 0, 4.0, 4.0, ArrayPixels(image)), 0.0, True),
            Tracks.empty("cam", 4.0),
            (begun,),
            0.0,
            is_blind=is_blind,
        )
    )
    stage.events.save([begun])
    stage.recorder.stored([begun])
    assert wait_for(lambda: EvidenceKind.SNAPSHOT in stage.kinds("cam-1-0"))
    kept = cv2.imread(str(stage.kinds("cam-1-0")[EvidenceKind.SNAPSHOT]))
    assert (float(np.abs(np.diff(kept.astype(int), axis=1)).mean()) < 15) == is_blind


def _no_detector(name: str) -> Detector:
    raise AssertionError(name)


def test_snapshot_at_once_and_clip_at_the_end(stage: Stage) -> None:
    stage.play(4.0)
    stage.say(None, 3.8)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0), 4.0)
    assert wait_for(lambda: set(stage.kinds("cam-1-0")) == {EvidenceKind.SNAPSHOT, EvidenceKind.ANNOTATED})
    stage.play(6.0)
    stage.say(event(EventPhase.END, 4.0, 6.0), 6.0)
    stage.play(9.0)
    assert wait_for(lambda: EvidenceKind.CLIP in stage.kinds("cam-1-0"))
    with av.open(str(stage.kinds("cam-1-0")[EvidenceKind.CLIP])) as clip:
        stream = clip.streams.video[0]
        assert stream.codec_context.name == "h264"
        count = sum(1 for _ in clip.decode(stream))
    # 2 s before, 2 s of event, 1 s after, at 10 frames/s, from the keyframe at or before.
    assert 50 <= count <= 61
    assert wait_for(lambda: len(stage.trails.trail(Scope.everything(), "cam-1-0")) == 3)
    assert stage.problems == []


def test_a_clearer_picture_replaces_the_first(stage: Stage) -> None:
    stage.play(4.0)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0, 0.5), 4.0, brightness=40)
    assert wait_for(lambda: EvidenceKind.ANNOTATED in stage.kinds("cam-1-0"))
    first = stage.kinds("cam-1-0")[EvidenceKind.SNAPSHOT].read_bytes()
    stage.say(event(EventPhase.UPDATE, 4.0, 4.4, 0.9), 4.4, brightness=200)
    assert wait_for(lambda: stage.kinds("cam-1-0")[EvidenceKind.SNAPSHOT].read_bytes() != first)


def test_a_long_event_is_cut_and_its_packets_outlive_the_ring(stage: Stage) -> None:
    stage.ring.max_s = 3.0
    stage.play(3.0)
    stage.say(event(EventPhase.BEGIN, 3.0, 3.0), 3.0)
    for until_s in range(4, 12):
        stage.play(float(until_s))
        stage.recorder._wake.set()
        time.sleep(0.15)
    stage.say(event(EventPhase.END, 3.0, 11.0), 11.0)
    assert wait_for(lambda: EvidenceKind.CLIP in stage.kinds("cam-1-0"))
    with av.open(str(stage.kinds("cam-1-0")[EvidenceKind.CLIP])) as clip:
        count = sum(1 for _ in clip.decode(video=0))
    assert 78 <= count <= 91  # max_clip_s of 8 s


def test_nothing_is_written_for_an_event_that_is_not_stored(stage: Stage) -> None:
    stage.play(4.0)
    begun = event(EventPhase.BEGIN, 4.0, 4.0)
    frame = Frame("cam", 0, 4.0, 4.0, ArrayPixels(np.zeros((120, 160, 3), np.uint8)))
    stage.recorder.note(Outcome(Check("cam", frame, 0.0, True), Tracks.empty("cam", 4.0), (begun,), 0.0))
    time.sleep(0.7)
    assert stage.kinds("cam-1-0") == {}
    stage.events.save([begun])
    stage.recorder.stored([begun])
    assert wait_for(lambda: EvidenceKind.SNAPSHOT in stage.kinds("cam-1-0"))


def test_closing_writes_the_clips_of_open_events(stage: Stage) -> None:
    stage.play(5.0)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0), 4.0)
    ended = event(EventPhase.END, 4.0, 5.0)
    stage.events.save([ended])
    stage.recorder.end([ended])
    stage.recorder.stored([ended])
    stage.recorder.close()
    assert set(stage.kinds("cam-1-0")) == set(EvidenceKind) - {EvidenceKind.CLIP_SO_FAR}


def test_a_full_disk_is_told_and_survived(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = stage.store.add_bytes
    full = True

    def refuse(*arguments: object, **named: object) -> object:
        if full:
            raise StorageFull("the evidence folder is full; free some space")
        return whole(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(stage.store, "add_bytes", refuse)
    stage.play(4.0)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0), 4.0)
    assert wait_for(lambda: stage.problems == ["the evidence folder is full; free some space"])
    full = False
    assert wait_for(lambda: EvidenceKind.ANNOTATED in stage.kinds("cam-1-0"))
    stage.say(event(EventPhase.END, 4.0, 5.0), 5.0)
    stage.play(9.0)
    assert wait_for(lambda: stage.problems[-1] == "")


def ring_packet(time_s: float, *, key: bool = False, epoch: int = 0) -> Packet:
    return Packet(time_s, time_s, key, 100, epoch, None)


def collected(stage: Stage, packets: list[Packet], begun: Event, rounds: int = 4) -> list[Packet]:
    """What the recorder takes when the packets come bit by bit."""
    stage.recorder.close()
    frame = Frame("cam", 0, 4.0, 4.0, ArrayPixels(np.zeros((120, 160, 3), np.uint8)))
    stage.recorder._stopping = False
    started = begun.incident.started_at_s
    early = [packet for packet in packets if packet.captured_at_s <= started]
    for packet in early:
        stage.ring.append(packet)
    stage.recorder.note(Outcome(Check("cam", frame, 0.0, True), Tracks.empty("cam", started), (begun,), 0.0))
    (record,) = stage.recorder._open.values()
    late = [packet for packet in packets if packet.captured_at_s > started]
    for index in range(rounds):
        record.collect()
        for packet in late[index * len(late) // rounds : (index + 1) * len(late) // rounds]:
            stage.ring.append(packet)
    record.collect()
    return record.packets


def test_packets_in_decoding_order_are_all_taken(stage: Stage) -> None:
    # A keyframe a second; after each P-frame come the three B-frames that are shown before it.
    packets = []
    for second in range(12):
        packets.append(ring_packet(float(second), key=True))
        for start in (0.0, 0.4):
            packets += [ring_packet(second + start + step) for step in (0.4, 0.1, 0.2, 0.3) if start + step < 1]
    taken = collected(stage, packets, event(EventPhase.BEGIN, 4.0, 4.0))
    first = packets.index(taken[0])
    assert taken[0].is_keyframe
    assert taken == packets[first : first + len(taken)]
    assert max(packet.captured_at_s for packet in taken) >= 9.9


def test_after_a_reconnection_the_clip_is_of_the_connection_that_shows_the_event(stage: Stage) -> None:
    packets = [ring_packet(n / 10, key=n % 10 == 0, epoch=0) for n in range(28)]
    packets += [ring_packet(n / 10, key=n % 10 == 0, epoch=1) for n in range(30, 90)]
    taken = collected(stage, packets, event(EventPhase.BEGIN, 4.0, 4.0))
    assert {packet.epoch for packet in taken} == {1}
    assert taken[0].captured_at_s <= 4.0
    assert taken[-1].captured_at_s >= 8.0


def no_tracks(time_s: float, *events: Event, size: tuple[int, int] = (120, 160)) -> Outcome:
    frame = Frame("cam", 0, time_s, time_s, ArrayPixels(np.zeros((*size, 3), np.uint8)))
    return Outcome(Check("cam", frame, 0.0, True), Tracks.empty("cam", time_s), events, 0.0)


def test_a_clock_set_back_after_the_end_neither_delays_the_clip_nor_fills_it(stage: Stage) -> None:
    stage.recorder.close()
    stage.recorder._stopping = False
    for n in range(1060):
        stage.ring.append(ring_packet(n / 10, key=n % 10 == 0))
    stage.recorder.note(no_tracks(104.0, event(EventPhase.BEGIN, 104.0, 104.0)))
    (record,) = stage.recorder._open.values()
    record.collect()
    stage.recorder.note(no_tracks(105.9, event(EventPhase.END, 104.0, 105.9)))
    taken = len(record.packets)
    for n in range(600):
        stage.ring.append(ring_packet(5 + n / 10, key=n % 10 == 0))
        if n % 5 == 0:
            record.collect()
    assert len(record.packets) == taken
    assert record.is_complete(time.monotonic())


def test_what_was_tracked_before_a_clock_was_set_back_is_forgotten(stage: Stage) -> None:
    for n in range(10):
        stage.say(None, 1000.0 + n / 5)
    for n in range(200):
        stage.say(None, 10.0 + n / 5)
    assert len(stage.recorder._cameras["cam"].recent) < 100


def test_a_trail_holds_nothing_from_long_before_its_event(stage: Stage) -> None:
    stage.play(3.0)
    stage.say(None, 0.5)
    stage.play(9.0)
    stage.recorder.note(no_tracks(8.0, event(EventPhase.BEGIN, 8.0, 8.0)))  # a place that became empty: nobody is tracked
    stage.events.save([event(EventPhase.BEGIN, 8.0, 8.0)])
    stage.say(event(EventPhase.END, 8.0, 8.4), 8.4)
    stage.play(12.0)
    assert wait_for(lambda: EvidenceKind.CLIP in stage.kinds("cam-1-0"))
    assert wait_for(lambda: [row.time_s for row in stage.trails.trail(Scope.everything(), "cam-1-0")] == [8.4])


def test_an_alarm_after_a_long_dwell_has_a_clip_of_the_alarm(stage: Stage) -> None:
    stage.recorder.close()
    stage.recorder._stopping = False
    stage.ring.max_s = 17.0
    # The condition has held since 100 s; two minutes later that is an event.
    for n in range(1000, 2205):
        stage.ring.append(ring_packet(n / 10, key=n % 10 == 0))
    begun = event(EventPhase.BEGIN, 100.0, 220.0)
    stage.recorder.note(no_tracks(220.0, begun))
    (record,) = stage.recorder._open.values()
    record.collect()
    for n in range(2205, 2400):
        stage.ring.append(ring_packet(n / 10, key=n % 10 == 0))
    record.collect()
    assert record.packets[0].captured_at_s <= 218.0
    assert record.packets[-1].captured_at_s >= 223.0
    assert record.last_wanted_s - record.first_wanted_s <= 8.0  # max_clip_s


def test_proof_of_events_that_are_never_stored_is_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.pipeline.recorder._MOST_WAITING_BYTES", 3_000_000)
    stage.recorder.close()
    stage.recorder._stopping = False
    stage.play(5.0)  # their packets are shared, and count once
    for n in range(200):
        name, at_s = f"cam-1-{n}", 4.0 + n / 1000
        stage.recorder.note(no_tracks(at_s, event(EventPhase.BEGIN, at_s, at_s, event_id=name), size=(480, 640)))
        stage.recorder._open[name].collect()
        stage.recorder.end([event(EventPhase.END, at_s, at_s, event_id=name)])
        stage.recorder._let_go_of_surplus(list(stage.recorder._open.values()))
    assert 4 <= len(stage.recorder._open) <= 6
    assert "cam-1-199" in stage.recorder._open


def test_a_clip_that_cannot_be_made_does_not_cost_the_trail(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise SourceCorrupt("the clip cannot be written")

    monkeypatch.setattr("panops.pipeline.recorder.write_clip", refuse)
    stage.play(4.0)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0), 4.0)
    stage.say(event(EventPhase.END, 4.0, 5.0), 5.0)
    stage.play(9.0)
    assert wait_for(lambda: len(stage.trails.trail(Scope.everything(), "cam-1-0")) == 2)
    assert wait_for(lambda: not stage.recorder._open)


CLIP, SO_FAR = EvidenceKind.CLIP, EvidenceKind.CLIP_SO_FAR


def length_s(path: Path) -> float:
    with av.open(str(path)) as clip:
        return sum(1 for _ in clip.decode(video=0)) / 10


def rows(stage: Stage) -> list[float]:
    return [point.time_s for point in stage.trails.trail(Scope.everything(), "cam-1-0")]


def test_an_event_that_goes_on_has_a_first_clip_with_its_boxes(stage: Stage) -> None:
    stage.play(4.0)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0), 4.0)
    assert wait_for(lambda: EvidenceKind.ANNOTATED in stage.kinds("cam-1-0"))
    assert wait_for(lambda: len(stage.proofs) == 1)
    stage.play(5.5)
    stage.say(event(EventPhase.UPDATE, 4.0, 5.0), 5.0)
    time.sleep(0.7)
    assert SO_FAR not in stage.kinds("cam-1-0")  # two seconds after it was told, not before
    stage.play(6.2)
    assert wait_for(lambda: len(stage.proofs) == 2)
    assert 4.0 <= length_s(stage.kinds("cam-1-0")[SO_FAR]) <= 5.3  # from the keyframe before 2.0 on
    assert CLIP not in stage.kinds("cam-1-0")
    assert rows(stage) == [4.0, 5.0]


def test_the_clip_takes_the_place_of_the_first_one(stage: Stage) -> None:
    stage.play(4.0)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0), 4.0)
    stage.play(6.2)
    assert wait_for(lambda: SO_FAR in stage.kinds("cam-1-0"))
    first = stage.store.find(Scope.everything(), "cam-1-0", SO_FAR)
    stage.say(event(EventPhase.END, 4.0, 6.4), 6.4)
    stage.play(9.0)
    assert wait_for(lambda: not stage.recorder._open)
    assert set(stage.kinds("cam-1-0")) == set(EvidenceKind) - {SO_FAR}
    whole = stage.store.find(Scope.everything(), "cam-1-0", CLIP)
    assert first is not None
    assert whole is not None
    assert whole[0].start_s == first[0].start_s  # so a player can go on at the same second
    assert whole[0].end_s == pytest.approx(7.4)
    assert sorted(path.name for path in (stage.store.folder / whole[0].path).parent.iterdir()) == [
        "annotated.jpg",
        "clip.mp4",
        "snapshot.jpg",
    ]
    assert rows(stage) == [4.0, 6.4]
    assert stage.proofs == ["cam-1-0"] * 3


def test_an_event_that_is_soon_over_has_one_clip_only(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[EvidenceKind] = []
    write = stage.store.write
    monkeypatch.setattr(
        stage.store, "write", lambda event_id, kind, *rest, **named: (written.append(kind), write(event_id, kind, *rest, **named))[1]
    )
    stage.play(4.0)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0), 4.0)
    stage.play(5.0)
    stage.say(event(EventPhase.END, 4.0, 5.0), 5.0)
    stage.play(9.0)
    assert wait_for(lambda: not stage.recorder._open)
    assert [kind for kind in written if kind in (CLIP, SO_FAR)] == [CLIP]


def test_no_first_clip_where_none_is_wanted(stage: Stage) -> None:
    stage.want(first_clip_s=0)
    stage.play(4.0)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0), 4.0)
    stage.play(8.0)
    time.sleep(0.7)
    assert set(stage.kinds("cam-1-0")) == {EvidenceKind.SNAPSHOT, EvidenceKind.ANNOTATED}


def test_a_clip_of_full_length_is_written_while_its_event_goes_on_and_its_packets_are_let_go(stage: Stage) -> None:
    stage.play(3.0)
    stage.say(event(EventPhase.BEGIN, 3.0, 3.0), 3.0)
    for until_s in range(4, 13):  # 8 s from 1 s on are the clip, and a moment more for packets out of order
        stage.say(event(EventPhase.UPDATE, 3.0, float(until_s)), float(until_s))
        stage.play(float(until_s))
        stage.recorder._wake.set()
        time.sleep(0.05)
    assert wait_for(lambda: CLIP in stage.kinds("cam-1-0") and SO_FAR not in stage.kinds("cam-1-0"))
    (record,) = stage.recorder._open.values()
    assert wait_for(lambda: not record.packets)
    before = stage.kinds("cam-1-0")[CLIP].stat()
    time.sleep(0.6)
    assert not record.packets  # and no new ones are taken
    stage.say(event(EventPhase.END, 3.0, 60.0), 60.0)
    assert wait_for(lambda: not stage.recorder._open)
    after = stage.kinds("cam-1-0")[CLIP].stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)  # not written again
    assert rows(stage) == [float(second) for second in range(3, 10)]


def test_the_clip_of_a_very_long_event_grows_in_few_steps(stage: Stage) -> None:
    stage.recorder.close()
    stage.recorder._stopping = False
    stage.want(before_s=5, max_clip_s=3600, first_clip_s=8)
    for n in range(4000):
        stage.ring.append(ring_packet(n / 10, key=n % 10 == 0))
    begun = no_tracks(400.0, event(EventPhase.BEGIN, 400.0, 400.0))
    stage.recorder.note(begun)
    (record,) = stage.recorder._open.values()
    record.collect()
    lengths_s = []
    for n in range(4000, 41000):
        stage.ring.append(ring_packet(n / 10, key=n % 10 == 0))
        if n % 5 == 0:
            record.collect()
            if record.due_clip(0.0) is SO_FAR:
                lengths_s.append(round(record.packets[-1].captured_at_s - 395.0))
                record.wrote_clip_so_far()
    assert lengths_s == [13, 52, 208, 832]  # a third of the clip, all together
    assert record.due_clip(0.0) is CLIP


def test_a_lost_connection_keeps_nobody_waiting_for_a_clip(stage: Stage) -> None:
    packets = [ring_packet(n / 10, key=n % 10 == 0, epoch=0) for n in range(50)]
    packets += [ring_packet(n / 10, key=n % 10 == 0, epoch=1) for n in range(60, 90)]
    collected(stage, packets, event(EventPhase.BEGIN, 4.0, 4.0), rounds=8)
    (record,) = stage.recorder._open.values()
    assert record.due_clip(0.0) is SO_FAR
    stage.ring.max_s = 1.0
    stage.ring.append(ring_packet(9.0, key=True, epoch=1))
    record.collect()
    assert record.due_clip(0.0) is CLIP  # what it shows can never become more


def test_a_first_clip_that_cannot_be_made_is_tried_once_and_the_clip_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, tries = write_clip, []

    def fail_once(*arguments: object) -> object:
        tries.append(1)
        if len(tries) == 1:
            raise SourceCorrupt("the clip cannot be written")
        return whole(*arguments)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr("panops.pipeline.recorder.write_clip", fail_once)
    stage.play(4.0)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0), 4.0)
    stage.play(6.2)
    assert wait_for(lambda: len(tries) == 1)
    time.sleep(1.2)
    assert len(tries) == 1
    stage.say(event(EventPhase.END, 4.0, 6.4), 6.4)
    stage.play(9.0)
    assert wait_for(lambda: CLIP in stage.kinds("cam-1-0"))


def test_a_full_disk_at_the_first_clip_is_told_and_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, full = stage.store.write, [True]

    def refuse(event_id: str, kind: EvidenceKind, *rest: object, **named: object) -> object:
        if kind is SO_FAR and full:
            raise StorageFull("the evidence folder is full; free some space")
        return whole(event_id, kind, *rest, **named)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(stage.store, "write", refuse)
    stage.play(4.0)
    stage.say(event(EventPhase.BEGIN, 4.0, 4.0), 4.0)
    stage.play(6.2)
    assert wait_for(lambda: stage.problems == ["the evidence folder is full; free some space"])
    full.clear()
    assert wait_for(lambda: SO_FAR in stage.kinds("cam-1-0"))
    assert wait_for(lambda: stage.problems[-1] == "")
