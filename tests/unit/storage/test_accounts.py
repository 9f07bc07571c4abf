from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from panops.storage.accounts import TOKEN_PREFIX, Accounts, SessionLimits, User
from panops.storage.credentials import ScryptCost, hash_password, password_fits
from panops.storage.database import Database
from panops.storage.errors import AccountRefused, NotFound
from panops.storage.scope import Role, Scope
from panops.testing.fake_clock import FakeClock

from .makers import START_S

CHEAP = ScryptCost(n=16, r=1, p=1)
PASSWORD = "correct horse"


@pytest.fixture
def accounts(database: Database, clock: FakeClock) -> Accounts:
    return Accounts(database, clock, CHEAP)


@pytest.fixture
def eva(accounts: Accounts) -> User:
    return accounts.create_user("Eva", PASSWORD, Role.ADMIN)


def test_a_user_signs_in_with_the_right_password_only(accounts: Accounts, eva: User) -> None:
    assert eva == User("eva", Role.ADMIN, None, START_S)
    assert accounts.verify("eva", PASSWORD) == accounts.verify("EVA", PASSWORD) == eva
    for username, password in (("eva", "wrong horse"), ("eva", ""), ("tom", PASSWORD), ("", ""), ("eva\x00", PASSWORD), ("é", PASSWORD)):
        assert accounts.verify(username, password) is None
    assert accounts.verify("eva", PASSWORD + "\x00") is None
    assert accounts.verify("eva", "x" * 10_000) is None


def test_the_default_cost_is_what_the_docs_say_and_works() -> None:
    stored = hash_password(PASSWORD, ScryptCost())
    assert stored.startswith("scrypt$32768$8$1$")
    assert password_fits(PASSWORD, stored)
    assert not password_fits("wrong horse", stored)
    assert stored != hash_password(PASSWORD, ScryptCost()), "salted"


@pytest.mark.parametrize("stored", ["", "scrypt", "md5$1$2$3$4$5", "scrypt$a$b$c$d$e", "scrypt$16$1$1$!$!", "scrypt$3$1$1$AAAA$AAAA"])
def test_a_damaged_hash_fits_nothing(stored: str) -> None:
    assert not password_fits(PASSWORD, stored)


def test_an_unknown_user_takes_as_long_as_a_known_one(database: Database, clock: FakeClock) -> None:
    accounts = Accounts(database, clock, ScryptCost(n=2**12))
    accounts.create_user("eva", PASSWORD, Role.ADMIN)
    accounts.verify("nobody", "warms up")

    def best_of(username: str) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            assert accounts.verify(username, "wrong horse") is None
            times.append(time.perf_counter() - began)
        return min(times)

    known, unknown = best_of("eva"), best_of("nobody")
    # Without the dummy hash the unknown user answers more than ten times faster.
    assert unknown > known / 3


def test_a_hash_of_another_cost_is_renewed_at_sign_in(database: Database, clock: FakeClock, accounts: Accounts, eva: User) -> None:
    dearer = Accounts(database, clock, ScryptCost(n=32, r=1, p=1))
    assert dearer.verify("eva", "wrong horse") is None
    assert dearer.verify("eva", PASSWORD) == eva
    with database.reading() as connection:
        assert connection.execute(text("SELECT password FROM users")).scalar_one().startswith("scrypt$32$1$1$")
    assert dearer.verify("eva", PASSWORD) == eva


@pytest.mark.parametrize("username", ["", " ", "a b", "-eva", "x" * 65, "ëva", "eva\n", "<b>"])
def test_names_that_are_none(accounts: Accounts, username: str) -> None:
    with pytest.raises(AccountRefused, match="expected a user name"):
        accounts.create_user(username, PASSWORD, Role.VIEWER)


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_passwords_that_are_too_short_or_long_are_not_repeated(accounts: Accounts, password: str) -> None:
    with pytest.raises(AccountRefused, match="expected a password of 8 to 1024 characters") as caught:
        accounts.create_user("eva", password, Role.VIEWER)
    assert not password or password not in str(caught.value)
    assert accounts.count() == 0


def test_a_name_is_taken_once_whatever_its_case(accounts: Accounts, eva: User) -> None:
    with pytest.raises(AccountRefused, match="already"):
        accounts.create_user("EVA", PASSWORD, Role.VIEWER)
    assert accounts.count() == 1


def test_only_one_becomes_the_first_admin(tmp_path: Path, clock: FakeClock) -> None:
    with Database.at(tmp_path, busy_timeout_s=30) as database:
        accounts = Accounts(database, clock, CHEAP)
        results: list[str] = []

        def claim(name: str) -> None:
            try:
                results.append(accounts.create_first_admin(name, PASSWORD).username)
            except AccountRefused as error:
                results.append(str(error).split(":", 1)[0])

        threads = [threading.Thread(target=claim, args=(f"u{index}",)) for index in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert accounts.count() == 1
        assert results.count("panops is set up already") == 5


def test_the_last_admin_stays(accounts: Accounts, eva: User) -> None:
    accounts.create_user("tom", PASSWORD, Role.OPERATOR)
    for act in (lambda: accounts.change("eva", role=Role.VIEWER, cameras=None), lambda: accounts.delete_user("eva")):
        with pytest.raises(AccountRefused, match="last admin"):
            act()
    accounts.change("tom", role=Role.ADMIN, cameras=None)
    accounts.change("eva", role=Role.VIEWER, cameras=None)
    accounts.delete_user("eva")
    assert [user.username for user in accounts.users()] == ["tom"]


@pytest.mark.parametrize("act", ["set_password", "change", "delete_user"])
def test_who_is_not_there_cannot_be_changed(accounts: Accounts, eva: User, act: str) -> None:
    arguments = {"set_password": {"password": PASSWORD}, "change": {"role": Role.VIEWER, "cameras": None}, "delete_user": {}}[act]
    with pytest.raises(NotFound):
        getattr(accounts, act)("nobody", **arguments)


def test_a_change_is_made_whole_or_not_at_all(accounts: Accounts, eva: User) -> None:
    tom = accounts.create_user("tom", PASSWORD, Role.OPERATOR, ["gate"])
    token = accounts.open_session(tom)
    with pytest.raises(AccountRefused, match="a password of 8"):
        accounts.change("tom", role=Role.ADMIN, cameras=None, password="short")
    with pytest.raises(AccountRefused, match="last admin"):
        accounts.change("eva", role=Role.VIEWER, cameras=["gate"], password="another password")
    assert accounts.user("tom") == tom
    assert accounts.session(token) == tom
    assert accounts.user("eva") == eva
    assert accounts.verify("eva", "another password") is None
    accounts.change("Tom", role=Role.VIEWER, cameras=["yard"], password="another password")
    assert accounts.verify("tom", "another password") == User("tom", Role.VIEWER, frozenset({"yard"}), START_S)
    assert accounts.session(token) is None, "a new password ends the sessions"


def test_cameras_and_role_make_the_scope_and_hold_at_once_in_open_sessions(accounts: Accounts, eva: User) -> None:
    tom = accounts.create_user("tom", PASSWORD, Role.OPERATOR, {"gate", "yard"})
    assert tom.scope == Scope(Role.OPERATOR, frozenset({"gate", "yard"}))
    token = accounts.open_session(tom)
    accounts.change("tom", role=Role.VIEWER, cameras=[])
    found = accounts.session(token)
    assert found is not None
    assert found.scope == Scope(Role.VIEWER, frozenset())
    accounts.change("tom", role=Role.VIEWER, cameras=None)
    assert accounts.user("TOM") == User("tom", Role.VIEWER, None, START_S)
    assert accounts.user("nobody") is None


def test_a_session_slides_while_it_is_used_and_ends_when_it_is_not(accounts: Accounts, eva: User, clock: FakeClock) -> None:
    token = accounts.open_session(eva)
    for _ in range(5):
        clock.now_s += SessionLimits().idle_s - 10
        assert accounts.session(token) == eva
    clock.now_s += SessionLimits().idle_s + 1
    assert accounts.session(token) is None
    assert accounts.sessions(eva) == ()


def test_using_a_session_writes_at_most_once_an_hour(accounts: Accounts, eva: User, clock: FakeClock) -> None:
    token = accounts.open_session(eva)
    for _ in range(10):
        clock.now_s += 300
        accounts.session(token)
    assert accounts.sessions(eva)[0].seen_at_s == START_S
    clock.now_s += 900
    accounts.session(token)
    assert accounts.sessions(eva)[0].seen_at_s == clock.now_s


def test_signing_out_and_ending_other_sessions(accounts: Accounts, eva: User) -> None:
    first, second, third = (accounts.open_session(eva) for _ in range(3))
    accounts.close_session(first)
    accounts.close_session("unknown")
    assert accounts.session(first) is None
    assert len(accounts.sessions(eva)) == 2
    names = [info.session_id for info in accounts.sessions(eva)]
    assert accounts.close_sessions(eva, names[0]) == 1
    assert sum(accounts.session(token) is not None for token in (second, third)) == 1
    assert accounts.close_sessions(eva) == 1
    assert accounts.sessions(eva) == ()


def test_a_new_password_ends_all_sessions_but_the_one_that_set_it(accounts: Accounts, eva: User) -> None:
    mine, stolen = accounts.open_session(eva), accounts.open_session(eva)
    accounts.set_password("eva", "battery staple", keep_session=mine)
    assert accounts.session(mine) == eva
    assert accounts.session(stolen) is None
    assert accounts.verify("eva", PASSWORD) is None
    assert accounts.verify("eva", "battery staple") == eva


def test_deleting_a_user_ends_their_sessions(accounts: Accounts, eva: User) -> None:
    tom = accounts.create_user("tom", PASSWORD, Role.VIEWER)
    token = accounts.open_session(tom)
    accounts.delete_user("tom")
    assert accounts.session(token) is None
    with pytest.raises(NotFound):
        accounts.open_session(tom)


def test_tokens_of_programs(accounts: Accounts, clock: FakeClock) -> None:
    token = accounts.create_token("home assistant", Role.VIEWER, ["gate"])
    assert token.startswith(TOKEN_PREFIX)
    found = accounts.token(token)
    assert found is not None
    assert found.scope == Scope(Role.VIEWER, frozenset({"gate"}))
    assert accounts.tokens()[0].used_at_s == START_S
    assert accounts.token(token + "x") is accounts.token("") is accounts.token("\ud800") is None
    with pytest.raises(AccountRefused, match="already"):
        accounts.create_token("home assistant", Role.ADMIN)
    with pytest.raises(AccountRefused, match="expected a token name"):
        accounts.create_token("", Role.ADMIN)
    assert accounts.revoke("home assistant")
    assert not accounts.revoke("home assistant")
    assert accounts.token(token) is None


def test_no_password_or_token_is_in_the_database(accounts: Accounts, eva: User, home: Path, database: Database) -> None:
    secrets = [PASSWORD, accounts.open_session(eva), accounts.create_token("t", Role.VIEWER)]
    database.close()
    data = (home / "panops.db").read_bytes()
    assert b"eva" in data
    assert not [secret for secret in secrets if secret.removeprefix(TOKEN_PREFIX).encode() in data]
