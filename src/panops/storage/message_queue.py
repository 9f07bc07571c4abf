"""Messages of events on their way to the database: bounded, at most three for each event, and what to give up when it is full."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from panops.domain.events import Event, EventPhase
from panops.storage.records import rank

log = logging.getLogger(__name__)

MessageKey = tuple[str, EventPhase]


@dataclass(slots=True)
class WriterCounts:
    """What a writer did so far, in messages (an event has a begin, updates and an end).

    Attributes:
        stored: Written to the database.
        merged: Messages that a newer one of the same event and phase replaced before they were written; nothing is lost by that.
        dropped_updates: Updates given up because the queue was full.
        journaled: Begins and ends put into the journal while the database could not be written.
        lost: Begins and ends given up because the queue was full and the journal could not be written either.
        refused: Messages that can never be written, such as one with a number that is not finite.
        failures: Times that the database could not be written.
    """

    stored: int = 0
    merged: int = 0
    dropped_updates: int = 0
    journaled: int = 0
    lost: int = 0
    refused: int = 0
    failures: int = 0


@dataclass(slots=True)
class Waiting:
    """A message that is not stored yet; `journaled` means that a kill cannot lose it."""

    event: Event
    journaled: bool = False


_Entry = dict[EventPhase, Waiting]


class MessageQueue:
    """Of each event one begin, the newest update and one end, oldest event first. Its owner's lock protects it.

    Args:
        capacity: Messages held; those in flight are not counted.
        counts: Where to count.

    Attributes:
        evicted: Messages that were pushed out of memory but are in the journal.
    """

    def __init__(self, capacity: int, counts: WriterCounts) -> None:
        """Begin empty."""
        self.evicted: set[MessageKey] = set()
        self._capacity = capacity
        self._counts = counts
        self._entries: dict[str, _Entry] = {}
        self._size = 0
        # Kept in order, so that finding what to give up costs the same however much waits.
        self._with_update: dict[str, None] = {}
        self._safe: dict[MessageKey, None] = {}
        # Begins and ends that are in memory only, also those in flight.
        self._unsafe: dict[MessageKey, Waiting] = {}
        self._in_flight: list[_Entry] = []

    @property
    def pending(self) -> int:
        """Messages that are not stored yet, wherever they are."""
        return self._size + sum(map(len, self._in_flight)) + len(self.evicted)

    @property
    def holds_journaled(self) -> bool:
        """Whether a message that waits in memory is in the journal too."""
        return bool(self._safe)

    def add(self, events: Sequence[Event]) -> None:
        """Take messages in, and give up what no longer fits."""
        for event in events:
            self._add(Waiting(event))
        self._make_room()

    def take(self, limit: int) -> list[Event]:
        """Put the oldest events in flight, about `limit` messages of them; they stay there until `settle` or `put_back`."""
        count = 0
        while self._entries and count < limit:
            event_id = next(iter(self._entries))
            entry = self._entries.pop(event_id)
            self._with_update.pop(event_id, None)
            for phase in entry:
                self._safe.pop((event_id, phase), None)
            self._in_flight.append(entry)
            self._size -= len(entry)
            count += len(entry)
        return [waiting.event for entry in self._in_flight for waiting in _in_order(entry)]

    def settle(self) -> None:
        """What is in flight is stored."""
        for entry in self._in_flight:
            for waiting in entry.values():
                self._forget_unsafe(waiting)
        self._in_flight = []

    def put_back(self) -> None:
        """What is in flight could not be stored: it goes to the front again, joined with what came in since."""
        entries = [*self._in_flight, *self._entries.values()]
        self._in_flight, self._entries, self._size = [], {}, 0
        self._with_update.clear()
        self._safe.clear()
        self._unsafe.clear()
        for entry in entries:
            for waiting in _in_order(entry):
                self._add(waiting)
        self._make_room()

    def unsafe(self) -> list[Waiting]:
        """Begins and ends that exist in memory only."""
        return [*self._unsafe.values()]

    def mark_safe(self, messages: Sequence[Waiting]) -> None:
        """These are in the journal now."""
        for waiting in messages:
            waiting.journaled = True
            self._forget_unsafe(waiting)
            event = waiting.event
            if self._entries.get(event.event_id, {}).get(event.phase) is waiting:
                self._safe[event.event_id, event.phase] = None

    def _forget_unsafe(self, waiting: Waiting) -> None:
        key = waiting.event.event_id, waiting.event.phase
        if self._unsafe.get(key) is waiting:
            del self._unsafe[key]

    def _add(self, waiting: Waiting) -> None:
        event = waiting.event
        entry = self._entries.setdefault(event.event_id, {})
        known = entry.get(event.phase)
        if known is not None:
            self._counts.merged += 1
            if rank(event) < rank(known.event):
                return
            self._safe.pop((event.event_id, event.phase), None)
            self._forget_unsafe(known)
        else:
            self._size += 1
        entry[event.phase] = waiting
        if event.phase is EventPhase.UPDATE:
            self._with_update[event.event_id] = None
        elif waiting.journaled:
            self._safe[event.event_id, event.phase] = None
        else:
            self._unsafe[event.event_id, event.phase] = waiting

    def _make_room(self) -> None:
        """Give up what costs least until the rest fits: updates, then what is in the journal, then the oldest."""
        while self._size > self._capacity:
            if self._with_update:
                self._remove(next(iter(self._with_update)), EventPhase.UPDATE)
                self._counts.dropped_updates += 1
            elif self._safe:
                event_id, phase = next(iter(self._safe))
                self._remove(event_id, phase)
                self.evicted.add((event_id, phase))
            else:
                event_id, entry = next(iter(self._entries.items()))
                phase = next(iter(entry))
                self._remove(event_id, phase)
                self._counts.lost += 1
                log.error(
                    "lost the %s of event %s: the queue is full, and neither database nor journal can be written",
                    phase,
                    event_id,
                    extra={"event_id": event_id},
                )

    def _remove(self, event_id: str, phase: EventPhase) -> None:
        entry = self._entries[event_id]
        self._forget_unsafe(entry.pop(phase))
        if not entry:
            del self._entries[event_id]
        self._size -= 1
        self._safe.pop((event_id, phase), None)
        if phase is EventPhase.UPDATE:
            self._with_update.pop(event_id, None)


def _in_order(entry: _Entry) -> list[Waiting]:
    return [entry[phase] for phase in EventPhase if phase in entry]
