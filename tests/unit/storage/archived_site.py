"""Recordings on their first disk, and whoever moves them to the second one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from panops.config.archive_schema import ArchiveConfig
from panops.config.record_schema import RecordConfig, RecordingConfig
from panops.domain.recordings import Place, Segment
from panops.storage.archive import Archive, Pace, open_archive
from panops.storage.archive_mover import ArchiveMover
from panops.storage.archive_rows import ArchiveRows
from panops.storage.database import Database
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recording_retention import RecordingForecast, RecordingRetention
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Scope
from panops.testing.fake_clock import FakeClock

EVERYTHING = Scope.everything()


class ArchivedSite:
    """Small real files with real sums, hours old."""

    def __init__(self, folder: Path, database: Database, clock: FakeClock, archive: ArchiveConfig, **recording: object) -> None:
        self.folder, self.database, self.clock = RecordingFolder(folder), database, clock
        self.index, self.rows = RecordingIndex(database), ArchiveRows(database)
        self.config = RecordingConfig.model_validate({"min_free_gib": 0.0, **recording, "archive": archive})
        self.archive: Archive = open_archive(archive)
        self.cameras: Mapping[str, RecordConfig] = {}
        self.pace = Pace()

    def add(self, hours_ago: float, *, camera: str = "gate", size: int = 3000, has_event: bool = False, motion: bool = False) -> Segment:
        start_s = self.clock.now_s - 3600 * hours_ago
        path = self.folder.new_file(camera, start_s)
        data = hashlib.sha256(f"{camera}{hours_ago}".encode()).digest() * (size // 32 + 1)
        path.write_bytes(data[:size])
        moved = ((start_s + 1, start_s + 2),) if motion else ()
        digest = hashlib.sha256(data[:size]).hexdigest()
        one = Segment(camera, self.folder.stored(path), start_s, start_s + 60, size, digest, moved, has_event)
        self.index.add([one])
        return one

    def mover(self) -> ArchiveMover:
        return ArchiveMover(self.database, self.folder, self.archive, self.config, self.cameras, self.clock, self.pace)

    def move(self) -> ArchiveMover:
        mover = self.mover()
        while mover.round():
            pass
        return mover

    def retain(self, free_bytes: int = 10**15) -> RecordingForecast:
        return RecordingRetention(self.database, self.folder, self.config, self.cameras, self.clock, lambda: free_bytes).run()

    def places(self, camera: str = "gate") -> list[Place]:
        return [one.place for one in self.listed(camera)]

    def listed(self, camera: str = "gate") -> list[Segment]:
        return self.index.segments(EVERYTHING, camera, 0, 1e11)

    def on_disk(self) -> list[str]:
        return sorted(self.folder.stored(path) for path in self.folder.path.rglob("*.mp4"))

    def in_archive(self, camera: str = "gate") -> list[str]:
        return sorted(self.archive.sizes(camera))

    def is_whole(self, one: Segment) -> bool:
        """Whether the archive gives back what was recorded."""
        return hashlib.sha256(self.archive.read(one.path, 0, one.size_bytes + 10)).hexdigest() == one.sha256
