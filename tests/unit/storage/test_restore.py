"""Restoring real homes: earlier and newer programs, what was ended since, cut off, killed, on top of something."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from panops.domain.errors import PanopsError, StorageError
from panops.storage import schema
from panops.storage.accounts import Accounts
from panops.storage.audit import AuditLog
from panops.storage.backup import restoring
from panops.storage.backup.checking import check_home
from panops.storage.backup.restoring import restore
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.home_lock import only_one
from panops.storage.leases import Leases
from panops.storage.scope import Role
from panops.storage.second_factor import SecondFactors
from panops.storage.totp import STEP_S, code_at
from panops.testing.fake_clock import FakeClock

from .full_home import COUNT, add_events, back_up, filled_home, ids, put_back, silent, tree
from .makers import START_S
from .old_databases import make_old


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return filled_home(tmp_path / "site")


@pytest.fixture(autouse=True)
def no_disk_left_behind(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.glob(".*")), "neither parts nor copies of databases stay"


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
