"""Recordings in backups, and those that lie in an archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from panops.config.archive_schema import ArchiveConfig
from panops.config.record_schema import RecordingConfig
from panops.config.schema import SiteConfig
from panops.domain.errors import StorageError
from panops.domain.recordings import Place
from panops.storage.archive import Pace, open_archive
from panops.storage.archive_mover import ArchiveMover
from panops.storage.backup import checking
from panops.storage.backup.checking import check_home
from panops.storage.backup.making import BackupPlan, make_backup
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from panops.testing.fake_clock import FakeClock

from .full_home import back_up, check, filled_home, put_back, record, record_in, silent
from .makers import START_S


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return filled_home(tmp_path / "site")


@pytest.fixture(autouse=True)
def no_disk_left_behind(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.glob(".*")), "neither parts nor copies of databases stay"


# --- recordings -----------------------------------------------------------------------------------------------------------------


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
