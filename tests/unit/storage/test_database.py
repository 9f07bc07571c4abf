from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from panops.domain.errors import StorageCorrupt, StorageError, StorageFull, StorageLocked
from panops.storage import schema
from panops.storage.database import Database
from panops.storage.events import EventFilter, EventRepository
from panops.storage.scope import Scope
from panops.storage.tables import audit, metadata

from .makers import START_S, make_event

EVERYTHING = Scope.everything()


def all_ids(database: Database) -> list[str]:
    repository, found, cursor = EventRepository(database), list[str](), None
    while True:
        page = repository.search(EVERYTHING, EventFilter(), cursor, 500)
        found += [item.event.event_id for item in page.events]
        cursor = page.next_cursor
        if cursor is None:
            return found


# --- schema -------------------------------------------------------------------------------------------------------------------


def differences(database: Database) -> list[object]:
    with database.reading() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_the_files_names_are_the_steps_as_alembic_knows_them() -> None:
    config = Config()
    config.set_main_option("script_location", "panops.storage:migrations")
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert list(schema.known_revisions()) == steps
    assert len(steps) >= 1


def test_opening_a_database_that_is_up_to_date_does_not_load_alembic(tmp_path: Path) -> None:
    with Database.at(tmp_path):
        pass
    script = (
        "import sys, pathlib; from panops.storage.database import Database; "
        "Database.at(pathlib.Path(sys.argv[1])).open().close(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)


def test_the_steps_give_exactly_the_tables(database: Database) -> None:
    assert differences(database) == []


def test_a_difference_would_be_found(database: Database) -> None:
    with database.session() as connection:
        connection.execute(text("DROP INDEX ix_events_ended"))
        connection.execute(text("ALTER TABLE cameras ADD COLUMN colour TEXT"))
    assert len(differences(database)) == 2


def test_the_database_records_its_schema_and_opens_again_with_everything_in_it(tmp_path: Path) -> None:
    with Database.at(tmp_path) as database:
        EventRepository(database).save([make_event()])
    with Database.at(tmp_path) as database:
        assert all_ids(database) == ["gate-1-1"]
        with database.reading() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == schema.known_revisions()[0]


def test_every_step_goes_up_from_the_one_before_and_keeps_what_is_stored(tmp_path: Path) -> None:
    oldest = schema.known_revisions()[-1]
    database = Database.at(tmp_path)
    engine = database._make_engine()
    with engine.begin() as connection:
        schema.migrate(connection, "test", oldest)
        connection.execute(text("INSERT INTO site (name, value) VALUES ('mark', '1')"))
    engine.dispose()
    with database:
        assert differences(database) == []
        with database.reading() as connection:
            assert connection.execute(text("SELECT value FROM site WHERE name = 'mark'")).scalar_one() == "1"


def test_a_failed_step_leaves_the_database_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database.at(tmp_path)

    def half(connection: object, _label: str) -> None:
        connection.execute(text("CREATE TABLE half (x INTEGER)"))  # type: ignore[attr-defined]  a Connection
        raise StorageError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "migrate", half)
        with pytest.raises(StorageError, match="the power went"):
            database.open()
    with database:
        assert differences(database) == []


def test_a_database_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    with Database.at(tmp_path) as database, database.session() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = (tmp_path / "panops.db").read_bytes()
    with pytest.raises(StorageError, match=r"written by a newer panops .*9999.* install that version") as caught:
        Database.at(tmp_path).open()
    assert not isinstance(caught.value, StorageCorrupt)
    assert (tmp_path / "panops.db").read_bytes() == before


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "panops.db")
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.commit()
    connection.close()
    before = (tmp_path / "panops.db").read_bytes()
    with pytest.raises(StorageCorrupt, match=r"database of something else \(it has bookmarks"):
        Database.at(tmp_path).open()
    assert (tmp_path / "panops.db").read_bytes() == before


# --- opening ------------------------------------------------------------------------------------------------------------------


def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        with Database.at(tmp_path / "new") as database, database.session() as connection:
            connection.execute(text("UPDATE site SET value = '1'"))
            files = sorted(path.name for path in (tmp_path / "new").iterdir())
            assert files == ["panops.db", "panops.db-shm", "panops.db-wal"]
            assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "new").iterdir()} == {"0o600"}
            assert oct((tmp_path / "new").stat().st_mode & 0o777) == "0o700"
    finally:
        os.umask(old_mask)


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    with Database.at(tmp_path):
        pass
    (tmp_path / "panops.db").chmod(0o644)
    with Database.at(tmp_path):
        assert oct((tmp_path / "panops.db").stat().st_mode & 0o777) == "0o600"


def test_the_connections_are_set_for_safety(database: Database) -> None:
    with database.reading() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 1000}


def test_a_block_that_raises_writes_nothing(database: Database) -> None:
    def write_and_fail() -> None:
        with database.session() as connection:
            connection.execute(insert(audit).values(at_s=0.0, user="", action="x", target="", detail="{}"))
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        write_and_fail()
    with database.reading() as connection:
        assert connection.execute(select(audit)).all() == []


def test_errors_that_are_not_the_storages_pass_and_show_no_values(database: Database) -> None:
    with pytest.raises(IntegrityError) as caught, database.session() as connection:
        connection.execute(text("INSERT INTO site (name, value) VALUES ('revision', :value)"), {"value": "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense", "expected a database address"),
        ("sqlite://", "without one"),
        ("postgresql+psycopg://eva:hunter2@127.0.0.1:1/none", "(cannot be reached|driver that is not installed)"),
        ("nosuch://eva:hunter2@host/db", "driver that is not installed"),
    ],
)
def test_an_address_that_cannot_be_used_says_why_without_its_password(url: str, sentence: str) -> None:
    with pytest.raises(StorageError, match=sentence) as caught:
        Database(url).open()
    assert "hunter2" not in str(caught.value)


def test_a_password_is_not_in_the_repr() -> None:
    assert "hunter2" not in repr(Database("postgresql://eva:hunter2@host/db"))


def test_a_closed_database_says_so_and_opens_again(database: Database) -> None:
    database.close()
    database.close()
    with pytest.raises(StorageError, match="is not open"), database.reading():
        pass
    database.open()
    assert all_ids(database) == []


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "panops.db").mkdir()
    with pytest.raises(StorageError, match=str(tmp_path / "panops.db")):
        Database.at(tmp_path).open()


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    with pytest.raises(StorageError, match="home"):
        Database.at(tmp_path / "home").open()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; the remounted disk below tests it as root")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="may write"):
        Database.at(tmp_path).open()


def test_a_read_only_disk_says_so(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(2 << 20)
    with Database.at(disk) as database:
        EventRepository(database).save([make_event()])
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(StorageError, match="may write") as caught:
        Database.at(disk).open()
    assert str(disk) in str(caught.value)


# --- damage -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def healthy(new_folder: Callable[[], Path]) -> Path:
    """A database file of 400 events, nothing beside it."""
    folder = new_folder()
    with Database.at(folder) as database:
        EventRepository(database).save([make_event(f"gate-1-{index}", started_at_s=START_S + index) for index in range(400)])
    assert [path.name for path in folder.iterdir()] == ["panops.db"]
    return folder / "panops.db"


def scramble(data: bytes, start: int, length: int) -> bytes:
    noise = random.Random(7).randbytes(length)
    return data[:start] + noise + data[start + length :]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("random bytes over the header", lambda data: scramble(data, 0, 100)),
        ("random bytes behind the magic", lambda data: scramble(data, 16, 84)),
        ("random bytes in the schema", lambda data: scramble(data, 100, 3000)),
        ("random pages in the middle", lambda data: scramble(data, len(data) // 2 // 4096 * 4096, 3 * 4096)),
        ("truncated in the middle", lambda data: data[: len(data) // 2]),
        ("truncated within a page", lambda data: data[: len(data) - 1000]),
        ("truncated to its first page", lambda data: data[:4096]),
        ("truncated to a few bytes", lambda data: data[:10]),
        ("a text file", lambda _data: b"cameras:\n  room: {source: sim://yard}\n" * 50),
        ("an empty line", lambda _data: b"\n"),
        ("zeros", lambda data: bytes(len(data))),
        ("another file format", lambda _data: b"\x89PNG\r\n\x1a\n" + bytes(5000)),
    ],
)
def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path: Path, healthy: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "panops.db"
    bad = damage(healthy.read_bytes())
    file.write_bytes(bad)
    with pytest.raises(StorageCorrupt) as caught:
        Database.at(tmp_path).open()
    message = str(caught.value)
    assert str(file) in message, name
    assert "move it away" in message
    assert "\n" not in message
    assert file.read_bytes() == bad


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        pytest.param(lambda _data: b"not a database at all\n" * 5000, "does not begin like an SQLite file", id="overwritten"),
        pytest.param(lambda data: scramble(data, 16, 84), "is damaged", id="its header garbled"),
        pytest.param(lambda data: scramble(data, len(data) // 2 // 4096 * 4096, 3 * 4096), "is damaged", id="pages in the middle garbled"),
        pytest.param(lambda data: data[: len(data) // 2], "is damaged", id="cut in the middle"),
        pytest.param(lambda _data: b"", "the file is empty", id="emptied"),
    ],
)
def test_damage_done_while_it_is_open_is_found(tmp_path: Path, healthy: Path, damage: Callable[[bytes], bytes], finding: str) -> None:
    """Open connections remember pages, so reading alone goes well for long."""
    file = tmp_path / "panops.db"
    shutil.copy(healthy, file)
    with Database.at(tmp_path) as database:
        all_ids(database)
        assert database.check()
        with file.open("r+b") as open_file:
            bad = damage(open_file.read())
            open_file.seek(0)
            open_file.write(bad)
            open_file.truncate()
        with pytest.raises(StorageCorrupt, match=finding):
            database.check()
        assert file.read_bytes() == bad


@pytest.mark.parametrize("replaced", [False, True], ids=["deleted", "replaced by a sound one"])
def test_a_file_that_is_another_one_now_is_noticed(tmp_path: Path, healthy: Path, replaced: bool) -> None:
    with Database.at(tmp_path) as database:
        (tmp_path / "panops.db").unlink()
        if replaced:
            shutil.copy(healthy, tmp_path / "panops.db")
        with pytest.raises(StorageError, match="deleted or replaced while panops uses it"):
            database.check()


def test_what_is_still_in_the_log_alone_is_no_damage(database: Database) -> None:
    EventRepository(database).save([make_event(f"gate-1-{index}") for index in range(100)])
    assert database.check()


def test_a_check_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    with Database.at(tmp_path) as database:
        with database.session() as connection:
            connection.execute(text("CREATE TABLE big (x BLOB)"))
            connection.execute(
                text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO big SELECT i FROM n")
            )
        assert database.check(limit_s=10.0)
        assert not database.check(limit_s=1e-6)


def test_a_check_of_what_is_not_open_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not open"):
        Database.at(tmp_path).check()


def test_a_check_waits_for_nobody_and_nobody_waits_for_it(database: Database) -> None:
    with database.session() as connection:
        connection.execute(text("UPDATE site SET value = '1'"))
        assert database.check()


def test_an_emptied_file_whose_log_is_still_there_is_not_taken_for_a_new_one(tmp_path: Path, healthy: Path) -> None:
    database = Database.at(tmp_path).open()
    EventRepository(database).save([make_event()])
    log = (tmp_path / "panops.db-wal").read_bytes()
    database.close()
    (tmp_path / "panops.db").write_bytes(b"")
    (tmp_path / "panops.db-wal").write_bytes(log)
    with pytest.raises(StorageCorrupt, match="-wal is not"):
        Database.at(tmp_path).open()
    assert (tmp_path / "panops.db-wal").read_bytes() == log


@settings(max_examples=40, deadline=None)
@given(place=st.floats(0, 1), length=st.sampled_from([1, 16, 500, 5000]), seed=st.integers(0, 1000))
def test_noise_anywhere_is_found_or_does_no_harm(
    new_folder: Callable[[], Path], healthy: Path, place: float, length: int, seed: int
) -> None:
    data = healthy.read_bytes()
    start = int(place * (len(data) - length))
    folder = new_folder()
    bad = data[:start] + random.Random(seed).randbytes(length) + data[start + length :]
    (folder / "panops.db").write_bytes(bad)
    try:
        try:
            # Whatever the opening check cannot see (a changed letter in a name, say) may come out as StorageError later, never as a crash.
            with Database.at(folder) as database:
                all_ids(database)
        except StorageCorrupt:
            assert start > 100 or (folder / "panops.db").read_bytes() == bad
        except StorageError as error:
            assert "newer panops" in str(error) or "cannot" in str(error)  # noqa: PT017  the type alone says too little
    finally:
        shutil.rmtree(folder)


def test_a_changed_letter_in_the_schema_is_found_at_the_start(tmp_path: Path) -> None:
    Database.at(tmp_path).open().close()
    file = tmp_path / "panops.db"
    file.write_bytes(file.read_bytes().replace(b"reviewed_by", b"rexiewed_by"))
    with pytest.raises(StorageCorrupt, match="table events has no column reviewed_by"):
        Database.at(tmp_path).open()


def test_damage_that_appears_while_running_is_named(tmp_path: Path) -> None:
    database = Database.at(tmp_path).open()
    repository = EventRepository(database)
    repository.save([make_event(f"gate-1-{index}") for index in range(400)])
    database.close()
    database.open()
    file = tmp_path / "panops.db"
    data = file.read_bytes()
    with file.open("r+b") as handle:
        handle.seek(8192)
        handle.write(random.Random(1).randbytes(len(data) - 8192))
    with pytest.raises(StorageCorrupt, match=r"panops\.db"):
        all_ids(database)
    database.close()


# --- locks --------------------------------------------------------------------------------------------------------------------


def test_a_database_that_somebody_holds_is_waited_for_and_then_named(tmp_path: Path) -> None:
    with Database.at(tmp_path, busy_timeout_s=0.2) as database:
        repository = EventRepository(database)
        repository.save([make_event()])
        holder = sqlite3.connect(tmp_path / "panops.db", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageLocked, match="held by another process"):
            repository.save([make_event("gate-1-2")])
        assert all_ids(database) == ["gate-1-1"], "readers do not wait for a writer"
        holder.execute("ROLLBACK")
        holder.close()
        repository.save([make_event("gate-1-2")])
        assert sorted(all_ids(database)) == ["gate-1-1", "gate-1-2"]


def test_opening_a_database_that_somebody_holds(tmp_path: Path) -> None:
    with Database.at(tmp_path):
        pass
    holder = sqlite3.connect(tmp_path / "panops.db", isolation_level=None)
    holder.execute("PRAGMA journal_mode=DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageLocked, match="held by another process"):
        Database.at(tmp_path, busy_timeout_s=0.1).open()
    holder.close()
    with Database.at(tmp_path):
        pass


def test_a_reader_sees_one_picture_and_holds_nobody_up(database: Database) -> None:
    repository = EventRepository(database)
    repository.save([make_event()])
    with database.reading() as connection:
        count = text("SELECT count(*) FROM events")
        assert connection.execute(count).scalar_one() == 1
        writer = threading.Thread(target=repository.save, args=([make_event("gate-1-2")],))
        writer.start()
        writer.join(5)
        assert not writer.is_alive()
        assert connection.execute(count).scalar_one() == 1
    assert len(all_ids(database)) == 2


# --- a full disk --------------------------------------------------------------------------------------------------------------


def test_a_full_disk_says_so_loses_nothing_and_goes_on(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(3 << 20)
    with Database.at(disk) as database:
        repository = EventRepository(database)
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(1 << 20))
        acknowledged: list[str] = []

        def fill() -> None:
            for index in range(100_000):
                batch = [make_event(f"gate-{index}-{item}", details={"filler": "x" * 500}) for item in range(20)]
                repository.save(batch)
                acknowledged.extend(event.event_id for event in batch)

        with pytest.raises(StorageFull, match="no space is left") as caught:
            fill()
        assert str(database.path) in str(caught.value)
        assert len(acknowledged) > 100
        assert sorted(all_ids(database)) == sorted(acknowledged)
        with pytest.raises(StorageFull):
            repository.save([make_event(f"still-{item}", details={"filler": "x" * 500}) for item in range(2000)])
        ballast.unlink()
        repository.save([make_event("after-1-1")])
        assert sorted(all_ids(database)) == sorted([*acknowledged, "after-1-1"])
    with Database.at(disk) as database:
        assert sorted(all_ids(database)) == sorted([*acknowledged, "after-1-1"])


def test_opening_on_a_full_disk(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(64 << 10)
    (disk / "ballast").write_bytes(bytes((64 << 10) - 4096))
    with pytest.raises(StorageFull, match="no space is left"):
        Database.at(disk).open()


def test_a_database_that_may_not_grow(database: Database) -> None:
    """The same without the right to mount: SQLite's own limit gives the very error of a full disk."""
    repository = EventRepository(database)
    repository.save([make_event()])

    def fill() -> None:
        with database.session() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=60")
            numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) SELECT"
            target = "INSERT INTO audit (at_s, user, action, target, detail)"
            connection.exec_driver_sql(f"{target} {numbers} 0, 'x', 'y', 'z', hex(randomblob(200)) FROM n")

    with pytest.raises(StorageFull):
        fill()
    assert all_ids(database) == ["gate-1-1"]


# --- many processes, and their deaths -----------------------------------------------------------------------------------------


WRITER_AMONG_OTHERS = """
    import sys
    from pathlib import Path
    from panops.domain.events import Event, EventPhase, Incident, Severity
    from panops.storage.database import Database
    from panops.storage.events import EventRepository

    home, worker, count, start_s = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])

    def make(event_id, time_s):
        incident = Incident("k", EventPhase.UPDATE, "intrusion", "person", "", (1,), 0.5, start_s, time_s)
        return Event(event_id, "gate", "night", Severity.ALARM, incident)

    with Database.at(home, busy_timeout_s=30) as database:
        repository = EventRepository(database)
        for index in range(count):
            # Its own event, and one that all processes write at once.
            repository.save([make(f"cam{worker}-1-{index}", start_s), make("shared-1-1", start_s + index * 10 + worker)])
"""


def test_several_processes_open_and_write_one_new_file_at_once(tmp_path: Path) -> None:
    script = textwrap.dedent(WRITER_AMONG_OTHERS)
    arguments = [[sys.executable, "-c", script, str(tmp_path), str(worker), "40", str(START_S)] for worker in range(4)]
    workers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in arguments]
    for process in workers:
        _, complaint = process.communicate(timeout=60)
        assert (process.returncode, complaint) == (0, "")
    with Database.at(tmp_path) as database:
        expected = sorted([f"cam{worker}-1-{index}" for worker in range(4) for index in range(40)] + ["shared-1-1"])
        assert sorted(all_ids(database)) == expected
        found = EventRepository(database).get(EVERYTHING, "shared-1-1")
        assert found is not None
        assert found.event.incident.updated_at_s == START_S + 393


WRITER_THAT_IS_KILLED = """
    import sys
    from pathlib import Path
    from panops.domain.events import Event, EventPhase, Incident, Severity
    from panops.storage.database import Database
    from panops.storage.events import EventRepository

    home, epoch = Path(sys.argv[1]), sys.argv[2]
    repository = EventRepository(Database.at(home, busy_timeout_s=30).open())
    for index in range(1_000_000):
        incident = Incident("k", EventPhase.END, "intrusion", "person", "", (1,), 0.5, 1e9 + index, 1e9 + index, 1e9 + index)
        event_id = f"gate-{epoch}-{index}"
        repository.save([Event(event_id, "gate", "night", Severity.ALARM, incident)])
        sys.stdout.write(event_id + "\\n")
        sys.stdout.flush()
"""


def test_kill_9_in_the_middle_of_writing_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for epoch in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER_THAT_IS_KILLED), str(tmp_path), str(epoch)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        acknowledged.extend(process.stdout.readline().strip() for _ in range(30 + 17 * epoch))
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.read().split()
        process.stdout.close()
        assert process.wait(10) == -signal.SIGKILL
        with Database.at(tmp_path) as database:
            stored = all_ids(database)
            assert set(acknowledged) <= set(stored)
            assert len(stored) == len(set(stored))
            # At most the one that was being acknowledged when the process died is there unasked.
            assert len(stored) - len(acknowledged) <= epoch + 1


def test_a_word_that_was_damaged_is_a_sentence(tmp_path: Path) -> None:
    with Database.at(tmp_path) as database:
        repository = EventRepository(database)
        repository.save([make_event("gate-1-1")])
        with sqlite3.connect(tmp_path / "panops.db") as connection:
            connection.execute("UPDATE events SET status = 'nqw'")
        with pytest.raises(StorageCorrupt, match=r"expected one of new, acknowledged, true_alarm, false_alarm in the database, got 'nqw'"):
            all_ids(database)
