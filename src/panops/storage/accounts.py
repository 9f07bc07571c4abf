"""Users, with their sessions and the bearer tokens for programs."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from panops.domain.clock import Clock
from panops.storage.account_records import Origin, SessionInfo, TokenInfo, User, cameras_of, pack, user_of
from panops.storage.credentials import ScryptCost, dummy_hash, hash_password, needs_rehash, password_fits, token_hash
from panops.storage.database import Database
from panops.storage.errors import AccountRefused, NotFound
from panops.storage.password_rules import LONGEST_PASSWORD, SHORTEST_PASSWORD, check_password
from panops.storage.scope import Role
from panops.storage.sessions import SessionLimits, Sessions
from panops.storage.tables import recovery_codes, second_factors, sessions, tokens, users
from panops.storage.tokens import TOKEN_PREFIX, USER_ROWS, Tokens, one_at_a_time

__all__ = [
    "LONGEST_PASSWORD", "SHORTEST_PASSWORD", "TOKEN_PREFIX", "Accounts", "Origin", "SessionInfo", "SessionLimits", "TokenInfo", "User",
    "check_password",
]  # fmt: skip

_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")


class Accounts(Sessions, Tokens):
    """Users, sessions and tokens in the database. Used by any number of threads.

    Args:
        database: An opened database.
        clock: What time it is.
        cost: How hard password hashes are; hashes of another cost are renewed when their user signs in.
        limits: How long sign-ins last.
    """

    def __init__(self, database: Database, clock: Clock, cost: ScryptCost | None = None, limits: SessionLimits | None = None) -> None:
        """Use an opened database."""
        self._database = database
        self._clock = clock
        self._cost = cost or ScryptCost()
        self.limits = limits or SessionLimits()

    def create_user(
        self, username: str, password: str, role: Role, cameras: Collection[str] | None = None, groups: Collection[str] | None = None
    ) -> User:
        """Add a user.

        Args:
            username: 1 to 64 letters, digits and `_ . @ -`; upper and lower case are the same.
            password: At least 8 characters, and not one of the first that are guessed.
            role: What they may do.
            cameras: The cameras they may see; with `groups` None too, all.
            groups: The groups whose cameras they may see, also those that are added to a group later.

        Raises:
            AccountRefused: The name is taken or wrong, or the password too short or too common.
        """
        return self._create(username, password, role, cameras, groups, only_first=False)

    def create_first_admin(self, username: str, password: str) -> User:
        """Add the first user, an admin.

        Raises:
            AccountRefused: There is a user already (somebody else was first), or see `create_user`.
        """
        return self._create(username, password, Role.ADMIN, None, None, only_first=True)

    def verify(self, username: str, password: str) -> User | None:
        """The user, when the password is right. Takes equally long for a user that does not exist."""
        with self._database.reading() as connection:
            row = connection.execute(USER_ROWS.where(users.c.username == username.lower(), users.c.origin == Origin.LOCAL)).first()
            found = user_of(connection, row) if row is not None else None
        stored = row.password if row is not None else dummy_hash(self._cost)
        if not password_fits(password[: LONGEST_PASSWORD + 1], stored) or row is None:
            return None
        if needs_rehash(stored, self._cost):
            with self._database.session() as connection:
                key = (users.c.username == row.username) & (users.c.password == stored)
                connection.execute(update(users).where(key).values(password=hash_password(password, self._cost)))
        return found

    def set_password(self, username: str, password: str, keep_session: str | None = None) -> None:
        """Change a password and end the user's own tokens and sessions, except the session of the token `keep_session`.

        Raises:
            NotFound: No such user.
            AccountRefused: The password does not do, or the user signs in elsewhere.
        """
        name, hashed = username.lower(), hash_password(check_password(password, username), self._cost)
        with self._database.session() as connection:
            _refuse_outsiders(connection, name)
            self._change(connection, name, {"password": hashed})
            end_access(connection, name, keep_session)

    def change(
        self,
        username: str,
        *,
        role: Role,
        cameras: Collection[str] | None,
        groups: Collection[str] | None = None,
        password: str | None = None,
    ) -> None:
        """Change all of a user's rights, and the password where one is given, or nothing at all.

        Open sessions have the new rights from now on; a new password ends them, and the user's own tokens.

        Raises:
            NotFound: No such user.
            AccountRefused: The password does not do, the last admin would become less, or the user signs in elsewhere.
        """
        name, values = username.lower(), {"role": role.value, "cameras": pack(cameras), "groups": pack(groups)}
        if password is not None:
            values["password"] = hash_password(check_password(password, username), self._cost)
        with self._database.session() as connection:
            if password is not None:
                _refuse_outsiders(connection, name)
            if role is not Role.ADMIN:
                _keep_an_admin(connection, name)
            self._change(connection, name, values)
            if password is not None:
                end_access(connection, name)

    def end_access(self, user: User) -> tuple[int, int]:
        """End all of a user's sessions and own tokens; how many of each were ended."""
        with self._database.session() as connection:
            return end_access(connection, user.username)

    def shut_out(self, origin: Origin, subject: str) -> bool:
        """End the sessions and own tokens of whom somebody else no longer vouches for; False where there were none."""
        key = (users.c.origin == origin.value) & (users.c.subject == subject)
        with self._database.reading() as connection:
            name = connection.execute(select(users.c.username).where(key)).scalar()
            held = (select(sessions.c.username).where(sessions.c.username == name), select(tokens.c.name).where(tokens.c.owner == name))
            if name is None or not any(connection.execute(query.limit(1)).first() for query in held):
                return False
        with self._database.session() as connection:
            return any(end_access(connection, name))

    def delete_user(self, username: str) -> None:
        """Remove a user, their own tokens and second factor, and end their sessions.

        Raises:
            NotFound: No such user.
            AccountRefused: The last admin cannot go.
        """
        name = username.lower()
        with self._database.session() as connection:
            _keep_an_admin(connection, name)
            for table in (sessions, second_factors, recovery_codes):
                connection.execute(delete(table).where(table.c.username == name))
            connection.execute(delete(tokens).where(tokens.c.owner == name))
            if connection.execute(delete(users).where(users.c.username == name)).rowcount == 0:
                raise NotFound(f"no user {username!r}")

    def outsider(self, origin: Origin, subject: str, username: str, role: Role, groups: Collection[str] | None) -> User:
        """The user whom somebody else vouches for, made or changed to what they say now.

        Args:
            origin: Who vouches.
            subject: Their word for the person, which never changes.
            username: What the person is called here.
            role: What they may do.
            groups: The groups whose cameras they may see; None: all.

        Raises:
            AccountRefused: The name is not one, or belongs to somebody else: an account here is never taken over from outside.
        """
        if not _USERNAME.fullmatch(username):
            raise AccountRefused(f"expected a user name of 1 to 64 letters, digits and `_ . @ -`, got {username[:80]!r}")
        name, limited = username.lower(), None if role is Role.ADMIN else pack(groups)
        wanted = {"role": role.value, "cameras": None, "groups": limited, "origin": origin.value, "subject": subject}
        with self._database.reading() as connection:
            row = connection.execute(USER_ROWS.where(users.c.username == name)).first()
            found = user_of(connection, row) if row is not None else None
        if row is not None and (row.origin, row.subject) != (origin.value, subject):
            raise AccountRefused(f"the name {name!r} belongs to another account here; an administrator can remove or rename one of them")
        if found is not None and all(getattr(row, key) == value for key, value in wanted.items()):
            return found
        with self._database.session() as connection:
            one_at_a_time(connection)
            key = (users.c.username == name) & (users.c.origin == origin.value) & (users.c.subject == subject)
            if connection.execute(update(users).where(key).values(wanted)).rowcount == 0:
                if connection.execute(select(users.c.username).where(users.c.username == name)).first() is not None:
                    raise AccountRefused(f"the name {name!r} belongs to another account here")
                connection.execute(insert(users).values(username=name, password="", created_at_s=self._clock.utc_s(), **wanted))
            return user_of(connection, connection.execute(USER_ROWS.where(users.c.username == name)).one())

    def users(self) -> tuple[User, ...]:
        """Every user, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(USER_ROWS.order_by(users.c.username)).all()
            return tuple(user_of(connection, row) for row in rows)

    def user(self, username: str) -> User | None:
        """One user, or None."""
        with self._database.reading() as connection:
            row = connection.execute(USER_ROWS.where(users.c.username == username.lower())).first()
            return user_of(connection, row) if row is not None else None

    def count(self) -> int:
        """How many users there are whom nobody else vouches for; 0 means that nobody has set panops up yet."""
        with self._database.reading() as connection:
            query = select(func.count()).select_from(users).where(users.c.origin == Origin.LOCAL.value)
            return int(connection.execute(query).scalar_one())

    def _create(
        self,
        username: str,
        password: str,
        role: Role,
        cameras: Collection[str] | None,
        groups: Collection[str] | None,
        *,
        only_first: bool,
    ) -> User:
        if not _USERNAME.fullmatch(username):
            raise AccountRefused(f"expected a user name of 1 to 64 letters, digits and `_ . @ -`, got {username[:80]!r}")
        name, hashed = username.lower(), hash_password(check_password(password, username), self._cost)
        limits = [None if one is None else frozenset(one) for one in (cameras, groups)]
        with self._database.session() as connection:
            one_at_a_time(connection)
            known = {row.username: row.origin for row in connection.execute(select(users.c.username, users.c.origin))}
            if only_first and Origin.LOCAL.value in known.values():
                raise AccountRefused("panops is set up already: sign in, or ask an admin for an account")
            if name in known:
                raise AccountRefused(f"there is a user {name!r} already")
            values = {"role": role.value, "cameras": pack(limits[0]), "groups": pack(limits[1]), "created_at_s": self._clock.utc_s()}
            connection.execute(insert(users).values(username=name, password=hashed, **values))
            through = cameras_of(connection, limits[1])
        return User(name, role, limits[0], float(values["created_at_s"] or 0.0), limits[1], through_groups=through)

    def _change(self, connection: Connection, name: str, values: dict[str, Any]) -> None:
        if connection.execute(update(users).where(users.c.username == name).values(values)).rowcount == 0:
            raise NotFound(f"no user {name!r}")


def _refuse_outsiders(connection: Connection, name: str) -> None:
    origin = connection.execute(select(users.c.origin).where(users.c.username == name)).scalar()
    if origin not in (None, Origin.LOCAL.value):
        raise AccountRefused(f"{name!r} signs in elsewhere and has no password here")


def end_access(connection: Connection, name: str, keep_session: str | None = None) -> tuple[int, int]:
    """End a user's sessions, but for that of a token, and their own tokens, within a transaction; how many of each."""
    kept = token_hash(keep_session) if keep_session else ""
    ended = connection.execute(delete(sessions).where(sessions.c.username == name, sessions.c.token_sha256 != kept)).rowcount
    return ended, connection.execute(delete(tokens).where(tokens.c.owner == name)).rowcount


def _keep_an_admin(connection: Connection, name: str) -> None:
    """Somebody must be able to change things when nobody else vouches for anybody: only accounts of our own count."""
    key = (users.c.role == Role.ADMIN.value) & (users.c.origin == Origin.LOCAL.value)
    admins = connection.execute(select(users.c.username).where(key).with_for_update()).scalars().all()
    if list(admins) == [name]:
        raise AccountRefused(f"{name!r} is the last admin; make somebody else an admin first")
