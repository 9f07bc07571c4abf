"""The same code on PostgreSQL. Set PANOPS_TEST_POSTGRES to the address of an EMPTY database; everything in it is dropped.

For example `postgresql+psycopg://panops@127.0.0.1:5432/panops_test`, with `pip install psycopg`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from panops.config.load import parse_site
from panops.config.schema import RetentionConfig
from panops.domain.alerts import DeliveryState, Moment
from panops.domain.errors import StorageError, StorageLocked
from panops.domain.events import Event, EventPhase, EvidenceKind
from panops.domain.protocols import EventStore
from panops.storage import gallery as gallery_module
from panops.storage.accounts import Accounts
from panops.storage.audit import AuditLog
from panops.storage.credentials import ScryptCost
from panops.storage.database import Database
from panops.storage.embeddings import Embedding, EventEmbeddings
from panops.storage.erasure import Erasure
from panops.storage.errors import AccountRefused, LeaseHeld, RequestRefused
from panops.storage.events import EventFilter, EventRepository, ReviewStatus
from panops.storage.evidence import EvidenceStore
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.gallery_records import PersonFacts
from panops.storage.leases import Leases
from panops.storage.outbox import Outbox
from panops.storage.records import UNNAMED
from panops.storage.retention import Retention
from panops.storage.scope import Role, Scope
from panops.storage.sightings import Sightings
from panops.storage.site import SiteRepository
from panops.storage.tables import metadata
from panops.storage.trail import TrackTrail
from panops.testing.fake_clock import FakeClock
from panops.testing.store_conformance import EventStoreSuite

from .makers import START_S, make_event
from .test_embeddings import fill as fill_looks
from .test_gallery import new_face
from .test_question import FOUND, check_found, fill
from .test_search import all_pages, population, reference
from .test_site import CAMERA, FILE

URL = os.environ.get("PANOPS_TEST_POSTGRES", "")
if not URL or find_spec("psycopg") is None:
    pytest.skip("needs psycopg and PANOPS_TEST_POSTGRES", allow_module_level=True)
EVERYTHING = Scope.everything()


@pytest.fixture
def server() -> Iterator[Database]:
    database = Database(URL, busy_timeout_s=2)
    engine = database._make_engine()
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    with database:
        yield database


class TestOnPostgres(EventStoreSuite):
    @pytest.fixture(autouse=True)
    def _open(self, server: Database) -> None:
        self.repository = EventRepository(server)

    def make_store(self, folder: Path) -> EventStore:
        return self.repository

    def stored(self, event_id: str) -> Event | None:
        found = self.repository.get(EVERYTHING, event_id)
        return found.event if found else None


def test_the_steps_give_exactly_the_tables(server: Database) -> None:
    with server.reading() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    server.close()
    server.open()


def test_searches_find_what_a_plain_search_finds(server: Database) -> None:
    repository = EventRepository(server)
    repository.save([event for event, *_ in population()])
    for event, status, note, kept in population():
        repository.review(EVERYTHING, event.event_id, status=status, note=note, kept=kept, user="eva", at_s=1.0)
    for wanted in (
        EventFilter(),
        EventFilter(cameras=("gate",), is_open=True),
        EventFilter(text="CAT"),
        EventFilter(text="%"),
        EventFilter(kept=False, min_score=0.4, statuses=(ReviewStatus.FALSE_ALARM,)),
        EventFilter(since_s=START_S + 5, until_s=START_S + 20, kinds=("intrusion",)),
    ):
        for scope in (EVERYTHING, Scope(Role.VIEWER, frozenset({"yard", "gate"}))):
            found = [item.event.event_id for item in all_pages(repository, scope, wanted, 7)]
            # Ids of the same start may come in the order of the server's language.
            assert sorted(found) == sorted(reference(scope, wanted))
            assert len(found) == len(set(found))
    assert repository.counts(EVERYTHING).total == 120
    assert repository.close_open({"gate"}) > 0
    assert repository.history(EVERYTHING, "gate-1-0")


def test_questions_find_what_they_find_in_sqlite(server: Database) -> None:
    repository = EventRepository(server)
    fill(repository)
    for words, names in FOUND:
        check_found(repository, words, names)


def test_who_looks_alike_is_found_and_goes_with_the_event(server: Database) -> None:
    vectors, kept = fill_looks(server), EventEmbeddings(server)
    wanted = kept.get(EVERYTHING, "gate-1-004")
    assert wanted is not None
    alike = kept.similar(EVERYTHING, wanted, 5, without="gate-1-004")
    scores = vectors @ vectors[4]
    expected = [row for row in np.argsort(-scores) if row != 4][:5]
    assert [int(event_id[-3:]) for event_id, _ in alike.found] == expected
    assert kept.similar(Scope(Role.VIEWER, frozenset({"yard"})), wanted).compared == 20
    with server.session() as connection:
        connection.execute(text("DELETE FROM events WHERE camera_id = 'gate'"))
    assert kept.count() == 20
    assert kept.forget({"yard"}, START_S + 1200) == 10
    assert kept.forget() == 10


def about(event: Event, *track_ids: int) -> Event:
    return replace(event, incident=replace(event.incident, track_ids=track_ids))


def test_whose_alarm_an_event_is(server: Database) -> None:
    events, looks, sightings = EventRepository(server), EventEmbeddings(server), Sightings(server)
    Outbox(server).sync(["hook"], START_S)
    one = about(make_event("gate-1-0", started_at_s=START_S), 1)
    other = about(make_event("yard-1-0", camera_id="yard", started_at_s=START_S + 30), 1)
    events.save([one, other])
    look = np.ones(8, np.float32) / np.sqrt(8.0)
    for event in (one, other):
        looks.save(event.event_id, Embedding("person_reid@1", look))
        sightings.find(event, {"gate", "yard"}, 120.0, 0.8, START_S + 31)
    found = sightings.get("yard-1-0")
    assert found is not None
    assert (found.first_id, found.track_ids) == ("gate-1-0", (1,))
    (told,) = sightings.told("hook", Moment.BEGIN, found, other)
    assert told.state is DeliveryState.WAITING
    assert [seen.event_id for seen in sightings.seen(EVERYTHING, "gate-1-0")] == ["yard-1-0"]
    assert sightings.hidden(Scope(Role.OPERATOR, frozenset({"yard"})), ["yard-1-0"]) == {"yard-1-0"}
    waiting = Outbox(server).find("hook", "yard-1-0", Moment.BEGIN)
    assert waiting is not None
    Outbox(server).close([waiting.delivery_id], DeliveryState.SKIPPED, "one alarm", START_S + 32)
    assert sightings.tell_after_all(["one alarm"], START_S + 33) == 0
    joined = make_event("yard-1-0", EventPhase.UPDATE, camera_id="yard", started_at_s=START_S + 30, updated_at_s=START_S + 34)
    events.save([about(joined, 1, 2)])
    assert sightings.tell_after_all(["one alarm"], START_S + 35) == 1
    with server.session() as connection:
        connection.execute(text("DELETE FROM events WHERE camera_id = 'gate'"))
    assert sightings.get("yard-1-0") is None


def test_locks_are_waited_for_and_named(server: Database) -> None:
    repository = EventRepository(server)
    repository.save([make_event()])
    other = Database(URL).open()
    with other.session() as connection:
        connection.execute(text("UPDATE events SET score = 1"))
        with pytest.raises(StorageLocked, match="held by another process"):
            repository.save([make_event(phase=EventPhase.END)])
    other.close()


def test_writing_in_a_transaction_that_reads_is_refused(server: Database) -> None:
    with pytest.raises(Exception, match="read-only"), server.reading() as connection:
        connection.execute(text("DELETE FROM events"))


def test_evidence_trail_and_retention(server: Database, tmp_path: Path, clock: FakeClock) -> None:
    repository, store, trail = EventRepository(server), EvidenceStore(server, tmp_path, clock), TrackTrail(server)
    for index in range(4):
        event_id, ended_at_s = f"gate-1-{index}", START_S - (40 - index * 10) * 86400
        repository.save([make_event(event_id, EventPhase.END, started_at_s=ended_at_s)])
        store.add_bytes(event_id, EvidenceKind.SNAPSHOT, bytes(1000), ended_at_s, ended_at_s)
        store.add_bytes(event_id, EvidenceKind.SNAPSHOT, bytes(1000), ended_at_s, ended_at_s)
        trail.save_trail(event_id, [(ended_at_s, [(1, "person", 0.5, (0.0, 0.0, 1.0, 1.0))])])
    assert store.path(EVERYTHING, "gate-1-0", EvidenceKind.SNAPSHOT) is not None
    assert trail.trail(EVERYTHING, "gate-1-0")[0].boxes[0].class_name == "person"  # type: ignore[union-attr]  a TrailBox comes out
    config = RetentionConfig(days=35, max_gib=2000 / 1024**3, min_free_gib=0)
    report = Retention(server, store, config, clock, lambda: 1 << 40).run()
    assert (report.deleted_events, report.deleted_bytes, report.remaining_bytes, report.message) == (2, 2000, 2000, "")
    assert store.sweep().removed_files == 0


def test_site(server: Database) -> None:
    sites = SiteRepository(server)
    assert sites.apply(parse_site(FILE)).revision == 1
    assert sites.apply(parse_site(FILE)).revision == 1
    assert sites.load() == parse_site(FILE)
    in_parallel(lambda index: sites.put_camera(f"cam{index}", CAMERA))
    assert sites.revision() == 7
    assert sites.delete_camera("gate") == ()


def test_accounts_audit_and_leases(server: Database, clock: FakeClock) -> None:
    accounts = Accounts(server, clock, ScryptCost(16, 1, 1))
    refused: list[Exception] = []

    def first(index: int) -> None:
        try:
            accounts.create_first_admin(f"u{index}", "correct horse")
        except (AccountRefused, StorageError) as error:
            refused.append(error)

    in_parallel(first)
    assert (accounts.count(), len(refused)) == (1, 5)
    (user,) = accounts.users()
    assert accounts.session(accounts.open_session(user)) == user
    AuditLog(server).record(1.0, "eva", "login")
    assert len(AuditLog(server).entries().entries) == 1
    leases, won = Leases(server), list[int]()

    def take(index: int) -> None:
        try:
            won.append(leases.take("gate", f"shard-{index}", 0.0, 10.0))
        except LeaseHeld:
            return

    in_parallel(take)
    assert won == [1]


def in_parallel(work: Callable[[int], object]) -> None:
    threads = [threading.Thread(target=work, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_known_people_are_kept_told_and_deleted(server: Database, tmp_path: Path) -> None:
    clock = FakeClock(START_S)
    gallery = Gallery(server, KeyPlace(tmp_path / "faces.key", {}), clock)
    store = EvidenceStore(server, tmp_path / "evidence", clock)
    anna = gallery.add(EVERYTHING, PersonFacts("Anna Berg", ("staff",), "signed form", START_S), "ada")
    bo = gallery.add(EVERYTHING, PersonFacts("Bo", (), "asked", START_S, START_S + 60), "ada")
    for person, who in ((anna, 1), (bo, 2)):
        for variant in range(2):
            gallery.add_face(EVERYTHING, person.person_id, new_face(who, variant))
    gallery.change(EVERYTHING, anna.person_id, {"lists": ("watch",)})
    assert (gallery.revision(), len(gallery.known("fake@1")), gallery.sealed()) == (7, 4, (4, ""))
    details = {"who": "known", "person_id": anna.person_id, "name": "Anna Berg"}
    repository = EventRepository(server)
    repository.save([make_event("gate-1-1", EventPhase.END, kind="identity", details=details)])  # type: ignore[arg-type]  # all are JSON
    store.add_bytes("gate-1-1", EvidenceKind.SNAPSHOT, b"picture", START_S, START_S)
    repository.review(EVERYTHING, "gate-1-1", note="anna berg again", user="oscar", at_s=START_S)
    erasure = Erasure(server, store, clock)
    erased = erasure.person(EVERYTHING, anna.person_id, "ada")
    assert (erased.faces, erased.events, erased.files, erased.clean) == (2, 1, 1, True)
    found = repository.get(EVERYTHING, "gate-1-1")
    assert found is not None
    assert (found.event.incident.details, found.note, found.evidence) == ({"who": "known", "person_id": UNNAMED}, f"{UNNAMED} again", ())
    repository.save([make_event("gate-1-1", EventPhase.END, kind="identity", details=details, updated_at_s=START_S + 9)])  # type: ignore[arg-type]
    assert erasure.late() == 1
    clock.now_s += 60
    assert erasure.expired() == 1
    assert gallery.people(EVERYTHING) == []
    with server.reading() as connection:
        everything = [str(row) for table in metadata.sorted_tables for row in connection.execute(table.select()).all()]
    assert not [row for row in everything if anna.person_id in row or "Anna Berg" in row]
    assert not [row for row in everything if "to clear" in row], "what is vacuumed is not noted any more"
    assert erasure.finish()


def test_two_who_add_one_name_at_once_get_one_person(server: Database, tmp_path: Path) -> None:
    admin = Scope(Role.ADMIN, None)
    gallery = Gallery(server, KeyPlace(tmp_path / "faces.key", {}))
    for name in ("Anna", "Bo", "Cem"):  # the first makes the row that the others wait for
        begin, told = threading.Barrier(4), list[str]()

        def add(name: str = name, begin: threading.Barrier = begin, told: list[str] = told) -> None:
            begin.wait()
            try:
                told.append(gallery.add(admin, PersonFacts(name, (), "asked", START_S), "ada").name)
            except RequestRefused as error:
                told.append(str(error))

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(told) == 4
        assert told.count(name) == 1, told
    assert [person.name for person in gallery.people(admin)] == ["Anna", "Bo", "Cem"]


def test_a_name_that_is_changed_waits_for_one_that_is_added(server: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = Scope(Role.ADMIN, None)
    gallery = Gallery(server, KeyPlace(tmp_path / "faces.key", {}))
    bo = gallery.add(admin, PersonFacts("Bo", (), "asked", START_S), "ada")
    told = list[str]()

    def change() -> None:
        try:
            told.append(gallery.change(admin, bo.person_id, {"name": "Anna"}).name)
        except RequestRefused:
            told.append("refused")

    other = threading.Thread(target=change)
    real = gallery_module._must_be_free

    def slowly(connection: Connection, name: str, but: str) -> None:
        real(connection, name, but)
        if not but:
            other.start()
            other.join(1)  # it has all the time that it needs to go wrong

    monkeypatch.setattr(gallery_module, "_must_be_free", slowly)
    gallery.add(admin, PersonFacts("Anna", (), "asked", START_S), "ada")
    other.join(20)
    assert told == ["refused"]
