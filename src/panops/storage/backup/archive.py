"""The file of a backup: a tar, packed with gzip or Zstandard, written whole or not at all and read without trust."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import secrets
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

from panops.domain.errors import StorageCorrupt, StorageError
from panops.storage.backup.manifest import NAME, FileFact, is_ours
from panops.storage.durable import sync_folder
from panops.storage.errors import from_os, full, means_full

Told = Callable[[int], None]
"""Called with how many bytes more were read."""

SUFFIXES = (".tar.gz", ".tar.zst")
# Most of a backup is JPEG and MP4, which no level makes smaller; the database is packed well by the lowest.
_GZIP_LEVEL, _ZSTD_LEVEL = 1, 3
_CHUNK = 1 << 20


class ArchiveWriter:
    """An archive that is being written. `writing` makes one."""

    def __init__(self, tar: tarfile.TarFile, told: Told) -> None:
        self._tar = tar
        self._told = told

    def add(self, name: str, path: Path) -> tuple[FileFact, bool]:
        """Put a file in; what it holds when it is opened, also if another one takes its place meanwhile.

        Args:
            name: Its name in the archive.
            path: The file.

        Returns:
            What was written, and whether it was read to the end: of a file that became shorter meanwhile the rest is zeros.

        Raises:
            OSError: It cannot be opened or read (then nothing was written), or the archive cannot be written.
        """
        # A link is nobody's file: it could lead anywhere.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            stat = os.fstat(file.fileno())
            reading = _Reading(file, stat.st_size, self._told)
            self._put(name, stat.st_size, stat.st_mtime, reading)
            return FileFact(stat.st_size, reading.digest.hexdigest()), not reading.is_short

    def add_bytes(self, name: str, data: bytes, mtime_s: float) -> None:
        """Put a file in that is nowhere on the disk."""
        self._put(name, len(data), mtime_s, BytesIO(data))

    def _put(self, name: str, size_bytes: int, mtime_s: float, source: Any) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size_bytes, int(mtime_s), 0o600
        self._tar.addfile(info, source)


class _Reading:
    """A file that is hashed while it is read, and that has the length that was said of it."""

    def __init__(self, file: IO[bytes], size_bytes: int, told: Told) -> None:
        self._file, self._left, self._told = file, size_bytes, told
        self.digest = hashlib.sha256()
        self.is_short = False

    def read(self, size: int) -> bytes:
        size = min(size, self._left)
        try:
            data = b"" if self.is_short else self._file.read(size)
        except OSError:  # a bad place on the disk: the rest of the backup is worth having
            data = b""
        if len(data) < size:
            self.is_short = True
            data += bytes(size - len(data))
        self.digest.update(data)
        self._left -= len(data)
        self._told(len(data))
        return data


@contextmanager
def writing(path: Path, told: Told) -> Iterator[ArchiveWriter]:
    """Write an archive: at the end of the block it is there as a whole, readable by its owner only; after a fault nothing is.

    Args:
        path: Its name ends in one of `SUFFIXES`; a file that is there is replaced at the end.
        told: Told of each piece that was read.

    Raises:
        StorageFull: The disk is full.
        StorageError: It cannot be written, or its name has another ending.
    """
    path = path.absolute()
    label = f"the backup {path}"
    check_suffix(path)
    part = path.with_name(f".{path.name}.part-{secrets.token_hex(4)}")
    try:
        file = os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
    except OSError as error:
        raise from_os(error, path.parent, label) from error
    try:
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with _packing(path, file) as packed, tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                yield ArchiveWriter(tar, told)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        # Asked before the half file goes and makes room.
        raise (full(label) if means_full(error) else from_os(error, path.parent, label)) from error
    finally:
        part.unlink(missing_ok=True)


def check_suffix(path: Path) -> None:
    """See that the name says how the archive is packed.

    Raises:
        StorageError: It does not, or what unpacks it is not installed.
    """
    if not path.name.endswith(SUFFIXES):
        raise StorageError(f"expected a file whose name ends in {' or '.join(SUFFIXES)}, got {path.name}")
    if path.name.endswith(".tar.zst"):
        _zstd(path)


@contextmanager
def _packing(path: Path, file: IO[bytes]) -> Iterator[IO[bytes]]:
    if path.name.endswith(".tar.zst"):
        zstd = _zstd(path)
        options = {zstd.CompressionParameter.compression_level: _ZSTD_LEVEL, zstd.CompressionParameter.checksum_flag: 1}
        with zstd.ZstdFile(file, "wb", options=options) as packed:
            yield packed
    else:
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0) as packed:
            yield cast("IO[bytes]", packed)


def _zstd(path: Path) -> Any:
    try:
        from backports import zstd  # noqa: PLC0415 - an extra: who packs with gzip does without it
    except ImportError as error:
        raise StorageError(f"{path.name} needs a package that is not installed: pip install 'panops[zstd]', or use .tar.gz") from error
    return zstd


def sweep(path: Path) -> None:
    """Delete what processes that are gone left beside an archive; one that still works on it holds a lock on its files."""
    for pattern in (f".{path.name}.part-*", f".{path.name}.db-*"):
        for part in path.parent.glob(pattern):
            with suppress(OSError), part.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()


# --- reading ------------------------------------------------------------------------------------------------------------------


class Member:
    """A file in an archive that is being read; it can be read once, before the next one is asked for."""

    def __init__(self, name: str, size_bytes: int, file: IO[bytes], label: str, told: Told) -> None:
        self.name = name
        self.size_bytes = size_bytes
        self._file = file
        self._label = label
        self._told = told

    def chunks(self) -> Iterator[bytes]:
        """Its content, piece by piece.

        Raises:
            StorageCorrupt: The archive is damaged or cut off here.
        """
        while True:
            with _faults(self._label):
                data = self._file.read(_CHUNK)
            if not data:
                return
            self._told(len(data))
            yield data

    def read_to(self, path: Path | None) -> FileFact:
        """Read it, and write it to a new file where one is given.

        Raises:
            StorageCorrupt: The archive is damaged or cut off here.
            OSError: The file cannot be written.
        """
        digest, size_bytes = hashlib.sha256(), 0
        target = None if path is None else os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        try:
            for data in self.chunks():
                digest.update(data)
                size_bytes += len(data)
                if target is not None:
                    target.write(data)
            if target is not None:
                target.flush()
                os.fsync(target.fileno())
        finally:
            if target is not None:
                target.close()
        return FileFact(size_bytes, digest.hexdigest())


def members(path: Path, told: Told) -> Iterator[Member]:
    """Every file of an archive, in its order, the manifest among them.

    Args:
        path: The archive.
        told: Told of each piece that was unpacked.

    Raises:
        StorageCorrupt: It is damaged or cut off, or holds what no backup holds: a link, a name that leads out of it, a name twice.
        StorageError: It cannot be read.
    """
    label = f"the backup {path}"
    check_suffix(path)
    seen: set[str] = set()
    with _faults(label), path.open("rb") as file, _unpacking(path, file) as unpacked:
        with tarfile.open(fileobj=unpacked, mode="r|") as tar:
            for info in tar:
                if not info.isreg() or not (info.name == NAME or is_ours(info.name)) or info.name in seen:
                    raise StorageCorrupt(f"{label} was not used: it holds {info.name[:120]!r}, which no backup of panops does")
                seen.add(info.name)
                source = tar.extractfile(info)
                if source is not None:
                    yield Member(info.name, info.size, source, label, told)
        # To the end, so that its checksum is compared: what an altered byte did to the padding is found, too.
        while unpacked.read(_CHUNK):
            pass


@contextmanager
def _faults(label: str) -> Iterator[None]:
    """Faults of the archive as sentences."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(label, error) from error
    except OSError as error:
        raise StorageError(f"{label} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        if type(error).__name__ == "ZstdError":  # its package may not be installed
            raise _damaged(label, error) from error
        raise


def _damaged(label: str, error: Exception) -> StorageCorrupt:
    return StorageCorrupt(f"{label} is damaged or cut off ({error}); use another one")


@contextmanager
def _unpacking(path: Path, file: IO[bytes]) -> Iterator[IO[bytes]]:
    if path.name.endswith(".tar.zst"):
        with _zstd(path).ZstdFile(file, "rb") as packed:
            yield packed
    else:
        with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
            yield cast("IO[bytes]", unpacked)
