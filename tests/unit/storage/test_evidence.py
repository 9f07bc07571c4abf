from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from panops.domain.errors import StorageError, StorageFull, StorageLocked
from panops.domain.events import Evidence, EvidenceKind
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import ORPHAN_AGE_S, EvidenceStore, SweepReport
from panops.storage.scope import SCOPE_NOTHING, Scope
from panops.storage.tables import evidence
from panops.testing.fake_clock import FakeClock

from .makers import START_S, make_event

EVERYTHING = Scope.everything()
SNAPSHOT, CLIP = EvidenceKind.SNAPSHOT, EvidenceKind.CLIP


@pytest.fixture
def store(database: Database, home: Path, clock: FakeClock) -> EvidenceStore:
    EventRepository(database).save([make_event()])
    return EvidenceStore(database, home / "evidence", clock)


def files_in(store: EvidenceStore) -> list[str]:
    return sorted(path.relative_to(store.folder).as_posix() for path in store.folder.rglob("*") if not path.is_dir())


def test_what_is_written_is_there_with_its_hash_in_the_day_of_its_start(store: EvidenceStore, repository: EventRepository) -> None:
    piece = store.write("gate-1-1", CLIP, START_S, START_S + 9, lambda path: (path.write_bytes(b"video"), None)[1])
    assert piece == Evidence(
        "gate-1-1", CLIP, "2025-10-09/gate-1-1/clip.mp4", 5, hashlib.sha256(b"video").hexdigest(), START_S, START_S + 9
    )
    assert files_in(store) == [piece.path]
    assert (store.folder / piece.path).stat().st_mode & 0o777 == 0o600
    assert store.path(EVERYTHING, "gate-1-1", CLIP) == store.folder / piece.path
    assert store.verify(piece)
    found = repository.get(EVERYTHING, "gate-1-1")
    assert found is not None
    assert found.evidence == (piece,)


def test_the_writer_sees_a_path_with_the_final_suffix_in_the_same_folder(store: EvidenceStore) -> None:
    seen: list[Path] = []

    def write(path: Path) -> None:
        seen.append(path)
        path.write_bytes(b"x")

    piece = store.write("gate-1-1", CLIP, START_S, START_S, write, extension="webm")
    assert piece.path.endswith("/clip.webm")
    assert seen[0].suffix == ".webm"
    assert seen[0].parent == (store.folder / piece.path).parent
    assert seen[0].name.startswith(".")


def test_a_second_piece_of_a_kind_replaces_the_first_also_on_another_day(store: EvidenceStore) -> None:
    store.add_bytes("gate-1-1", SNAPSHOT, b"first", START_S, START_S)
    store.add_bytes("gate-1-1", CLIP, b"clip", START_S, START_S)
    later = store.add_bytes("gate-1-1", SNAPSHOT, b"second", START_S + 86400, START_S + 86400)
    assert files_in(store) == ["2025-10-09/gate-1-1/clip.mp4", "2025-10-10/gate-1-1/snapshot.jpg"]
    assert store.verify(later)


def test_other_scopes_get_no_path(store: EvidenceStore) -> None:
    store.add_bytes("gate-1-1", SNAPSHOT, b"jpeg", START_S, START_S)
    assert store.path(SCOPE_NOTHING, "gate-1-1", SNAPSHOT) is None
    assert store.path(EVERYTHING, "gate-1-1", CLIP) is None
    assert store.path(EVERYTHING, "../gate-1-1", SNAPSHOT) is None


@pytest.mark.parametrize(
    "event_id", ["", ".", "..", "../x", "a/b", "a\\b", "/etc", ".hidden", "a..b", "a\x00b", "é", "x" * 201, "a b", "-rf", "a\n"]
)
def test_an_event_id_that_could_lead_elsewhere_is_refused(store: EvidenceStore, event_id: str) -> None:
    with pytest.raises(ValueError, match="expected an event id"):
        store.add_bytes(event_id, SNAPSHOT, b"x", START_S, START_S)
    assert files_in(store) == []


@pytest.mark.parametrize("extension", ["", "..", "a/b", "JPG", "jpg\n", "x" * 9])
def test_an_extension_that_could_lead_elsewhere_is_refused(store: EvidenceStore, extension: str) -> None:
    with pytest.raises(ValueError, match="expected an extension"):
        store.write("gate-1-1", SNAPSHOT, START_S, START_S, lambda path: None, extension=extension or "/")


@pytest.mark.parametrize("start_s", [float("nan"), float("inf"), 1e30, -1e30])
def test_a_start_that_is_no_time_is_refused(store: EvidenceStore, start_s: float) -> None:
    with pytest.raises(ValueError, match="UTC seconds"):
        store.add_bytes("gate-1-1", SNAPSHOT, b"x", start_s, start_s)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stored=st.one_of(
        st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=60),
        st.lists(st.sampled_from(["..", ".", "/", "a", "secret", "evidence", "link"]), min_size=1).map("/".join),
    )
)
def test_no_stored_path_leads_out_of_the_folder(store: EvidenceStore, database: Database, stored: str) -> None:
    outside = store.folder.parent / "secret"
    outside.write_bytes(b"secret")
    link = store.folder / "link"
    if not link.is_symlink():
        link.symlink_to(outside)
        store.add_bytes("gate-1-1", SNAPSHOT, b"x", START_S, START_S)
    with database.session() as connection:
        connection.execute(update(evidence).values(path=stored))
    try:
        found = store.path(EVERYTHING, "gate-1-1", SNAPSHOT)
    except OSError as error:
        assert error.errno == errno.ENAMETOOLONG  # noqa: PT017  nothing leaves the folder by it
        return
    assert found is None or found.is_relative_to(store.folder)


@pytest.mark.parametrize(
    ("failure", "error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), StorageFull, "no space is left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), StorageFull, "no space is left"),
        (PermissionError(errno.EACCES, "Permission denied"), StorageError, "may write"),
        (ValueError("no packets"), ValueError, "no packets"),
    ],
)
def test_a_writer_that_fails_leaves_nothing_behind(store: EvidenceStore, failure: Exception, error: type[Exception], sentence: str) -> None:
    def write(path: Path) -> None:
        path.write_bytes(b"half")
        raise failure

    with pytest.raises(error, match=sentence):
        store.write("gate-1-1", CLIP, START_S, START_S, write)
    assert files_in(store) == []
    assert store.path(EVERYTHING, "gate-1-1", CLIP) is None


@pytest.mark.parametrize("write", [lambda path: None, lambda path: path.touch()], ids=["no file", "an empty file"])
def test_a_writer_that_writes_nothing_is_an_error(store: EvidenceStore, write: Callable[[Path], None]) -> None:
    with pytest.raises(StorageError, match="nothing was written"):
        store.write("gate-1-1", SNAPSHOT, START_S, START_S, write)
    assert files_in(store) == []


def test_an_older_piece_survives_a_failed_replacement(store: EvidenceStore) -> None:
    piece = store.add_bytes("gate-1-1", SNAPSHOT, b"first", START_S, START_S)
    with pytest.raises(StorageError):
        store.write("gate-1-1", SNAPSHOT, START_S, START_S, lambda path: None)
    assert store.verify(piece)


def test_a_full_disk_leaves_no_half_file_and_goes_on_when_there_is_space(
    database: Database, repository: EventRepository, small_disk: Callable[[int], Path]
) -> None:
    repository.save([make_event()])
    disk = small_disk(1 << 20)
    store = EvidenceStore(database, disk / "evidence")
    first = store.add_bytes("gate-1-1", SNAPSHOT, os.urandom(500_000), START_S, START_S)
    with pytest.raises(StorageFull, match=f"no space is left for the evidence folder {store.folder}"):
        store.add_bytes("gate-1-1", CLIP, os.urandom(900_000), START_S, START_S)
    with pytest.raises(StorageFull):
        store.add_bytes("gate-1-1", SNAPSHOT, os.urandom(900_000), START_S, START_S)
    assert files_in(store) == [first.path]
    assert store.verify(first)
    second = store.add_bytes("gate-1-1", CLIP, os.urandom(100_000), START_S, START_S)
    assert store.verify(second)


def test_an_encoder_that_hides_why_it_failed_on_a_full_disk(
    database: Database, repository: EventRepository, small_disk: Callable[[int], Path]
) -> None:
    repository.save([make_event()])
    disk = small_disk(256 << 10)

    def encode(path: Path) -> None:
        try:
            path.write_bytes(bytes(1 << 20))
        except OSError as error:
            raise RuntimeError("encoder failed") from error

    store = EvidenceStore(database, disk)
    with pytest.raises(StorageFull):
        store.write("gate-1-1", CLIP, START_S, START_S, encode)
    assert files_in(store) == []


def test_no_row_no_file(store: EvidenceStore, database: Database, home: Path) -> None:
    holder = sqlite3.connect(home / "panops.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageLocked):
        store.add_bytes("gate-1-1", SNAPSHOT, b"x", START_S, START_S)
    holder.execute("ROLLBACK")
    holder.close()
    assert files_in(store) == []
    assert store.verify(store.add_bytes("gate-1-1", SNAPSHOT, b"x", START_S, START_S))


def age(path: Path, clock: FakeClock, seconds: float) -> None:
    os.utime(path, (clock.now_s - seconds, clock.now_s - seconds))


def test_an_older_piece_survives_when_the_row_of_a_newer_one_cannot_be_written(store: EvidenceStore, home: Path) -> None:
    old = store.add_bytes("gate-1-1", SNAPSHOT, b"old", START_S, START_S)
    impatient = EvidenceStore(Database.at(home, busy_timeout_s=0.1).open(), home / "evidence")
    holder = sqlite3.connect(home / "panops.db", isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageLocked):
            impatient.add_bytes("gate-1-1", SNAPSHOT, b"newer", START_S, START_S)
    finally:
        holder.close()
        impatient._database.close()
    assert files_in(store) == [old.path]
    assert store.verify(old)
    assert store.sweep() == SweepReport()
    newer = store.add_bytes("gate-1-1", SNAPSHOT, b"newer", START_S, START_S)
    assert files_in(store) == [newer.path]
    assert store.verify(newer)


def test_a_sweep_removes_what_a_crash_left_and_nothing_else(store: EvidenceStore, clock: FakeClock) -> None:
    kept = store.add_bytes("gate-1-1", SNAPSHOT, b"jpeg", START_S, START_S)
    day = store.folder / "2025-10-09"
    old = [day / "gate-1-2" / "clip.mp4", day / "gate-1-1" / ".clip-0a1b2c3d.part.mp4"]
    young = [day / "gate-1-1" / ".annotated-0a1b2c3d.part.jpg", day / "gate-1-3" / "snapshot.jpg"]
    foreign = [day / "notes.txt", day / "gate-1-1" / "holiday.jpg", store.folder / "README"]
    for path in (*old, *young, *foreign):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"12345")
        age(path, clock, ORPHAN_AGE_S - 60 if path in young else ORPHAN_AGE_S + 60)
    age(store.folder / kept.path, clock, 10 * ORPHAN_AGE_S)
    assert store.sweep() == SweepReport(removed_files=2, removed_bytes=10, foreign=2)
    left = [path.relative_to(store.folder).as_posix() for path in (*young, *foreign)]
    assert files_in(store) == sorted([kept.path, *left])
    assert not (day / "gate-1-2").exists()
    assert store.sweep() == SweepReport(foreign=2)


def test_a_file_that_is_gone_is_marked_and_found_again(store: EvidenceStore, repository: EventRepository) -> None:
    piece = store.add_bytes("gate-1-1", SNAPSHOT, b"jpeg", START_S, START_S)
    path = store.folder / piece.path
    path.unlink()
    assert store.path(EVERYTHING, "gate-1-1", SNAPSHOT) is None
    assert store.sweep() == SweepReport(missing=1)
    assert store.sweep() == SweepReport()
    found = repository.get(EVERYTHING, "gate-1-1")
    assert found is not None
    assert found.evidence == ()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"jpeg")
    assert store.sweep() == SweepReport(found_again=1)
    assert store.path(EVERYTHING, "gate-1-1", SNAPSHOT) == path


def test_proof_of_an_event_that_never_came_goes_after_an_hour(store: EvidenceStore, database: Database, clock: FakeClock) -> None:
    piece = store.add_bytes("gate-9-9", SNAPSHOT, b"jpeg", START_S, START_S)
    age(store.folder / piece.path, clock, 0)
    assert store.sweep() == SweepReport()
    clock.now_s += ORPHAN_AGE_S + 1
    assert store.sweep() == SweepReport(removed_files=1, removed_bytes=4)
    assert files_in(store) == []
    with database.reading() as connection:
        assert connection.execute(select(evidence)).all() == []


def test_a_sweep_makes_a_folder_that_is_gone_again(store: EvidenceStore) -> None:
    store.add_bytes("gate-1-1", SNAPSHOT, b"jpeg", START_S, START_S)
    shutil.rmtree(store.folder)
    assert store.sweep() == SweepReport(missing=1)
    assert store.folder.is_dir()
    store.folder.rmdir()
    store.folder.write_text("a file in its place")
    with pytest.raises(StorageError, match="the evidence folder"):
        store.sweep()


def test_a_folder_that_cannot_be_made(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="evidence folder"):
        EvidenceStore(database, tmp_path / "file" / "evidence")


def test_deleting_a_row_by_hand_makes_its_file_an_orphan(store: EvidenceStore, database: Database, clock: FakeClock) -> None:
    piece = store.add_bytes("gate-1-1", SNAPSHOT, b"jpeg", START_S, START_S)
    with database.session() as connection:
        connection.execute(text("DELETE FROM evidence"))
    age(store.folder / piece.path, clock, ORPHAN_AGE_S + 1)
    assert store.sweep().removed_files == 1
    assert list(store.folder.iterdir()) == []


SO_FAR = EvidenceKind.CLIP_SO_FAR


def test_a_piece_is_found_with_its_facts(store: EvidenceStore) -> None:
    piece = store.add_bytes("gate-1-1", CLIP, b"clip", START_S, START_S + 3)
    assert store.find(EVERYTHING, "gate-1-1", CLIP) == (piece, store.folder / piece.path)
    assert store.find(EVERYTHING, "gate-1-1", SNAPSHOT) is None
    assert store.find(SCOPE_NOTHING, "gate-1-1", CLIP) is None


def test_a_discarded_piece_is_gone_and_who_reads_it_reads_on(store: EvidenceStore, repository: EventRepository) -> None:
    store.add_bytes("gate-1-1", CLIP, b"clip", START_S, START_S)
    piece = store.add_bytes("gate-1-1", SO_FAR, b"so far", START_S, START_S)
    with (store.folder / piece.path).open("rb") as reader:
        store.discard("gate-1-1", SO_FAR)
        assert reader.read() == b"so far"
    assert files_in(store) == ["2025-10-09/gate-1-1/clip.mp4"]
    found = repository.get(EVERYTHING, "gate-1-1")
    assert found is not None
    assert [piece.kind for piece in found.evidence] == [CLIP]
    store.discard("gate-1-1", SO_FAR)  # safe to repeat


def test_a_clip_so_far_that_a_crash_left_beside_the_clip_is_swept(store: EvidenceStore, repository: EventRepository) -> None:
    repository.save([make_event("gate-1-2")])
    store.add_bytes("gate-1-1", CLIP, b"clip", START_S, START_S)
    for event_id in ("gate-1-1", "gate-1-2"):
        store.add_bytes(event_id, SO_FAR, b"so far", START_S, START_S)
    store.sweep()
    assert files_in(store) == ["2025-10-09/gate-1-1/clip.mp4", "2025-10-09/gate-1-2/clip_so_far.mp4"]  # of the other it is all there is
    assert store.find(EVERYTHING, "gate-1-1", SO_FAR) is None


def test_half_a_clip_so_far_is_swept(store: EvidenceStore, clock: FakeClock) -> None:
    folder = store.folder / "2025-10-09" / "gate-1-1"
    folder.mkdir(parents=True)
    (folder / ".clip_so_far-0123abcd.part.mp4").write_bytes(b"ha")
    clock.now_s = (folder / ".clip_so_far-0123abcd.part.mp4").stat().st_mtime + ORPHAN_AGE_S + 1
    store.sweep()
    assert files_in(store) == []
