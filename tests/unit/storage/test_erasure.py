"""Deleted means deleted: before, everything of a person is found in the files of the home; afterwards nothing is."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection
from sqlalchemy.event import listen as listen_to

from panops.domain.events import EventPhase, EvidenceKind
from panops.storage.audit import AuditLog
from panops.storage.database import _READING, Database
from panops.storage.embeddings import Embedding, EventEmbeddings
from panops.storage.erasure import Erasure
from panops.storage.errors import NotAllowed, NotFound
from panops.storage.events import EventRepository, ReviewStatus
from panops.storage.evidence import EvidenceStore
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.gallery_records import Person, PersonFacts
from panops.storage.leftovers import _TABLES
from panops.storage.records import UNNAMED
from panops.storage.scope import Role, Scope
from panops.storage.tables import audit, embeddings, events, evidence, faces, people, reviews, sightings, trails
from panops.testing.fake_clock import FakeClock

from .makers import START_S, make_event
from .test_gallery import ADMIN, OPERATOR, SOME, VIEWER, new_face

NAME = "Annabella Quarterstone"


@pytest.fixture
def gallery(database: Database, home: Path, clock: FakeClock) -> Gallery:
    return Gallery(database, KeyPlace(home / "faces.key", {}), clock)


@pytest.fixture
def store(database: Database, home: Path, clock: FakeClock) -> EvidenceStore:
    return EvidenceStore(database, home / "evidence", clock)


@pytest.fixture
def erasure(database: Database, store: EvidenceStore, clock: FakeClock) -> Erasure:
    return Erasure(database, store, clock)


def tell(repository: EventRepository, store: EvidenceStore, person: Person, event_id: str, phase: EventPhase = EventPhase.END) -> None:
    details = {"who": "known", "person_id": person.person_id, "name": person.name, "lists": ", ".join(person.lists), "similarity": 0.7}
    event = make_event(event_id, phase, kind="identity", details=details)  # type: ignore[arg-type]  # all are JSON
    object.__setattr__(event.incident, "key", f"7-known-{person.person_id}")
    repository.save([event])
    store.add_bytes(event_id, EvidenceKind.SNAPSHOT, f"snapshot of {event_id};".encode(), START_S, START_S)


def everything(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def found_in(home: Path, needles: dict[str, bytes]) -> dict[str, list[str]]:
    files = everything(home)
    return {word: sorted(name for name, content in files.items() if needle in content) for word, needle in needles.items()}


def sealed_of(home: Path, person_id: str) -> list[tuple[str, bytes, bytes]]:
    with closing(sqlite3.connect(home / "panops.db")) as connection:
        rows = connection.execute("SELECT face_id, embedding, picture FROM faces WHERE person_id = ?", (person_id,)).fetchall()
    return [(face_id, bytes(embedding), bytes(picture)) for face_id, embedding, picture in rows]


def test_nothing_of_a_deleted_person_remains_in_any_file(
    home: Path, database: Database, gallery: Gallery, store: EvidenceStore, erasure: Erasure, repository: EventRepository
) -> None:
    anna = gallery.add(ADMIN, PersonFacts(NAME, ("staff",), "consented in writing, drawer 4", START_S), "ada")
    bo = gallery.add(ADMIN, PersonFacts("Bo", (), "asked", START_S), "ada")
    for variant in range(4):
        gallery.add_face(ADMIN, anna.person_id, new_face(1, variant))
        gallery.add_face(ADMIN, bo.person_id, new_face(2, variant))
    for number in range(60):  # so many that pages are split and joined
        tell(repository, store, anna if number % 2 else bo, f"gate-1-{number}")
    repository.review(ADMIN, "gate-1-1", note=f"That was {NAME.upper()}, she said.", status=ReviewStatus.TRUE_ALARM, user="oscar", at_s=1.0)
    audit = AuditLog(database)
    audit.record(START_S, "oscar", "person.view", anna.person_id)
    audit.record(START_S, "oscar", "face.view", f"{anna.person_id}/{gallery.faces(ADMIN, anna.person_id)[0].face_id}")
    needles = {"name": NAME.encode(), "consent": b"drawer 4", "id": anna.person_id.encode(), "snapshot": b"snapshot of gate-1-1;"}
    for number, (face_id, embedding, picture) in enumerate(sealed_of(home, anna.person_id)):
        needles |= {f"face {number}": face_id.encode(), f"embedding {number}": embedding[:32], f"picture {number}": picture[:32]}
    before = found_in(home, needles)
    assert all(before.values()), f"what is not found before proves nothing: {before}"

    foretold = erasure.foretold(ADMIN, anna.person_id)
    erased = erasure.person(ADMIN, anna.person_id, "ada")
    assert (erased.faces, erased.events, erased.files) == (foretold.faces, foretold.events, foretold.files) == (4, 30, 30)
    assert erased.clean

    after = found_in(home, needles)
    assert {word: names for word, names in after.items() if names} == {}
    assert [person.name for person in gallery.people(ADMIN)] == ["Bo"]
    assert len(gallery.known("fake@1")) == 4
    assert store.path(Scope.everything(), "gate-1-2", EvidenceKind.SNAPSHOT) is not None, "what proves events of others stays"
    event = repository.get(Scope.everything(), "gate-1-1")
    assert event is not None
    assert event.event.incident.details == {"who": "known", "similarity": 0.7, "person_id": UNNAMED}
    assert (event.note, event.evidence, event.event.incident.key) == (f"That was {UNNAMED}, she said.", (), f"7-known-{UNNAMED}")
    assert repository.history(Scope.everything(), "gate-1-1")[0].note == f"That was {UNNAMED}, she said."


def test_what_people_of_its_events_look_like_goes_with_a_person(
    home: Path, database: Database, gallery: Gallery, store: EvidenceStore, erasure: Erasure, repository: EventRepository
) -> None:
    anna = gallery.add(ADMIN, PersonFacts(NAME, (), "asked", START_S), "ada")
    bo = gallery.add(ADMIN, PersonFacts("Bo", (), "asked", START_S), "ada")
    looks, random = EventEmbeddings(database), np.random.default_rng(5)
    vectors = [random.normal(size=64).astype(np.float32) for _ in range(3)]
    tell(repository, store, anna, "gate-1-1")
    tell(repository, store, bo, "gate-1-2")
    for event_id, vector in zip(("gate-1-1", "gate-1-2"), vectors, strict=False):
        looks.save(event_id, Embedding("reid@1", vector))
    needles = {str(number): vector.astype(np.float16).tobytes() for number, vector in enumerate(vectors)}
    assert all(found_in(home, needles)[name] for name in "01")
    erasure.person(ADMIN, anna.person_id, "ada")
    assert looks.get(Scope.everything(), "gate-1-1") is None
    assert looks.get(Scope.everything(), "gate-1-2") is not None
    assert not found_in(home, needles)["0"]
    looks.save("gate-1-1", Embedding("reid@1", vectors[2]))  # a look at its picture that was still in work
    assert erasure.late() == 1
    assert looks.get(Scope.everything(), "gate-1-1") is None
    assert not found_in(home, needles)["2"]
    assert erasure.late() == 0
    assert looks.count() == 1


def test_a_server_is_told_to_clear_every_table_that_rows_of_people_go_from() -> None:
    assert {table.name for table in (people, faces, events, evidence, trails, embeddings, sightings, reviews, audit)} == set(_TABLES)


def test_the_audit_log_keeps_that_it_was_done_and_not_who_it_was(database: Database, gallery: Gallery, erasure: Erasure) -> None:
    anna = gallery.add(ADMIN, PersonFacts(NAME, (), "asked", START_S), "ada")
    audit = AuditLog(database)
    audit.record(START_S, "oscar", "person.view", anna.person_id)
    erasure.person(ADMIN, anna.person_id, "ada")
    deleted, viewed = audit.entries().entries
    assert (deleted.user, deleted.action, deleted.detail) == ("ada", "person.delete", {"faces": 0, "events": 0, "files": 0})
    assert deleted.target == viewed.target, "that both are of one person can still be told"
    assert deleted.target.startswith("deleted-")


def test_one_picture_goes_as_thoroughly(home: Path, gallery: Gallery, erasure: Erasure) -> None:
    anna = gallery.add(ADMIN, PersonFacts(NAME, (), "asked", START_S), "ada")
    for variant in range(2):
        gallery.add_face(ADMIN, anna.person_id, new_face(1, variant))
    face_id, embedding, picture = sealed_of(home, anna.person_id)[0]
    needles = {"id": face_id.encode(), "embedding": embedding[:32], "picture": picture[:32]}
    assert all(found_in(home, needles).values())
    erasure.face(ADMIN, anna.person_id, face_id)
    assert not any(found_in(home, needles).values())
    assert len(gallery.faces(ADMIN, anna.person_id)) == 1
    with pytest.raises(NotFound, match="no such picture"):
        erasure.face(ADMIN, anna.person_id, face_id)


def test_who_may_not_deletes_nothing(gallery: Gallery, erasure: Erasure) -> None:
    anna = gallery.add(ADMIN, PersonFacts(NAME, (), "asked", START_S), "ada")
    for scope in (VIEWER, OPERATOR, SOME, Scope(Role.VIEWER, frozenset())):
        for act in (
            lambda scope=scope: erasure.person(scope, anna.person_id, "x"),
            lambda scope=scope: erasure.face(scope, anna.person_id, "0" * 24),
            lambda scope=scope: erasure.foretold(scope, anna.person_id),
        ):
            with pytest.raises(NotAllowed):
                act()
    assert len(gallery.people(ADMIN)) == 1
    with pytest.raises(NotFound):
        erasure.person(ADMIN, "0" * 24, "ada")


def test_whose_time_is_over_goes_by_itself(
    database: Database, gallery: Gallery, erasure: Erasure, clock: FakeClock, repository: EventRepository, store: EvidenceStore, home: Path
) -> None:
    anna = gallery.add(ADMIN, PersonFacts(NAME, (), "asked", START_S, START_S + 60), "ada")
    gallery.add(ADMIN, PersonFacts("Bo", (), "asked", START_S), "ada")
    tell(repository, store, anna, "gate-1-1")
    assert erasure.expired() == 0
    clock.now_s += 60
    assert erasure.expired() == 1
    assert [person.name for person in gallery.people(ADMIN)] == ["Bo"]
    assert not any(found_in(home, {"name": NAME.encode(), "id": anna.person_id.encode()}).values())
    (entry,) = AuditLog(database).entries().entries
    assert (entry.user, entry.action, entry.detail["events"]) == ("", "person.expire", 1)


def test_what_a_camera_tells_late_loses_the_name_too(
    gallery: Gallery, erasure: Erasure, clock: FakeClock, repository: EventRepository, store: EvidenceStore, home: Path
) -> None:
    anna = gallery.add(ADMIN, PersonFacts(NAME, (), "asked", START_S), "ada")
    bo = gallery.add(ADMIN, PersonFacts("Bo", (), "asked", START_S), "ada")
    tell(repository, store, anna, "gate-1-1", EventPhase.BEGIN)
    erasure.person(ADMIN, anna.person_id, "ada")
    assert erasure.late() == 0
    tell(repository, store, anna, "gate-1-1", EventPhase.END)  # the camera was not told yet
    tell(repository, store, bo, "gate-1-2", EventPhase.END)
    assert any(found_in(home, {"name": NAME.encode()}).values())
    assert erasure.late() == 1
    needles = {"name": NAME.encode(), "id": anna.person_id.encode(), "proof": b"snapshot of gate-1-1;"}
    assert not any(found_in(home, needles).values())
    # A clip may be written minutes after an event ended.
    store.add_bytes("gate-1-1", EvidenceKind.CLIP, b"a clip of her", START_S, START_S)
    assert erasure.late() == 1
    assert not any(found_in(home, {"clip": b"a clip of her"}).values())
    assert erasure.late() == 0
    kept = repository.get(Scope.everything(), "gate-1-2")
    assert kept is not None
    assert kept.event.incident.details["name"] == "Bo"


def test_a_reader_of_the_log_lets_the_rest_wait(home: Path, gallery: Gallery, erasure: Erasure) -> None:
    anna = gallery.add(ADMIN, PersonFacts(NAME, (), "asked", START_S), "ada")
    with closing(sqlite3.connect(home / "panops.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM people").fetchone()
        erased = erasure.person(ADMIN, anna.person_id, "ada")
        assert not erased.clean
        assert not erasure.finish()
        assert gallery.people(ADMIN) == [], "deleted it is all the same"
        assert any(found_in(home, {"name": NAME.encode()}).values())
        reader.execute("COMMIT")
    assert erasure.finish()
    assert not any(found_in(home, {"name": NAME.encode()}).values())


def test_the_server_clears_what_a_command_could_not(
    home: Path, database: Database, gallery: Gallery, store: EvidenceStore, erasure: Erasure, clock: FakeClock
) -> None:
    anna = gallery.add(ADMIN, PersonFacts(NAME, (), "asked", START_S), "ada")
    gallery.add_face(ADMIN, anna.person_id, new_face(1))
    assert erasure.finish()
    with closing(sqlite3.connect(home / "panops.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM people").fetchone()
        with Database.at(home, busy_timeout_s=1.0) as command:
            assert not Erasure(command, store, clock).person(ADMIN, anna.person_id, "panops people remove").clean
        reader.execute("COMMIT")
    assert any(found_in(home, {"name": NAME.encode()}).values())
    assert erasure.finish()
    assert not any(found_in(home, {"name": NAME.encode(), "id": anna.person_id.encode()}).values())


def test_no_writer_waits_while_all_events_are_looked_through(
    database: Database, gallery: Gallery, store: EvidenceStore, erasure: Erasure, repository: EventRepository
) -> None:
    anna = gallery.add(ADMIN, PersonFacts(NAME, (), "asked", START_S), "ada")
    tell(repository, store, anna, "gate-1-1")
    repository.save([make_event(f"gate-1-{number}", EventPhase.END) for number in range(2, 400)])
    asked: list[tuple[str, object]] = []

    def listen(connection: Connection, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "LIKE" in statement and not connection.get_execution_options().get(_READING):
            asked.append((statement, parameters))

    assert database._engine is not None
    listen_to(database._engine, "before_cursor_execute", listen)
    assert erasure.person(ADMIN, anna.person_id, "ada").events == 1
    (within,) = [(statement, parameters) for statement, parameters in asked if " FROM events" in " ".join(statement.split())]
    with database.reading() as connection:
        plan = " ".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {within[0]}", within[1]))  # type: ignore[call-overload]
    assert "USING INDEX ix_events_heard (updated_at_s>?)" in plan, f"all events are read within the transaction that writes: {plan}"


def test_what_is_told_while_a_person_is_looked_for_loses_the_name(
    home: Path, database: Database, gallery: Gallery, store: EvidenceStore, erasure: Erasure, repository: EventRepository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    anna = gallery.add(ADMIN, PersonFacts(NAME, (), "asked", START_S), "ada")
    tell(repository, store, anna, "gate-1-1")
    session = database.session

    def after_one_more() -> AbstractContextManager[Connection]:
        monkeypatch.setattr(database, "session", session)
        tell(repository, store, anna, "gate-1-2")
        return session()

    monkeypatch.setattr(database, "session", after_one_more)
    erased = erasure.person(ADMIN, anna.person_id, "ada")
    assert (erased.events, erased.files) == (2, 2)
    assert not any(found_in(home, {"name": NAME.encode(), "id": anna.person_id.encode()}).values())
