"""Second factors: an authenticator app for each user who wants or needs one, and recovery codes for when the phone is lost."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, select, update

from panops.domain.clock import Clock
from panops.storage import totp
from panops.storage.database import Database
from panops.storage.errors import AccountRefused
from panops.storage.tables import recovery_codes, second_factors

RECOVERY_CODES = 10
_SPACES = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What is known of somebody's second factor.

    Attributes:
        since_s: Since when it counts, UTC s.
        codes_left: How many recovery codes were not used yet.
    """

    since_s: float
    codes_left: int


class SecondFactors:
    """The second factors in the database. Used by any number of threads.

    An app's secret is stored as it is, for codes are computed from it; of recovery codes only the sha256 is.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use an opened database."""
        self._database = database
        self._clock = clock

    def of(self, username: str) -> SecondFactor | None:
        """Somebody's second factor; None where there is none that counts."""
        with self._database.reading() as connection:
            key = (second_factors.c.username == username) & second_factors.c.confirmed
            row = connection.execute(select(second_factors).where(key)).first()
            if row is None:
                return None
            left = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.username == username)
            return SecondFactor(row.created_at_s, int(connection.execute(left).scalar_one()))

    def begin(self, username: str) -> str:
        """Make a secret for somebody's app; it counts once `confirm` saw a code of it.

        Raises:
            AccountRefused: There is a second factor already.
        """
        secret = totp.new_secret()
        with self._database.session() as connection:
            key = second_factors.c.username == username
            if connection.execute(select(second_factors.c.username).where(key, second_factors.c.confirmed)).first() is not None:
                raise AccountRefused("there is a second factor already; take it away first")
            connection.execute(delete(second_factors).where(key))
            values = {"secret": secret, "confirmed": False, "last_step": 0, "created_at_s": self._clock.utc_s()}
            connection.execute(insert(second_factors).values(username=username, **values))
        return secret

    def confirm(self, username: str, code: str) -> tuple[str, ...] | None:
        """Let the secret of `begin` count, if the code is one of it.

        Returns:
            New recovery codes, which are shown this once; None when the code is wrong or there is nothing to confirm.
        """
        now_s = self._clock.utc_s()
        with self._database.session() as connection:
            key = (second_factors.c.username == username) & ~second_factors.c.confirmed
            row = connection.execute(select(second_factors).where(key).with_for_update()).first()
            step = totp.step_of(row.secret, _plain(code), now_s) if row is not None else None
            if step is None:
                return None
            connection.execute(update(second_factors).where(key).values(confirmed=True, last_step=step, created_at_s=now_s))
            return _new_codes(connection, username)

    def use(self, username: str, code: str) -> Literal["app", "recovery"] | None:
        """Use a code of the app or a recovery code up; None when it is wrong or was used before."""
        plain = _plain(code)
        with self._database.session() as connection:
            key = (second_factors.c.username == username) & second_factors.c.confirmed
            row = connection.execute(select(second_factors).where(key).with_for_update()).first()
            if row is None:
                return None
            step = totp.step_of(row.secret, plain, self._clock.utc_s())
            if step is not None:
                # One statement, so that of two who send the same code at once one is refused.
                newer = update(second_factors).where(key, second_factors.c.last_step < step).values(last_step=step)
                return "app" if connection.execute(newer).rowcount else None
            one = (recovery_codes.c.username == username) & (recovery_codes.c.code_sha256 == _hash(username, plain))
            return "recovery" if connection.execute(delete(recovery_codes).where(one)).rowcount else None

    def renew_codes(self, username: str) -> tuple[str, ...] | None:
        """New recovery codes in place of all earlier ones; None where there is no second factor."""
        with self._database.session() as connection:
            key = (second_factors.c.username == username) & second_factors.c.confirmed
            there = connection.execute(select(second_factors.c.username).where(key).with_for_update()).first()
            return _new_codes(connection, username) if there is not None else None

    def remove(self, username: str) -> bool:
        """Take a second factor and its recovery codes away; False when there was none that counted."""
        with self._database.session() as connection:
            return take_away(connection, username)


def take_away(connection: Connection, username: str) -> bool:
    """The same within a transaction."""
    key = second_factors.c.username == username
    counted = connection.execute(select(second_factors.c.username).where(key, second_factors.c.confirmed)).first() is not None
    connection.execute(delete(recovery_codes).where(recovery_codes.c.username == username))
    connection.execute(delete(second_factors).where(key))
    return counted


def _new_codes(connection: Connection, username: str) -> tuple[str, ...]:
    # 80 bits each: as hard to guess from their hash as from outside, without salt or stretching.
    plain = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY_CODES)]
    connection.execute(delete(recovery_codes).where(recovery_codes.c.username == username))
    connection.execute(insert(recovery_codes), [{"username": username, "code_sha256": _hash(username, code)} for code in plain])
    return tuple("-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in plain)


def _plain(code: str) -> str:
    return _SPACES.sub("", code).upper()


def _hash(username: str, code: str) -> str:
    return hashlib.sha256(f"{username}\n{code}".encode("utf-8", "replace")).hexdigest()
