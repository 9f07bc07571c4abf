"""Sign-ins: opened, looked up, listed, ended."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update

from panops.domain.clock import Clock
from panops.storage.account_records import SessionInfo, User, session_of, user_of
from panops.storage.credentials import new_token, token_hash
from panops.storage.database import Database
from panops.storage.errors import NotFound
from panops.storage.tables import sessions, users
from panops.storage.tokens import SLIDE_S, USER_ROWS


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a sign-in lasts.

    Attributes:
        idle_s: From its last use, s.
        longest_s: From the sign-in, however often it is used, s.
    """

    idle_s: float = 14 * 86400.0
    longest_s: float = 90 * 86400.0


class Sessions:
    """The sign-ins in the database. Used by any number of threads."""

    _database: Database
    _clock: Clock
    limits: SessionLimits

    def open_session(self, user: User, address: str = "", agent: str = "") -> str:
        """Sign a user in.

        Args:
            user: Who.
            address: Where they come from, for the list of their sign-ins.
            agent: What they use, as it calls itself.

        Returns:
            A random token for the cookie, never one that was given; only its sha256 is stored.

        Raises:
            NotFound: The user is gone.
        """
        token, now_s = new_token(), self._clock.utc_s()
        with self._database.session() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at_s <= now_s))
            if connection.execute(select(users.c.username).where(users.c.username == user.username)).first() is None:
                raise NotFound(f"no user {user.username!r}")
            values = {"created_at_s": now_s, "seen_at_s": now_s, "expires_at_s": self._end(now_s, now_s), "address": address[:100]}
            values["agent"] = agent.encode("utf-8", "replace").decode()[:200]
            connection.execute(insert(sessions).values(token_sha256=token_hash(token), username=user.username, **values))
        return token

    def session(self, token: str) -> User | None:
        """The user of a session token as they are now, or None when it is unknown, ended or over. Using it keeps it within its limits."""
        now_s, key = self._clock.utc_s(), sessions.c.token_sha256 == token_hash(token)
        query = USER_ROWS.add_columns(sessions.c.seen_at_s, sessions.c.created_at_s.label("began_at_s"), sessions.c.expires_at_s)
        with self._database.reading() as connection:
            row = connection.execute(query.join(sessions, sessions.c.username == users.c.username).where(key)).first()
            # The limits may have become tighter since it was written.
            if row is None or min(row.expires_at_s, self._end(row.began_at_s, row.seen_at_s)) <= now_s:
                return None
            found = user_of(connection, row)
        if now_s - row.seen_at_s > min(SLIDE_S, self.limits.idle_s / 12):
            with self._database.session() as connection:
                kept = update(sessions).where(key).values(seen_at_s=now_s, expires_at_s=self._end(row.began_at_s, now_s))
                connection.execute(kept)
        return found

    def close_session(self, token: str) -> None:
        """Sign out; an unknown token is fine."""
        with self._database.session() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_sha256 == token_hash(token)))

    def sessions(self, user: User) -> tuple[SessionInfo, ...]:
        """The user's open sessions, newest first."""
        key = (sessions.c.username == user.username) & (sessions.c.expires_at_s > self._clock.utc_s())
        with self._database.reading() as connection:
            rows = connection.execute(select(sessions).where(key).order_by(sessions.c.created_at_s.desc())).all()
        return tuple(session_of(row) for row in rows)

    def close_sessions(self, user: User, session_id: str | None = None, *, keep: str = "") -> int:
        """End one session of the user by its id, or all of them but that of the token `keep`; how many were ended."""
        key = sessions.c.username == user.username
        if session_id is not None:
            key &= func.substr(sessions.c.token_sha256, 1, 16) == session_id
        if keep:
            key &= sessions.c.token_sha256 != token_hash(keep)
        with self._database.session() as connection:
            return connection.execute(delete(sessions).where(key)).rowcount

    def _end(self, began_at_s: float, seen_at_s: float) -> float:
        return min(began_at_s + self.limits.longest_s, seen_at_s + self.limits.idle_s)
