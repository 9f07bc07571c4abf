"""Where the files of recordings lie: `CAMERA/YYYY-MM-DD/HHMMSSmmm.mp4`, in UTC, so that they can be found without the database."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from panops.config.fields import NAME_PATTERN
from panops.domain.errors import StorageError
from panops.storage.errors import from_os

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
EXPORT = ".export-"
"""How the names of films begin that are being taken away."""
_FILE = re.compile(r"(\d{2})(\d{2})(\d{2})(\d{3})(?:-\d{1,3})?\.mp4")
_CAMERA = re.compile(NAME_PATTERN)


class RecordingFolder:
    """One folder of recordings. Making one touches nothing on disk.

    Args:
        path: The folder.
        made_by_us: Make it when it is not there. One that somebody named may lie on a disk that is not mounted: making it would fill
            another disk, and what is on the right one would seem to be gone.
    """

    def __init__(self, path: Path, *, made_by_us: bool = True) -> None:
        """Remember the folder."""
        self.path = Path(path).absolute()
        self._made_by_us = made_by_us
        self.label = f"the recordings' folder {self.path}"

    def new_file(self, camera_id: str, start_s: float) -> Path:
        """A file that is not there yet, in a folder that is.

        Raises:
            StorageError: The folder is not there, or cannot be made.
        """
        start = datetime.fromtimestamp(start_s, UTC)
        folder = self.path / camera_id / start.strftime("%Y-%m-%d")
        stem = start.strftime("%H%M%S") + f"{start.microsecond // 1000:03d}"
        self.make()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise from_os(error, folder, self.label) from error
        found = folder / f"{stem}.mp4"
        number = 1
        while found.exists():  # the clock was set back
            found = folder / f"{stem}-{number}.mp4"
            number += 1
        return found

    def make(self) -> None:
        """Have the folder.

        Raises:
            StorageError: It cannot be made, or is not there and not ours to make.
        """
        if self.path.is_dir():
            return
        if not self._made_by_us:
            raise StorageError(f"expected {self.label}, which is not there: mount its disk, make the folder, or change recording.folder")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise from_os(error, self.path, self.label) from error

    def stored(self, path: Path) -> str:
        """A file's path as the index has it."""
        return path.relative_to(self.path).as_posix()

    def find(self, stored: str) -> Path | None:
        """The file of a stored path; None when it is not there, or would lead out of the folder (also by a symbolic link)."""
        found = (self.path / stored).resolve()
        return found if found.is_relative_to(self.path.resolve()) and found.is_file() else None

    def start_s(self, path: Path) -> float | None:
        """When a file begins, as its name says, UTC s; None for a file that is not of this layout."""
        parts = _FILE.fullmatch(path.name)
        if parts is None or not _DAY.fullmatch(path.parent.name):
            return None
        hours, minutes, seconds, thousandths = map(int, parts.groups())
        day = datetime.fromisoformat(path.parent.name).replace(tzinfo=UTC)
        return day.timestamp() + 3600 * hours + 60 * minutes + seconds + thousandths / 1000

    def days(self, camera_id: str) -> list[Path]:
        """The camera's folders, one a day, in order."""
        top = self.path / camera_id
        return sorted(day for day in top.iterdir() if _DAY.fullmatch(day.name) and day.is_dir()) if top.is_dir() else []

    def cameras(self) -> Iterator[str]:
        """The cameras that have a folder."""
        if self.path.is_dir():
            yield from sorted(entry.name for entry in self.path.iterdir() if entry.is_dir() and _CAMERA.fullmatch(entry.name))

    def free_bytes(self) -> int:
        """Free space of its disk.

        Raises:
            StorageError: The folder is not there, or cannot be made or asked.
        """
        self.make()
        try:
            return shutil.disk_usage(self.path).free
        except OSError as error:
            raise from_os(error, self.path, self.label) from error

    def remove(self, stored: Iterable[str]) -> None:
        """Delete files, and the folders they leave empty. What is gone already is fine.

        Raises:
            StorageError: A file cannot be deleted.
        """
        for name in stored:
            found = self.path / name
            if not found.resolve().is_relative_to(self.path.resolve()):
                continue
            try:
                found.unlink(missing_ok=True)
            except OSError as error:
                raise from_os(error, self.path, self.label) from error
            for folder in (found.parent, found.parent.parent):
                try:
                    folder.rmdir()
                except OSError:
                    break


def synced_and_hashed(path: Path) -> tuple[int, str]:
    """Have a file's bytes on the disk, and say how many they are and their sha256.

    Raises:
        OSError: The disk fails.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256")
        return file.tell(), digest.hexdigest()
