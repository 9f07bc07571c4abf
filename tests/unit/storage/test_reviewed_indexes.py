"""What was reviewed or suppressed is few of many events; who asks for these reads an index of these."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Select, text

from panops.domain.events import EventPhase
from panops.domain.verdicts import Finding, Verdict
from panops.storage.database import Database
from panops.storage.events import EventFilter, EventRepository, ReviewStatus
from panops.storage.judgements import JudgementStore, newest_judgements
from panops.storage.scope import Role, Scope
from panops.storage.search import changed_queries, page_query

from .makers import START_S, make_event

EVERYTHING = Scope.everything()
MANY = 400


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Events of three cameras; each twentieth is reviewed, each twenty-fifth suppressed."""
    found = Database.at(tmp_path_factory.mktemp("home")).open()
    repository, stopped = EventRepository(found), Verdict((Finding("size", False),))
    cameras = [("yard", "gate", "street")[number % 3] for number in range(MANY)]
    events = [
        make_event(f"{camera}-1-{number}", camera_id=camera, started_at_s=START_S + number, phase=EventPhase.END)
        for number, camera in enumerate(cameras)
    ]
    repository.save([replace(event, verdict=stopped) if number % 25 == 0 else event for number, event in enumerate(events)])
    words = (ReviewStatus.FALSE_ALARM, ReviewStatus.TRUE_ALARM, ReviewStatus.ACKNOWLEDGED)
    for turn, event in enumerate(events[1::20]):
        repository.review(EVERYTHING, event.event_id, status=words[turn % 3], user="ada", at_s=START_S + turn)
    return found


def plan(database: Database, query: Select[tuple[object, ...]]) -> str:
    """As SQLite does it, with parameters bound as in use. What it explained before it does not explain anew: hence the comment."""
    with database.reading() as connection:
        compiled = query.compile(connection.engine, compile_kwargs={"render_postcompile": True})
        values = tuple(compiled.params[name] for name in compiled.positiontup or ())
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled} -- {next(_TURNS)}", values)
        return "; ".join(str(row.detail) for row in rows)


def search_plan(database: Database, wanted: EventFilter, scope: Scope = EVERYTHING) -> str:
    return plan(database, page_query(scope, wanted, None, 50, like_ignores_case=True))


_TURNS = count()
ONLY_GATE = Scope(Role.VIEWER, frozenset({"gate"}))


@pytest.mark.parametrize("scope", [EVERYTHING, ONLY_GATE], ids=["all", "gate"])
@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (EventFilter(statuses=[ReviewStatus.FALSE_ALARM]), "ix_events_reviewed"),
        (EventFilter(statuses=[ReviewStatus.FALSE_ALARM, ReviewStatus.TRUE_ALARM], suppressed=False), "ix_events_reviewed"),
        (EventFilter(statuses=[ReviewStatus.ACKNOWLEDGED], kinds=["intrusion"], min_score=0.5, is_open=False), "ix_events_reviewed"),
        (EventFilter(suppressed=True), "ix_events_suppressed"),
        (EventFilter(suppressed=True, since_s=START_S), "ix_events_suppressed"),
        (EventFilter(suppressed=True, cameras=["gate", "yard"]), "ix_events_suppressed"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_search_reads_the_smallest_index_that_has_it_all(database: Database, wanted: EventFilter, index: str, scope: Scope) -> None:
    told = search_plan(database, wanted, scope)
    assert f"USING COVERING INDEX {index}" in told, told
    assert "TEMP B-TREE" not in told, "the index has the order, too"


@pytest.mark.parametrize("wanted", [EventFilter(suppressed=False), EventFilter(statuses=[ReviewStatus.NEW, ReviewStatus.FALSE_ALARM])])
def test_of_all_others_the_whole_is_read_as_before(database: Database, wanted: EventFilter) -> None:
    assert "USING COVERING INDEX ix_events_search" in search_plan(database, wanted)
    assert "USING INDEX ix_events_camera" in search_plan(database, wanted, ONLY_GATE)


def test_a_cameras_judgements_are_read_by_index_and_in_order(database: Database) -> None:
    told = plan(database, newest_judgements("gate"))
    assert "SEARCH events USING INDEX ix_events_judged (camera_id=?" in told, told
    assert "TEMP B-TREE" not in told, told


@pytest.mark.parametrize("scope", [EVERYTHING, ONLY_GATE], ids=["all", "gate"])
def test_what_changed_lately_is_read_by_index_and_in_order(database: Database, scope: Scope) -> None:
    for query, index in zip(changed_queries(scope, START_S, 10), ("ix_events_heard", "ix_events_reviewed_at"), strict=True):
        told = plan(database, query)
        assert f"SEARCH events USING COVERING INDEX {index} (" in told, told
        assert "TEMP B-TREE" not in told, told


@pytest.mark.parametrize("scope", [EVERYTHING, ONLY_GATE], ids=["all", "gate"])
@pytest.mark.parametrize(
    ("since_s", "limit"), [(START_S - 1, 500), (START_S + 10, 500), (START_S + 395, 7), (START_S + 5, 30), (START_S + 1e6, 5)]
)
def test_what_changed_lately_is_what_there_is(database: Database, scope: Scope, since_s: float, limit: int) -> None:
    repository = EventRepository(database)
    every = repository.search(scope, limit=500).events
    heard = {one.event.event_id: max(one.event.incident.updated_at_s, one.reviewed_at_s or 0.0) for one in every}
    wanted = sorted((name for name, at_s in heard.items() if at_s >= since_s), key=lambda name: (heard[name], name), reverse=True)
    found, more = repository.changed_since(scope, since_s, limit)
    assert [one.event.event_id for one in found] == wanted[:limit][::-1]
    assert more == (len(wanted) > limit)


def test_without_the_indexes_this_test_would_fail(database: Database) -> None:
    with database.session() as connection:
        ddl = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE name LIKE 'ix_events_%' AND sql LIKE '%WHERE%'")).all()
        dropped = [row for row in ddl if row.name != "ix_events_note"]
        assert {row.name for row in dropped} == {"ix_events_reviewed", "ix_events_reviewed_at", "ix_events_suppressed", "ix_events_judged"}
        for row in dropped:
            connection.execute(text(f"DROP INDEX {row.name}"))
    try:
        assert "ix_events_judged" not in plan(database, newest_judgements("gate"))
        assert "TEMP B-TREE" in plan(database, newest_judgements("gate"))
        assert "ix_events_search" in search_plan(database, EventFilter(suppressed=True))
    finally:
        with database.session() as connection:
            for row in dropped:
                connection.execute(text(row.sql))


def test_what_is_found_is_what_there_is(database: Database) -> None:
    repository = EventRepository(database)

    def found(wanted: EventFilter) -> list[str]:
        return [stored.event.event_id for stored in repository.search(EVERYTHING, wanted, limit=500).events]

    every = repository.search(EVERYTHING, limit=500).events
    assert len(every) == MANY
    for statuses in ([ReviewStatus.FALSE_ALARM], [ReviewStatus.TRUE_ALARM, ReviewStatus.ACKNOWLEDGED], [ReviewStatus.NEW]):
        assert found(EventFilter(statuses=statuses)) == [stored.event.event_id for stored in every if stored.status in statuses]
    assert found(EventFilter(suppressed=True)) == [stored.event.event_id for stored in every if stored.event.is_suppressed]
    said = JudgementStore(database).of(["gate", "yard", "street"])
    judged = {stored.event.event_id for stored in every if stored.status in (ReviewStatus.FALSE_ALARM, ReviewStatus.TRUE_ALARM)}
    assert {one.event_id for judgements in said.values() for one in judgements} == judged
    assert len(judged) > 10


def test_one_that_was_taken_back_is_new_again(tmp_path: Path) -> None:
    with Database.at(tmp_path) as database:
        repository = EventRepository(database)
        repository.save([make_event()])
        for status in (ReviewStatus.FALSE_ALARM, ReviewStatus.NEW):
            repository.review(EVERYTHING, "gate-1-1", status=status, user="ada", at_s=START_S)
        assert [len(repository.search(EVERYTHING, EventFilter(statuses=[status])).events) for status in ReviewStatus] == [1, 0, 0, 0]
