"""One camera's recording: where files are cut, what they say they show, and which of them stay."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from panops.config.record_schema import RecordConfig
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.packets import Packet, StreamInfo
from panops.domain.recordings import Segment
from panops.domain.verdicts import Finding, Verdict
from panops.ingest.packet_ring import PacketRing
from panops.ingest.segment_reader import length_s
from panops.pipeline import camera_recording
from panops.pipeline.camera_recording import CameraRecording
from panops.storage.recording_folder import RecordingFolder, synced_and_hashed
from panops.testing.fake_clock import FakeClock
from panops.testing.films import make_film
from tests.unit.ingest.recorded_packets import later, load

START_S = 1_800_000_000.0
FILM_S = 6.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[StreamInfo, list[Packet]]:
    """6 s at 10 frames/s, a keyframe each second, taken from START_S on."""
    path = make_film(tmp_path_factory.mktemp("film") / "film.mp4", count=60)
    return load(path, START_S)


class Camera:
    """A camera that is recorded in files of 2 s, and a clock that stands at its newest packet."""

    def __init__(self, folder: Path, info: StreamInfo, mode: str = "continuous", told_after_s: float = 0.0, **settings: float) -> None:
        self.clock = FakeClock(START_S)
        self.ring = PacketRing(60.0, 10**8)
        self.folder = RecordingFolder(folder)
        config = RecordConfig.model_validate({"mode": mode, "before_s": 1.0, "after_s": 1.0, **settings})
        self.is_behind = False
        behind = lambda: self.is_behind  # noqa: E731
        self.recording = CameraRecording(
            "gate", config, 2.0, self.ring, lambda: info, self.folder, self.clock, is_behind=behind, told_after_s=told_after_s
        )

    def send(self, packets: list[Packet]) -> None:
        for packet in packets:
            self.ring.append(packet)
            self.clock.now_s = max(self.clock.now_s, packet.captured_at_s)
        self.recording.take()

    def end(self) -> list[Segment]:
        self.recording.cut()
        self.clock.now_s += 60
        return self.recording.settle()

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.path.rglob("*.mp4"))

    def look(self, *moved_s: float, until_s: float = FILM_S) -> None:
        for tenth in range(round(until_s * 5)):
            at_s = START_S + tenth / 5
            self.recording.marks.note_look(at_s, moved=any(abs(at_s - START_S - one) < 0.15 for one in moved_s))


def event(start: float, end: float | None, *, false: bool = False) -> Event:
    phase = EventPhase.BEGIN if end is None else EventPhase.END
    incident = Incident("1", phase, "intrusion", "person", "", (1,), 0.9, START_S + start, START_S + (end or start), end and START_S + end)
    verdict = Verdict((Finding("size", False, 0.1, 0.2, "too small"),), 1.0, "size") if false else None
    return Event("gate-1-1", "gate", "night", Severity.ALARM, incident, verdict)


def spans(segments: list[Segment]) -> list[tuple[float, float]]:
    return [(round(one.start_s - START_S, 1), round(one.end_s - START_S, 1)) for one in segments]


def test_files_are_cut_at_keyframes_and_follow_each_other(tmp_path: Path, film: tuple[StreamInfo, list[Packet]]) -> None:
    camera = Camera(tmp_path, film[0])
    for number in range(0, 60, 7):
        camera.send(film[1][number : number + 7])
    segments = camera.end()
    assert spans(segments) == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]
    assert [one.path for one in segments] == [f"gate/2027-01-15/0800{second:02d}000.mp4" for second in (0, 2, 4)]
    for one in segments:
        path = camera.folder.find(one.path)
        assert path is not None
        assert path.stat().st_size == one.size_bytes
        assert length_s(path) == pytest.approx(2.0, abs=0.01)
        assert camera.folder.start_s(path) == pytest.approx(one.start_s, abs=0.001)
    assert camera.recording.recorded_segments == 3
    assert camera.recording.cpu_s > 0


def test_a_new_connection_a_gap_and_a_clock_set_back_begin_a_file(tmp_path: Path, film: tuple[StreamInfo, list[Packet]]) -> None:
    camera, (_, packets) = Camera(tmp_path, film[0]), film
    camera.send(packets[:10])
    camera.send(later(packets[:10], 30.0, epoch=1))
    camera.send(later(packets[10:20], 50.0, epoch=1, pts_by_s=30.0))  # the camera stood still for twenty seconds
    camera.send(later(packets[20:30], -100.0, epoch=1, pts_by_s=30.0))  # the machine's clock was set
    segments = camera.end()
    assert spans(segments) == [(0.0, 1.0), (30.0, 31.0), (51.0, 52.0), (-98.0, -97.0)]


def test_what_was_lost_before_it_was_written_is_counted_and_is_a_gap(tmp_path: Path, film: tuple[StreamInfo, list[Packet]]) -> None:
    camera, (_, packets) = Camera(tmp_path, film[0]), film
    camera.ring.max_s = 1.5
    camera.send(packets[:5])
    camera.send([*packets[5:], *later(packets, 6.0)])  # the disk hung for eleven seconds
    segments = camera.end()
    assert camera.recording.failures["lost"] > 50
    assert spans(segments)[0] == (0.0, 0.5)
    assert spans(segments)[1][0] > 9.0


@pytest.mark.parametrize(
    ("mode", "margin_s", "moved", "stay"),
    [
        ("continuous", 0.0, [], [0, 2, 4]),
        ("motion", 0.0, [], []),
        ("motion", 0.0, [2.5], [2]),
        ("motion", 1.0, [3.8], [2, 4]),  # within after_s before the next one
        ("motion", 1.0, [2.2], [0, 2]),  # within before_s after the one before
        ("events", 0.0, [2.5], []),
    ],
)
def test_which_files_stay(
    mode: str, margin_s: float, moved: list[float], stay: list[int], tmp_path: Path, film: tuple[StreamInfo, list[Packet]]
) -> None:
    camera = Camera(tmp_path, film[0], mode, before_s=margin_s, after_s=margin_s)
    camera.send(film[1])
    camera.look(*moved)
    segments = camera.end()
    assert [round(one.start_s - START_S) for one in segments] == stay
    assert camera.files() == [f"0800{second:02d}000.mp4" for second in stay]
    for one in segments:
        assert bool(one.motion) == any(one.start_s <= START_S + at < one.end_s for at in moved)


@pytest.mark.parametrize(
    ("mode", "seen", "stay"),
    [
        ("events", event(2.5, 3.0), [2]),
        ("motion", event(2.5, 3.0), [2]),
        ("events", event(1.0, None), [0, 2, 4]),
        ("events", event(2.5, 3.0, false=True), []),
    ],
)
def test_files_with_events_stay(mode: str, seen: Event, stay: list[int], tmp_path: Path, film: tuple[StreamInfo, list[Packet]]) -> None:
    camera = Camera(tmp_path, film[0], mode, before_s=0.2, after_s=0.2)
    camera.send(film[1])
    camera.look()
    camera.recording.marks.note_event(seen)
    segments = camera.end()
    assert [round(one.start_s - START_S) for one in segments] == stay
    assert all(one.has_event for one in segments)


def test_files_at_which_nobody_looked_stay(tmp_path: Path, film: tuple[StreamInfo, list[Packet]]) -> None:
    camera = Camera(tmp_path, film[0], "motion")
    camera.send(film[1])
    camera.look(until_s=1.8)
    assert spans(camera.end()) == [(2.0, 4.0), (4.0, 6.0)], "failed is never nothing there"


def test_files_wait_for_what_may_still_be_told(tmp_path: Path, film: tuple[StreamInfo, list[Packet]]) -> None:
    camera = Camera(tmp_path, film[0], "motion")
    camera.send(film[1])
    camera.look()
    camera.clock.now_s += 15
    assert camera.recording.settle() == []
    assert len(camera.files()) == 3
    camera.look(3.0)
    camera.clock.now_s += 15
    assert spans(camera.recording.settle()) == [(2.0, 4.0)]


def test_a_camera_that_sends_nothing_ends_its_file(tmp_path: Path, film: tuple[StreamInfo, list[Packet]]) -> None:
    camera = Camera(tmp_path, film[0])
    camera.send(film[1][:15])
    camera.clock.now_s += 19
    camera.send([])
    camera.clock.now_s += 2
    camera.send([])
    camera.clock.now_s += 11
    segments = camera.recording.settle()
    assert spans(segments) == [(0.0, 1.5)], "it does not stay open until the camera is back"
    camera.send(later(film[1], 100.0, epoch=1))
    assert spans(camera.end())[0] == (100.0, 102.0)


def test_files_wait_for_events_that_are_told_long_after_their_beginning(tmp_path: Path, film: tuple[StreamInfo, list[Packet]]) -> None:
    camera = Camera(tmp_path, film[0], "events", told_after_s=30.0)
    camera.send(film[1])
    camera.look()
    camera.clock.now_s += 45
    assert camera.recording.settle() == []
    camera.recording.marks.note_event(event(3.5, None))  # somebody loiters since then
    camera.clock.now_s += 10
    assert spans(camera.recording.settle()) == [(2.0, 4.0)]


def test_nothing_is_judged_while_events_are_not_stored(tmp_path: Path, film: tuple[StreamInfo, list[Packet]]) -> None:
    camera = Camera(tmp_path, film[0], "events")
    camera.send(film[1])
    camera.look()
    camera.is_behind = True
    camera.recording.cut()
    camera.clock.now_s += 400
    assert camera.recording.settle() == []
    files = list(camera.folder.path.rglob("*.mp4"))
    assert len(files) == 3
    for file in files:
        os.utime(file, (1, 1))
    camera.clock.now_s += 400
    camera.recording.settle()
    assert all(file.stat().st_mtime > 1 for file in files), "nobody takes them for left by a killed process"
    camera.is_behind = False
    assert camera.recording.settle() == []
    assert camera.files() == []


def test_a_file_that_cannot_be_read_costs_those_before_it_nothing(
    tmp_path: Path, film: tuple[StreamInfo, list[Packet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    camera, real = Camera(tmp_path, film[0]), synced_and_hashed
    camera.send(film[1])
    camera.recording.cut()
    camera.clock.now_s += 60

    def fails_at_the_second(path: Path) -> tuple[int, str]:
        if path.name == "080002000.mp4":
            raise OSError(5, "Input/output error")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(camera_recording, "synced_and_hashed", fails_at_the_second)
        assert spans(camera.recording.settle()) == [(0.0, 2.0)]
        with pytest.raises(OSError, match="Input/output"):
            camera.recording.settle()
    assert spans(camera.recording.settle()) == [(2.0, 4.0), (4.0, 6.0)]


def test_an_end_that_was_told_stays_though_its_beginning_is_stored_later(tmp_path: Path, film: tuple[StreamInfo, list[Packet]]) -> None:
    marks = Camera(tmp_path, film[0]).recording.marks
    marks.note_event(event(1.0, 2.0))
    marks.note_event(event(1.0, None))
    assert not marks.has_event(START_S + 3, START_S + 4)


def test_a_codec_that_cannot_be_recorded_is_told_once_for_each_connection(tmp_path: Path) -> None:
    info, packets = load(make_film(tmp_path / "film.mkv", "mjpeg", pix_fmt="yuvj420p"), START_S)
    camera = Camera(tmp_path / "recordings", info)
    camera.send(packets)
    assert "camera gate is not recorded" in camera.recording.problem
    assert "mjpeg" in camera.recording.problem
    assert camera.end() == []
