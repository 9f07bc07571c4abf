"""What is known of a user, a sign-in and a program's token."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from panops.storage.scope import Role, Scope
from panops.storage.tables import camera_groups


class Origin(StrEnum):
    """Who vouches for a user."""

    LOCAL = "local"
    OIDC = "oidc"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can sign in.

    Attributes:
        username: Lower case.
        role: What they may do.
        cameras: The cameras they may see by name; with `groups` None too, None means all.
        created_at_s: Since when, UTC s.
        groups: The groups whose cameras they may see, or None.
        origin: Who vouches for them.
        second_factor: Whether they gave a second factor to this account.
        through_groups: The cameras of `groups`, as the groups were when this was read.
    """

    username: str
    role: Role
    cameras: frozenset[str] | None = None
    created_at_s: float = 0.0
    groups: frozenset[str] | None = None
    origin: Origin = Origin.LOCAL
    second_factor: bool = False
    through_groups: frozenset[str] = frozenset()

    @property
    def scope(self) -> Scope:
        """What they may see and do."""
        return Scope(self.role, shown(self.cameras, self.groups, self.through_groups))


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One sign-in of a user.

    Attributes:
        session_id: Names it without giving access.
        username: Whose.
        created_at_s: When they signed in, UTC s.
        seen_at_s: When it was last used, to the hour, UTC s.
        expires_at_s: When it ends unless it is used, UTC s.
        address: Where they signed in from.
        agent: What they signed in with, as it calls itself.
    """

    session_id: str
    username: str
    created_at_s: float
    seen_at_s: float
    expires_at_s: float
    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A program's access.

    Attributes:
        name: What it is called, unique; of somebody's own token it begins with the user's name and a slash.
        role: What it may do.
        cameras: The cameras it may see by name; with `groups` None too, None means all.
        created_at_s: Since when, UTC s.
        used_at_s: When it was last used, to the hour, UTC s, or None.
        groups: The groups whose cameras it may see, or None.
        expires_at_s: When it ends, UTC s, or None.
        owner: Whose it is, or empty.
        through_groups: The cameras of `groups`, as the groups were when this was read.
        owner_scope: What the owner may see and do, which no token of theirs exceeds.
    """

    name: str
    role: Role
    cameras: frozenset[str] | None
    created_at_s: float
    used_at_s: float | None
    groups: frozenset[str] | None = None
    expires_at_s: float | None = None
    owner: str = ""
    through_groups: frozenset[str] = frozenset()
    owner_scope: Scope | None = None

    @property
    def scope(self) -> Scope:
        """What it may see and do."""
        own = Scope(self.role, shown(self.cameras, self.groups, self.through_groups))
        return own if self.owner_scope is None else own.under(self.owner_scope)


def shown(cameras: frozenset[str] | None, groups: frozenset[str] | None, through_groups: frozenset[str]) -> frozenset[str] | None:
    """The cameras that somebody may see; None for all."""
    return None if cameras is None and groups is None else (cameras or frozenset()) | through_groups


def cameras_of(connection: Connection, groups: frozenset[str] | None) -> frozenset[str]:
    """The cameras of some groups as they are now; a group that is gone has none."""
    if not groups:
        return frozenset()
    rows = connection.execute(select(camera_groups.c.config).where(camera_groups.c.group_id.in_(sorted(groups)))).scalars()
    return frozenset(camera for text in rows for camera in json.loads(text))


def pack(names: Collection[str] | None) -> str | None:
    """Names as they are stored; None stays None."""
    return None if names is None else json.dumps(sorted(names))


def unpack(text: str | None) -> frozenset[str] | None:
    """Stored names."""
    return None if text is None else frozenset(json.loads(text))


def user_of(connection: Connection, row: Any) -> User:
    """The user of a row of `users` with `second_factor`."""
    groups = unpack(row.groups)
    return User(
        row.username, Role(row.role), unpack(row.cameras), row.created_at_s, groups, Origin(row.origin), bool(row.second_factor),
        cameras_of(connection, groups),
    )  # fmt: skip


def session_of(row: Any) -> SessionInfo:
    """The sign-in of a row of `sessions`."""
    return SessionInfo(
        row.token_sha256[:16], row.username, row.created_at_s, row.seen_at_s, row.expires_at_s, row.address, row.agent
    )  # fmt: skip


def token_of(connection: Connection, row: Any, owners: Mapping[str, User]) -> TokenInfo:
    """The token of a row of `tokens`; `owners` holds its owner, if it has one."""
    groups = unpack(row.groups)
    owner = owners.get(row.owner) if row.owner else None
    return TokenInfo(
        row.name, Role(row.role), unpack(row.cameras), row.created_at_s, row.used_at_s, groups, row.expires_at_s, row.owner or "",
        cameras_of(connection, groups), owner.scope if owner is not None else None,
    )  # fmt: skip


def by_name(found: Iterable[User]) -> dict[str, User]:
    """Users by their names."""
    return {user.username: user for user in found}
