"""What the people of events look like: kept, found within a scope, gone with their events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import delete, update

from panops.config.schema import RetentionConfig
from panops.domain.events import EventPhase
from panops.storage.database import Database
from panops.storage.embeddings import Embedding, EventEmbeddings
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.retention import Retention
from panops.storage.scope import SCOPE_NOTHING, Role, Scope
from panops.storage.tables import embeddings, events
from panops.testing.fake_clock import FakeClock

from .makers import START_S, make_event

EVERYTHING = Scope.everything()
MODEL = "person_reid@1"


def rows(count: int, size: int = 64) -> NDArray[np.float32]:
    made = np.random.default_rng(7).normal(size=(count, size)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def fill(database: Database, count: int = 40) -> NDArray[np.float32]:
    """Events of two cameras, one a minute, each with a person."""
    vectors, kept = rows(count), EventEmbeddings(database)
    camera = ("gate", "yard")
    made = [
        make_event(f"{camera[index % 2]}-1-{index:03d}", EventPhase.END, camera_id=camera[index % 2], started_at_s=START_S + 60 * index)
        for index in range(count)
    ]
    EventRepository(database).save(made)
    for event, vector in zip(made, vectors, strict=True):
        kept.save(event.event_id, Embedding(MODEL, vector))
    return vectors


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.at(tmp_path).open()


def test_the_most_alike_come_first_as_a_plain_comparison_says(database: Database) -> None:
    vectors, kept = fill(database), EventEmbeddings(database)
    wanted = vectors[5] + 0.4 * vectors[9]
    wanted /= np.linalg.norm(wanted)
    alike = kept.similar(EVERYTHING, Embedding(MODEL, wanted), 10)
    expected = np.argsort(-(vectors @ wanted))[:10]
    assert [int(event_id[-3:]) for event_id, _ in alike.found] == expected.tolist()
    assert [score for _, score in alike.found] == pytest.approx((vectors @ wanted)[expected], abs=2e-3)
    assert alike.compared == 40


def test_a_person_is_found_by_the_event_and_the_event_itself_left_out(database: Database) -> None:
    vectors, kept = fill(database), EventEmbeddings(database)
    kept.save("yard-1-011", Embedding(MODEL, vectors[4]))
    wanted = kept.get(EVERYTHING, "gate-1-004")
    assert wanted is not None
    assert kept.similar(EVERYTHING, wanted, 1, without="gate-1-004").found == (("yard-1-011", pytest.approx(1.0, abs=2e-3)),)


def test_nothing_is_seen_beyond_the_scope(database: Database) -> None:
    vectors, kept = fill(database), EventEmbeddings(database)
    yard = Scope(Role.OPERATOR, frozenset({"yard"}))
    alike = kept.similar(yard, Embedding(MODEL, vectors[0]), 100)
    assert alike.compared == 20
    assert all(event_id.startswith("yard") for event_id, _ in alike.found)
    assert kept.get(yard, "gate-1-004") is None
    assert kept.similar(SCOPE_NOTHING, Embedding(MODEL, vectors[0])).compared == 0


def test_spans_least_and_models_narrow(database: Database) -> None:
    vectors, kept = fill(database), EventEmbeddings(database)
    wanted = Embedding(MODEL, vectors[3])
    assert kept.similar(EVERYTHING, wanted, since_s=START_S + 600, until_s=START_S + 1200).compared == 10
    assert [event_id for event_id, _ in kept.similar(EVERYTHING, wanted, least=0.99).found] == ["yard-1-003"]
    assert kept.similar(EVERYTHING, Embedding("other@1", vectors[3])).compared == 0


def test_they_go_with_their_events(database: Database, tmp_path: Path) -> None:
    fill(database)
    clock = FakeClock(START_S + 100 * 86400)
    config = RetentionConfig(days=1, max_gib=1, min_free_gib=0)
    Retention(database, EvidenceStore(database, tmp_path / "evidence", clock), config, clock, lambda: 1 << 40).run()
    assert EventEmbeddings(database).count() == 0


def test_an_event_that_is_gone_gets_none(database: Database) -> None:
    fill(database)
    with database.session() as connection:
        connection.execute(delete(events).where(events.c.event_id == "gate-1-000"))
    kept = EventEmbeddings(database)
    kept.save("gate-1-000", Embedding(MODEL, rows(1)[0]))
    assert kept.count() == 39


def test_all_can_be_forgotten(database: Database) -> None:
    fill(database)
    assert EventEmbeddings(database).forget() == 40
    assert EventEmbeddings(database).forget() == 0


def test_damaged_rows_are_like_nobody(database: Database) -> None:
    vectors, kept = fill(database), EventEmbeddings(database)
    with database.session() as connection:
        connection.execute(update(embeddings).where(embeddings.c.event_id == "gate-1-000").values(vector=b"short"))
        connection.execute(update(embeddings).where(embeddings.c.event_id == "yard-1-001").values(vector=b"\xff" * 128))
    found = dict(kept.similar(EVERYTHING, Embedding(MODEL, vectors[0]), 100).found)
    assert found["gate-1-000"] == 0.0
    assert "yard-1-001" not in found
