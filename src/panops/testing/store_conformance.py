"""What every `EventStore` must do.

A store of your own is tested by inheriting the suite::

    class TestMyStore(EventStoreSuite):
        def make_store(self, folder):
            self.store = MyStore(folder)
            return self.store

        def stored(self, event_id):
            return self.store.read(event_id)

The methods need nothing but pytest's `tmp_path`; they raise `AssertionError` with a sentence.
"""

from __future__ import annotations

import itertools
import threading
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path

from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.protocols import EventStore

_START_S = 1_760_000_000.0


def sample_event(event_id: str = "gate-1-1", phase: EventPhase = EventPhase.BEGIN, after_s: float = 0.0) -> Event:
    """An event as a rule would raise it; `after_s` is the time of this message since the event's start."""
    incident = Incident(
        key="track 7",
        phase=phase,
        kind="intrusion",
        class_name="person",
        zone="floor",
        track_ids=(7, 9),
        score=0.5 + after_s / 1000,
        started_at_s=_START_S,
        updated_at_s=_START_S + after_s,
        ended_at_s=_START_S + after_s if phase is EventPhase.END else None,
        box=(0.1, 0.25, 0.5, 1.0),
        details={"dwell_s": after_s, "direction": "a_to_b", "count": 2, "inside": True, "note": None, "straße": "✓"},
    )
    return Event(event_id, "gate", "night", Severity.ALARM, incident)


def sample_life(event_id: str = "gate-1-1") -> list[Event]:
    """All messages of one event in the order of their times."""
    phases = [EventPhase.BEGIN, EventPhase.UPDATE, EventPhase.UPDATE, EventPhase.END]
    return [sample_event(event_id, phase, float(index)) for index, phase in enumerate(phases)]


class EventStoreSuite(ABC):
    """Tests for any `EventStore`; see the module's text."""

    @abstractmethod
    def make_store(self, folder: Path) -> EventStore:
        """A new, empty store that keeps what it keeps in `folder`."""

    @abstractmethod
    def stored(self, event_id: str) -> Event | None:
        """What the store made by `make_store` holds of an event, or None."""

    def test_an_event_comes_back_as_it_was(self, tmp_path: Path) -> None:
        """Every field survives, text of other languages too."""
        store = self.make_store(tmp_path)
        store.save([sample_event()])
        _expect(self.stored("gate-1-1") == sample_event(), "the event comes back equal")
        _expect(self.stored("gate-1-2") is None, "an event that was never saved is not there")

    def test_an_event_without_box_details_and_tracks(self, tmp_path: Path) -> None:
        """Optional fields may be empty."""
        event = sample_event()
        bare = replace(event, incident=replace(event.incident, box=None, details={}, track_ids=(), class_name="", zone=""))
        self.make_store(tmp_path).save([bare])
        _expect(self.stored("gate-1-1") == bare, "empty fields come back empty")

    def test_saving_nothing_is_fine(self, tmp_path: Path) -> None:
        """An empty batch is no error."""
        self.make_store(tmp_path).save([])

    def test_saving_twice_is_harmless(self, tmp_path: Path) -> None:
        """The same message again changes nothing."""
        store = self.make_store(tmp_path)
        for _ in range(3):
            store.save([sample_event(), sample_event()])
        _expect(self.stored("gate-1-1") == sample_event(), "the event is there once, unchanged")

    def test_the_newest_message_stays_whatever_the_order(self, tmp_path: Path) -> None:
        """Messages of one event in any order, alone or in one batch, leave its newest."""
        store = self.make_store(tmp_path)
        for number, order in enumerate(itertools.permutations(range(4))):
            together, alone = f"gate-1-{number}", f"gate-2-{number}"
            store.save([sample_life(together)[index] for index in order])
            for index in order:
                store.save([sample_life(alone)[index]])
            for event_id in (together, alone):
                _expect(self.stored(event_id) == sample_life(event_id)[-1], f"order {order} leaves the end of the event")

    def test_an_end_is_never_undone(self, tmp_path: Path) -> None:
        """An update that comes after the end, with an earlier or later time, does not open the event again."""
        store = self.make_store(tmp_path)
        end = sample_life()[-1]
        store.save([end])
        for after_s in (1.0, 99.0):
            store.save([sample_event(phase=EventPhase.UPDATE, after_s=after_s)])
            _expect(self.stored("gate-1-1") == end, "the event stays ended")

    def test_a_batch_is_saved_whole_or_not_at_all(self, tmp_path: Path) -> None:
        """A batch with a message that cannot be kept leaves nothing behind."""
        store = self.make_store(tmp_path)
        good, event = sample_event("gate-1-1"), sample_event("gate-1-2")
        bad = replace(event, incident=replace(event.incident, score=float("nan")))
        try:
            store.save([good, bad])
        except ValueError:
            _expect(self.stored("gate-1-1") is None, "nothing of a refused batch is stored")
            return
        raise AssertionError("expected ValueError for a score that is not a number, got none")

    def test_several_threads_save_at_once(self, tmp_path: Path) -> None:
        """Nothing is lost when threads save at the same time."""
        store = self.make_store(tmp_path)
        faults: list[Exception] = []

        def save(worker: int) -> None:
            try:
                for index in range(20):
                    store.save(
                        [sample_event(f"gate-{worker}-{index}"), sample_event("shared-1-1", EventPhase.UPDATE, index * 10.0 + worker)]
                    )
            except Exception as error:
                faults.append(error)

        threads = [threading.Thread(target=save, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _expect(not faults, f"no thread fails, got {faults}")
        missing = [(worker, index) for worker in range(4) for index in range(20) if self.stored(f"gate-{worker}-{index}") is None]
        _expect(not missing, f"every event is there, missing {missing}")
        shared = self.stored("shared-1-1")
        _expect(shared is not None and shared.incident.updated_at_s == _START_S + 193, "the newest of all threads' messages stays")


def _expect(holds: bool, sentence: str) -> None:
    if not holds:
        raise AssertionError(f"expected that {sentence}")
