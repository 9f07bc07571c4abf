"""Where the looks of the last hours lie: a folder for each camera, a file for each ten minutes, the oldest deleted first."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from panops.domain.tracks import Tracks
from panops.storage.errors import from_os
from panops.storage.look_file import Ended, LookHead, read_looks

log = logging.getLogger(__name__)

FILE_S = 600.0
"""A file holds looks of so long at most, s."""
MOST_BYTES = 64 * 1024 * 1024
"""The looks of one camera take so much at most; then the oldest file goes, however young it is."""
_ENDING = ".looks"
# A file's last block may be late, where the disk did not work for a while.
_LONGEST_FILE_S = 2 * FILE_S


class LookShelf:
    """The files of looks below a folder. Used by any number of threads and processes; each camera has one writer at a time.

    Args:
        folder: Where they are kept; made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, head: LookHead, data: bytes) -> None:
        """Append a block to a camera's file, which is made with its head where it is not there yet.

        Raises:
            StorageError: It was not written.
        """
        path = self.folder / head.camera_id / f"{name}{_ENDING}"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("ab", buffering=0) as file:
                file.write(data if file.tell() else head.line() + data)
        except OSError as error:
            raise from_os(error, path, f"the folder {path.parent}") from error

    def read(self, camera_id: str, since_s: float) -> Iterator[LookHead | Tracks | Ended]:
        """The looks of a camera from `since_s` on, in the order in which they came; before those of each file its head.

        Files that are deleted meanwhile, or damaged, are left out; the log says which were damaged.
        """
        for path in self._files(camera_id):
            try:
                if _last_s(path) >= since_s:
                    yield from read_looks(path, since_s)
            except FileNotFoundError:
                continue
            except (ValueError, OSError) as error:
                log.warning("the file %s is left out: %s", path, error)

    def prune(self, before_s: float) -> None:
        """Delete files that hold nothing newer than a time, and of a camera with too much the oldest; folders that are empty go, too.

        Raises:
            StorageError: Something cannot be deleted.
        """
        if not self.folder.is_dir():
            return
        for folder in sorted(self.folder.iterdir()):
            try:
                self._prune_camera(folder, before_s)
            except OSError as error:
                raise from_os(error, folder, f"the folder {folder}") from error

    def _prune_camera(self, folder: Path, before_s: float) -> None:
        if not folder.is_dir():
            return
        taken_bytes = 0
        for path in reversed(self._files(folder.name)):
            try:
                taken_bytes += path.stat().st_size
            except FileNotFoundError:
                continue
            if _last_s(path) < before_s or taken_bytes > MOST_BYTES:
                path.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()

    def _files(self, camera_id: str) -> list[Path]:
        """A camera's files, the oldest first: their names begin with the time."""
        folder = self.folder / camera_id
        try:
            return sorted(path for path in folder.iterdir() if path.suffix == _ENDING)
        except (FileNotFoundError, NotADirectoryError):
            return []


def _last_s(path: Path) -> float:
    """No look of a file is newer, UTC s. Its name begins with the time of its first look, ms; a foreign name counts as very old."""
    start_ms = path.name.partition("-")[0]
    return int(start_ms) / 1000 + _LONGEST_FILE_S if start_ms.isdecimal() else 0.0
