"""Turns what SQLite, PostgreSQL and the file system report into the error tree, each with one sentence that says what to do.

Errors that are the caller's doing, not the storage's, are `RequestRefused`::

    PanopsError
    |-- StorageError ...      see domain/errors.py
    `-- RequestRefused        what was asked for cannot be; the storage is fine
        |-- NotFound              no such thing, or not in the caller's scope
        |-- NotAllowed            the caller's role does not cover it
        |-- InvalidCursor         a page cursor that this program did not make
        |-- StaleEdit             it was changed by somebody else since it was read
        |-- AccountRefused        a user name, password or role that cannot be taken
        `-- LeaseHeld             another process owns the camera
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from panops.domain.errors import PanopsError, StorageCorrupt, StorageError, StorageFull, StorageLocked

_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY_ERRNOS = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
# Below this much free space an I/O error is taken for a full disk: SQLite and FFmpeg do not always pass ENOSPC on.
_NO_SPACE_BYTES = 64 * 1024


class RequestRefused(PanopsError):
    """What was asked for cannot be; the storage itself is fine."""


class NotFound(RequestRefused):
    """There is no such thing, or it is outside the caller's scope (which looks the same on purpose)."""


class NotAllowed(RequestRefused):
    """The caller's role does not cover this."""


class InvalidCursor(RequestRefused):
    """A page cursor that this program did not make."""


class StaleEdit(RequestRefused):
    """The thing was changed by somebody else since it was read; read it again, then change it."""


class AccountRefused(RequestRefused):
    """A user name, password, role or token that cannot be taken; the message says why."""


class OffInSettings(RequestRefused):
    """A camera whose settings say that it is off cannot be switched on beside them."""


class LeaseHeld(RequestRefused):
    """Another process owns the camera."""


@contextmanager
def mapped(path: Path | None, label: str) -> Iterator[None]:
    """Raise database and file errors of the block as `StorageError`s.

    Args:
        path: The database file, or None for a server.
        label: What to call the storage in messages; never holds a password.

    Raises:
        StorageError: One of its kinds, when the block fails for a reason of the storage. Other errors pass.
    """
    from sqlalchemy import exc  # noqa: PLC0415 - see translate

    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError, sqlite3.Error, OSError, UnicodeDecodeError) as error:
        translated = translate(error, path, label)
        if translated is None:
            raise
        raise translated from error


def translate(error: Exception, path: Path | None, label: str) -> StorageError | None:
    """The `StorageError` that says what `error` means, or None when it is not the storage's doing (a broken constraint, say)."""
    # Here, not above: whoever only asks where things lie (`Home`) does not wait for the database's library.
    from sqlalchemy import exc  # noqa: PLC0415 - the line above says why

    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(cause, exc.TimeoutError):
        return StorageLocked(f"every connection to {label} has been busy for too long; try again, or look for a process that holds it")
    if isinstance(cause, UnicodeDecodeError):
        return corrupt(label, "it holds text that is not UTF-8")
    if isinstance(cause, sqlite3.Error):
        return _from_sqlite(cause, path, label)
    if isinstance(cause, OSError):
        return from_os(cause, path, label)
    state = getattr(cause, "sqlstate", None)
    if isinstance(error, exc.DBAPIError):
        return _from_server(state if isinstance(state, str) else None, cause, error.connection_invalidated, label)
    return None


def means_full(error: BaseException) -> bool:
    """Whether the error is the system's (or FFmpeg's) way to say that a disk or quota is full."""
    return getattr(error, "errno", None) in _FULL_ERRNOS


def from_os(error: Exception, path: Path | None, label: str) -> StorageError:
    """The `StorageError` for a failed write or read of a file; `path` is the file or its folder."""
    number = getattr(error, "errno", None)
    if means_full(error) or (number in {None, errno.EIO} and no_space_at(path)):
        return full(label)
    if number in _READ_ONLY_ERRNOS:
        return StorageError(f"{label} cannot be written: expected a folder and file that this user may write, got {_reason(error)}")
    return StorageError(f"{label} cannot be used: {_reason(error)}")


def full(label: str) -> StorageFull:
    """The error for a disk without space."""
    return StorageFull(f"no space is left for {label}; nothing that was stored is lost: free some space or lower the retention limits")


def corrupt(label: str, finding: str) -> StorageCorrupt:
    """The error for a damaged file; `finding` says what is wrong with it."""
    return StorageCorrupt(
        f"{label} is damaged or not a panops database ({finding}); it was left as it is: move it away together with its -wal and -shm "
        "files, then restore a backup or start with a new one (`sqlite3 FILE .recover` can often save the rest)"
    )


def no_space_at(path: Path | None) -> bool:
    """Whether the file system of `path` is as good as full; False where that cannot be said."""
    while path is not None and not path.exists() and path != path.parent:
        path = path.parent
    try:
        return path is not None and shutil.disk_usage(path).free < _NO_SPACE_BYTES
    except OSError:
        return False


def _from_sqlite(error: sqlite3.Error, path: Path | None, label: str) -> StorageError | None:
    name = str(getattr(error, "sqlite_errorname", "") or "")
    kind = "_".join(name.split("_")[:2])
    if kind in {"SQLITE_CORRUPT", "SQLITE_NOTADB"} or "Could not decode to UTF-8" in str(error):
        return corrupt(label, str(error))
    if kind == "SQLITE_FULL" or (kind in {"SQLITE_IOERR", "SQLITE_CANTOPEN"} and no_space_at(path)):
        return full(label)
    if kind in {"SQLITE_BUSY", "SQLITE_LOCKED"}:
        return StorageLocked(
            f"{label} is held by another process for too long; close what has it open (another panops, a database browser)"
        )
    writable = "expected a file and folder that this user may write"
    sentences = {
        "SQLITE_READONLY": f"{label} cannot be written: {writable}, got {error}",
        "SQLITE_PERM": f"{label} cannot be written: {writable}, got {error}",
        "SQLITE_CANTOPEN": f"{label} cannot be opened: {writable}",
        "SQLITE_IOERR": f"the disk fails while reading or writing {label} ({name}); check the disk and the system log",
    }
    return StorageError(sentences[kind]) if kind in sentences else None


def _from_server(state: str | None, cause: BaseException | None, disconnected: bool, label: str) -> StorageError | None:
    if state in {"53100", "53200"}:
        return full(label)
    if state in {"55P03", "40P01", "40001", "57014"}:
        return StorageLocked(f"{label} is held by another process for too long; try again")
    if state in {"XX001", "XX002"}:
        return StorageCorrupt(f"{label} reports damaged data ({_reason(cause)}); restore a backup")
    if disconnected or state is None or state.startswith(("08", "57P", "28", "3D", "53")):
        return StorageError(f"{label} cannot be reached: {_reason(cause)}")
    return None


def _reason(error: BaseException | None) -> str:
    text = getattr(error, "strerror", None) or str(error)
    lines = str(text).strip().splitlines()
    return lines[0] if lines else type(error).__name__
