"""Users, their sessions, and bearer tokens for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from panops.domain.clock import Clock
from panops.storage.credentials import ScryptCost, dummy_hash, hash_password, needs_rehash, new_token, password_fits, token_hash
from panops.storage.database import Database
from panops.storage.errors import AccountRefused, NotFound
from panops.storage.scope import Role, Scope
from panops.storage.tables import sessions, site, tokens, users

SESSION_S = 14 * 86400.0
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024
TOKEN_PREFIX = "panops_"  # noqa: S105  not a secret: lets people and scanners recognise one

# A session's expiry slides at most this often, so that reading a page does not write to the database each time.
_SLIDE_S = 3600.0
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,63}")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can sign in.

    Attributes:
        username: Lower case.
        role: What they may do.
        cameras: The cameras they may see; None means all.
        created_at_s: Since when, UTC s.
    """

    username: str
    role: Role
    cameras: frozenset[str] | None = None
    created_at_s: float = 0.0

    @property
    def scope(self) -> Scope:
        """What they may see and do."""
        return Scope(self.role, self.cameras)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One sign-in of a user.

    Attributes:
        session_id: Names it without giving access.
        username: Whose.
        created_at_s: When they signed in, UTC s.
        seen_at_s: When it was last used, to the hour, UTC s.
        expires_at_s: When it ends unless it is used, UTC s.
    """

    session_id: str
    username: str
    created_at_s: float
    seen_at_s: float
    expires_at_s: float


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A program's access.

    Attributes:
        name: What it is called, unique.
        role: What it may do.
        cameras: The cameras it may see; None means all.
        created_at_s: Since when, UTC s.
        used_at_s: When it was last used, to the hour, UTC s, or None.
    """

    name: str
    role: Role
    cameras: frozenset[str] | None
    created_at_s: float
    used_at_s: float | None

    @property
    def scope(self) -> Scope:
        """What it may see and do."""
        return Scope(self.role, self.cameras)


class Accounts:
    """Users, sessions and tokens in the database. Used by any number of threads.

    Args:
        database: An opened database.
        clock: What time it is.
        cost: How hard password hashes are; hashes of another cost are renewed when their user signs in.
    """

    def __init__(self, database: Database, clock: Clock, cost: ScryptCost | None = None) -> None:
        """Use an opened database."""
        self._database = database
        self._clock = clock
        self._cost = cost or ScryptCost()

    def create_user(self, username: str, password: str, role: Role, cameras: Collection[str] | None = None) -> User:
        """Add a user.

        Args:
            username: 1 to 64 letters, digits and `_ . @ -`; upper and lower case are the same.
            password: At least 8 characters.
            role: What they may do.
            cameras: The cameras they may see; None means all.

        Raises:
            AccountRefused: The name is taken or wrong, or the password too short.
        """
        return self._create(username, password, role, cameras, only_first=False)

    def create_first_admin(self, username: str, password: str) -> User:
        """Add the first user, an admin.

        Raises:
            AccountRefused: There is a user already (somebody else was first), or see `create_user`.
        """
        return self._create(username, password, Role.ADMIN, None, only_first=True)

    def verify(self, username: str, password: str) -> User | None:
        """The user, when the password is right. Takes equally long for a user that does not exist."""
        with self._database.reading() as connection:
            row = connection.execute(select(users).where(users.c.username == username.lower())).first()
        stored = row.password if row is not None else dummy_hash(self._cost)
        if not password_fits(password[: LONGEST_PASSWORD + 1], stored) or row is None:
            return None
        if needs_rehash(stored, self._cost):
            with self._database.session() as connection:
                key = (users.c.username == row.username) & (users.c.password == stored)
                connection.execute(update(users).where(key).values(password=hash_password(password, self._cost)))
        return _user(row)

    def set_password(self, username: str, password: str, keep_session: str | None = None) -> None:
        """Change a password and end the user's sessions, except that of the token `keep_session`.

        Raises:
            NotFound: No such user.
            AccountRefused: The password is too short or long.
        """
        name, hashed = username.lower(), hash_password(check_password(password), self._cost)
        with self._database.session() as connection:
            self._change(connection, name, {"password": hashed})
            kept = token_hash(keep_session) if keep_session else ""
            connection.execute(delete(sessions).where(sessions.c.username == name, sessions.c.token_sha256 != kept))

    def change(self, username: str, *, role: Role, cameras: Collection[str] | None, password: str | None = None) -> None:
        """Change all of a user's rights, and the password where one is given, or nothing at all.

        Open sessions have the new rights from now on; a new password ends them.

        Raises:
            NotFound: No such user.
            AccountRefused: The password is too short or long, or the last admin would become less.
        """
        name, values = username.lower(), {"role": role.value, "cameras": _pack(cameras)}
        if password is not None:
            values["password"] = hash_password(check_password(password), self._cost)
        with self._database.session() as connection:
            if role is not Role.ADMIN:
                _keep_an_admin(connection, name)
            self._change(connection, name, values)
            if password is not None:
                connection.execute(delete(sessions).where(sessions.c.username == name))

    def delete_user(self, username: str) -> None:
        """Remove a user and end their sessions.

        Raises:
            NotFound: No such user.
            AccountRefused: The last admin cannot go.
        """
        name = username.lower()
        with self._database.session() as connection:
            _keep_an_admin(connection, name)
            connection.execute(delete(sessions).where(sessions.c.username == name))
            if connection.execute(delete(users).where(users.c.username == name)).rowcount == 0:
                raise NotFound(f"no user {username!r}")

    def users(self) -> tuple[User, ...]:
        """Every user, by name."""
        with self._database.reading() as connection:
            return tuple(_user(row) for row in connection.execute(select(users).order_by(users.c.username)))

    def user(self, username: str) -> User | None:
        """One user, or None."""
        with self._database.reading() as connection:
            row = connection.execute(select(users).where(users.c.username == username.lower())).first()
        return _user(row) if row is not None else None

    def count(self) -> int:
        """How many users there are; 0 means that nobody has set panops up yet."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(users)).scalar_one())

    def open_session(self, user: User) -> str:
        """Sign a user in.

        Returns:
            A random token for the cookie; only its sha256 is stored.

        Raises:
            NotFound: The user is gone.
        """
        token, now_s = new_token(), self._clock.utc_s()
        with self._database.session() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at_s <= now_s))
            if connection.execute(select(users.c.username).where(users.c.username == user.username)).first() is None:
                raise NotFound(f"no user {user.username!r}")
            values = {"created_at_s": now_s, "seen_at_s": now_s, "expires_at_s": now_s + SESSION_S}
            connection.execute(insert(sessions).values(token_sha256=token_hash(token), username=user.username, **values))
        return token

    def session(self, token: str) -> User | None:
        """The user of a session token as they are now, or None when it is unknown, ended or expired. Using it keeps it for 14 days."""
        now_s, key = self._clock.utc_s(), sessions.c.token_sha256 == token_hash(token)
        query = select(users, sessions.c.seen_at_s).join(sessions, sessions.c.username == users.c.username)
        with self._database.reading() as connection:
            row = connection.execute(query.where(key, sessions.c.expires_at_s > now_s)).first()
        if row is None:
            return None
        if now_s - row.seen_at_s > _SLIDE_S:
            with self._database.session() as connection:
                connection.execute(update(sessions).where(key).values(seen_at_s=now_s, expires_at_s=now_s + SESSION_S))
        return _user(row)

    def close_session(self, token: str) -> None:
        """Sign out; an unknown token is fine."""
        with self._database.session() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_sha256 == token_hash(token)))

    def sessions(self, user: User) -> tuple[SessionInfo, ...]:
        """The user's open sessions, newest first."""
        key = (sessions.c.username == user.username) & (sessions.c.expires_at_s > self._clock.utc_s())
        with self._database.reading() as connection:
            rows = connection.execute(select(sessions).where(key).order_by(sessions.c.created_at_s.desc())).all()
        return tuple(SessionInfo(row.token_sha256[:16], row.username, row.created_at_s, row.seen_at_s, row.expires_at_s) for row in rows)

    def close_sessions(self, user: User, session_id: str | None = None) -> int:
        """End one session of the user by its id, or all of them; how many were ended."""
        key = sessions.c.username == user.username
        if session_id is not None:
            key &= func.substr(sessions.c.token_sha256, 1, 16) == session_id
        with self._database.session() as connection:
            return connection.execute(delete(sessions).where(key)).rowcount

    def create_token(self, name: str, role: Role, cameras: Collection[str] | None = None) -> str:
        """Make a bearer token for a program.

        Returns:
            The token. It is shown this once: only its sha256 is stored.

        Raises:
            AccountRefused: The name is taken or wrong.
        """
        if not _TOKEN_NAME.fullmatch(name):
            raise AccountRefused(f"expected a token name of 1 to 64 letters, digits, spaces and `_ . -`, got {name[:80]!r}")
        token = new_token(TOKEN_PREFIX)
        values = {"name": name, "role": role.value, "cameras": _pack(cameras), "created_at_s": self._clock.utc_s()}
        with self._database.session() as connection:
            _one_at_a_time(connection)
            if connection.execute(select(tokens.c.name).where(tokens.c.name == name)).first() is not None:
                raise AccountRefused(f"there is a token {name!r} already; choose another name or revoke it first")
            connection.execute(insert(tokens).values(token_sha256=token_hash(token), **values))
        return token

    def token(self, token: str) -> TokenInfo | None:
        """What a bearer token allows, or None when it is unknown or revoked."""
        now_s, key = self._clock.utc_s(), tokens.c.token_sha256 == token_hash(token)
        with self._database.reading() as connection:
            row = connection.execute(select(tokens).where(key)).first()
        if row is None:
            return None
        if row.used_at_s is None or now_s - row.used_at_s > _SLIDE_S:
            with self._database.session() as connection:
                connection.execute(update(tokens).where(key).values(used_at_s=now_s))
        return _token(row)

    def tokens(self) -> tuple[TokenInfo, ...]:
        """Every token, by name."""
        with self._database.reading() as connection:
            return tuple(_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.name)))

    def revoke(self, name: str) -> bool:
        """End a token's access at once; False when there is none of that name."""
        with self._database.session() as connection:
            return connection.execute(delete(tokens).where(tokens.c.name == name)).rowcount > 0

    def _create(self, username: str, password: str, role: Role, cameras: Collection[str] | None, *, only_first: bool) -> User:
        if not _USERNAME.fullmatch(username):
            raise AccountRefused(f"expected a user name of 1 to 64 letters, digits and `_ . @ -`, got {username[:80]!r}")
        name, hashed = username.lower(), hash_password(check_password(password), self._cost)
        user = User(name, role, None if cameras is None else frozenset(cameras), self._clock.utc_s())
        with self._database.session() as connection:
            _one_at_a_time(connection)
            known = set(connection.execute(select(users.c.username)).scalars())
            if only_first and known:
                raise AccountRefused("panops is set up already: sign in, or ask an admin for an account")
            if name in known:
                raise AccountRefused(f"there is a user {name!r} already")
            values = {"role": role.value, "cameras": _pack(cameras), "created_at_s": user.created_at_s}
            connection.execute(insert(users).values(username=name, password=hashed, **values))
        return user

    def _change(self, connection: Connection, name: str, values: dict[str, Any]) -> None:
        if connection.execute(update(users).where(users.c.username == name).values(values)).rowcount == 0:
            raise NotFound(f"no user {name!r}")


def _one_at_a_time(connection: Connection) -> None:
    """Hold a row that is always there, so that two processes cannot both find a name free. SQLite's writers queue up anyway."""
    connection.execute(select(site.c.value).where(site.c.name == "revision").with_for_update())


def _keep_an_admin(connection: Connection, name: str) -> None:
    admins = connection.execute(select(users.c.username).where(users.c.role == Role.ADMIN.value).with_for_update()).scalars().all()
    if list(admins) == [name]:
        raise AccountRefused(f"{name!r} is the last admin; make somebody else an admin first")


def check_password(password: str) -> str:
    """The password.

    Raises:
        AccountRefused: It is too short or long.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountRefused(f"expected a password of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, got {len(password)}")
    return password


def _pack(cameras: Collection[str] | None) -> str | None:
    return None if cameras is None else json.dumps(sorted(cameras))


def _cameras(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(json.loads(text))


def _user(row: Any) -> User:
    return User(row.username, Role(row.role), _cameras(row.cameras), row.created_at_s)


def _token(row: Any) -> TokenInfo:
    return TokenInfo(row.name, Role(row.role), _cameras(row.cameras), row.created_at_s, row.used_at_s)
