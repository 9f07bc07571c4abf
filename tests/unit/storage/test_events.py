from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panops.domain.events import Event, EventPhase, Severity
from panops.storage.database import Database
from panops.storage.errors import NotAllowed, NotFound
from panops.storage.events import EventRepository, ReviewStatus
from panops.storage.records import rank
from panops.storage.scope import SCOPE_NOTHING, Role, Scope

from .makers import START_S, make_event

EVERYTHING = Scope.everything()
OPERATOR = Scope(Role.OPERATOR, frozenset({"gate"}))


def life(event_id: str = "gate-1-1", updates: int = 3) -> list[Event]:
    """All messages of one event, each later than the one before."""
    messages = [make_event(event_id, EventPhase.BEGIN)]
    messages += [make_event(event_id, EventPhase.UPDATE, updated_at_s=START_S + 1 + i, score=0.5 + i / 100) for i in range(updates)]
    return [*messages, make_event(event_id, EventPhase.END, updated_at_s=START_S + 50, score=0.9)]


def test_an_event_comes_back_as_it_was_saved(repository: EventRepository) -> None:
    event = make_event(details={"direction": "a_to_b", "count": 3, "share": 0.25, "known": True, "none": None, "ünï": "✓ \ud800"})
    repository.save([event])
    found = repository.get(EVERYTHING, event.event_id)
    assert found is not None
    assert found.event == event
    assert (found.status, found.note, found.kept, found.evidence) == (ReviewStatus.NEW, "", False, ())


def test_saving_nothing_is_fine(repository: EventRepository) -> None:
    repository.save([])
    assert repository.search(EVERYTHING).events == ()


@pytest.mark.parametrize("field", ["score", "started_at_s", "updated_at_s"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused_and_nothing_of_the_batch_is_written(
    repository: EventRepository, field: str, value: float
) -> None:
    bad = make_event("gate-1-2")
    bad = replace(bad, incident=replace(bad.incident, **{field: value}))
    with pytest.raises(ValueError, match="expected a finite"):
        repository.save([make_event("gate-1-1"), bad])
    assert repository.search(EVERYTHING).events == ()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_order_and_repetition_of_an_events_messages_gives_its_newest(new_folder: Callable[[], Path], data: st.DataObject) -> None:
    messages = life(updates=data.draw(st.integers(0, 3)))
    first_missing = data.draw(st.integers(1, len(messages)))
    delivered = messages[:first_missing]
    order = data.draw(st.permutations(delivered * 2))
    cuts = data.draw(st.lists(st.integers(0, len(order)), max_size=4))
    review_at = data.draw(st.integers(0, len(order)))
    batches = split(order, sorted(cuts))
    with Database.at(new_folder()) as database:
        repository = EventRepository(database)
        done = 0
        reviewed = False
        for batch in batches:
            repository.save(batch)
            done += len(batch)
            if not reviewed and done and done >= review_at:
                repository.review(EVERYTHING, "gate-1-1", status=ReviewStatus.FALSE_ALARM, note="a cat", kept=True, user="eva", at_s=1.0)
                reviewed = True
        found = repository.get(EVERYTHING, "gate-1-1")
        assert found is not None
        assert found.event == max(delivered, key=rank)
        if reviewed:
            assert (found.status, found.note, found.kept, found.reviewed_by) == (ReviewStatus.FALSE_ALARM, "a cat", True, "eva")
        assert len(repository.search(EVERYTHING).events) == 1


def split(items: Sequence[Event], cuts: Sequence[int]) -> list[list[Event]]:
    edges = [0, *cuts, len(items)]
    return [list(items[low:high]) for low, high in pairwise(edges)]


ALL_PHASES = st.sampled_from(EventPhase)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(phases=st.tuples(ALL_PHASES, ALL_PHASES), times=st.tuples(st.integers(0, 2), st.integers(0, 2)))
def test_the_database_ranks_messages_as_python_does(
    repository: EventRepository, phases: tuple[EventPhase, EventPhase], times: tuple[int, int]
) -> None:
    old, new = (
        make_event("gate-9-9", phase, updated_at_s=START_S + time, score=score)
        for phase, time, score in zip(phases, times, (0.1, 0.2), strict=True)
    )
    with repository._database.session() as connection:
        connection.exec_driver_sql("DELETE FROM events")
    repository.save([old])
    repository.save([new])
    found = repository.get(EVERYTHING, "gate-9-9")
    assert found is not None
    assert found.event == (new if rank(new) >= rank(old) else old)


def test_close_open_ends_what_a_killed_process_left(repository: EventRepository) -> None:
    repository.save([make_event("gate-1-1", EventPhase.UPDATE, updated_at_s=START_S + 7), make_event("gate-1-2", EventPhase.END)])
    repository.save([make_event("yard-1-1", camera_id="yard")])
    assert repository.close_open({"gate"}) == 1
    assert repository.close_open({"gate"}) == 0
    found = repository.get(EVERYTHING, "gate-1-1")
    assert found is not None
    assert found.event.phase is EventPhase.END
    assert found.event.incident.ended_at_s == START_S + 7
    assert found.event.incident.details == {"dwell_s": 1.5, "interrupted": True}
    whole = repository.get(EVERYTHING, "gate-1-2")
    assert whole is not None
    assert "interrupted" not in whole.event.incident.details
    other = repository.get(EVERYTHING, "yard-1-1")
    assert other is not None
    assert other.event.incident.ended_at_s is None


def test_close_open_leaves_alone_what_was_heard_of_later(repository: EventRepository) -> None:
    repository.save([make_event("gate-1-1"), make_event("gate-2-1", started_at_s=START_S + 100)])
    assert repository.close_open({"gate"}, at_s=START_S + 50) == 1
    assert [item.event.event_id for item in repository.search(EVERYTHING).events if item.event.phase is EventPhase.BEGIN] == ["gate-2-1"]


def test_the_real_end_beats_an_interruption_when_it_comes_after_all(repository: EventRepository) -> None:
    repository.save([make_event()])
    repository.close_open({"gate"})
    end = make_event(phase=EventPhase.END, updated_at_s=START_S + 9)
    repository.save([end])
    found = repository.get(EVERYTHING, "gate-1-1")
    assert found is not None
    assert found.event == end


def test_a_review_changes_only_what_it_names_and_adds_to_the_history(repository: EventRepository) -> None:
    repository.save([make_event()])
    repository.review(OPERATOR, "gate-1-1", status=ReviewStatus.ACKNOWLEDGED, user="eva", at_s=10.0)
    repository.review(OPERATOR, "gate-1-1", note="seen him", user="tom", at_s=11.0)
    repository.review(OPERATOR, "gate-1-1", note="seen him", user="tom", at_s=12.0)
    found = repository.review(OPERATOR, "gate-1-1", kept=True, user="eva", at_s=13.0)
    assert (found.status, found.note, found.kept) == (ReviewStatus.ACKNOWLEDGED, "seen him", True)
    assert (found.reviewed_by, found.reviewed_at_s) == ("eva", 13.0)
    changes = repository.history(EVERYTHING, "gate-1-1")
    assert [(change.user, change.status, change.note, change.kept) for change in changes] == [
        ("eva", ReviewStatus.ACKNOWLEDGED, None, None),
        ("tom", None, "seen him", None),
        ("eva", None, None, True),
    ]


def test_a_note_can_be_any_text_and_is_cut(repository: EventRepository) -> None:
    repository.save([make_event()])
    note = "'; DROP TABLE events; -- \x00\ud800 ✓ " + "x" * 5000
    found = repository.review(EVERYTHING, "gate-1-1", note=note, user="eva", at_s=1.0)
    assert found.note.startswith("'; DROP TABLE events; -- ? ✓ xxx")
    assert len(found.note) == 4000
    assert repository.review(EVERYTHING, "gate-1-1", note="", user="eva", at_s=2.0).note == ""


@pytest.mark.parametrize(
    ("scope", "error"),
    [
        (Scope(Role.VIEWER, None), NotAllowed),
        (Scope(Role.VIEWER, frozenset({"gate"})), NotAllowed),
        (Scope(Role.OPERATOR, frozenset({"yard"})), NotFound),
        (Scope(Role.ADMIN, frozenset()), NotFound),
        (SCOPE_NOTHING, NotAllowed),
    ],
)
def test_who_may_not_review(repository: EventRepository, scope: Scope, error: type[Exception]) -> None:
    repository.save([make_event()])
    with pytest.raises(error):
        repository.review(scope, "gate-1-1", kept=True, user="eva", at_s=1.0)
    found = repository.get(EVERYTHING, "gate-1-1")
    assert found is not None
    assert not found.kept
    assert repository.history(EVERYTHING, "gate-1-1") == ()


def test_what_nobody_reviewed_is_counted_up_to_a_bound(repository: EventRepository) -> None:
    repository.save([make_event(f"gate-1-{number}") for number in range(5)])
    repository.save([make_event("yard-1-1", camera_id="yard")])
    repository.review(EVERYTHING, "gate-1-0", status=ReviewStatus.ACKNOWLEDGED, user="eva", at_s=1.0)
    assert [repository.unreviewed(EVERYTHING, most) for most in (3, 5, 100)] == [3, 5, 5]
    assert repository.unreviewed(Scope(Role.VIEWER, frozenset({"yard"})), 100) == 1
    assert repository.unreviewed(Scope(Role.VIEWER, frozenset()), 100) == 0


def test_counts_by_everything(repository: EventRepository) -> None:
    repository.save(
        [
            make_event("gate-1-1"),
            make_event("gate-1-2", EventPhase.END, kind="loitering"),
            make_event("yard-1-1", camera_id="yard", severity=Severity.INFO),
            make_event("gate-1-0", started_at_s=START_S - 100),
        ]
    )
    repository.review(EVERYTHING, "gate-1-2", status=ReviewStatus.FALSE_ALARM, user="eva", at_s=1.0)
    counts = repository.counts(EVERYTHING, since_s=START_S)
    assert (counts.total, counts.open) == (3, 2)
    assert counts.by_camera == {"gate": 2, "yard": 1}
    assert counts.by_kind == {"intrusion": 2, "loitering": 1}
    assert counts.by_severity == {"alarm": 2, "info": 1}
    assert counts.by_status == {"new": 2, "false_alarm": 1}
    assert counts.new_by_camera == {"gate": 1, "yard": 1}
    assert repository.counts(EVERYTHING).total == 4
    assert repository.counts(SCOPE_NOTHING).total == 0
