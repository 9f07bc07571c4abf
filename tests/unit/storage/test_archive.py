"""Recordings move to their second place, whole, once, and whatever cuts them off."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from panops.config.archive_schema import ArchiveConfig
from panops.config.record_schema import RecordConfig
from panops.domain.errors import StorageFull
from panops.domain.recordings import Place
from panops.storage.archive import PART_BYTES, ArchiveAway, NotInArchive, Pace, Stopped, open_archive
from panops.storage.archive_folder import MARK
from panops.storage.database import Database
from panops.storage.scope import Scope
from panops.storage.tables import recordings
from panops.testing.fake_clock import FakeClock
from tests.s3_server import S3Server, s3_server
from tests.small_disk import small_disk_at
from tests.unit.storage.archived_site import EVERYTHING, ArchivedSite

GIB = 1024**3


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., ArchiveConfig]:
    """The settings of a new archive of either kind."""

    def folder(**settings: object) -> ArchiveConfig:
        (tmp_path / "second").mkdir(exist_ok=True)
        return ArchiveConfig.model_validate({"folder": str(tmp_path / "second"), "min_free_gib": 0, **settings})

    if request.param == "folder":
        return folder
    server: S3Server = request.getfixturevalue("store")
    return lambda **settings: server.make(f"b-{os.urandom(6).hex()}", **settings)


@pytest.fixture
def site(tmp_path: Path, database: Database, clock: FakeClock, make: Callable[..., ArchiveConfig]) -> ArchivedSite:
    return ArchivedSite(tmp_path / "recordings", database, clock, make(after_hours=24, days=30))


@pytest.fixture
def folder_site(tmp_path: Path, database: Database, clock: FakeClock) -> ArchivedSite:
    (tmp_path / "second").mkdir()
    config = ArchiveConfig(folder=str(tmp_path / "second"), min_free_gib=0)
    return ArchivedSite(tmp_path / "recordings", database, clock, config)


def test_what_is_old_enough_moves_and_is_found_where_it_is(site: ArchivedSite) -> None:
    old, older, new = site.add(25), site.add(48, size=2 * PART_BYTES + 17), site.add(23)
    site.move()
    assert site.places() == [Place.ARCHIVE, Place.ARCHIVE, Place.HERE]
    assert site.on_disk() == [new.path]
    assert site.in_archive() == sorted([old.path, older.path])
    assert site.is_whole(old)
    assert site.is_whole(older)
    assert site.archive.read(older.path, PART_BYTES - 3, 6) == site.archive.read(older.path, 0, PART_BYTES + 3)[-6:]
    assert site.mover().waiting().files == 0
    site.clock.now_s += 2 * 3600
    assert site.mover().waiting().size_bytes == new.size_bytes


def test_nobody_sees_more_of_it_than_before(site: ArchivedSite) -> None:
    site.add(25)
    site.move()
    assert site.index.segments(Scope(EVERYTHING.role, frozenset({"yard"})), "gate", 0, 1e11) == []


def test_what_retention_would_delete_by_its_age_moves_instead(site: ArchivedSite) -> None:
    site.cameras = {"gate": RecordConfig(days=0.5, event_days=2)}
    plain, event = site.add(13), site.add(13.5, has_event=True)
    site.retain()
    assert len(site.on_disk()) == 2, "it waits for the archive"
    site.move()
    assert site.on_disk() == [event.path]
    assert site.in_archive() == [plain.path]


def test_the_archive_has_its_own_retention_and_keeps_what_is_protected(site: ArchivedSite) -> None:
    site.cameras = {"yard": RecordConfig(days=90)}
    for hours in (40 * 24, 35 * 24, 29 * 24):
        site.add(hours)
    yard = site.add(40 * 24, camera="yard")
    site.add(100 * 24, camera="yard")
    protected = site.listed()[0]
    site.index.protect(EVERYTHING, "gate", protected.start_s, protected.end_s, on=True)
    site.retain()
    assert len(site.on_disk()) == 3, "what both would delete never moves"
    site.move()
    assert [one.path for one in site.listed()] == site.in_archive()
    assert protected.path in site.in_archive()
    assert site.in_archive("yard") == [yard.path], "a camera's own days hold where they are longer"
    site.clock.now_s += 2 * 86_400
    site.move()
    assert site.in_archive() == [protected.path] == [one.path for one in site.listed()]


def test_a_limit_of_size_lets_the_oldest_go(
    tmp_path: Path, database: Database, clock: FakeClock, make: Callable[..., ArchiveConfig]
) -> None:
    site = ArchivedSite(tmp_path / "recordings", database, clock, make(max_gib=7000 / GIB))
    files = [site.add(hours) for hours in (50, 49, 48, 47)]
    site.move()
    site.move()
    assert site.in_archive() == [one.path for one in files[2:]]


def test_what_is_over_the_limits_of_the_first_disk_moves_before_it_is_old(
    tmp_path: Path, database: Database, clock: FakeClock, make: Callable[..., ArchiveConfig]
) -> None:
    site = ArchivedSite(tmp_path / "recordings", database, clock, make(), max_gib=7000 / GIB)
    files = [site.add(hours) for hours in (4, 3, 2, 1)]
    site.retain()
    assert len(site.on_disk()) == 4
    site.mover().round()
    assert set(site.in_archive()) >= {files[0].path, files[1].path}


def test_where_the_first_disk_is_full_the_oldest_go_and_it_is_told(site: ArchivedSite) -> None:
    files = [site.add(hours) for hours in (3, 2, 1)]
    site.config = site.config.model_copy(update={"min_free_gib": 5000 / GIB})
    forecast = site.retain(free_bytes=0)
    assert forecast.unmoved_deleted == 2
    assert site.on_disk() == [files[2].path]


def test_a_file_that_is_not_what_was_recorded_stays_and_is_told(site: ArchivedSite) -> None:
    bad, good = site.add(48), site.add(47)
    (site.folder.path / bad.path).write_bytes(b"y" * bad.size_bytes)
    mover = site.move()
    assert site.places() == [Place.SENDING, Place.ARCHIVE]
    assert site.in_archive() == [good.path], "nothing of it is left there"
    assert "is not what was recorded" in mover.problem
    assert mover.counts["altered"] == 1
    assert mover.round() is False, "it holds nobody up"


def test_a_file_that_somebody_protects_or_marks_meanwhile_keeps_that(site: ArchivedSite) -> None:
    one = site.add(48)
    site.move()
    assert site.index.protect(EVERYTHING, "gate", one.start_s, one.end_s, on=True) == 1
    site.index.add([], [("gate", (one.start_s, one.end_s))])
    (found,) = site.listed()
    assert (found.protected, found.has_event, found.place) == (True, True, Place.ARCHIVE)


STEPS = ["begin", "put", "put-after", "step-sending", "step-both", "step-archive", "local-remove", "remove", "forget"]


class Killed(BaseException):
    """As good as kill -9: nothing behind it runs but what the language itself does."""


@pytest.mark.parametrize("at", STEPS)
def test_cut_off_at_any_step_it_goes_on(site: ArchivedSite, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, gone = site.add(48), site.add(31 * 24)
    site.archive.begin(is_new=True)
    site.rows.step(site.listed()[:1], Place.HERE, Place.SENDING)
    site.retain()  # too old for both, and something of it may be there
    mover = site.mover()

    def kill(*_: Any, **__: Any) -> Any:
        raise Killed

    archive, rows = mover._archive, mover._rows
    if at == "put-after":
        put = archive.put
        monkeypatch.setattr(archive, "put", lambda *args: (put(*args), kill()))
    elif at.startswith("step-"):
        step = rows.step
        after = Place(at.removeprefix("step-"))
        monkeypatch.setattr(rows, "step", lambda batch, before, to: kill() if to is after and batch else step(batch, before, to))
    elif at == "local-remove":
        monkeypatch.setattr(mover._folder, "remove", kill)
    else:
        monkeypatch.setattr(rows if at == "forget" else archive, at, kill)
    with pytest.raises(Killed):
        mover.round()
    monkeypatch.undo()
    assert kept.path in {*site.on_disk(), *site.in_archive()}
    assert [one.path for one in site.listed()] == [kept.path], "who looks at it sees it all the time, and not what is to go"
    site.move()
    assert (site.places(), site.on_disk(), site.in_archive()) == ([Place.ARCHIVE], [], [kept.path])
    assert gone.path not in site.in_archive()
    assert site.rows.at(Place.GOING, 10) == []


_MOVER = """
import sys
from pathlib import Path
from panops.config.archive_schema import ArchiveConfig
from panops.storage.database import Database
from panops.storage.tables import recordings
from panops.testing.fake_clock import FakeClock
from tests.unit.storage.archived_site import ArchivedSite
home, second, now_s = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
with Database.at(home) as database:
    site = ArchivedSite(home / "recordings", database, FakeClock(now_s), ArchiveConfig(folder=second, min_free_gib=0))
    print("begins", flush=True)
    site.move()
print("done", flush=True)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again_loses_nothing(tmp_path: Path, clock: FakeClock) -> None:
    chance = random.Random(3)
    (tmp_path / "second").mkdir()
    config = ArchiveConfig(folder=str(tmp_path / "second"), min_free_gib=0)
    with Database.at(tmp_path) as database:
        site = ArchivedSite(tmp_path / "recordings", database, clock, config)
        files = [site.add(48 + number / 10, size=1_500_000) for number in range(120)]
        kills = 0
        for _ in range(40):
            command = [sys.executable, "-c", _MOVER, str(tmp_path), config.folder, str(clock.now_s)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "begins\n"
                time.sleep(chance.uniform(0.0, 0.25))
                process.send_signal(signal.SIGKILL)
                ended = process.stdout.read() == "done\n"
            assert {*site.on_disk(), *site.in_archive()} == {one.path for one in files}
            if ended:
                break
            kills += 1
        site.move()
        assert kills >= 3
        assert site.on_disk() == []
        assert set(site.places()) == {Place.ARCHIVE}
        assert all(site.is_whole(one) for one in files)


def test_an_archive_that_is_away_loses_nothing(folder_site: ArchivedSite, tmp_path: Path) -> None:
    site = folder_site
    first, second = site.add(50), site.add(49)
    site.move()
    (tmp_path / "second").rename(tmp_path / "unmounted")
    third = site.add(48)
    with pytest.raises(ArchiveAway, match="mount its disk"):
        site.move()
    (tmp_path / "second").mkdir()  # the empty place where its disk is mounted
    with pytest.raises(ArchiveAway, match=MARK):
        site.move()
    with pytest.raises(ArchiveAway):
        site.archive.read(first.path, 0, 10)
    assert (site.places(), site.on_disk()) == ([Place.ARCHIVE, Place.ARCHIVE, Place.HERE], [third.path])
    (tmp_path / "second").rmdir()
    (tmp_path / "unmounted").rename(tmp_path / "second")
    site.move()
    assert site.in_archive() == [first.path, second.path, third.path]


def test_a_store_that_is_stopped_is_away_and_names_no_key(store: S3Server, tmp_path: Path, database: Database, clock: FakeClock) -> None:
    nobody = store.make("b-gone").model_copy(update={"endpoint": "http://127.0.0.1:9"})
    site = ArchivedSite(tmp_path / "recordings", database, clock, nobody)
    one = site.add(48)
    with pytest.raises(ArchiveAway) as told:
        site.move()
    assert "test-secret" not in str(told.value)
    assert "b-gone" in str(told.value)
    assert (site.places(), site.on_disk()) == ([Place.HERE], [one.path])


def test_a_bucket_that_is_not_there_says_so(store: S3Server) -> None:
    config = store.make("b-there").model_copy(update={"bucket": "b-not-there"})
    with pytest.raises(ArchiveAway, match="make the bucket"):
        open_archive(config).begin(is_new=True)
    with pytest.raises(NotInArchive):
        open_archive(store.make("b-there-2")).read("gate/none.mp4", 0, 3)


def test_two_sites_share_a_bucket_by_their_prefix(store: S3Server, tmp_path: Path, database: Database, clock: FakeClock) -> None:
    config = store.make("b-shared", prefix="one/recordings")
    site = ArchivedSite(tmp_path / "recordings", database, clock, config)
    one = site.add(48)
    site.move()
    assert f"<Key>one/recordings/{one.path}</Key>".encode() in store.ask("b-shared?list-type=2")
    assert open_archive(config.model_copy(update={"prefix": "two"})).sizes("gate") == {}


def test_a_full_archive_stops_moving_and_goes_on_when_there_is_room(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    with small_disk_at(tmp_path / "small", 4) as disk:
        config = ArchiveConfig(folder=str(disk), min_free_gib=0)
        site = ArchivedSite(tmp_path / "recordings", database, clock, config)
        files = [site.add(60 - number, size=1_500_000) for number in range(4)]
        with pytest.raises(StorageFull):
            site.move()
        assert len(site.in_archive()) == 2
        assert {*site.on_disk(), *site.in_archive()} == {one.path for one in files}
        assert list(disk.rglob(".*.part")) == [], "half a file is no use"
        site.config = site.config.model_copy(update={"archive": config.model_copy(update={"min_free_gib": 2_000_000 / GIB})})
        for _ in range(3):
            with suppress(StorageFull):
                site.move()
        assert site.on_disk() == []
        assert [one.path for one in site.listed()] == site.in_archive()
        assert files[-1].path in site.in_archive()


def test_rows_and_archive_are_put_in_step(site: ArchivedSite) -> None:
    lost, kept, old = site.add(50), site.add(49), site.add(48)
    site.move()
    site.archive.remove([lost.path])
    # As after a backup of before the move was restored: the row says `here`, the file is gone from there.
    (row,) = [one for one in site.listed() if one.path == old.path]
    with site.database.session() as connection:
        changed = update(recordings).where(recordings.c.segment_id == row.segment_id)
        connection.execute(changed.values(place="here", missing=True))
    assert site.mover().look_through() == (1, 0)
    assert [one.path for one in site.listed()] == [kept.path, old.path]
    assert site.places() == [Place.ARCHIVE, Place.ARCHIVE]
    assert site.mover().look_through() == (1, 0)


def test_pace_is_an_average_and_ends_at_once() -> None:
    now_s, stopped, waits = [100.0], threading.Event(), []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        now_s[0] += seconds

    pace = Pace(1000.0, stopped, lambda: now_s[0], wait)
    for _ in range(5):
        pace.spend(500)
    assert sum(waits) == pytest.approx(2.0)
    stopped.set()
    with pytest.raises(Stopped):
        pace.spend(1)


def test_being_told_to_stop_leaves_what_is_half_sent(site: ArchivedSite) -> None:
    one = site.add(48, size=3 * PART_BYTES)
    stopped = threading.Event()
    site.pace = Pace(1.0, stopped, wait=lambda _: stopped.set())
    with pytest.raises(Stopped):
        site.move()
    assert (site.places(), site.on_disk(), site.in_archive()) == ([Place.SENDING], [one.path], [])
    site.pace = Pace()
    site.move()
    assert site.in_archive() == [one.path]


def test_the_forecast_tells_of_both_places(
    tmp_path: Path, database: Database, clock: FakeClock, make: Callable[..., ArchiveConfig]
) -> None:
    site = ArchivedSite(tmp_path / "recordings", database, clock, make(after_hours=12, days=30))
    for hours in range(1, 24):
        site.add(hours, size=10_000)
    site.move()
    forecast = site.retain()
    gate = forecast.cameras["gate"]
    assert (gate.totals.size_bytes, gate.totals.archived_bytes) == (120_000, 110_000)
    assert (gate.days, gate.limited_by) == (0.5, "recording.archive.after_hours")
    assert (gate.archive_days, gate.archive_limited_by) == (30.0, "recording.archive.days")
    site.config = replace_archive(site, max_gib=230_000 / GIB)
    gate = site.retain().cameras["gate"]
    assert gate.archive_days == pytest.approx(0.5 + 1.0, rel=0.1)
    assert gate.archive_limited_by == "recording.archive.max_gib"


def replace_archive(site: ArchivedSite, **settings: object) -> Any:
    assert site.config.archive is not None
    return site.config.model_copy(update={"archive": site.config.archive.model_copy(update=settings)})


def test_the_settings_name_one_place_with_its_keys() -> None:
    for bad, why in [
        ({}, "either a `folder` or a `bucket`"),
        ({"folder": "/a", "bucket": "abc"}, "either a `folder` or a `bucket`"),
        ({"folder": "a"}, "absolute"),
        ({"bucket": "abc"}, "needs `access_key` and `secret_key`"),
        ({"bucket": "abc", "access_key": "a", "secret_key": "b", "endpoint": "https://a:b@c.example"}, "without a login"),
        ({"bucket": "../x", "access_key": "a", "secret_key": "b"}, "bucket's name"),
        ({"bucket": "abc", "access_key": "a", "secret_key": "b", "prefix": "../x"}, "prefix"),
    ]:
        with pytest.raises(ValueError, match=why):
            ArchiveConfig.model_validate(bad)


def test_a_folder_that_leads_out_is_not_followed(folder_site: ArchivedSite, tmp_path: Path) -> None:
    (tmp_path / "second" / "gate").symlink_to(tmp_path)
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    folder_site.archive.begin(is_new=True)
    with pytest.raises(NotInArchive):
        folder_site.archive.read("gate/secret.mp4", 0, 6)
