"""The database at one moment, in a file of its own, made while others write."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from panops.domain.errors import StorageError
from panops.storage import schema
from panops.storage.errors import mapped
from panops.storage.file_check import open_to_read

_PAGES_AT_ONCE = 1024
_BUSY_S = 30.0


@dataclass(frozen=True, slots=True)
class Proof:
    """A row of the table `evidence`, as far as a backup needs it.

    Attributes:
        event_id: The event.
        kind: What it is.
        path: Below the evidence folder.
        size_bytes: Of the file.
        sha256: Of the file.
        start_s: Capture time of its first picture, UTC s.
        end_s: Capture time of its last picture, UTC s.
    """

    event_id: str
    kind: str
    path: str
    size_bytes: int
    sha256: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """A row of the table `recordings`, as far as a backup needs it.

    Attributes:
        path: Below the recordings' folder.
        size_bytes: Of the file.
        sha256: Of the file.
    """

    path: str
    size_bytes: int
    sha256: str


_COLUMNS = "event_id, kind, path, size_bytes, sha256, start_s, end_s"


def take_snapshot(database: Path, target: Path, told: Callable[[int, int], None]) -> None:
    """Copy a database that others may be writing; the copy is as the database was when this began, and nobody has to wait for it.

    Args:
        database: The SQLite file.
        target: An empty file.
        told: Told of bytes copied and bytes altogether.

    Raises:
        StorageError: One of its kinds; `target` may then be there in part.
    """
    with mapped(database, str(database)), closing(_open(database)) as source, closing(sqlite3.connect(target)) as copy:
        # One read transaction over all steps: without it each write of another process would begin the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with mapped(target, f"the copy {target}"):
            # No journal on the disk: the copy is thrown away when this fails.
            copy.execute("PRAGMA journal_mode=MEMORY")
            copy.execute("PRAGMA synchronous=OFF")
            (size,) = source.execute("PRAGMA page_size").fetchone()
            source.backup(copy, pages=_PAGES_AT_ONCE, progress=lambda _, left, pages: told((pages - left) * size, pages * size))
            # It came along in the file's head; whoever reads such a file leaves two others beside it.
            copy.execute("PRAGMA journal_mode=DELETE")


def read_schema(database: Path) -> str:
    """Which schema a database has, such as `0008`.

    Raises:
        StorageError: One of its kinds; also where it is none of panops.
    """
    with mapped(database, str(database)), closing(_open(database)) as connection:
        (found,) = connection.execute(f"SELECT version_num FROM {schema.VERSION_TABLE}").fetchone()  # noqa: S608  a constant
    return str(found)


def proof_in(database: Path, event_ids: Iterable[str] | None = None) -> list[Proof]:
    """The evidence that a database names and does not call missing.

    Args:
        database: The SQLite file, of any schema.
        event_ids: Of these events only.

    Raises:
        StorageError: One of its kinds.
    """
    query = f"SELECT {_COLUMNS} FROM evidence WHERE NOT missing"  # noqa: S608  constants
    with mapped(database, str(database)), closing(_open(database)) as connection:
        if event_ids is None:
            return [Proof(*row) for row in connection.execute(f"{query} ORDER BY path")]
        return [Proof(*row) for one in event_ids for row in connection.execute(f"{query} AND event_id = ?", (one,))]


def recorded_in(database: Path, paths: Iterable[str] | None = None) -> list[Recorded]:
    """The recordings of the recordings' folder that a database names and does not call missing; none where its schema knows no recordings.

    Args:
        database: The SQLite file, of any schema.
        paths: Of these files only.

    Raises:
        StorageError: One of its kinds.
    """
    return _rows_of(database, "place IN ('here', 'sending')", "1", paths)


def archived_in(database: Path, paths: Iterable[str] | None = None) -> list[Recorded]:
    """The recordings that have moved to the archive and are not called missing; none where the schema knows no archive.

    Args:
        database: The SQLite file, of any schema.
        paths: Of these files only.

    Raises:
        StorageError: One of its kinds.
    """
    return _rows_of(database, "place IN ('archive', 'both')", "0", paths)


def _rows_of(database: Path, where: str, before: str, paths: Iterable[str] | None) -> list[Recorded]:
    """Rows at a place; `before` is what holds for all of them in a schema that knows no places."""
    with mapped(database, str(database)), closing(_open(database)) as connection:
        if not _has_table(connection, "recordings"):
            return []
        condition = where if _has_places(connection) else before
        query = f"SELECT path, size_bytes, sha256 FROM recordings WHERE NOT missing AND {condition}"  # noqa: S608  constants
        if paths is None:
            return [Recorded(*row) for row in connection.execute(f"{query} ORDER BY path")]
        return [Recorded(*row) for one in paths for row in connection.execute(f"{query} AND path = ?", (one,))]


def _has_places(connection: sqlite3.Connection) -> bool:
    return any(name == "place" for _, name, *_ in connection.execute("PRAGMA table_info(recordings)"))


def sealed_faces_in(database: Path) -> int:
    """How many sealed faces a database holds; none where its schema knows no people.

    Raises:
        StorageError: One of its kinds.
    """
    with mapped(database, str(database)), closing(_open(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM faces").fetchone()[0]) if _has_table(connection, "faces") else 0


def recordings_folder(database: Path, own: Path) -> Path:
    """Where the site of a database has its recordings; `own`, that of the home, where its settings name no folder.

    Raises:
        StorageError: One of its kinds.
    """
    folder = _recording_settings(database).get("folder", "")
    return Path(folder) if folder else own


def archive_settings(database: Path) -> dict[str, Any]:
    """What the settings of a database say of the archive, keys included; empty where they name none.

    Raises:
        StorageError: One of its kinds.
    """
    found = _recording_settings(database).get("archive")
    return found if isinstance(found, dict) else {}


def _recording_settings(database: Path) -> dict[str, Any]:
    with mapped(database, str(database)), closing(_open(database)) as connection:
        query = "SELECT value FROM site WHERE name = 'settings'"
        row = connection.execute(query).fetchone() if _has_table(connection, "site") else None
    try:
        found = json.loads(row[0])["recording"] if row else {}
    except (ValueError, TypeError, KeyError):  # they say nothing of it, or whoever reads the site says what is wrong with it
        found = {}
    return found if isinstance(found, dict) else {}


def recordings_gone(snapshot: Path, paths: Iterable[str]) -> None:
    """Call recordings missing whose files are not in the backup.

    Raises:
        StorageError: One of its kinds.
    """
    with mapped(snapshot, f"the copy {snapshot}"), closing(sqlite3.connect(snapshot)) as connection, connection:
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.executemany("UPDATE recordings SET missing = 1 WHERE path = ?", [(one,) for one in paths])


def keep_recordings(before: Path, now: Path) -> None:
    """Let a database know the recordings that another one knew: both are of one place, and so are the files.

    Args:
        before: It is only read; where it knows no recordings, nothing happens.
        now: A file of this program's schema that nobody else has open.

    Raises:
        StorageError: One of its kinds; nothing was written.
    """
    columns = "camera_id, path, start_s, end_s, size_bytes, sha256, has_motion, has_event, protected, missing, motion"
    marks = ", ".join("?" for _ in columns.split(","))
    # Which files have moved to the archive since the backup, or left it, the later one knows.
    insert = (
        f"INSERT INTO recordings ({columns}, place) VALUES ({marks}, ?) "  # noqa: S608  constants
        "ON CONFLICT (path) DO UPDATE SET protected = protected OR excluded.protected, place = excluded.place"
    )
    with mapped(before, str(before)), closing(_open(before)) as source:
        if not _has_table(source, "recordings"):
            return
        place = "place" if _has_places(source) else "'here'"
        rows = source.execute(f"SELECT {columns}, {place} FROM recordings WHERE NOT missing")  # noqa: S608  constants
        with mapped(now, str(now)), closing(sqlite3.connect(now, timeout=_BUSY_S)) as target, target:
            target.executemany(insert, rows)


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)).fetchone() is not None


def put_right(snapshot: Path, event_ids: Iterable[str], there: Iterable[Proof]) -> None:
    """Let a snapshot name the evidence that was really copied for some events, and call the rest missing.

    Args:
        snapshot: A file that nobody else has open.
        event_ids: The events whose evidence changed while it was copied.
        there: What was copied of them.

    Raises:
        StorageError: One of its kinds.
    """
    with mapped(snapshot, f"the copy {snapshot}"), closing(sqlite3.connect(snapshot)) as connection, connection:
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.executemany("UPDATE evidence SET missing = 1 WHERE event_id = ?", [(one,) for one in event_ids])
        insert = f"INSERT OR REPLACE INTO evidence ({_COLUMNS}, missing) VALUES (?, ?, ?, ?, ?, ?, ?, 0)"  # noqa: S608  constants
        connection.executemany(insert, [(p.event_id, p.kind, p.path, p.size_bytes, p.sha256, p.start_s, p.end_s) for p in there])


def _open(database: Path) -> sqlite3.Connection:
    """For reading. A database that is not there is not made."""
    if not database.is_file():
        raise StorageError(f"there is no database at {database}; name the folder with --home, or set PANOPS_HOME")
    return open_to_read(database, _BUSY_S)
