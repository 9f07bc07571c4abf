"""Judged events come with the picture that was kept and with what was tracked in that very picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from panops.domain.events import EvidenceKind
from panops.domain.judged_pictures import PicturedEvent, SeenThing
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.judged_pictures import JudgedPictures
from panops.storage.records import ReviewStatus
from panops.storage.scope import Role, Scope
from panops.storage.tables import trails
from panops.storage.trail import TrackTrail

from .makers import START_S, make_event

BOX = (0.1, 0.2, 0.3, 0.4)


@pytest.fixture
def store(database: Database, tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(database, tmp_path / "evidence")


def add(
    database: Database, store: EvidenceStore, event_id: str, status: ReviewStatus, *, camera: str = "gate", at_s: float = START_S
) -> None:
    events = EventRepository(database)
    events.save([make_event(event_id, camera_id=camera, started_at_s=at_s)])
    store.add_bytes(event_id, EvidenceKind.SNAPSHOT, b"clean", at_s + 2.0, at_s + 2.0)
    store.add_bytes(event_id, EvidenceKind.ANNOTATED, b"drawn on", at_s + 2.0, at_s + 2.0)
    rows = [(at_s + after, [(1, "person", 0.8, (0.1 + after / 100, 0.2, 0.3, 0.4))]) for after in (1.0, 2.0, 3.0)]
    TrackTrail(database).save_trail(event_id, rows)
    if status is not ReviewStatus.NEW:
        events.review(Scope.everything(), event_id, status=status, user="ann", at_s=at_s + 60)


def read(database: Database, store: EvidenceStore, scope: Scope | None = None, **wanted: object) -> tuple[PicturedEvent, ...]:
    return JudgedPictures(database, store).all(scope or Scope.everything(), **wanted)  # type: ignore[arg-type]


def test_only_what_was_judged_comes_with_its_clean_picture_and_what_was_in_it(database: Database, store: EvidenceStore) -> None:
    add(database, store, "gate-1-2", ReviewStatus.FALSE_ALARM, at_s=START_S + 100)
    add(database, store, "gate-1-1", ReviewStatus.TRUE_ALARM)
    add(database, store, "gate-1-3", ReviewStatus.NEW)
    add(database, store, "gate-1-4", ReviewStatus.ACKNOWLEDGED)
    first, second = read(database, store)
    assert (first.event_id, first.false_alarm, second.event_id, second.false_alarm) == ("gate-1-1", False, "gate-1-2", True)
    assert first.picture is not None
    assert first.picture.read_bytes() == b"clean"
    assert first.pictured_at_s == START_S + 2.0
    assert first.things == (SeenThing(1, "person", 0.8, (0.12, 0.2, 0.3, 0.4)),)
    assert first.run == "gate-1"


def test_a_picture_that_is_gone_is_told(database: Database, store: EvidenceStore) -> None:
    add(database, store, "gate-1-1", ReviewStatus.TRUE_ALARM)
    [before] = read(database, store)
    assert before.picture is not None
    before.picture.unlink()
    [now] = read(database, store)
    assert now == replace(before, picture=None, things=(), pictured_at_s=START_S)


@pytest.mark.parametrize("blob", [b"no trail", None])
def test_without_a_trail_of_that_moment_nothing_is_said_of_things(database: Database, store: EvidenceStore, blob: bytes | None) -> None:
    add(database, store, "gate-1-1", ReviewStatus.TRUE_ALARM)
    if blob is None:
        TrackTrail(database).save_trail("gate-1-1", [(START_S + 2.2, [(1, "person", 0.8, BOX)])])
    else:
        with database.session() as connection:
            connection.execute(update(trails).values(points=blob))
    assert read(database, store)[0].things == ()


def test_nobody_learns_from_cameras_that_they_may_not_see(database: Database, store: EvidenceStore) -> None:
    add(database, store, "gate-1-1", ReviewStatus.TRUE_ALARM)
    add(database, store, "yard-1-1", ReviewStatus.FALSE_ALARM, camera="yard")
    scope = Scope(Role.VIEWER, frozenset({"yard"}))
    assert [event.camera_id for event in read(database, store, scope)] == ["yard"]


def test_more_than_a_page_comes_once_each(database: Database, store: EvidenceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.storage.judged_pictures._PAGE", 2)
    for number in range(5):
        add(database, store, f"gate-1-{number}", ReviewStatus.FALSE_ALARM, at_s=START_S + number)
    assert [event.event_id for event in read(database, store)] == [f"gate-1-{number}" for number in range(5)]
    assert [event.event_id for event in read(database, store, since_s=START_S + 3)] == ["gate-1-3", "gate-1-4"]
    assert not read(database, store, rules=("another",))
