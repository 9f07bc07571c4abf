"""What deleted rows leave behind in a database's files, and taking it out.

SQLite writes zeros over what it deletes, but its log still has the pages as they were, and a page that was split may hold a copy of a row.
PostgreSQL keeps deleted rows until a vacuum.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from panops.storage.database import Database

log = logging.getLogger(__name__)

_TABLES = ("people", "faces", "events", "evidence", "trails", "embeddings", "reviews", "audit")


def clear_out(database: Database, needles: Collection[bytes]) -> bool:
    """Take what was deleted out of the files.

    The log is emptied into the database first; only where the file still holds one of `needles` is it written anew, which needs as much
    space again and lets writers wait.

    Args:
        database: An opened database; the deletion is committed.
        needles: What was in the deleted rows and nowhere else.

    Returns:
        Whether it is done; False where somebody reads the log just now. Asking again, also for nothing more, goes on with it.

    Raises:
        StorageError: One of its kinds.
    """
    if database.path is None:
        database.maintain([f"VACUUM {table}" for table in _TABLES])
        return True
    wanted = database.left_behind = {*database.left_behind, *needles}
    if not wanted:
        return True
    if not _empty_log(database):
        return False
    if _holds(database, wanted):
        log.info("writing %s anew, so that nothing of what was deleted stays in it", database.path)
        # In memory, where the settings of the connections would have it, it could be too large.
        database.maintain(["PRAGMA temp_store=FILE", "VACUUM"])
        if not _empty_log(database):
            return False
    database.left_behind = database.left_behind - wanted
    return True


def _empty_log(database: Database) -> bool:
    ((busy, _, _),) = database.maintain(["PRAGMA wal_checkpoint(TRUNCATE)"])
    return not busy


def _holds(database: Database, needles: Collection[bytes]) -> bool:
    """Whether any of `needles` is in the file, which is read once for all of them."""
    overlap = max(map(len, needles)) - 1
    return any(needle in piece for piece in database.pieces(overlap) for needle in needles)
