from __future__ import annotations

import base64

import pytest

from panops.storage import totp
from panops.storage.accounts import Accounts
from panops.storage.credentials import ScryptCost
from panops.storage.database import Database
from panops.storage.errors import AccountRefused
from panops.storage.scope import Role
from panops.storage.second_factor import RECOVERY_CODES, SecondFactors
from panops.storage.tables import recovery_codes
from panops.testing.fake_clock import FakeClock

# RFC 6238, appendix B, SHA-1: the moment in s and its eight digits.
VECTORS = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(("at_s", "code"), VECTORS)
def test_the_codes_of_the_rfc(at_s: int, code: str) -> None:
    assert totp.code_at(RFC_SECRET, at_s // totp.STEP_S, 8) == code
    assert totp.code_at(RFC_SECRET, at_s // totp.STEP_S) == code[2:]
    assert totp.step_of(RFC_SECRET, code[2:], at_s) == at_s // totp.STEP_S


def test_the_code_before_and_the_one_after_count_and_no_others() -> None:
    now = 1_000_000
    fits = [totp.step_of(RFC_SECRET, totp.code_at(RFC_SECRET, now + away), now * totp.STEP_S + 3.0) for away in (-2, -1, 0, 1, 2)]
    assert fits == [None, now - 1, now, now + 1, None]
    assert totp.step_of(RFC_SECRET, "", 1e9) is None
    assert totp.step_of(RFC_SECRET, "१२३४५६", 1e9) is None


@pytest.fixture
def factors(database: Database, clock: FakeClock) -> SecondFactors:
    Accounts(database, clock, ScryptCost(n=4, r=1)).create_user("ada", "a good password", Role.ADMIN)
    return SecondFactors(database, clock)


def code(secret: str, clock: FakeClock) -> str:
    return totp.code_at(secret, int(clock.utc_s() // totp.STEP_S))


def test_from_the_secret_to_a_lost_phone(factors: SecondFactors, clock: FakeClock, database: Database) -> None:
    secret = factors.begin("ada")
    assert factors.of("ada") is None, "it does not count before a code of it was seen"
    assert factors.use("ada", code(secret, clock)) is None
    assert factors.confirm("ada", "000000" if code(secret, clock) != "000000" else "111111") is None
    codes = factors.confirm("ada", code(secret, clock))
    assert codes is not None
    assert len(set(codes)) == RECOVERY_CODES
    assert factors.use("ada", code(secret, clock)) is None, "the code that confirmed it is used up"
    clock.now_s += totp.STEP_S
    late = code(secret, clock)
    assert factors.use("ada", f" {late[:3]} {late[3:]} ") == "app"
    assert factors.use("ada", late) is None, "no code counts twice"
    clock.now_s += totp.STEP_S
    assert factors.use("ada", late) is None, "also not in the window after it"
    assert factors.use("ada", codes[0].lower()) == "recovery"
    assert factors.use("ada", codes[0]) is None
    found = factors.of("ada")
    assert found is not None
    assert found.codes_left == RECOVERY_CODES - 1
    with database.reading() as connection:
        stored = str(connection.execute(recovery_codes.select()).all())
    assert not any(one.replace("-", "") in stored or one in stored for one in codes)
    fresh = factors.renew_codes("ada")
    assert fresh is not None
    assert factors.use("ada", codes[1]) is None
    assert factors.use("ada", fresh[1]) == "recovery"
    with pytest.raises(AccountRefused, match="already"):
        factors.begin("ada")
    assert factors.remove("ada")
    assert not factors.remove("ada")
    assert factors.of("ada") is None
    assert factors.use("ada", fresh[2]) is None


def test_codes_of_one_are_not_those_of_another(factors: SecondFactors, clock: FakeClock, database: Database) -> None:
    Accounts(database, clock, ScryptCost(n=4, r=1)).create_user("eve", "a good password", Role.VIEWER)
    codes = factors.confirm("ada", code(factors.begin("ada"), clock))
    factors.confirm("eve", code(factors.begin("eve"), clock))
    assert codes is not None
    assert factors.use("eve", codes[0]) is None
    assert factors.use("ada", codes[0]) == "recovery"
