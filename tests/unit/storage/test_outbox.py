from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from panops.domain.alerts import DeliveryState, Moment
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity
from panops.domain.verdicts import Finding, Verdict
from panops.storage.database import Database
from panops.storage.errors import NotFound
from panops.storage.events import EventFilter, EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.outbox import Outbox
from panops.storage.scope import Role, Scope
from panops.storage.tables import deliveries
from panops.testing.fake_clock import FakeClock

EVERYTHING = Scope.everything()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.at(tmp_path).open()


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)


def event(number: int = 0, *, camera: str = "gate", phase: EventPhase = EventPhase.BEGIN, ended_at_s: float | None = None) -> Event:
    incident = Incident("zone", phase, "intrusion", "person", "area", (1,), 0.8, 100.0, ended_at_s or 101.0, ended_at_s)
    return Event(f"{camera}-1-{number}", camera, "night", Severity.ALARM, incident)


def repository(database: Database, now_s: float = 1000.0) -> EventRepository:
    return EventRepository(database, FakeClock(now_s))


def told(database: Database) -> list[tuple[str, str, str]]:
    with database.reading() as connection:
        rows = connection.execute(select(deliveries).order_by(deliveries.c.delivery_id)).all()
    return [(row.event_id, row.sink_id, row.moment) for row in rows]


def test_without_sinks_nothing_is_added(database: Database, outbox: Outbox) -> None:
    repository(database).save([event()])
    assert told(database) == []
    assert outbox.next_waiting("phone") is None


def test_each_sink_is_told_of_the_beginning_and_the_end_once(database: Database, outbox: Outbox) -> None:
    outbox.sync(["phone", "mqtt"], 0.0)
    events = repository(database)
    events.save([event()])
    events.save([event(phase=EventPhase.UPDATE), event()])
    events.save([event(phase=EventPhase.END, ended_at_s=110.0)])
    events.save([event(phase=EventPhase.END, ended_at_s=110.0), event(phase=EventPhase.UPDATE)])
    assert sorted(told(database)) == [
        ("gate-1-0", "mqtt", "begin"),
        ("gate-1-0", "mqtt", "end"),
        ("gate-1-0", "phone", "begin"),
        ("gate-1-0", "phone", "end"),
    ]
    first = outbox.next_waiting("phone")
    assert first is not None
    assert (first.moment, first.created_at_s, first.due_at_s, first.attempts) == (Moment.BEGIN, 1000.0, 1000.0, 0)


def test_an_event_that_is_first_heard_of_when_it_is_over_has_both(database: Database, outbox: Outbox) -> None:
    outbox.sync(["phone"], 0.0)
    repository(database).save([event(phase=EventPhase.END, ended_at_s=110.0)])
    assert [moment for _, _, moment in told(database)] == ["begin", "end"]


def test_an_event_that_a_killed_process_left_open_is_told_to_have_ended(database: Database, outbox: Outbox) -> None:
    outbox.sync(["phone"], 0.0)
    events = repository(database)
    events.save([event()])
    assert events.close_open(None) == 1
    assert [moment for _, _, moment in told(database)] == ["begin", "end"]
    events.save([event(phase=EventPhase.END, ended_at_s=110.0)])  # the journal had its real end
    assert [moment for _, _, moment in told(database)] == ["begin", "end"]


def test_the_clip_is_told_once(database: Database, outbox: Outbox, tmp_path: Path) -> None:
    outbox.sync(["phone"], 0.0)
    store = EvidenceStore(database, tmp_path / "evidence", FakeClock(5.0))
    store.add_bytes("gate-1-7", EvidenceKind.CLIP, b"clip", 1.0, 2.0)  # its event is not stored: nobody can be told
    repository(database).save([event()])
    for kind in (EvidenceKind.SNAPSHOT, EvidenceKind.CLIP_SO_FAR, EvidenceKind.CLIP, EvidenceKind.CLIP):
        store.add_bytes("gate-1-0", kind, b"data", 1.0, 2.0)
    assert [moment for _, _, moment in told(database)] == ["begin", "clip"]


def test_a_new_sink_hears_nothing_of_the_past_and_a_removed_one_leaves_nothing_waiting(database: Database, outbox: Outbox) -> None:
    outbox.sync(["phone"], 0.0)
    events = repository(database)
    events.save([event(0)])
    outbox.sync(["mqtt"], 50.0)
    events.save([event(1)])
    assert outbox.next_waiting("phone") is None
    (gone,) = outbox.log(EVERYTHING, sink_id="phone")
    assert (gone.state, gone.answer, gone.closed_at_s) == (DeliveryState.SKIPPED, "the sink was switched off or removed", 50.0)
    assert [delivery.event_id for delivery in outbox.log(EVERYTHING, sink_id="mqtt")] == ["gate-1-1"]
    outbox.sync([], 60.0)
    events.save([event(2)])
    assert outbox.counts() == {"phone": {DeliveryState.SKIPPED: 1}, "mqtt": {DeliveryState.SKIPPED: 1}}


def test_the_way_of_a_delivery(database: Database, outbox: Outbox) -> None:
    outbox.sync(["phone"], 0.0)
    events = repository(database)
    events.save([event(0), event(1)])
    first = outbox.next_waiting("phone")
    assert first is not None
    assert first.event_id == "gate-1-0"
    outbox.postpone(first.delivery_id, 2000.0)
    second = outbox.next_waiting("phone")
    assert second is not None
    assert second.event_id == "gate-1-1"
    assert [outbox.tried(second.delivery_id, "no answer") for _ in range(2)] == [1, 2]
    outbox.close([second.delivery_id], DeliveryState.SENT, "200", 1003.0)
    (sent,) = outbox.log(EVERYTHING, event_id="gate-1-1")
    assert (sent.state, sent.attempts, sent.answer, sent.closed_at_s) == (DeliveryState.SENT, 3, "200", 1003.0)
    assert outbox.last_sent_s("phone", Moment.BEGIN, "gate", "night") == 1003.0
    assert outbox.last_sent_s("phone", Moment.BEGIN, "yard", "night") is None
    assert outbox.find("phone", "gate-1-1", Moment.BEGIN) == sent
    assert outbox.find("phone", "gate-1-0", Moment.END) is None
    assert outbox.next_waiting("phone") == replace(first, due_at_s=2000.0)
    outbox.drop(first.delivery_id)
    assert outbox.next_waiting("phone") is None


def test_what_was_given_up_can_be_sent_again(database: Database, outbox: Outbox) -> None:
    outbox.sync(["phone"], 0.0)
    repository(database).save([event()])
    waiting = outbox.next_waiting("phone")
    assert waiting is not None
    with pytest.raises(NotFound):
        outbox.send_again(EVERYTHING, waiting.delivery_id, 5.0)
    outbox.close([waiting.delivery_id], DeliveryState.DEAD, "410 gone", 2000.0)
    with pytest.raises(NotFound):
        outbox.send_again(Scope(Role.ADMIN, frozenset({"yard"})), waiting.delivery_id, 5.0)
    again = outbox.send_again(EVERYTHING, waiting.delivery_id, 3000.0)
    assert (again.state, again.attempts, again.created_at_s, again.closed_at_s) == (DeliveryState.WAITING, 0, 3000.0, None)
    assert outbox.next_waiting("phone") == again


def test_the_log_is_read_page_by_page_within_a_scope(database: Database, outbox: Outbox) -> None:
    outbox.sync(["phone"], 0.0)
    repository(database).save([event(number, camera=camera) for number in range(3) for camera in ("gate", "yard")])
    gate = Scope(Role.VIEWER, frozenset({"gate"}))
    page = outbox.log(gate, limit=2)
    assert [delivery.event_id for delivery in page] == ["gate-1-2", "gate-1-1"]
    assert [delivery.event_id for delivery in outbox.log(gate, limit=2, before_id=page[-1].delivery_id)] == ["gate-1-0"]
    assert outbox.log(Scope(Role.ADMIN, frozenset())) == []


def test_what_waits_of_a_rule(database: Database, outbox: Outbox) -> None:
    outbox.sync(["phone"], 0.0)
    repository(database).save([event(number, camera=camera) for number in range(2) for camera in ("gate", "yard")])
    assert [delivery.event_id for delivery in outbox.waiting("phone", Moment.BEGIN, "gate", "night")] == ["gate-1-0", "gate-1-1"]
    assert outbox.waiting("phone", Moment.END, "gate", "night") == []


def test_deliveries_go_with_their_event(database: Database, outbox: Outbox) -> None:
    outbox.sync(["phone"], 0.0)
    repository(database).save([event()])
    with database.session() as connection:
        connection.exec_driver_sql("DELETE FROM events")
    assert told(database) == []


def judged(found: Event, *, passed: bool) -> Event:
    return replace(found, verdict=Verdict((Finding("displacement", passed, 0.1, 0.25, "It came 0.1 of its own size."),), 2.0))


def test_nobody_is_told_of_what_is_taken_for_a_false_alarm(database: Database, outbox: Outbox) -> None:
    outbox.sync(["mail", "hook"], 0.0)
    events = repository(database)
    events.save([judged(event(1), passed=False), judged(event(2), passed=True)])
    events.save([judged(event(1, phase=EventPhase.END, ended_at_s=103.0), passed=False)])
    EvidenceStore(database, database.path.parent / "evidence", FakeClock(1000.0)).add_bytes("gate-1-1", EvidenceKind.CLIP, b"x", 1.0, 2.0)  # type: ignore[union-attr]
    assert {one.event_id for one in outbox.log(EVERYTHING)} == {"gate-1-2"}


def test_what_is_believed_after_all_is_told_from_its_beginning(database: Database, outbox: Outbox) -> None:
    outbox.sync(["mail"], 0.0)
    events = repository(database)
    events.save([judged(event(1), passed=False)])
    assert outbox.log(EVERYTHING) == []
    events.save([judged(event(1, phase=EventPhase.UPDATE), passed=True)])
    assert [one.moment for one in outbox.log(EVERYTHING)] == [Moment.BEGIN]
    events.save([judged(event(1, phase=EventPhase.END, ended_at_s=109.0), passed=True)])
    assert [one.moment for one in outbox.log(EVERYTHING)][::-1] == [Moment.BEGIN, Moment.END]


def test_a_suppressed_event_of_a_killed_process_ends_without_a_word(database: Database, outbox: Outbox) -> None:
    outbox.sync(["mail"], 0.0)
    events = repository(database)
    events.save([judged(event(1), passed=False), judged(event(2), passed=True)])
    assert events.close_open(None) == 2
    assert {one.event_id for one in outbox.log(EVERYTHING)} == {"gate-1-2"}


def test_verdicts_are_kept_counted_and_found(database: Database) -> None:
    events = repository(database)
    events.save([judged(event(1), passed=False), judged(event(2), passed=True), event(3)])
    stored = events.get(EVERYTHING, "gate-1-1")
    assert stored is not None
    assert stored.event == judged(event(1), passed=False)

    def found(*, suppressed: bool | None) -> list[str]:
        page = events.search(EVERYTHING, EventFilter(suppressed=suppressed))
        return [one.event.event_id[-1] for one in page.events]

    assert found(suppressed=True) == ["1"]
    assert found(suppressed=False) == ["3", "2"]
    assert found(suppressed=None) == ["3", "2", "1"]
    counts = events.counts(EVERYTHING)
    assert (counts.total, counts.suppressed, counts.open) == (2, 1, 2)
