"""Backups of real homes: under load, cut off, altered, hostile, damaged."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import signal
import subprocess
import sys
import tarfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from panops.domain.errors import StorageCorrupt, StorageError, StorageFull
from panops.domain.events import EvidenceKind
from panops.storage import schema
from panops.storage.backup.archive import members
from panops.storage.backup.checking import check_home
from panops.storage.backup.making import BackupPlan, make_backup
from panops.storage.database import Database
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.testing.fake_clock import FakeClock

from .full_home import COUNT, add_events, back_up, check, filled_home, ids, put_back, silent, tree
from .makers import START_S

SUFFIXES = (".tar.gz", ".tar.zst")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return filled_home(tmp_path / "site")


@pytest.fixture(params=SUFFIXES)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == ".tar.zst":
        pytest.importorskip("backports.zstd", reason="needs panops[zstd]")
    return tmp_path / f"backup{request.param}"


# --- there and back -----------------------------------------------------------------------------------------------------------


def test_what_was_backed_up_comes_back(home: Home, archive: Path, tmp_path: Path) -> None:
    manifest = back_up(home, archive)
    assert archive.stat().st_mode & 0o777 == 0o600, "the cameras' passwords are in it"
    assert manifest.left_out == {}
    assert {name.partition("/")[0] for name in manifest.files} == {"models", "journal", "owner-id", "evidence", "recordings", "panops.db"}
    report = check(archive)
    assert (report.findings, report.files, report.schema) == ((), len(manifest.files), schema.known_revisions()[0])
    other = Home(tmp_path / "other")
    put_back(archive, other)
    assert ids(other) == ids(home)
    there, wanted = tree(other.path), tree(home.path)
    assert {name: data for name, data in wanted.items() if name in manifest.files and name != "panops.db"}.items() <= there.items()
    assert check_home(other, silent).findings == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["site", "other", archive.name]), "nothing is left beside them"


def test_without_evidence_and_recordings_they_are_not_in_it(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "small.tar.gz"
    manifest = make_backup(home, path, BackupPlan(), FakeClock(START_S), silent)
    assert not [name for name in manifest.files if name.startswith(("evidence", "recordings", "engines", "run"))]
    assert "models/.lock" not in manifest.files
    assert check(path).findings == (), "evidence that nobody asked for is not missing"


def test_a_file_that_is_there_is_replaced_only_when_asked(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_text("something else")
    with pytest.raises(StorageError, match="which exists; choose another, or add --replace"):
        back_up(home, path)
    assert path.read_text() == "something else"
    back_up(home, path, replace=True)
    assert check(path).ok


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("b.tar", r"ends in \.tar\.gz or \.tar\.zst, got b\.tar"), ("nowhere/b.tar.gz", "which is none; make it first")],
)
def test_a_place_that_cannot_be(home: Home, tmp_path: Path, name: str, sentence: str) -> None:
    with pytest.raises(StorageError, match=sentence):
        back_up(home, tmp_path / name)


def test_a_home_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no database at"):
        back_up(Home(tmp_path / "none"), tmp_path / "b.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_home_leads_nobody_out_of_it(home: Home, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    snapshot = next(home.evidence.rglob("snapshot.jpg"))
    snapshot.unlink()
    snapshot.symlink_to(tmp_path / "secret")
    (home.models / "link").symlink_to(tmp_path / "secret")
    path = tmp_path / "b.tar.gz"
    manifest = back_up(home, path)
    name = snapshot.relative_to(home.path).as_posix()
    assert "models/link" not in manifest.files
    assert name not in manifest.files
    assert b"hunter2" not in gzip.decompress(path.read_bytes())


# --- under load ---------------------------------------------------------------------------------------------------------------


def test_a_backup_under_load_is_of_one_moment_and_has_all_that_it_names(home: Home, tmp_path: Path) -> None:
    path, stop = tmp_path / "b.tar.gz", threading.Event()
    written: list[int] = []

    def write() -> None:
        with Database.at(home.path) as database:
            store = EvidenceStore(database, home.evidence)
            for number in range(1000, 1_000_000):
                if stop.is_set():
                    return
                add_events(database, home, range(number, number + 1))
                # Snapshots are replaced, and clips take the place of clips so far.
                store.add_bytes(f"gate-1-{number % COUNT}", EvidenceKind.SNAPSHOT, str(number).encode() * 500, START_S, START_S)
                store.add_bytes(f"gate-1-{number}", EvidenceKind.CLIP_SO_FAR, b"so far" * 500, START_S, START_S)
                store.add_bytes(f"gate-1-{number - 1}", EvidenceKind.CLIP, b"clip" * 500, START_S, START_S)
                store.discard(f"gate-1-{number - 1}", EvidenceKind.CLIP_SO_FAR)
                written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for turn in range(3):
            before = len(written)
            manifest = back_up(home, path, replace=turn > 0)
            report = check(path)
            # Of a snapshot that is replaced again and again, the file and the row may be two versions; then the backup says so itself.
            assert [finding for finding in report.findings if finding.name not in manifest.left_out] == []
            assert len(report.findings) <= 2
            other = Home(tmp_path / f"other{turn}")
            put_back(path, other)
            assert len(ids(other)) >= min(500, COUNT + before)
    finally:
        stop.set()
        writer.join(30)
    assert len(written) > 3, "nobody had to wait for the backup"
    assert check_home(home, silent).findings == ()


def test_a_clip_that_takes_the_place_of_another_while_it_is_read_is_the_one_in_the_backup(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Database.at(home.path) as database:
        store = EvidenceStore(database, home.evidence)
        store.add_bytes("gate-1-3", EvidenceKind.CLIP_SO_FAR, b"so far", START_S, START_S)
        path = tmp_path / "b.tar.gz"
        real = sys.modules["panops.storage.backup.making"].take_snapshot

        def then_change(*arguments: object) -> None:
            real(*arguments)
            store.add_bytes("gate-1-3", EvidenceKind.CLIP, b"the whole clip", START_S, START_S)
            store.discard("gate-1-3", EvidenceKind.CLIP_SO_FAR)
            store.add_bytes("gate-1-4", EvidenceKind.SNAPSHOT, b"another picture", START_S, START_S)
            store.discard("gate-1-5", EvidenceKind.SNAPSHOT)

        monkeypatch.setattr("panops.storage.backup.making.take_snapshot", then_change)
        manifest = back_up(home, path)
    assert manifest.left_out == {}
    assert check(path).findings == ()
    names = [name for name in manifest.files if "gate-1-3" in name]
    assert sorted(name.rpartition("/")[2] for name in names) == ["clip.mp4", "snapshot.jpg"]
    assert not [name for name in manifest.files if "gate-1-5/" in name]


def test_evidence_that_was_altered_on_the_disk_is_kept_as_it_is_and_told(home: Home, tmp_path: Path) -> None:
    altered, _, gone = sorted(home.evidence.rglob("snapshot.jpg"))[:3]
    altered.write_bytes(altered.read_bytes()[::-1])
    name = altered.relative_to(home.path).as_posix()
    found = check_home(home, silent).findings
    assert [(finding.kind, finding.name) for finding in found] == [("altered", name)]
    path = tmp_path / "b.tar.gz"
    manifest = back_up(home, path)
    assert manifest.left_out == {name: "its content is not what was recorded"}
    assert [(finding.kind, finding.name) for finding in check(path).findings] == [("altered", name)]
    other = Home(tmp_path / "other")
    report = put_back(path, other)
    assert [finding.name for finding in report.findings] == [name], "no reason to do without the backup"
    gone.unlink()
    found = check_home(home, silent).findings
    assert sorted((finding.kind, finding.name) for finding in found) == [
        ("altered", name),
        ("missing", gone.relative_to(home.path).as_posix()),
    ]


# --- cut off ------------------------------------------------------------------------------------------------------------------

KILLED = """
    import sys, time
    from pathlib import Path
    from panops.domain.clock import SystemClock
    from panops.storage.backup.making import BackupPlan, make_backup
    from panops.storage.home import Home

    def wait(what, done, total):
        if what == "files" and done > 100_000:
            print("half-way", flush=True)
            time.sleep(60)

    make_backup(Home(sys.argv[1]), Path(sys.argv[2]), BackupPlan(evidence=True), SystemClock(), wait)
"""


def test_a_backup_that_is_killed_half_way_leaves_nothing_that_looks_like_one(home: Home, tmp_path: Path) -> None:
    (home.models / "big").write_bytes(bytes(300_000))
    folder = tmp_path / "backups"
    folder.mkdir()
    path = folder / "b.tar.gz"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(home.path), str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half-way\n"
    parts = [name.name for name in folder.iterdir()]
    assert sorted(name.split("-")[0] for name in parts) == [".b.tar.gz.db", ".b.tar.gz.part"]
    assert {part.stat().st_mode & 0o777 for part in folder.iterdir()} == {0o600}
    second = back_up(home, folder / "b.tar.gz")
    assert second.files
    assert set(parts) <= {name.name for name in folder.iterdir()}, "one that still works is left alone"
    path.unlink()
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    assert not path.exists()
    back_up(home, path)
    assert [name.name for name in folder.iterdir()] == ["b.tar.gz"], "what it left is swept"


def test_a_full_disk_leaves_nothing(home: Home, tmp_path: Path, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(600 << 10)
    for number in range(20):  # what cannot be packed
        noise = (hashlib.sha256(bytes([number, index % 256, index // 256])).digest() for index in range(2000))
        (home.models / str(number)).write_bytes(b"".join(noise))
    with pytest.raises(StorageFull, match="no space is left for the backup"):
        back_up(home, disk / "b.tar.gz")
    assert list(disk.iterdir()) == []
    small = small_disk(100 << 10)
    with pytest.raises(StorageFull, match="no space is left"):
        back_up(home, small / "b.tar.gz")
    assert list(small.iterdir()) == []


def test_restoring_to_a_full_disk_leaves_the_home_as_it_was(home: Home, tmp_path: Path, small_disk: Callable[[int], Path]) -> None:
    path = tmp_path / "b.tar.gz"
    back_up(home, path)
    disk = small_disk(1 << 20)
    with pytest.raises(StorageFull, match="no space to restore into"):
        put_back(path, Home(disk))
    assert [entry.name for entry in disk.iterdir()] == ["run"]


# --- altered ------------------------------------------------------------------------------------------------------------------


def test_an_altered_byte_is_found_wherever_it_is(home: Home, archive: Path, tmp_path: Path) -> None:
    back_up(home, archive)
    good = archive.read_bytes()
    target = Home(tmp_path / "target")
    for position in [*range(0, 16, 5), *range(16, len(good), max(1, len(good) // 40)), len(good) - 6, len(good) - 1]:
        bad = bytearray(good)
        bad[position] ^= 0x41
        archive.write_bytes(bad)
        if position in {5}:
            continue  # the time in gzip's head: nothing reads it
        try:
            report = check(archive)
        except StorageError:
            continue
        if not report.ok:
            with pytest.raises(StorageError, match="nothing was restored"):
                put_back(archive, target)
            continue
        assert tree_of(archive) == tree_of_bytes(good, archive), f"byte {position} changed something, and nobody said so"
    assert not target.path.exists()


def tree_of(path: Path) -> dict[str, bytes]:
    return {member.name: b"".join(member.chunks()) for member in members(path, lambda _: None)}


def tree_of_bytes(data: bytes, like: Path) -> dict[str, bytes]:
    other = like.with_name(f"good-{like.name}")
    other.write_bytes(data)
    return tree_of(other)


def test_an_archive_that_is_cut_off_says_so(home: Home, archive: Path) -> None:
    back_up(home, archive)
    good = archive.read_bytes()
    for length in (0, 10, len(good) // 2, len(good) - 1):
        archive.write_bytes(good[:length])
        report = check(archive)
        assert [finding.kind for finding in report.findings] == ["damaged"]
        assert "cut off" in report.findings[0].message or "backup" in report.findings[0].message


# --- hostile ------------------------------------------------------------------------------------------------------------------


def tar_of(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for info, data in entries:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def entry(name: str, kind: bytes = tarfile.REGTYPE, linked: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, linked
    return info


@pytest.mark.parametrize(
    "info",
    [
        entry("../outside"),
        entry("/etc/outside"),
        entry("evidence/../../outside"),
        entry("evidence/./x"),
        entry("evidence//x"),
        entry("evidence\\..\\x"),
        entry("evidence/a\nb"),
        entry("run/panops.lock"),
        entry("restore-unfinished"),
        entry("panops.db-wal"),
        entry("evidence/link", tarfile.SYMTYPE, "/etc/passwd"),
        entry("evidence/link", tarfile.LNKTYPE, "/etc/passwd"),
        entry("evidence/device", tarfile.CHRTYPE),
        entry("evidence/pipe", tarfile.FIFOTYPE),
        entry("evidence/folder", tarfile.DIRTYPE),
        entry("evidence/" + "x/" * 600 + "x"),
    ],
    ids=lambda info: f"{info.name[:24]!r}-{info.type.decode()}",
)
def test_an_archive_that_would_write_elsewhere_is_refused(info: tarfile.TarInfo, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    tar_of(path, [(info, b"")])
    report = check(path)
    assert [finding.kind for finding in report.findings] == ["damaged"]
    assert "which no backup of panops does" in report.findings[0].message
    with pytest.raises(StorageCorrupt, match="which no backup of panops does"):
        put_back(path, Home(tmp_path / "target"))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["b.tar.gz"]


@pytest.mark.parametrize("evidence", [True, False])
def test_a_row_that_leads_out_of_the_evidence_is_followed_nowhere(home: Home, tmp_path: Path, evidence: bool) -> None:
    (tmp_path / "secret").write_text("hunter2")
    with Database.at(home.path) as database, database.session() as connection:
        connection.execute(text("UPDATE evidence SET path = '../../secret', size_bytes = 7 WHERE event_id = 'gate-1-3'"))
    assert [(finding.kind, finding.name) for finding in check_home(home, silent).findings] == [("missing", "evidence/../../secret")]
    path = tmp_path / "b.tar.gz"
    back_up(home, path, evidence=evidence)
    assert b"hunter2" not in gzip.decompress(path.read_bytes())
    put_back(path, home, replace=True)
    assert len(list(home.evidence.rglob("*.jpg"))) == COUNT - 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["b.tar.gz", "secret", "site"]


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    tar_of(path, [(entry("models/a"), b"one"), (entry("models/a"), b"two")])
    assert "which no backup of panops does" in check(path).findings[0].message


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (b"{", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"format": "other", "format_version": 1}', "cannot be read"),
        (json.dumps({"format": "panops-backup", "format_version": 9, "panops": "9.9"}).encode(), "made by a newer panops"),
        (
            json.dumps(
                {
                    "format": "panops-backup",
                    "format_version": 1,
                    "schema": "0001",
                    "panops": "1",
                    "made_at_s": 1,
                    "evidence": False,
                    "recordings": False,
                    "left_out": {},
                    "files": {"../x": [1, "0" * 64]},
                }
            ).encode(),
            "cannot be read",
        ),
    ],
)
def test_a_manifest_that_is_none(manifest: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    tar_of(path, [(entry("manifest.json"), manifest)])
    with pytest.raises(StorageError, match=sentence):
        put_back(path, Home(tmp_path / "target"))


def test_something_else_is_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_bytes(b"PK\x03\x04 not a tar")
    assert [finding.kind for finding in check(path).findings] == ["damaged"]
    with pytest.raises(StorageError, match="cannot be read"):
        check(tmp_path / "none.tar.gz")


# --- damage in a home ---------------------------------------------------------------------------------------------------------


def test_a_damaged_database_is_no_backup(home: Home, tmp_path: Path) -> None:
    data = bytearray(home.database.read_bytes())
    data[8192:12288] = bytes(range(256)) * 16
    home.database.write_bytes(data)
    report = check_home(home, silent)
    assert report.findings
    assert {finding.kind for finding in report.findings} == {"damaged"}
    with pytest.raises(StorageCorrupt):
        back_up(home, tmp_path / "b.tar.gz")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["site"]


def test_a_row_that_points_nowhere_is_damage(home: Home) -> None:
    with Database.at(home.path) as database, database.session() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.execute(text("INSERT INTO reviews (event_id, at_s, user) VALUES ('gate-1-1', 1, 'ada')"))
    with Database.at(home.path) as database:
        engine = database._make_engine()
        raw = engine.raw_connection()
        raw.cursor().execute("PRAGMA foreign_keys=OFF")
        raw.cursor().execute("DELETE FROM events WHERE event_id = 'gate-1-1'")
        raw.commit()
        raw.close()
        engine.dispose()
    assert "a row of reviews points to one of events" in check_home(home, silent).findings[0].message


def test_no_home(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"expected a folder with a panops\.db"):
        check_home(Home(tmp_path), silent)


@pytest.fixture(autouse=True)
def no_disk_left_behind(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.glob(".*")), "neither parts nor copies of databases stay"
