from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.domain.events import Event, EventPhase, EvidenceKind, Severity
from panops.storage.database import Database
from panops.storage.errors import InvalidCursor
from panops.storage.events import EventFilter, EventRepository, ReviewStatus, StoredEvent
from panops.storage.evidence import EvidenceStore
from panops.storage.scope import SCOPE_NOTHING, Role, Scope
from panops.storage.search import page_query
from panops.storage.trail import TrackTrail

from .makers import START_S, make_event

EVERYTHING = Scope.everything()
CAMERAS = ("gate", "yard", "street")
NOTES = ("", "", "a Cat", "100%_sure", "back\\slash")


def population() -> list[tuple[Event, ReviewStatus, str, bool]]:
    """120 events in which every value of every column meets many others."""
    found = []
    for index in range(120):
        camera_id = CAMERAS[index % 3]
        phase = EventPhase.END if index % 4 else EventPhase.UPDATE
        event = make_event(
            f"{camera_id}-1-{index}",
            phase,
            camera_id=camera_id,
            rule_id=("night", "door", "Crowd")[index // 3 % 3],
            severity=tuple(Severity)[index // 5 % 3],
            kind=("intrusion", "occupancy")[index // 2 % 2],
            class_name=("person", "car", "")[index // 7 % 3],
            zone=("floor", "")[index // 11 % 2],
            score=index % 10 / 10,
            # Several begin at the same time, and they are not saved in order of time.
            started_at_s=START_S + (index * 7 % 40),
            updated_at_s=START_S + 100,
        )
        found.append((event, tuple(ReviewStatus)[index // 6 % 3], NOTES[index % 5], index % 9 == 0))
    return found


@pytest.fixture(scope="module")
def filled(new_folder: Callable[[], Path]) -> Iterator[EventRepository]:
    with Database.at(new_folder()) as database:
        repository = EventRepository(database)
        repository.save([event for event, *_ in population()])
        for event, status, note, kept in population():
            repository.review(EVERYTHING, event.event_id, status=status, note=note, kept=kept, user="eva", at_s=1.0)
        yield repository


def reference(scope: Scope, wanted: EventFilter) -> list[str]:
    """The same search in plain Python."""

    def fits(event: Event, status: ReviewStatus, note: str, kept: bool) -> bool:
        incident, text = event.incident, wanted.text.lower()
        return all(
            (
                scope.cameras is None or event.camera_id in scope.cameras,
                not wanted.cameras or event.camera_id in wanted.cameras,
                not wanted.rules or event.rule_id in wanted.rules,
                not wanted.kinds or incident.kind in wanted.kinds,
                not wanted.classes or incident.class_name in wanted.classes,
                not wanted.zones or incident.zone in wanted.zones,
                not wanted.severities or event.severity in wanted.severities,
                not wanted.statuses or status in wanted.statuses,
                wanted.is_open is None or (incident.ended_at_s is None) == wanted.is_open,
                wanted.kept is None or kept == wanted.kept,
                wanted.min_score is None or incident.score >= wanted.min_score,
                wanted.since_s is None or incident.started_at_s >= wanted.since_s,
                wanted.until_s is None or incident.started_at_s < wanted.until_s,
                any(text in part.lower() for part in (event.event_id, event.rule_id, incident.class_name, incident.zone, note)),
            )
        )

    found = [row[0] for row in population() if fits(*row)]
    found.sort(key=lambda event: (event.incident.started_at_s, event.event_id), reverse=True)
    return [event.event_id for event in found]


def all_pages(repository: EventRepository, scope: Scope, wanted: EventFilter, limit: int) -> list[StoredEvent]:
    found: list[StoredEvent] = []
    cursor = None
    for _ in range(200):
        page = repository.search(scope, wanted, cursor, limit)
        assert len(page.events) <= limit
        found += page.events
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the pages never end")


def some(values: Sequence[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.one_of(st.just(frozenset[str]()), st.frozensets(st.sampled_from(values), max_size=2))


maybe_bool = st.sampled_from([None, None, True, False])
scopes = st.builds(
    Scope,
    st.sampled_from(Role),
    st.one_of(st.none(), st.frozensets(st.sampled_from([*CAMERAS, "unknown"]))),
)
filters = st.builds(
    EventFilter,
    cameras=some([*CAMERAS, "unknown"]),
    rules=some(["night", "door", "Crowd"]),
    kinds=some(["intrusion", "occupancy"]),
    classes=some(["person", "car", ""]),
    zones=some(["floor", ""]),
    severities=st.frozensets(st.sampled_from(Severity), max_size=2),
    statuses=st.frozensets(st.sampled_from(ReviewStatus), max_size=2),
    is_open=maybe_bool,
    kept=maybe_bool,
    min_score=st.sampled_from([None, None, 0.3, 0.9, 2.0]),
    since_s=st.one_of(st.none(), st.integers(-1, 41).map(lambda s: START_S + s)),
    until_s=st.one_of(st.none(), st.integers(-1, 41).map(lambda s: START_S + s)),
    text=st.sampled_from(
        ["", "", "", "CAT", "%", "_s", "\\", "crowd", "gate-1-1", "nothing has this", "'", "\x00", "\ud800", "x" * 60_000]
    ),
)


@settings(max_examples=150, deadline=None)
@given(scope=scopes, wanted=filters, limit=st.sampled_from([1, 7, 50, 500]))
def test_every_filter_and_scope_finds_what_a_plain_search_finds(
    filled: EventRepository, scope: Scope, wanted: EventFilter, limit: int
) -> None:
    expected = reference(scope, wanted)
    if limit == 1 and len(expected) > 20:
        limit = 3
    assert [item.event.event_id for item in all_pages(filled, scope, wanted, limit)] == expected


@settings(max_examples=25, deadline=None)
@given(scope=scopes)
def test_nothing_outside_the_scope_ever_comes_out_of_any_read(filled: EventRepository, scope: Scope) -> None:
    database = filled._database
    trails = TrackTrail(database)
    store = EvidenceStore(database, Path(str(database.path)).parent / "evidence")
    for index, (event, *_) in enumerate(population()[:6]):
        if index < 3 and store.path(EVERYTHING, event.event_id, EvidenceKind.SNAPSHOT) is None:
            store.add_bytes(event.event_id, EvidenceKind.SNAPSHOT, b"jpeg", START_S, START_S)
            trails.save_trail(event.event_id, [(START_S, [(1, "person", 0.5, (0.0, 0.0, 1.0, 1.0))])])
    for event, status, note, kept in population()[:6]:
        allowed = scope.allows(event.camera_id)
        has_proof = event in [row[0] for row in population()[:3]]
        assert (filled.get(scope, event.event_id) is not None) == allowed
        reviewed = kept or bool(note) or status is not ReviewStatus.NEW
        assert bool(filled.history(scope, event.event_id)) == (allowed and reviewed)
        assert (store.path(scope, event.event_id, EvidenceKind.SNAPSHOT) is not None) == (allowed and has_proof)
        assert bool(trails.trail(scope, event.event_id)) == (allowed and has_proof)
    counts = filled.counts(scope)
    expected = reference(scope, EventFilter())
    assert counts.total == len(expected)
    assert set(counts.by_camera) | set(counts.new_by_camera) <= {event_id.split("-")[0] for event_id in expected}
    for item in filled.search(scope, EventFilter(), None, 500).events:
        assert scope.allows(item.event.camera_id)


def test_a_cursor_of_somebody_elses_page_shows_nothing_more(filled: EventRepository) -> None:
    cursor = filled.search(EVERYTHING, limit=10).next_cursor
    assert filled.search(SCOPE_NOTHING, cursor=cursor).events == ()


def test_pages_stay_in_step_while_new_events_come_in(repository: EventRepository) -> None:
    repository.save([make_event(f"gate-1-{index:03}", started_at_s=START_S + index) for index in range(40)])
    seen: list[str] = []
    cursor = None
    for turn in itertools.count():
        page = repository.search(EVERYTHING, cursor=cursor, limit=7)
        seen += [item.event.event_id for item in page.events]
        cursor = page.next_cursor
        # Newer ones, and one whose start is between those already shown.
        repository.save([make_event(f"gate-2-{turn}", started_at_s=START_S + 1000 + turn)])
        repository.save([make_event(f"gate-3-{turn}", started_at_s=START_S + 39.5)])
        if cursor is None:
            break
    assert seen == [f"gate-1-{index:03}" for index in reversed(range(40))]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "e30",
        "W10",
        "WzEsMl0",
        "!!!",
        "bnVsbA",
        "W05hTiwiYSJd",
        "WyJhIiwiYiJd",
        "é",
        "[" * 5000,
        "WzEsICJcdWQ4MDAiXQ",
        "W3t9LCAiYSJd",
    ],
)
def test_a_cursor_from_nowhere_is_refused_in_a_sentence(filled: EventRepository, cursor: str) -> None:
    if cursor == "WzEsMl0":  # [1, 2]: harmless, a place before all events
        assert filled.search(EVERYTHING, cursor=cursor).events == ()
        return
    with pytest.raises(InvalidCursor, match="expected a cursor"):
        filled.search(EVERYTHING, cursor=cursor)


@settings(max_examples=100, deadline=None)
@given(cursor=st.text(max_size=60))
def test_no_text_as_a_cursor_does_anything_else(filled: EventRepository, cursor: str) -> None:
    try:
        filled.search(EVERYTHING, cursor=cursor)
    except InvalidCursor:
        return


@pytest.mark.parametrize(("limit", "expected"), [(-5, 1), (0, 1), (50, 50), (10_000, 120)])
def test_a_pages_length_is_bounded(filled: EventRepository, limit: int, expected: int) -> None:
    assert len(filled.search(EVERYTHING, limit=limit).events) == expected


def test_the_search_reads_an_index_and_not_the_rows(filled: EventRepository) -> None:
    query = page_query(
        Scope(Role.VIEWER, frozenset({"gate"})),
        EventFilter(kinds=("intrusion",), is_open=False, min_score=0.2),
        None,
        50,
        like_ignores_case=True,
    )
    with filled._database.reading() as connection:
        compiled = query.compile(connection.engine, compile_kwargs={"literal_binds": True})
        plan = " ".join(str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}"))
    assert "USING COVERING INDEX ix_events_search" in plan or "USING INDEX ix_events_camera" in plan
    assert "SCAN events USING INDEX" not in plan
