"""The thread between a shard and the database: the pipeline never waits for a disk, and people are told only of what is stored."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import StorageError, StorageFull, StorageLocked
from panops.domain.events import Event, EventPhase
from panops.storage.events import EventRepository
from panops.storage.journal import Journal, replay_abandoned
from panops.storage.message_queue import MessageQueue, WriterCounts

log = logging.getLogger(__name__)

_FIRST_RETRY_S = 0.25
_LONGEST_RETRY_S = 15.0
_RETRY_WHILE_CLOSING_S = 0.1


class EventWriter:
    """A bounded queue in front of the database, with a journal under it. `submit` from any thread.

    Args:
        repository: Where events go.
        journal: The journal folder; None: events wait in memory only.
        on_stored: Called by the writer's thread after each commit with the messages that are stored now, oldest first: at least once for
            each begin and end. What it raises is logged.
        clock: For waiting.
        capacity: Messages held in memory.
        batch: Messages in one transaction.
        update_interval_s: Updates are collected for so long; begins and ends are written at once.
        name: The beginning of the thread's and journal file's name.

    Attributes:
        counts: What it did so far.
    """

    def __init__(
        self,
        repository: EventRepository,
        journal: Path | None = None,
        *,
        on_stored: Callable[[Sequence[Event]], None] | None = None,
        clock: Clock | None = None,
        capacity: int = 20_000,
        batch: int = 1_000,
        update_interval_s: float = 0.25,
        name: str = "events",
    ) -> None:
        """Get ready; `start` begins the work."""
        self.counts = WriterCounts()
        self._repository = repository
        self._on_stored = on_stored
        self._clock = clock or SystemClock()
        self._batch, self._update_interval_s = batch, update_interval_s
        self._lock = threading.Lock()
        self._stored_some = threading.Condition(self._lock)
        self._queue = MessageQueue(capacity, self.counts)
        self._journal_folder = journal
        self._journal = Journal(journal, name) if journal is not None else None
        # Taken before `_lock`, never the other way round: writing the journal must not hold up `submit`.
        self._journal_lock = threading.Lock()
        self._replayed = False
        self._problem: str | None = None
        self._journal_problem: str | None = None
        self._retry_at_s = 0.0
        self._retry_s = _FIRST_RETRY_S
        self._wake = threading.Event()
        self._closing = False
        self._deadline_s = float("inf")
        self._thread = threading.Thread(target=self._run, name=f"{name}-writer", daemon=True)

    @property
    def problem(self) -> str | None:
        """One sentence while events cannot be stored, else None."""
        problem, journal_problem = self._problem, self._journal_problem
        return f"{problem}; the journal fails too: {journal_problem}" if problem and journal_problem else problem

    @property
    def pending(self) -> int:
        """Messages that are not in the database yet, or not yet told of."""
        with self._lock:
            return self._queue.pending

    def start(self) -> Self:
        """Begin the work."""
        self._thread.start()
        return self

    def submit(self, events: Sequence[Event]) -> None:
        """Hand events over. Returns at once, whatever the disk does.

        Raises:
            StorageError: The writer is closed.
        """
        if self._closing:
            raise StorageError("the event writer is closed; nothing can be stored through it any more")
        with self._lock:
            self._queue.add(events)
        if any(event.phase is not EventPhase.UPDATE for event in events):
            self._wake.set()

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until all that was submitted is in the database and told of; False when that takes longer than `timeout_s`."""
        self._wake.set()
        with self._stored_some:
            return self._stored_some.wait_for(lambda: self._queue.pending == 0, timeout_s)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Store what is waiting and end the thread. Safe to call twice.

        What cannot be stored in time goes to the journal, where the next start finds it.

        Returns:
            Whether everything is in the database.
        """
        self._deadline_s = self._clock.monotonic_s() + timeout_s
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self.pending:
            self._keep_safe()
            log.warning("%d event messages could not be stored before the end; %s", self.pending, self.problem or "the time was too short")
        if self._journal is not None and not self._thread.is_alive():
            with self._journal_lock:
                self._journal.close()
        return self.pending == 0

    def run_once(self) -> float:
        """One round of the thread's work, for programs and tests that have no thread.

        Returns:
            How long to wait before the next round, s; less when `submit` was called.
        """
        wait_s = self._retry_at_s - self._clock.monotonic_s()
        if wait_s > 0 and not self._closing:
            self._keep_safe()
            return wait_s
        try:
            self._replay_abandoned()
            with self._lock:
                messages = self._queue.take(self._batch)
                idle = self._queue.pending == 0
            if idle:
                return self._update_interval_s
            self._store(messages)
            self._store_evicted()
            self._clear_journal()
        except StorageError as error:
            with self._lock:
                self._queue.put_back()
            self._note_failure(error)
            self._keep_safe()
            return self._retry_s
        with self._stored_some:
            self._stored_some.notify_all()
        return 0.0

    def _run(self) -> None:
        while True:
            try:
                wait_s = self.run_once()
            except Exception:
                # A fault of ours must not end the thread: messages stay queued.
                log.exception("the event writer failed in a way that it should not; it goes on")
                with self._lock:
                    self._queue.put_back()
                wait_s = _LONGEST_RETRY_S
            if self._closing:
                if not self.pending or self._clock.monotonic_s() >= self._deadline_s:
                    return
                # `_wake` stays set while closing: an event of its own keeps the retries apart.
                self._clock.wait(threading.Event(), min(wait_s, _RETRY_WHILE_CLOSING_S))
            elif wait_s > 0:
                self._clock.wait(self._wake, wait_s)
                self._wake.clear()

    def _store(self, messages: Sequence[Event]) -> None:
        refused: list[Event] = []
        try:
            self._repository.save(messages)
        except (ValueError, TypeError):
            refused = self._save_singly(messages)
        stored = [event for event in messages if event not in refused]
        self.counts.refused += len(refused)
        self.counts.stored += len(stored)
        self._problem, self._retry_s, self._retry_at_s = None, _FIRST_RETRY_S, 0.0
        # Told first: whoever flushes wants everybody to know.
        self._tell(stored)
        with self._lock:
            self._queue.settle()

    def _save_singly(self, messages: Sequence[Event]) -> list[Event]:
        """Save one by one, because one of them cannot be written; those that cannot are returned."""
        refused = []
        for event in messages:
            try:
                self._repository.save([event])
            except (ValueError, TypeError) as error:
                log.error("event %s cannot be stored and is given up: %s", event.event_id, error, extra={"event_id": event.event_id})
                refused.append(event)
        return refused

    def _replay_abandoned(self) -> None:
        """Once, at the start: store what killed processes left. A journal folder that cannot be read does not hold up new events."""
        if self._journal_folder is None or self._replayed:
            return
        try:
            self._tell(replay_abandoned(self._journal_folder, self._repository))
        except (StorageFull, StorageLocked):
            raise
        except StorageError as error:
            log.error("what an earlier process left in the journal cannot be stored now; the next start tries again: %s", error)
        self._replayed = True

    def _store_evicted(self) -> None:
        """Store what was pushed out of memory but is in the journal."""
        with self._lock:
            evicted = set(self._queue.evicted)
        if not evicted or self._journal is None:
            return
        with self._journal_lock:
            found = [event for event in self._journal.read().events if (event.event_id, event.phase) in evicted]
        self._repository.save(found)
        self.counts.stored += len(found)
        self._tell(found)
        with self._lock:
            self._queue.evicted -= evicted

    def _clear_journal(self) -> None:
        if self._journal is None or self._journal.is_empty:
            return
        with self._journal_lock:
            with self._lock:
                if self._queue.holds_journaled or self._queue.evicted:
                    return
            try:
                self._journal.clear()
            except StorageError as error:
                log.warning("%s", error)

    def _keep_safe(self) -> None:
        """Put the begins and ends that only exist in memory into the journal."""
        if self._journal is None:
            return
        with self._journal_lock:
            with self._lock:
                messages = self._queue.unsafe()
            if not messages:
                return
            try:
                self._journal.append([waiting.event for waiting in messages])
            except StorageError as error:
                self._journal_problem = str(error)
                return
            self._journal_problem = None
            with self._lock:
                self._queue.mark_safe(messages)
            self.counts.journaled += len(messages)

    def _note_failure(self, error: StorageError) -> None:
        self.counts.failures += 1
        if self._problem is None:
            log.error("events cannot be stored, trying again: %s", error)
        self._problem = f"events cannot be stored at the moment and wait: {error}"
        self._retry_s = min(_LONGEST_RETRY_S, self._retry_s * 2)
        self._retry_at_s = self._clock.monotonic_s() + self._retry_s

    def _tell(self, events: Sequence[Event]) -> None:
        if self._on_stored is None or not events:
            return
        try:
            self._on_stored(events)
        except Exception:
            log.exception("what should hear of stored events failed; the events are stored")
