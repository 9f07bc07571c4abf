"""The thread between a shard and the table of what people wore: the pipeline never waits for a disk."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Self

from panops.domain.clock import Clock, SystemClock
from panops.domain.compliance import ComplianceRecord
from panops.domain.errors import StorageError
from panops.storage.compliance import ComplianceRepository

log = logging.getLogger(__name__)

_EVERY_S = 1.0
_LONGEST_RETRY_S = 15.0
_BATCH = 500


class ComplianceWriter:
    """A bounded queue in front of the table. `submit` from any thread.

    Records are figures, not alarms: what waits is written within a second or as soon as the database can be written again, the oldest is
    given up when there is too much, and a process that is killed loses the last second's.

    Args:
        repository: Where they go.
        clock: For waiting.
        capacity: Records held.

    Attributes:
        lost: How many records were given up.
    """

    def __init__(self, repository: ComplianceRepository, clock: Clock | None = None, *, capacity: int = 20_000) -> None:
        """Get ready; `start` begins the work."""
        self.lost = 0
        self._repository = repository
        self._clock = clock or SystemClock()
        self._capacity = capacity
        self._lock = threading.Lock()
        self._waiting: deque[ComplianceRecord] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._failing = False
        self._retry_s = _EVERY_S
        self._thread = threading.Thread(target=self._run, name="compliance-writer", daemon=True)

    @property
    def pending(self) -> int:
        """How many wait."""
        with self._lock:
            return len(self._waiting)

    def start(self) -> Self:
        """Begin the work."""
        self._thread.start()
        return self

    def submit(self, records: Sequence[ComplianceRecord]) -> None:
        """Hand records over; returns at once."""
        if not records:
            return
        with self._lock:
            self._waiting.extend(records)
            while len(self._waiting) > self._capacity:
                self._waiting.popleft()
                self.lost += 1

    def run_once(self) -> float:
        """Write what waits. For the thread, and for tests.

        Returns:
            How long to wait before the next round, s.
        """
        while True:
            with self._lock:
                batch = [self._waiting[index] for index in range(min(_BATCH, len(self._waiting)))]
            if not batch:
                return _EVERY_S
            try:
                self._repository.save(batch)
            except StorageError as error:
                if not self._failing:
                    log.error("what people wore cannot be stored, trying again: %s", error)
                self._failing = True
                self._retry_s = min(_LONGEST_RETRY_S, 2 * self._retry_s)
                return self._retry_s
            except ValueError as error:
                log.error("records of what people wore cannot be stored and are given up: %s", error)
                self.lost += len(batch)
            self._failing, self._retry_s = False, _EVERY_S
            written = {one.record_id for one in batch}
            with self._lock:  # some may have been given up meanwhile
                while self._waiting and self._waiting[0].record_id in written:
                    self._waiting.popleft()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what waits and end the thread; safe to call twice. Whether all of it was written."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self.pending:
            log.warning("%d records of what people wore could not be stored before the end", self.pending)
        return self.pending == 0

    def _run(self) -> None:
        while True:
            closing = self._closing
            try:
                wait_s = self.run_once()
            except Exception:  # a fault of ours must not end the thread
                log.exception("what people wore could not be stored; it is tried again")
                wait_s = _LONGEST_RETRY_S
            if closing:
                return
            self._clock.wait(self._wake, wait_s)
