"""Whether the site can do its work: a real look at the database, bounded in time, and remembered for a few seconds."""

from __future__ import annotations

import asyncio
import logging

from starlette.concurrency import run_in_threadpool

from panops.domain.clock import Clock
from panops.domain.errors import StorageCorrupt, StorageError, StorageFull, StorageLocked
from panops.storage.database import Database

log = logging.getLogger(__name__)

# Strangers may ask, as often as they like.
KEEP_S = 3.0
WAIT_S = 2.0
_SAID: tuple[tuple[type[StorageError], str], ...] = (
    (StorageCorrupt, "the database is damaged"),
    (StorageLocked, "the database is held by another process"),
    (StorageFull, "no space is left for the database"),
    (StorageError, "the database cannot be used"),
)


class Readiness:
    """What the last look found. Used on the event loop; the look itself is done on a thread, one at a time.

    Args:
        database: The open database.
        clock: For how long an answer holds.
        keep_s: A look that is younger is not repeated, s.
        wait_s: Whoever asks waits no longer for it than this, s.
    """

    def __init__(self, database: Database, clock: Clock, *, keep_s: float = KEEP_S, wait_s: float = WAIT_S) -> None:
        """Remember what to look at; nothing is looked at yet."""
        self._database = database
        self._clock = clock
        self._keep_s = keep_s
        self._wait_s = wait_s
        self._looking: asyncio.Task[str] | None = None
        self._looked_s = float("-inf")
        self._found = ""

    async def problem(self) -> str:
        """What is in the way, in a few words that name no folder; empty when nothing is. The log has it in full."""
        age_s = self._clock.monotonic_s() - self._looked_s
        if self._looking is None and age_s >= self._keep_s:
            self._looking = asyncio.create_task(self._look())
        if self._looking is None:
            return self._found
        done, _ = await asyncio.wait({self._looking}, timeout=self._wait_s)
        return next(iter(done)).result() if done else "the database does not answer"

    async def _look(self) -> str:
        try:
            error = await run_in_threadpool(self._check)
            found = "" if error is None else next(words for kind, words in _SAID if isinstance(error, kind))
            if found != self._found and error is not None:
                log.error("not ready: %s", error)
            elif found != self._found:
                log.info("ready again")
            self._found = found
            return found
        finally:
            self._looked_s = self._clock.monotonic_s()
            self._looking = None

    def _check(self) -> StorageError | None:
        try:
            self._database.check()
        except StorageError as error:
            return error
        return None
