"""What the supervisor does for recordings: finds the files that a killed process left, and lets go what is due."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from panops.config.record_schema import RecordConfig
from panops.config.schema import SiteConfig
from panops.domain.clock import Clock
from panops.domain.errors import SourceCorrupt
from panops.domain.recordings import Segment
from panops.ingest.segment_reader import finish, is_whole, length_s
from panops.pipeline.shard_recording import folder_of
from panops.storage.database import Database
from panops.storage.errors import from_os
from panops.storage.home import Home
from panops.storage.recording_folder import EXPORT, RecordingFolder, synced_and_hashed
from panops.storage.recording_retention import RecordingForecast, RecordingRetention
from panops.storage.recordings import RecordingIndex

log = logging.getLogger(__name__)

# A file that nobody has written to for so long is nobody's: its process is gone, or could not list it.
_ABANDONED_S = 900.0
# After a killed run only the newest days can hold files without a row.
_RECENT_DAYS = 2


class RecordingUpkeep:
    """Looks after all recordings of a site. Its methods block; they are called in a thread.

    Args:
        home: Where recordings lie unless the settings name another folder.
        database: Open database.
        clock: Time.
    """

    def __init__(self, home: Home, database: Database, clock: Clock) -> None:
        self._home = home
        self._database = database
        self._index = RecordingIndex(database)
        self._clock = clock
        self._finding = threading.Lock()
        self._stopped = threading.Event()
        self.forecast = RecordingForecast()
        self.unmoved_deleted = 0

    def retain(self, site: SiteConfig) -> RecordingForecast:
        """Let go what is due; how it stands then.

        Raises:
            StorageError: The database, a file or the disk cannot be used.
        """
        if not _is_used(site) and not self._index.cameras():
            self.forecast = RecordingForecast()
            return self.forecast
        folder = folder_of(site.recording, self._home)
        retention = RecordingRetention(self._database, folder, site.recording, record_configs(site), self._clock)
        self.forecast = retention.run()
        self.unmoved_deleted += self.forecast.unmoved_deleted
        return self.forecast

    def stop(self) -> None:
        """Have `find` end after the file that it is at."""
        self._stopped.set()

    def find(self, site: SiteConfig, *, before_s: float | None = None, everything: bool = False) -> int:
        """List whole files that have no row, put those right that were cut off, delete what holds no picture, and mark rows without a file.

        A folder that the settings name and in which no camera has anything is taken for a disk that is not mounted: its rows stay.

        Args:
            site: Whose recordings.
            before_s: When the processes that record now began, UTC s: whatever is older is nobody's. None: what nobody wrote to for long.
            everything: Look at all days, not only at the last.

        Returns:
            How many files were found; 0 while another thread looks for them.

        Raises:
            StorageError: The folder or the database cannot be used.
        """
        if not self._finding.acquire(blocking=False):  # a disk that hangs must not take one thread after another
            return 0
        folder = folder_of(site.recording, self._home)
        try:
            found = self._find(folder, site, before_s, everything=everything)
        except OSError as error:
            raise from_os(error, folder.path, folder.label) from error
        finally:
            self._finding.release()
        if found:
            log.warning("%d recorded files were not listed, and are now", found)
        return found

    def _find(self, folder: RecordingFolder, site: SiteConfig, before_s: float | None, *, everything: bool) -> int:
        there = set(folder.cameras())
        if site.recording.folder and not there:
            return 0
        oldest_s = self._clock.utc_s() - _ABANDONED_S if before_s is None else before_s

        def is_abandoned(path: Path) -> bool:
            # Disks in the network have a clock of their own; names are by ours.
            start_s = folder.start_s(path)
            return path.stat().st_mtime <= oldest_s and (before_s is None or start_s is None or start_s <= before_s)

        for left in folder.path.glob(f"{EXPORT}*"):
            if left.stat().st_mtime <= oldest_s:
                left.unlink(missing_ok=True)
        found = 0
        for camera_id in sorted(there | self._index.cameras()):
            days = folder.days(camera_id)
            if everything or before_s is not None or not days:
                for name in sorted(self._index.days(camera_id) - {day.name for day in days}):
                    self._index.set_missing(self._index.known(camera_id, f"{camera_id}/{name}/"), missing=True)
            for day in days if everything else days[-_RECENT_DAYS:]:
                found += self._find_in(folder, camera_id, day, is_abandoned)
        return found

    def _find_in(self, folder: RecordingFolder, camera_id: str, day: Path, is_abandoned: Callable[[Path], bool]) -> int:
        files = {folder.stored(path): path for path in day.iterdir() if path.is_file()}
        known = self._index.known(camera_id, f"{camera_id}/{day.name}/")
        gone = [stored for stored, missing in known.items() if missing is False and stored not in files]
        back = [stored for stored, missing in known.items() if missing and stored in files]
        self._index.set_missing(gone, missing=True)
        self._index.set_missing(back, missing=False)
        listed = []
        for stored, path in files.items():
            if self._stopped.is_set():
                break
            if stored in known or not is_abandoned(path):
                continue
            if path.name.startswith(".") and path.suffix == ".part":
                path.unlink(missing_ok=True)
                continue
            segment = self._segment(folder, camera_id, path)
            if segment is not None:
                listed.append(segment)
        self._index.add(listed)
        return len(listed)

    def _segment(self, folder: RecordingFolder, camera_id: str, path: Path) -> Segment | None:
        """What a file shows; None for one that is not ours, or holds nothing, which is deleted."""
        start_s = folder.start_s(path)
        if start_s is None:
            return None
        try:
            if not is_whole(path):
                finish(path, path.with_name(f".{path.stem}.part"))
            plays_s = length_s(path)
        except SourceCorrupt as error:
            log.warning("the recorded file %s is deleted: %s", path, error)
            path.unlink(missing_ok=True)
            return None
        size_bytes, sha256 = synced_and_hashed(path)
        return Segment(camera_id, folder.stored(path), start_s, start_s + plays_s, size_bytes, sha256)


def record_configs(site: SiteConfig) -> Mapping[str, RecordConfig]:
    """What each camera wants recorded."""
    return {camera_id: camera.record for camera_id, camera in site.cameras.items()}


def _is_used(site: SiteConfig) -> bool:
    return any(camera.record.mode != "off" for camera in site.cameras.values())
