"""What disks do to the archive: space that shows late, files that cannot be read, and mounts that hang."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from panops.config.archive_schema import ArchiveConfig
from panops.config.record_schema import RecordConfig
from panops.domain.recordings import Place
from panops.storage.archive import Pace, SourceAltered, open_archive
from panops.storage.database import Database
from panops.storage.tables import recordings
from panops.testing.fake_clock import FakeClock
from tests.s3_server import S3Server, s3_server
from tests.unit.storage.archived_site import ArchivedSite

GIB = 1024**3
Make = Callable[..., ArchivedSite]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture
def make(tmp_path: Path, database: Database, clock: FakeClock) -> Make:
    """A site with an archive in a folder, and other settings of either."""

    def act(archive: dict[str, object] | None = None, **recording: object) -> ArchivedSite:
        (tmp_path / "second").mkdir(exist_ok=True)
        config = ArchiveConfig.model_validate({"folder": str(tmp_path / "second"), "min_free_gib": 0, **(archive or {})})
        return ArchivedSite(tmp_path / "recordings", database, clock, config, **recording)

    return act


def test_where_freed_space_does_not_show_only_what_lacks_is_deleted(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    site = make({"min_free_gib": 5000 / GIB})
    files = [site.add(60 - number) for number in range(7)]
    site.move()
    monkeypatch.setattr(site.archive, "free_bytes", lambda: 0)
    mover = site.mover()
    mover.round()
    assert site.in_archive() == [one.path for one in files[2:]], "5000 bytes lack, and two files of 3000 are that"
    mover.round()
    assert len(site.in_archive()) == 5, "what was deleted may still show"
    site.clock.now_s += 601
    mover.round()
    assert site.in_archive() == [one.path for one in files[4:]]


def test_what_moves_meanwhile_is_not_taken_for_free(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    site = make({"min_free_gib": 5000 / GIB})
    for number in range(4):
        site.add(60 - number)
    site.move()
    monkeypatch.setattr(site.archive, "free_bytes", lambda: 0)
    mover = site.mover()
    mover.round()
    site.add(40)
    mover.round()
    assert len(site.in_archive()) == 3
    mover.round()
    assert len(site.in_archive()) == 2, "6000 were freed, 3000 came, 2000 lack"


def spoil(site: ArchivedSite, stored: str) -> None:
    path = site.folder.path / stored
    path.write_bytes(b"y" * path.stat().st_size)


@pytest.mark.parametrize("limit", ["max_gib", "min_free_gib"])
def test_an_old_file_that_cannot_move_does_not_hold_up_what_the_limits_want_moved(
    make: Make, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    site = make(**{"min_free_gib": 0.0, limit: 7000 / GIB})
    monkeypatch.setattr(site.folder, "free_bytes", lambda: 0)
    bad, new = site.add(48), [site.add(hours) for hours in (4, 3, 2)]
    spoil(site, bad.path)
    mover = site.mover()
    for _ in range(4):
        mover.round()
    assert set(site.in_archive()) >= {new[0].path, new[1].path}
    assert bad.path in site.on_disk()


def test_a_camera_whose_files_cannot_move_does_not_hold_up_the_others(make: Make) -> None:
    site = make(max_gib=7000 / GIB)
    site.cameras = {"gate": RecordConfig(max_gib=1000 / GIB)}
    bad, new = site.add(5), [site.add(hours, camera="yard") for hours in (4, 3)]
    spoil(site, bad.path)
    mover = site.mover()
    for _ in range(3):
        mover.round()
    assert new[0].path in site.in_archive("yard")


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_file_that_cannot_be_opened_stays_and_is_told(
    request: pytest.FixtureRequest, tmp_path: Path, database: Database, clock: FakeClock, kind: str
) -> None:
    (tmp_path / "second").mkdir()
    config = ArchiveConfig(folder=str(tmp_path / "second"), min_free_gib=0)
    if kind == "bucket":
        config = request.getfixturevalue("store").make(f"b-{os.urandom(6).hex()}")
    site = ArchivedSite(tmp_path / "recordings", database, clock, config)
    bad, good = site.add(48), site.add(47)
    path = site.folder.path / bad.path
    path.unlink()
    path.mkdir()  # root may open every file, but no folder as one
    mover = site.move()
    assert site.in_archive() == [good.path]
    assert mover.counts["altered"] == 1
    assert "cannot be read" in mover.problem
    with pytest.raises(SourceAltered, match="cannot be read"):
        open_archive(config).put(path, bad.path, bad.size_bytes, bad.sha256, Pace())
    mover.look_through()
    assert not mover.problem, "it is said again where the file still cannot move"
    while mover.round():
        pass
    assert "cannot be read" in mover.problem


def test_a_folder_that_cannot_be_looked_into_holds_up_no_other_file(make: Make) -> None:
    site = make()
    bad, good = site.add(48), site.add(47, camera="yard")
    path = site.folder.path / bad.path
    path.unlink()
    path.symlink_to(path.name)  # a circle
    mover = site.move()
    assert site.in_archive("yard") == [good.path]
    assert mover.counts["altered"] == 1


def test_what_was_being_sent_when_a_backup_was_made_is_found_in_the_archive(make: Make) -> None:
    site = make()
    whole, part = site.add(50), site.add(49)
    site.move()
    site.archive.remove([part.path])
    with site.database.session() as connection:
        connection.execute(update(recordings).values(place="sending", missing=True))
    assert site.mover().look_through() == (0, 0)
    assert [(one.path, one.place) for one in site.listed()] == [(whole.path, Place.ARCHIVE)]


def test_retention_never_asks_the_archives_disk(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = make({"days": 400, "min_free_gib": 1})
    site.cameras = {"gate": RecordConfig(days=400)}
    for hours in range(24):
        site.add(hours, size=10_000)
    assert site.retain().cameras["gate"].archive_limited_by == "recording.archive.days", "nothing is known of its disk yet"
    site.move()
    # A mount that hangs: whoever asks it does not come back.
    asked = []
    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(path) or usage(path))
    monkeypatch.setattr(site.archive, "known_free_bytes", GIB + 240_000)
    gate = site.retain().cameras["gate"]
    assert (gate.archive_limited_by, gate.archive_days) == ("recording.archive.min_free_gib", pytest.approx(1 + 1, rel=0.1))
    assert tmp_path / "second" not in [Path(path) for path in asked]


def test_what_the_mover_learns_of_the_disk_is_known(make: Make) -> None:
    site = make()
    assert site.archive.known_free_bytes is None
    site.mover().round()
    assert (site.archive.known_free_bytes or 0) > 0
