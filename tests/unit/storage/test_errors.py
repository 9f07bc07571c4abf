from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from panops.domain.errors import StorageCorrupt, StorageError, StorageFull, StorageLocked
from panops.storage.errors import mapped, translate


class ServerError(Exception):
    """What a PostgreSQL driver raises."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("what the server says\nDETAIL: more")
        self.sqlstate = sqlstate


def sqlite_error(name: str, text: str = "it says") -> sqlite3.Error:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (sqlite_error("SQLITE_FULL"), StorageFull),
        (sqlite_error("SQLITE_BUSY"), StorageLocked),
        (sqlite_error("SQLITE_BUSY_SNAPSHOT"), StorageLocked),
        (sqlite_error("SQLITE_LOCKED_SHAREDCACHE"), StorageLocked),
        (sqlite_error("SQLITE_CORRUPT_INDEX"), StorageCorrupt),
        (sqlite_error("SQLITE_NOTADB"), StorageCorrupt),
        (sqlite3.OperationalError("Could not decode to UTF-8 column 'note'"), StorageCorrupt),
        (sqlite_error("SQLITE_READONLY_DBMOVED"), StorageError),
        (sqlite_error("SQLITE_CANTOPEN"), StorageError),
        (sqlite_error("SQLITE_IOERR_READ"), StorageError),
        (sqlite_error("SQLITE_CONSTRAINT_UNIQUE"), None),
        (sqlite3.OperationalError("no such column: x"), None),
        (OSError(errno.ENOSPC, "No space left on device"), StorageFull),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), StorageFull),
        (OSError(errno.EFBIG, "File too large"), StorageFull),
        (OSError(errno.EROFS, "Read-only file system"), StorageError),
        (OSError(errno.EIO, "Input/output error"), StorageError),
        (PoolTimeout("QueuePool limit"), StorageLocked),
    ],
)
def test_what_each_error_means(tmp_path: Path, cause: Exception, expected: type[StorageError] | None) -> None:
    found = translate(cause, tmp_path / "panops.db", "the file")
    assert (type(found) if found else None) is expected
    if isinstance(cause, sqlite3.Error):
        wrapped = translate(DBAPIError("SELECT ?", ("hunter2",), cause, hide_parameters=True), tmp_path / "panops.db", "the file")
        assert type(wrapped) is type(found)
        assert "hunter2" not in str(wrapped)
    if found is not None:
        assert "the file" in str(found)
        assert "\n" not in str(found)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("53100", StorageFull),
        ("55P03", StorageLocked),
        ("40P01", StorageLocked),
        ("40001", StorageLocked),
        ("XX001", StorageCorrupt),
        ("08006", StorageError),
        ("57P01", StorageError),
        ("28P01", StorageError),
        (None, StorageError),
        ("23505", None),
        ("42601", None),
    ],
)
def test_what_a_servers_codes_mean(state: str | None, expected: type[StorageError] | None) -> None:
    found = translate(DBAPIError("SELECT 1", {}, ServerError(state)), None, "postgresql://eva:***@host/panops")
    assert (type(found) if found else None) is expected
    if found is not None:
        assert "\n" not in str(found)


def test_the_cause_stays_attached_and_other_errors_pass() -> None:
    with pytest.raises(StorageFull) as caught, mapped(None, "it"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(KeyError), mapped(None, "it"):
        raise KeyError("x")
