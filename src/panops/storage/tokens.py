"""Bearer tokens: access for programs, made by an administrator, or by somebody for themselves."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from panops.domain.clock import Clock
from panops.storage.account_records import TokenInfo, User, by_name, pack, token_of, user_of
from panops.storage.credentials import new_token, token_hash
from panops.storage.database import Database
from panops.storage.errors import AccountRefused
from panops.storage.scope import Role
from panops.storage.tables import second_factors, site, tokens, users

TOKEN_PREFIX = "panops_"  # noqa: S105  not a secret: lets people and scanners recognise one
SLIDE_S = 3600.0
"""That a token or session was used is written at most this often, so that reading a page does not write to the database each time."""
MOST_OWN_TOKENS = 50

_TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,63}")

USER_ROWS = select(
    users,
    select(second_factors.c.username)
    .where(second_factors.c.username == users.c.username, second_factors.c.confirmed)
    .exists()
    .label("second_factor"),
)
"""What `account_records.user_of` reads."""


class Tokens:
    """The tokens in the database. Used by any number of threads."""

    _database: Database
    _clock: Clock

    def create_token(
        self,
        name: str,
        role: Role,
        cameras: Collection[str] | None = None,
        groups: Collection[str] | None = None,
        *,
        expires_at_s: float | None = None,
        owner: str = "",
    ) -> str:
        """Make a bearer token for a program.

        Args:
            name: 1 to 64 letters, digits, spaces and `_ . -`; of an own token, unique among the owner's.
            role: What it may do.
            cameras: The cameras it may see; with `groups` None too, all.
            groups: The groups whose cameras it may see.
            expires_at_s: When it ends, UTC s; None: when it is revoked.
            owner: Whose it is; it can do no more than they can, and goes with them.

        Returns:
            The token. It is shown this once: only its sha256 is stored.

        Raises:
            AccountRefused: The name is taken or wrong, or the owner has too many.
        """
        if not _TOKEN_NAME.fullmatch(name):
            raise AccountRefused(f"expected a token name of 1 to 64 letters, digits, spaces and `_ . -`, got {name[:80]!r}")
        token, stored = new_token(TOKEN_PREFIX), f"{owner}/{name}" if owner else name
        values = {"name": stored, "role": role.value, "cameras": pack(cameras), "groups": pack(groups), "created_at_s": self._clock.utc_s()}
        with self._database.session() as connection:
            one_at_a_time(connection)
            if connection.execute(select(tokens.c.name).where(tokens.c.name == stored)).first() is not None:
                raise AccountRefused(f"there is a token {name!r} already; choose another name or revoke it first")
            if owner and len(connection.execute(select(tokens.c.name).where(tokens.c.owner == owner)).all()) >= MOST_OWN_TOKENS:
                raise AccountRefused(f"expected at most {MOST_OWN_TOKENS} tokens of one user; revoke one first")
            more = {"expires_at_s": expires_at_s, "owner": owner or None}
            connection.execute(insert(tokens).values(token_sha256=token_hash(token), **values, **more))
        return token

    def token(self, token: str) -> TokenInfo | None:
        """What a bearer token allows, or None when it is unknown, revoked or over."""
        now_s, key = self._clock.utc_s(), tokens.c.token_sha256 == token_hash(token)
        with self._database.reading() as connection:
            row = connection.execute(select(tokens).where(key)).first()
            if row is None or (row.expires_at_s is not None and row.expires_at_s <= now_s):
                return None
            owners = _owners(connection, [row.owner] if row.owner else [])
            if row.owner and row.owner not in owners:
                return None
            found = token_of(connection, row, owners)
        if row.used_at_s is None or now_s - row.used_at_s > SLIDE_S:
            with self._database.session() as connection:
                connection.execute(update(tokens).where(key).values(used_at_s=now_s))
        return found

    def tokens(self, owner: str | None = None) -> tuple[TokenInfo, ...]:
        """Every token, or somebody's own ones, by name; also those that are over."""
        query = select(tokens).order_by(tokens.c.name)
        with self._database.reading() as connection:
            rows = connection.execute(query if owner is None else query.where(tokens.c.owner == owner)).all()
            owners = _owners(connection, [row.owner for row in rows if row.owner])
            return tuple(token_of(connection, row, owners) for row in rows)

    def revoke(self, name: str) -> bool:
        """End a token's access at once; False when there is none of that name."""
        with self._database.session() as connection:
            return connection.execute(delete(tokens).where(tokens.c.name == name)).rowcount > 0


def one_at_a_time(connection: Connection) -> None:
    """Hold a row that is always there, so that two processes cannot both find a name free. SQLite's writers queue up anyway."""
    connection.execute(select(site.c.value).where(site.c.name == "revision").with_for_update())


def _owners(connection: Connection, names: Collection[Any]) -> dict[str, User]:
    if not names:
        return {}
    rows = connection.execute(USER_ROWS.where(users.c.username.in_(sorted(set(names))))).all()
    return by_name(user_of(connection, row) for row in rows)
