"""Recordings on a second disk: the same layout as on the first, so that they can be found without panops."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from panops.domain.errors import StorageError, StorageFull
from panops.storage.archive import ArchiveAway, NotInArchive, Pace, PacedFile, hash_of, open_source
from panops.storage.durable import sync_folder
from panops.storage.errors import full, means_full
from panops.storage.recording_folder import RecordingFolder

MARK = "panops-archive"
"""A file by which a disk that is not mounted is told from an empty archive."""
_COPIED_AT_ONCE = 1024 * 1024


class FolderArchive:
    """An archive in a folder. panops never makes the folder: its disk may not be mounted.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.label = f"the archive {path}"
        self.known_free_bytes: int | None = None
        self._path = path
        self._folder = RecordingFolder(path, made_by_us=False)

    def begin(self, *, is_new: bool) -> None:
        """See `Archive.begin`."""
        mark = self._path / MARK
        try:
            if not self._path.is_dir():
                raise ArchiveAway(f"expected {self.label}, which is not there: mount its disk, or change recording.archive.folder")
            if mark.is_file():
                return
            if not is_new:
                raise ArchiveAway(
                    f"expected the file {MARK}, which panops wrote, in {self.label}: mount its disk, or change recording.archive.folder"
                )
            mark.write_text("Recordings of panops are kept here. This file tells this disk from one that is not mounted.\n")
            sync_folder(self._path)
        except OSError as error:
            raise self._error(error) from error

    def put(self, source: Path, stored: str, size_bytes: int, sha256: str, pace: Pace) -> None:
        """See `Archive.put`."""
        target = self._path / stored
        part = target.with_name(f".{target.name}.part")
        with open_source(source) as file:
            try:
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._write(PacedFile(file, pace), part, source.name, size_bytes, sha256)
                self._compare(part, sha256, pace)
                part.replace(target)
                sync_folder(target.parent)
            except OSError as error:
                raise self._error(error) from error
            finally:
                _forget(part)

    def _write(self, file: PacedFile, part: Path, name: str, size_bytes: int, sha256: str) -> None:
        with part.open("wb") as copy:
            while data := file.read(_COPIED_AT_ONCE):
                copy.write(data)
            file.check(name, size_bytes, sha256)
            copy.flush()
            os.fsync(copy.fileno())

    def _compare(self, part: Path, sha256: str, pace: Pace) -> None:
        """Read it back from the disk, not from memory."""
        with part.open("rb") as copy:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(copy.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            if hash_of(copy, pace) != sha256:
                raise ArchiveAway(f"{self.label} gave back something else than was written to it: check its disk")

    def read(self, stored: str, start: int, length: int) -> bytes:
        """See `Archive.read`."""
        path = self.local(stored)
        if path is None:
            raise self._not_there(stored)
        try:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(length)
        except FileNotFoundError as error:
            raise self._not_there(stored) from error
        except OSError as error:
            raise self._error(error) from error

    def local(self, stored: str) -> Path | None:
        """See `Archive.local`."""
        try:
            return self._folder.find(stored)
        except OSError:
            return None

    def remove(self, stored: Iterable[str]) -> None:
        """See `Archive.remove`."""
        try:
            self._folder.remove(stored)
        except StorageError as error:
            raise ArchiveAway(str(error)) from error

    def sizes(self, camera_id: str) -> Mapping[str, int]:
        """See `Archive.sizes`."""
        try:
            files = [path for day in self._folder.days(camera_id) for path in day.iterdir()]
            return {self._folder.stored(path): path.stat().st_size for path in files if path.suffix == ".mp4" and path.is_file()}
        except OSError as error:
            raise self._error(error) from error

    def free_bytes(self) -> int | None:
        """See `Archive.free_bytes`."""
        try:
            self.known_free_bytes = self._folder.free_bytes()
        except StorageError as error:
            raise ArchiveAway(str(error)) from error
        return self.known_free_bytes

    def _not_there(self, stored: str) -> StorageError:
        if not (self._path / MARK).is_file():
            return ArchiveAway(f"{self.label} is not there: mount its disk")
        return NotInArchive(f"{self.label} does not have {stored}")

    def _error(self, error: OSError) -> StorageError:
        if means_full(error):
            return StorageFull(str(full(self.label)))
        return ArchiveAway(f"{self.label} cannot be used: {error.strerror or type(error).__name__}")


def _forget(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:
        return  # its disk went away meanwhile; the next attempt writes over it
