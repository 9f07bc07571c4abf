"""The second place of recordings: what both kinds of it can do, and how a file is read on its way there.

Everything here blocks. The recorder never waits for it: files move when they are whole, in a thread of their own.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Protocol

from panops.config.archive_schema import ArchiveConfig
from panops.domain.errors import PluginError, StorageError

PART_BYTES = 5 * 1024 * 1024
"""Larger files are sent in parts of this size, the least that S3 takes."""
_HASHED_AT_ONCE = 1024 * 1024


class ArchiveAway(StorageError):
    """The archive does not answer, refuses, or its disk is not there; what was to be done is tried again later."""


class NotInArchive(StorageError):
    """The archive answers, and does not have this file."""


class SourceAltered(StorageError):
    """The file to send is not what was recorded of it, so it stays where it is."""


class Stopped(Exception):
    """Whoever sends was told to stop."""


class Archive(Protocol):
    """A place for whole files, by the paths that they have in the recordings' folder. Used by any number of threads.

    Attributes:
        label: What to call it in messages; never holds a key.
        known_free_bytes: What `free_bytes` said last, for who must not wait for a disk that hangs; None before that, or where it said None.
    """

    label: str
    known_free_bytes: int | None

    def begin(self, *, is_new: bool) -> None:
        """Make sure that it is there, and is the one that was written to before.

        Args:
            is_new: Nothing was ever sent to it.

        Raises:
            ArchiveAway: It is not.
        """

    def put(self, source: Path, stored: str, size_bytes: int, sha256: str, pace: Pace) -> None:
        """Send a file; when this returns, it is there as a whole and was compared. One that is there already is replaced.

        Raises:
            ArchiveAway: It cannot be sent now.
            StorageFull: The archive has no space.
            SourceAltered: The file does not have this size and sha256, or cannot be read.
            FileNotFoundError: There is no such file.
            Stopped: `pace` was told to stop.
        """

    def read(self, stored: str, start: int, length: int) -> bytes:
        """A part of a file; shorter only at its end.

        Raises:
            ArchiveAway: It does not answer.
            NotInArchive: It has no such file.
        """

    def local(self, stored: str) -> Path | None:
        """The file itself, where this machine can open it; None where it is elsewhere, or not there."""

    def remove(self, stored: Iterable[str]) -> None:
        """Delete files. What is gone already is fine.

        Raises:
            ArchiveAway: It cannot be told now.
        """

    def sizes(self, camera_id: str) -> Mapping[str, int]:
        """Every file of a camera, and its size.

        Raises:
            ArchiveAway: It cannot be asked now.
        """

    def free_bytes(self) -> int | None:
        """Free space; None where there is no end of it.

        Raises:
            ArchiveAway: It cannot be asked now.
        """


@lru_cache(maxsize=8)
def open_archive(config: ArchiveConfig) -> Archive:
    """The archive that the settings name; the same one for the same settings. Asks nobody anything.

    Raises:
        PluginError: It needs a package that is not installed.
    """
    if config.folder:
        from panops.storage.archive_folder import FolderArchive  # noqa: PLC0415 - one of two

        return FolderArchive(Path(config.folder))
    try:
        from panops.storage.archive_s3 import S3Archive  # noqa: PLC0415 - needs an extra
    except ImportError as error:
        raise PluginError("recording.archive.bucket needs the package obstore: pip install 'panops[s3]'") from error
    return S3Archive(config)


class Pace:
    """How fast files may be read, and whether they still shall be.

    Args:
        bytes_per_s: On average over a few parts; 0: as fast as it goes.
        stopped: Set to have whoever reads end.
        monotonic_s: The time.
        wait: Waits so many seconds, or until `stopped` is set.
    """

    def __init__(
        self,
        bytes_per_s: float = 0.0,
        stopped: threading.Event | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._bytes_per_s = bytes_per_s
        self._stopped = stopped or threading.Event()
        self._monotonic_s = monotonic_s
        self._wait = wait or self._stopped.wait
        self._free_at_s = 0.0

    @property
    def is_stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped.is_set()

    def spend(self, size_bytes: int) -> None:
        """Wait until so many bytes may be read.

        Raises:
            Stopped: Nobody wants them any more.
        """
        if self._bytes_per_s > 0:
            now_s = self._monotonic_s()
            begin_s = max(now_s, self._free_at_s)
            self._free_at_s = begin_s + size_bytes / self._bytes_per_s
            if begin_s > now_s:
                self._wait(begin_s - now_s)
        if self._stopped.is_set():
            raise Stopped


class PacedFile:
    """A file that is read once, from its beginning to its end, at a pace; what was read is hashed on the way.

    Args:
        file: Open for reading.
        pace: How fast.
    """

    def __init__(self, file: BinaryIO, pace: Pace) -> None:
        self._file = file
        self._pace = pace
        self._sha256 = hashlib.sha256()
        self._whole = hashlib.md5(usedforsecurity=False)
        self._part = hashlib.md5(usedforsecurity=False)
        self._parts = b""
        self._in_part = 0
        self.size_bytes = 0
        self.failure: SourceAltered | None = None

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes.

        Raises:
            SourceAltered: The file cannot be read; kept in `failure` for who does not hand on what was raised.
            Stopped: Nobody wants them any more.
        """
        try:
            data = self._file.read(size)
        except OSError as error:
            self.failure = unreadable("a recorded file", error)
            raise self.failure from error
        if data:
            self._pace.spend(len(data))
            self._note(data)
        return data

    def _note(self, data: bytes) -> None:
        self.size_bytes += len(data)
        self._sha256.update(data)
        self._whole.update(data)
        rest = memoryview(data)
        while rest:
            taken = rest[: PART_BYTES - self._in_part]
            self._part.update(taken)
            self._in_part += len(taken)
            rest = rest[len(taken) :]
            if self._in_part == PART_BYTES:
                self._end_part()

    def _end_part(self) -> None:
        self._parts += self._part.digest()
        self._part, self._in_part = hashlib.md5(usedforsecurity=False), 0

    @property
    def sha256(self) -> str:
        """Of what was read."""
        return self._sha256.hexdigest()

    def etags(self) -> frozenset[str]:
        """What a store calls a file of these bytes that was sent at once, or in parts of `PART_BYTES`; asked at the end."""
        if self._in_part:
            self._end_part()
        count = len(self._parts) // 16
        in_parts = hashlib.md5(self._parts, usedforsecurity=False).hexdigest()
        return frozenset({self._whole.hexdigest(), f"{in_parts}-{count}"})

    def check(self, name: str, size_bytes: int, sha256: str) -> None:
        """Compare what was read with what was recorded.

        Raises:
            SourceAltered: It is something else.
        """
        if (self.size_bytes, self.sha256) != (size_bytes, sha256):
            raise SourceAltered(
                f"the recorded file {name} is not what was recorded (expected {size_bytes} bytes with sha256 {sha256[:12]}…, got "
                f"{self.size_bytes} with {self.sha256[:12]}…); it stays where it is"
            )


def open_source(path: Path) -> BinaryIO:
    """A recorded file, to be sent.

    Raises:
        FileNotFoundError: There is no such file.
        SourceAltered: It cannot be opened.
    """
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(f"the recorded file {path.name}", error) from error


def unreadable(what: str, error: Exception) -> SourceAltered:
    """What to say of a file that the recordings' disk does not give out."""
    why = getattr(error, "strerror", None) or type(error).__name__
    return SourceAltered(f"{what} cannot be read ({why}); it stays where it is: check its disk")


def hash_of(file: BinaryIO, pace: Pace) -> str:
    """The sha256 of a file that is read to its end, which stops when it is told to."""
    digest = hashlib.sha256()
    while data := file.read(_HASHED_AT_ONCE):
        if pace.is_stopped:
            raise Stopped
        digest.update(data)
    return digest.hexdigest()
