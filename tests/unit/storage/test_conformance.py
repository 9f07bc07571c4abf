from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from panops.domain.events import Event
from panops.domain.protocols import EventStore
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.records import event_values, rank
from panops.storage.scope import Scope
from panops.testing.store_conformance import EventStoreSuite, sample_event


class TestEventRepository(EventStoreSuite):
    @pytest.fixture(autouse=True)
    def _close(self) -> Iterator[None]:
        yield
        self.database.close()

    def make_store(self, folder: Path) -> EventStore:
        self.database = Database.at(folder, busy_timeout_s=30).open()
        self.repository = EventRepository(self.database)
        return self.repository

    def stored(self, event_id: str) -> Event | None:
        found = self.repository.get(Scope.everything(), event_id)
        return found.event if found else None


class Forgetful:
    """A store with one fault at a time, to see that the suite finds it."""

    def __init__(self, fault: str) -> None:
        self.fault, self.events = fault, dict[str, Event]()

    def save(self, events: Sequence[Event]) -> None:
        for event in events:
            if self.fault != "half batches":
                event_values(event)
        for event in events:
            event_values(event)
            known = self.events.get(event.event_id)
            older = known is not None and rank(event) < rank(known)
            if self.fault == "newest wins" and known is not None and event.incident.updated_at_s < known.incident.updated_at_s:
                continue
            if older and self.fault not in {"last wins", "newest wins"}:
                continue
            self.events[event.event_id] = event if self.fault != "drops" or event.incident.box is None else sample_event("other")


class FaultySuite(EventStoreSuite):
    __test__ = False

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def make_store(self, folder: Path) -> EventStore:
        self.store = Forgetful(self.fault)
        return self.store

    def stored(self, event_id: str) -> Event | None:
        return self.store.events.get(event_id)


@pytest.mark.parametrize(
    ("fault", "found_by"),
    [
        ("drops", "test_an_event_comes_back_as_it_was"),
        ("last wins", "test_the_newest_message_stays_whatever_the_order"),
        ("newest wins", "test_an_end_is_never_undone"),
        ("half batches", "test_a_batch_is_saved_whole_or_not_at_all"),
    ],
)
def test_the_suite_finds_faults(tmp_path: Path, fault: str, found_by: str) -> None:
    with pytest.raises(AssertionError, match="expected"):
        getattr(FaultySuite(fault), found_by)(tmp_path)


def test_the_suite_passes_a_store_without_faults(tmp_path: Path) -> None:
    suite = FaultySuite("none")
    for name in (name for name in dir(EventStoreSuite) if name.startswith("test_")):
        getattr(suite, name)(tmp_path)
