"""Looks at an SQLite file without changing a byte of it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from panops.storage import schema
from panops.storage.errors import corrupt, mapped

MAGIC = b"SQLite format 3\x00"
# The progress handler is asked that often, in steps of SQLite's virtual machine: well below a millisecond.
_STEPS = 1000


def check_head(head: bytes, label: str) -> None:
    """Whether a file begins like an SQLite file.

    Args:
        head: Its first 16 bytes or more; fewer when it is shorter.
        label: What to call it in the message.

    Raises:
        StorageCorrupt: It does not.
    """
    if not head:
        raise corrupt(label, "the file is empty")
    if not head.startswith(MAGIC):
        raise corrupt(label, "it does not begin like an SQLite file")


def inspect_file(path: Path, label: str, busy_timeout_s: float, limit_s: float) -> bool:
    """All that can be said of a file that this process has not open. An empty one without a log is a new database.

    Args:
        path: The file.
        label: What to call it in messages.
        busy_timeout_s: See `look_through`.
        limit_s: See `look_through`.

    Returns:
        Whether everything was looked at.

    Raises:
        StorageCorrupt: It is damaged or not a panops database.
        StorageError: It cannot be read, or a newer program wrote it.
    """
    with mapped(path, label):
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
        if head:
            check_head(head, label)
            return look_through(path, label, busy_timeout_s, limit_s)
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            # SQLite would throw the log away.
            raise corrupt(label, "the file is empty, but its -wal is not")
        return True


def look_through(path: Path, label: str, busy_timeout_s: float, limit_s: float) -> bool:
    """Look for damage, and whether this program can work with the file; over a connection of its own, which remembers no page.

    Args:
        path: The file.
        label: What to call it in messages.
        busy_timeout_s: How long to wait for another process that holds it.
        limit_s: No longer than this is looked for damage; 0 looks at the tables' names only, infinity at everything (about 1 s a GB).

    Returns:
        Whether everything was looked at.

    Raises:
        StorageCorrupt: It is damaged, or a database of something else.
        StorageError: A newer program wrote it.
        sqlite3.Error: It cannot be read; see `errors.mapped`.
    """
    deadline_s = time.monotonic() + limit_s
    connection = open_to_read(path, busy_timeout_s)
    try:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        tables = {name for (name,) in names}
        whole = limit_s > 0 and _is_sound(connection, label, deadline_s)
        query = f"SELECT version_num FROM {schema.VERSION_TABLE}"  # noqa: S608  a constant
        revisions = {name for (name,) in connection.execute(query)} if schema.VERSION_TABLE in tables else set()
    finally:
        connection.close()
    schema.check_known(revisions, tables - {schema.VERSION_TABLE}, label)
    return whole


def open_to_read(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """A connection of its own that cannot write.

    Args:
        path: The file; one that is not there is not made.
        busy_timeout_s: How long to wait for another process that holds it.

    Raises:
        sqlite3.Error: It cannot be opened; see `errors.mapped`.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=busy_timeout_s, isolation_level=None)


def _is_sound(connection: sqlite3.Connection, label: str, deadline_s: float) -> bool:
    """True when all of it was looked at, False when the time was over before; raises for damage."""
    connection.set_progress_handler(lambda: time.monotonic() > deadline_s, _STEPS)
    try:
        (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname == "SQLITE_INTERRUPT":
            return False
        raise
    finally:
        connection.set_progress_handler(None, _STEPS)
    if finding != "ok":
        raise corrupt(label, " ".join(str(finding).split()))
    return True
