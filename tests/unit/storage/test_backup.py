"""Backups of real homes: under load, cut off, altered, hostile, of earlier programs."""

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

from panops.config.archive_schema import ArchiveConfig
from panops.config.record_schema import RecordingConfig
from panops.config.schema import SiteConfig
from panops.domain.errors import PanopsError, StorageCorrupt, StorageError, StorageFull
from panops.domain.events import EventPhase, EvidenceKind
from panops.domain.recordings import Place, Segment
from panops.storage import schema
from panops.storage.accounts import Accounts
from panops.storage.archive import Pace, open_archive
from panops.storage.archive_mover import ArchiveMover
from panops.storage.audit import AuditLog
from panops.storage.backup import checking, restoring
from panops.storage.backup.archive import members
from panops.storage.backup.checking import CheckReport, check_archive, check_home
from panops.storage.backup.making import BackupPlan, make_backup
from panops.storage.backup.manifest import Manifest
from panops.storage.backup.restoring import RestoreReport, restore
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.home_lock import only_one
from panops.storage.leases import Leases
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Role, Scope
from panops.storage.second_factor import SecondFactors
from panops.storage.site import SiteRepository
from panops.storage.totp import STEP_S, code_at
from panops.testing.fake_clock import FakeClock

from .makers import START_S, make_event
from .old_databases import make_old

SUFFIXES = (".tar.gz", ".tar.zst")
COUNT = 12


def silent(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def back_up(home: Home, path: Path, *, evidence: bool = True, replace: bool = False) -> Manifest:
    return make_backup(home, path, BackupPlan(evidence=evidence, recordings=True, replace=replace), FakeClock(START_S), silent)


def put_back(path: Path, home: Home, *, replace: bool = False) -> RestoreReport:
    return restore(path, home, replace=replace, clock=FakeClock(START_S), told=silent)


def check(path: Path) -> CheckReport:
    return check_archive(path, silent)


def fill(home: Home, count: int = COUNT) -> None:
    """Events with a snapshot each, a model, a journal, a recording, and what is of no backup."""
    home.create()
    with Database.at(home.path) as database:
        add_events(database, home, range(count))
    for name in ("models/street/1/model.onnx", "models/.lock", "journal/shard.jsonl", "recordings/gate/1.mp4", "engines/x", "owner-id"):
        file = home.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode() * 100)


def add_events(database: Database, home: Home, numbers: range) -> None:
    store = EvidenceStore(database, home.evidence)
    for number in numbers:
        EventRepository(database).save([make_event(f"gate-1-{number}", EventPhase.END, started_at_s=START_S + number)])
        store.add_bytes(f"gate-1-{number}", EvidenceKind.SNAPSHOT, hashlib.sha256(bytes([number % 256])).digest() * 200, START_S, START_S)


def ids(home: Home) -> list[str]:
    with Database.at(home.path) as database:
        page = EventRepository(database).search(Scope.everything(), limit=500)
        return sorted(item.event.event_id for item in page.events)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "site")
    fill(made)
    return made


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


# --- restoring ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", sorted(schema.known_revisions()))
def test_a_backup_of_an_earlier_program_is_brought_up_to_date(revision: str, tmp_path: Path) -> None:
    old = Home(tmp_path / "old")
    make_old(old.path, revision)
    path, new = tmp_path / "b.tar.gz", Home(tmp_path / "new")
    assert back_up(old, path, evidence=False).schema == revision
    report = put_back(path, new)
    assert (report.manifest.schema, report.schema) == (revision, schema.known_revisions()[0])
    assert ids(new) == ["gate-1-1"]
    with Database.at(new.path) as database:
        # Numbers that the old home may have given since are not given again.
        assert Leases(database).take("gate", "me", START_S * 2, 10) > 1000
        with database.reading() as connection:
            found = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'")).scalar()
            assert found is None if revision == "0001" else int(found or 0) > 1000


def test_access_that_was_ended_since_the_backup_does_not_come_back_unsaid(home: Home, tmp_path: Path) -> None:
    path, clock = tmp_path / "b.tar.gz", FakeClock(START_S)
    with Database.at(home.path) as database:
        accounts = Accounts(database, clock)
        user = accounts.create_user("eva", "correct horse battery", Role.ADMIN)
        cookie = accounts.open_session(user)
        for name, expires_at_s in (("lab", None), ("old", START_S - 1)):
            accounts.create_token(name, Role.VIEWER, expires_at_s=expires_at_s)
        accounts.create_token("own", Role.VIEWER, owner="eva")
        factors = SecondFactors(database, clock)
        secret = factors.begin("eva")
        recovery = factors.confirm("eva", code_at(secret, int(START_S // STEP_S) - 1))
        assert recovery is not None
    back_up(home, path)
    report = put_back(path, home, replace=True)
    assert (report.sessions, report.tokens, report.recovery_codes) == (1, ("eva/own", "lab"), ("eva",))
    with Database.at(home.path) as database:
        assert Accounts(database, clock).session(cookie) is None
        code = code_at(secret, int(START_S // STEP_S))
        assert SecondFactors(database, clock).use("eva", code) is None, "it may have been used before the home was put back"
        assert SecondFactors(database, clock).use("eva", recovery[0]) is None, "it may have been used, too"
        assert SecondFactors(database, clock).of("eva") is not None, "the app itself counts on"
        (entry,) = AuditLog(database).entries(1).entries
    assert (entry.at_s, entry.user, entry.action) == (START_S, "", "restore")
    assert entry.detail == {"made_at_s": START_S, "sessions": 1, "tokens": ["eva/own", "lab"], "recovery_codes": ["eva"]}
    kept = restore(path, home, replace=True, clock=clock, told=silent, keep_codes=True)
    assert kept.recovery_codes == ()
    with Database.at(home.path) as database:
        assert SecondFactors(database, clock).use("eva", recovery[0]) == "recovery"


def test_a_backup_of_a_newer_schema_is_refused(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    with Database.at(home.path) as database, database.session() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="written by a newer panops"):
        back_up(home, path)


def test_a_home_with_something_in_it_needs_a_word(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    back_up(home, path, evidence=False)
    with Database.at(home.path) as database:
        add_events(database, home, range(50, 52))
    before = tree(home.path)
    with pytest.raises(StorageError, match=r"expected an empty folder, got .* add --replace"):
        put_back(path, home)
    assert tree(home.path) == before
    report = put_back(path, home, replace=True)
    assert report.aside is not None
    assert tree(report.aside).items() <= before.items()
    assert {"gate-1-50", "gate-1-51"} <= set(ids(Home(report.aside))), "what was there is put aside, not deleted"
    assert ids(home) == sorted(f"gate-1-{number}" for number in range(COUNT))
    assert report.linked == COUNT, "a backup without evidence finds that of the home again"
    assert check_home(home, silent).findings == ()


def test_nothing_is_restored_under_a_running_panops(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    back_up(home, path)
    before = tree(home.evidence)
    with only_one(home), pytest.raises(PanopsError, match="another panops already runs on"):
        put_back(path, home, replace=True)
    assert tree(home.evidence) == before


def test_a_file_that_cannot_be_moved_takes_all_back(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "b.tar.gz"
    back_up(home, path)
    before = {name: data for name, data in tree(home.path).items() if not name.startswith("run/")}
    real, count = restoring._move, iter(range(100))

    def fail_at_last(*arguments: object) -> None:
        if next(count) == 7:
            raise OSError(16, "Device or resource busy")
        real(*arguments)  # type: ignore[arg-type]  the real one's arguments

    monkeypatch.setattr(restoring, "_move", fail_at_last)
    with pytest.raises(StorageError, match="busy"):
        put_back(path, home, replace=True)
    assert {name: data for name, data in tree(home.path).items() if not name.startswith("run/")} == before
    home.create()


KILLED_RESTORE = """
    import os, signal, sys
    from pathlib import Path
    from panops.domain.clock import SystemClock
    from panops.storage.backup import restoring
    from panops.storage.home import Home

    real, left = restoring._move, [int(sys.argv[3])]

    def move(*arguments):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*arguments)

    restoring._move = move
    restoring.restore(Path(sys.argv[2]), Home(sys.argv[1]), replace=True, clock=SystemClock(), told=lambda *_: None)
"""


@pytest.mark.parametrize(("moves", "evidence"), [(0, True), (3, True), (8, True), (11, True), (5, False), (8, False)])
def test_a_restore_that_is_killed_is_finished_by_the_next(home: Home, tmp_path: Path, moves: int, evidence: bool) -> None:
    path = tmp_path / "b.tar.gz"
    back_up(home, path, evidence=evidence)
    wanted = ids(home)
    process = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED_RESTORE), str(home.path), str(path), str(moves)], check=False)
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(StorageError, match="was cut off: run `panops restore"):
        home.create()
    put_back(path, home, replace=True)
    home.create()
    assert ids(home) == wanted
    assert check_home(home, silent).findings == ()
    kept = [entry for entry in home.path.rglob("snapshot.jpg") if "before-restore" in str(entry)]
    assert len(kept) >= COUNT, "nothing of the old home is lost"


# --- recordings -----------------------------------------------------------------------------------------------------------------


def record(home: Home, *seconds: int, folder: Path | None = None) -> list[Path]:
    """Recorded files with their rows."""
    paths = []
    for second in seconds:
        path = f"gate/2027-01-15/0800{second:02d}000.mp4"
        file = (folder or home.recordings) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.encode() * 100)
        start_s, digest = START_S + second, hashlib.sha256(file.read_bytes()).hexdigest()
        with Database.at(home.path) as database:
            RecordingIndex(database).add([Segment("gate", path, start_s, start_s + 1, file.stat().st_size, digest)])
        paths.append(file)
    return paths


def record_in(home: Home, folder: Path) -> None:
    with Database.at(home.path) as database:
        SiteRepository(database).apply(SiteConfig.model_validate({"recording": {"folder": str(folder)}}))


def test_a_backup_without_recordings_leaves_those_of_the_home(home: Home, tmp_path: Path) -> None:
    path, files = tmp_path / "b.tar.gz", record(home, 1, 2)
    make_backup(home, path, BackupPlan(), FakeClock(START_S), silent)
    later = record(home, 3)
    with Database.at(home.path) as database:
        RecordingIndex(database).protect(Scope.everything(), "gate", START_S + 2, START_S + 4, on=True)
    before = {file: file.read_bytes() for file in [*files, *later]}
    put_back(path, home, replace=True)
    with Database.at(home.path) as database:
        kept = RecordingIndex(database).segments(Scope.everything(), "gate", 0, 1e11)
    assert [one.protected for one in kept] == [False, True, True], "retention must not delete what was protected since"
    assert {file: file.read_bytes() for file in before if file.exists()} == before
    assert check_home(home, silent).findings == ()


def test_recordings_that_a_cut_off_restore_put_aside_are_found_again(home: Home, tmp_path: Path) -> None:
    path, files = tmp_path / "b.tar.gz", record(home, 1, 2)
    make_backup(home, path, BackupPlan(), FakeClock(START_S), silent)
    aside = home.path / "before-restore-20270115-080000-abcd"
    aside.mkdir()
    home.recordings.rename(aside / "recordings")
    put_back(path, home, replace=True)
    assert [file.exists() for file in files] == [True, True]


def test_a_backup_with_recordings_puts_those_of_the_home_aside(home: Home, tmp_path: Path) -> None:
    path, (file,) = tmp_path / "b.tar.gz", record(home, 1)
    back_up(home, path)
    (later,) = record(home, 2)
    report = put_back(path, home, replace=True)
    assert report.aside is not None
    assert (file.exists(), later.exists()) == (True, False)
    assert (report.aside / later.relative_to(home.path)).exists()
    assert check_home(home, silent).findings == ()


def test_no_number_of_a_recording_is_given_twice(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    record(home, 1)
    make_backup(home, path, BackupPlan(), FakeClock(START_S), silent)
    put_back(path, home, replace=True)
    record(home, 2)
    with Database.at(home.path) as database:
        numbers = [one.segment_id for one in RecordingIndex(database).segments(Scope.everything(), "gate", 0, 1e11)]
    assert numbers[1] > 1_000_000 > numbers[0]


def test_recordings_in_another_folder_are_refused_not_left_out(home: Home, tmp_path: Path) -> None:
    record_in(home, tmp_path / "disk")
    with pytest.raises(StorageError, match=r"got recording\.folder .*disk: copy that folder itself"):
        back_up(home, tmp_path / "b.tar.gz")
    assert not (tmp_path / "b.tar.gz").exists()
    make_backup(home, tmp_path / "b.tar.gz", BackupPlan(), FakeClock(START_S), silent)
    record_in(home, home.recordings)
    back_up(home, tmp_path / "c.tar.gz")


def test_a_home_is_compared_with_its_recordings(home: Home, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    altered, gone, _ = record(home, 1, 2, 3, folder=disk)
    record_in(home, disk)
    assert check_home(home, silent).findings == ()
    altered.write_bytes(altered.read_bytes()[::-1])
    gone.unlink()
    wanted = [("altered", f"recordings/{altered.relative_to(disk)}"), ("missing", f"recordings/{gone.relative_to(disk)}")]
    assert [(finding.kind, finding.name) for finding in check_home(home, silent).findings] == wanted
    disk.rename(tmp_path / "away")
    (finding,) = check_home(home, silent).findings
    assert (finding.kind, finding.name) == ("missing", "recordings")
    assert "with 3 files, which is not there: mount its disk" in finding.message


def test_a_backup_says_which_recordings_were_not_well(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    altered, gone, _ = record(home, 1, 2, 3)
    altered.write_bytes(altered.read_bytes()[::-1])
    gone.unlink()
    manifest = back_up(home, path)
    names = [file.relative_to(home.path).as_posix() for file in (altered, gone)]
    assert manifest.left_out == {names[0]: "its content is not what was recorded", names[1]: "it is not there"}
    assert [(finding.kind, finding.name) for finding in check(path).findings] == [("altered", names[0])]
    other = Home(tmp_path / "other")
    assert [finding.name for finding in put_back(path, other).findings] == [names[0]], "no reason to do without the backup"


def test_a_backup_is_looked_through_on_the_disk_of_the_archive_or_the_home(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, places = tmp_path / "backups" / "b.tar.gz", []
    path.parent.mkdir()
    back_up(home, path)
    real = checking._database_findings

    def noted(database: Path, label: str) -> list[checking.Finding]:
        places.append(database.parent.parent)
        return real(database, label)

    monkeypatch.setattr(checking, "_database_findings", noted)
    check(path)
    put_back(path, home, replace=True)
    put_back(path, Home(tmp_path / "new" / "site"))
    assert places == [path.parent, home.path, tmp_path]
    assert [entry.name for entry in path.parent.iterdir()] == ["b.tar.gz"]
    assert not list(home.path.glob(".panops-check-*"))


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


# --- recordings in the archive --------------------------------------------------------------------------------------------------


def archive_in(home: Home, second: Path, *files: Path) -> None:
    """Have the site archive in a folder, and all of its recordings moved there."""
    second.mkdir(exist_ok=True)
    archive = ArchiveConfig(folder=str(second), after_hours=0, min_free_gib=0, days=36500)
    settings = RecordingConfig(min_free_gib=0, archive=archive)
    with Database.at(home.path) as database:
        SiteRepository(database).apply(SiteConfig.model_validate({"recording": settings.model_dump(mode="json", exclude_defaults=True)}))
        mover = ArchiveMover(
            database, RecordingFolder(home.recordings), open_archive(archive), settings, {}, FakeClock(START_S + 3600), Pace()
        )
        while mover.round():
            pass
    assert [file for file in files if file.exists()] == []


def test_archived_recordings_are_in_no_backup_and_are_compared_where_they_are(home: Home, tmp_path: Path) -> None:
    path, second = tmp_path / "b.tar.gz", tmp_path / "second"
    files = record(home, 1, 2, 3)
    archive_in(home, second, *files)
    (here,) = record(home, 9)
    manifest = back_up(home, path)
    names = [name for name in manifest.files if name.startswith("recordings/gate/2027")]
    assert names == [f"recordings/{here.relative_to(home.recordings)}"]
    assert check(path).ok
    assert check_home(home, silent).findings == ()
    altered, gone = (second / file.relative_to(home.recordings) for file in files[:2])
    altered.write_bytes(b"x" * altered.stat().st_size)
    gone.unlink()
    found = {(finding.kind, finding.name) for finding in check_home(home, silent).findings}
    assert found == {("altered", f"recordings/{altered.relative_to(second)}"), ("missing", f"recordings/{gone.relative_to(second)}")}
    second.rename(tmp_path / "unmounted")
    (finding,) = check_home(home, silent).findings
    assert (finding.kind, "mount its disk" in finding.message) == ("missing", True)


def test_what_moved_since_the_backup_is_found_in_the_archive(home: Home, tmp_path: Path) -> None:
    path, second = tmp_path / "b.tar.gz", tmp_path / "second"
    files = record(home, 1, 2)
    make_backup(home, path, BackupPlan(), FakeClock(START_S), silent)
    archive_in(home, second, *files)
    put_back(path, home, replace=True)
    with Database.at(home.path) as database:
        places = [one.place for one in RecordingIndex(database).segments(Scope.everything(), "gate", 0, 1e11)]
    assert places == [Place.ARCHIVE, Place.ARCHIVE]


def test_an_archive_that_the_settings_forgot_is_told(home: Home, tmp_path: Path) -> None:
    archive_in(home, tmp_path / "second", *record(home, 1))
    with Database.at(home.path) as database:
        SiteRepository(database).apply(SiteConfig())
    (finding,) = check_home(home, silent).findings
    assert "the settings do not name" in finding.message
