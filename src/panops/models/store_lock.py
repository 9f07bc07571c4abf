"""One writer at a time in a store, whatever process it is. Readers never wait."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from panops.domain.errors import ModelError

_LOCK_NAME = ".lock"
_PATIENCE_S = 20.0
_LOOK_EVERY_S = 0.02


@contextmanager
def writing(folder: Path, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Hold the store for writing; made when it is not there. The system lets go of it when the process ends, however it does.

    Raises:
        ModelError: The folder cannot be written, or another process has held it for too long.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error.strerror or error}") from error
    try:
        _lock(handle, folder, patience_s)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path, patience_s: float) -> None:
    deadline_s = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline_s:
                raise ModelError(f"{folder}: another panops has been changing models for {patience_s:.0f} s; try again later") from error
            time.sleep(_LOOK_EVERY_S)
        else:
            return


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a process that is killed, finds the old one or the new one and never a part.

    Raises:
        OSError: It cannot be written; the old one is as it was.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
