"""What deleted rows leave behind in a database's files, and taking it out.

SQLite writes zeros over what it deletes, but its log still has the pages as they were, and a page that was split may hold a copy of a row.
PostgreSQL keeps deleted rows until a vacuum.

What is to be cleared is noted in the table `gallery`, in the transaction that deletes: any process can go on with it, whoever began it.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, delete, insert, select

from panops.storage.database import Database
from panops.storage.tables import gallery

log = logging.getLogger(__name__)

_TABLES = ("people", "faces", "events", "evidence", "trails", "embeddings", "sightings", "reviews", "audit")
_NOTE = "to clear "


@dataclass(frozen=True, slots=True)
class _Trace:
    """How to know something again without keeping it: its first half, to find it fast, its length, and a digest of all of it."""

    head: bytes
    size: int
    digest: str

    @classmethod
    def of(cls, needle: bytes) -> Self:
        return cls(needle[: (len(needle) + 1) // 2], len(needle), _digest(needle))

    @classmethod
    def read(cls, written: str) -> Self:
        head, size, digest = written.split(":")
        return cls(bytes.fromhex(head), int(size), digest)

    def written(self) -> str:
        return f"{self.head.hex()}:{self.size}:{self.digest}"

    def is_in(self, piece: bytes) -> bool:
        at = piece.find(self.head)
        while at >= 0:
            if _digest(piece[at : at + self.size]) == self.digest:
                return True
            at = piece.find(self.head, at + 1)
        return False


def to_clear(connection: Connection, needles: Collection[bytes]) -> None:
    """Note, in the transaction that deletes, that `clear_out` has something to do.

    Args:
        connection: Of that transaction.
        needles: What was in the deleted rows and nowhere else: random bytes or ids. None where emptying the log is enough.
    """
    value = " ".join(_Trace.of(needle).written() for needle in needles)
    connection.execute(insert(gallery).values(name=f"{_NOTE}{secrets.token_hex(8)}", value=value))


def clear_out(database: Database) -> bool:
    """Take what was deleted out of the files, where anything is noted.

    The log is emptied into the database first; only where the file still holds one of the needles is it written anew, which needs as much
    space again and lets writers wait.

    Args:
        database: An opened database; the deletions are committed.

    Returns:
        Whether nothing is left to do; False where somebody reads the log just now. Asking again, in any process, goes on with it.

    Raises:
        StorageError: One of its kinds; what is noted stays so.
    """
    with database.reading() as connection:
        notes = connection.execute(select(gallery.c.name, gallery.c.value).where(gallery.c.name.startswith(_NOTE))).all()
    if not notes:
        return True
    if database.path is None:
        database.maintain([f"VACUUM {table}" for table in _TABLES])
    elif not _clear_files(database, [_Trace.read(written) for note in notes for written in note.value.split()]):
        return False
    with database.session() as connection:
        connection.execute(delete(gallery).where(gallery.c.name.in_([note.name for note in notes])))
    return True


def _clear_files(database: Database, traces: Sequence[_Trace]) -> bool:
    if not _empty_log(database):
        return False
    if not _holds(database, traces):
        return True
    log.info("writing %s anew, so that nothing of what was deleted stays in it", database.path)
    # In memory, where the settings of the connections would have it, it could be too large.
    database.maintain(["PRAGMA temp_store=FILE", "VACUUM"])
    return _empty_log(database)


def _empty_log(database: Database) -> bool:
    ((busy, _, _),) = database.maintain(["PRAGMA wal_checkpoint(TRUNCATE)"])
    return not busy


def _holds(database: Database, traces: Sequence[_Trace]) -> bool:
    """Whether any of `traces` leads to something in the file, which is read once for all of them."""
    if not traces:
        return False
    overlap = max(trace.size for trace in traces) - 1
    return any(trace.is_in(piece) for piece in database.pieces(overlap) for trace in traces)


def _digest(needle: bytes) -> str:
    return hashlib.sha256(needle).hexdigest()[:32]
