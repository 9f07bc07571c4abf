"""A shard's recording: a real disk that is full, a database that does not work, and that both end by themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from panops.config.record_schema import RecordConfig, RecordingConfig
from panops.config.schema import SiteConfig
from panops.domain.errors import StorageLocked
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.packets import Packet, StreamInfo
from panops.domain.recordings import Segment, Span
from panops.ingest.packet_ring import PacketRing
from panops.ingest.segment_reader import length_s
from panops.pipeline.camera_recording import CameraRecording
from panops.pipeline.recording import Recording
from panops.pipeline.shard_recording import told_after_s
from panops.pipeline.stage_meter import StageMeter
from panops.storage.database import Database
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Scope
from panops.testing.fake_clock import FakeClock
from panops.testing.films import make_film
from tests.small_disk import small_disk_at
from tests.unit.ingest.recorded_packets import later, load

START_S = 1_800_000_000.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[StreamInfo, list[Packet]]:
    """5 s of noise that hardly compresses: about 1 MB."""
    return load(make_film(tmp_path_factory.mktemp("film") / "film.mp4", count=50, size_wh=(320, 240), noise=100), START_S)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk_at(tmp_path / "disk", 40) as folder:
        yield folder


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.at(tmp_path / "home") as opened:
        yield opened


class Site:
    """One recorded camera, packets that go on for ever, and what is told."""

    def __init__(self, folder: Path, film: tuple[StreamInfo, list[Packet]], index: RecordingIndex, min_free_gib: float = 0.0) -> None:
        self.info, self.packets = film
        self.clock, self.ring, self.told = FakeClock(START_S), PacketRing(20.0, 10**9), [""]
        self.recording = Recording(index, self.clock, self.told.append, StageMeter())
        config = RecordConfig(mode="continuous")
        self.camera = CameraRecording("gate", config, 2.0, self.ring, lambda: self.info, RecordingFolder(folder), self.clock)
        self.recording.add_camera(self.camera, RecordingConfig(min_free_gib=min_free_gib))
        self.rounds = 0

    def go_on(self) -> None:
        """Five seconds more."""
        for packet in later(self.packets, 5.0 * self.rounds):
            self.ring.append(packet)
        self.rounds += 1
        self.clock.now_s = START_S + 5.0 * self.rounds
        self.recording.run_once()


def test_a_full_disk_stops_recording_says_so_and_goes_on_by_itself(
    small_disk: Path, film: tuple[StreamInfo, list[Packet]], database: Database
) -> None:
    index = RecordingIndex(database)
    site = Site(small_disk / "recordings", film, index)
    site.go_on()
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file, pytest.raises(OSError, match="space"):  # noqa: PT012  until it is full
        while True:
            file.write(os.urandom(1 << 16))
            file.flush()
    for _ in range(4):
        site.go_on()
    assert "recording has stopped" in site.told[-1]
    assert "events and their evidence go on" in site.told[-1] or "no space" in site.told[-1]
    stopped_at_s = site.clock.now_s
    written = site.camera.recorded_bytes
    site.go_on()
    assert site.camera.recorded_bytes == written, "nothing is written while it is full"
    ballast.unlink()
    for _ in range(8):
        site.go_on()
    assert site.told[-1] == ""
    site.recording.remove_camera("gate")
    site.recording.run_once(closing=True)
    segments = index.segments(Scope.everything(), "gate", 0, 1e11)
    assert segments[0].start_s == START_S
    assert segments[-1].end_s > stopped_at_s + 10
    for one in segments:
        path = site.camera.folder.find(one.path)
        assert path is not None
        assert length_s(path) == pytest.approx(one.end_s - one.start_s, abs=0.15), "what is listed is whole"


def test_recording_stops_before_the_disk_is_full(tmp_path: Path, film: tuple[StreamInfo, list[Packet]], database: Database) -> None:
    free_gib = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize / 1024**3
    site = Site(tmp_path / "recordings", film, RecordingIndex(database), min_free_gib=3 * free_gib)
    site.go_on()
    assert "recording has stopped: only" in site.told[-1]
    assert site.camera.recorded_bytes == 0
    site.recording.add_camera(site.camera, RecordingConfig(min_free_gib=0.5 * free_gib))
    site.go_on()
    assert site.told[-1] == ""
    assert site.camera.recorded_bytes > 0


class LockedIndex(RecordingIndex):
    """One whose database is held by somebody else."""

    locked = True

    def add(self, segments: Sequence[Segment], eventful: Sequence[tuple[str, Span]] = ()) -> None:
        if self.locked:
            raise StorageLocked("held by another process")
        super().add(segments, eventful)


def test_rows_wait_for_a_database_that_does_not_work(tmp_path: Path, film: tuple[StreamInfo, list[Packet]], database: Database) -> None:
    index = LockedIndex(database)
    site = Site(tmp_path / "recordings", film, index)
    for _ in range(6):
        site.go_on()
    assert "held by another process" in site.told[-1]
    index.locked = False
    for _ in range(6):
        site.go_on()
    assert site.told[-1] == ""
    segments = index.segments(Scope.everything(), "gate", 0, 1e11)
    assert segments[0].start_s == START_S
    assert len(segments) >= 20


RULES = [
    {"id": "in", "kind": "intrusion", "after_s": 1},
    {"id": "stays", "kind": "loitering", "after_s": 45},
    {"id": "both", "kind": "combined", "of": ["in", "stays"], "within_s": 20},
]


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [([], 0), (RULES[:1], 1), (RULES[:2], 45), (RULES, 65), ([*RULES[:1], {"id": "visits", "kind": "dwell"}], 600)],
)
def test_how_long_after_its_beginning_an_event_is_told(rules: list[dict[str, object]], seconds: float) -> None:
    site = SiteConfig.model_validate({"cameras": {"gate": {"source": "sim://yard"}}, "rules": rules})
    assert told_after_s(site.rules) == seconds


def test_what_is_told_counts_before_it_is_stored(tmp_path: Path, film: tuple[StreamInfo, list[Packet]], database: Database) -> None:
    site = Site(tmp_path / "recordings", film, RecordingIndex(database))
    incident = Incident("1", EventPhase.BEGIN, "intrusion", "person", "", (1,), 0.9, START_S + 1, START_S + 1, None)
    site.recording.told([Event("gate-1-1", "gate", "night", Severity.ALARM, incident), Event("a-1-1", "a", "n", Severity.INFO, incident)])
    assert site.camera.marks.has_event(START_S + 1, START_S + 2)
