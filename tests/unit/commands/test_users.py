"""The way back in for whoever lost phone and recovery codes: on this machine, noted, and everybody else is signed out."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.errors import PanopsError
from panops.storage.accounts import Accounts
from panops.storage.audit import AuditLog
from panops.storage.credentials import ScryptCost
from panops.storage.database import Database
from panops.storage.scope import Role
from panops.storage.second_factor import SecondFactors
from panops.storage.totp import STEP_S, code_at
from panops.testing.fake_clock import FakeClock

PASSWORD = "a good password"
NOW_S = 1_900_000_000.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    clock = FakeClock(NOW_S)
    with Database.at(tmp_path) as database:
        accounts = Accounts(database, clock, ScryptCost(2, 1, 1))
        for name in ("ada", "vera"):
            user = accounts.create_user(name, PASSWORD, Role.ADMIN)
            accounts.open_session(user)
        factors = SecondFactors(database, clock)
        assert factors.confirm("ada", code_at(factors.begin("ada"), int(NOW_S // STEP_S))) is not None
    return tmp_path


def reset(home: Path, name: str) -> str:
    result = CliRunner().invoke(app, ["users", "reset-second-factor", name, "--home", str(home)])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_the_factor_and_what_was_signed_in_go_and_the_password_stays(home: Path) -> None:
    assert "ada has no second factor any more; 1 sign-ins and 0 own tokens were ended" in reset(home, "ADA")
    clock = FakeClock(NOW_S)
    with Database.at(home) as database:
        accounts = Accounts(database, clock, ScryptCost(2, 1, 1))
        assert SecondFactors(database, clock).of("ada") is None
        assert accounts.verify("ada", PASSWORD) is not None
        assert [len(accounts.sessions(user)) for user in accounts.users()] == [0, 1]
        (entry,) = AuditLog(database).entries().entries
    assert (entry.user, entry.action, entry.target) == ("", "second_factor.reset", "ada")
    assert entry.detail["sessions"] == 1
    assert entry.detail["by"]


def test_what_cannot_be_noted_is_not_done(home: Path) -> None:
    with Database.at(home) as database, database.session() as connection:
        connection.execute(text("CREATE TRIGGER no BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the disk fails'); END"))
    with pytest.raises(IntegrityError):
        reset(home, "ada")
    clock = FakeClock(NOW_S)
    with Database.at(home) as database:
        accounts = Accounts(database, clock, ScryptCost(2, 1, 1))
        factor = SecondFactors(database, clock).of("ada")
        assert factor is not None
        assert factor.codes_left == 10
        assert [len(accounts.sessions(user)) for user in accounts.users()] == [1, 1]


@pytest.mark.parametrize(("name", "why"), [("vera", "vera has no second factor"), ("eva", "there is no user 'eva'; there is ada, vera")])
def test_where_there_is_nothing_to_reset_it_says_so(home: Path, name: str, why: str) -> None:
    with pytest.raises(PanopsError, match=why):
        reset(home, name)


def test_no_site_is_made_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(PanopsError, match="there is no site"):
        reset(tmp_path / "none", "ada")
    assert not (tmp_path / "none").exists()
