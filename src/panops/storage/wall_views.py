"""Saved views of the wall: one's own, and those that administrators made for everybody."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from panops.domain.errors import ConfigError, ConfigProblem
from panops.domain.wall_view import Arrangement, WallView
from panops.storage.database import Database
from panops.storage.errors import NotAllowed, NotFound, RequestRefused, StaleEdit
from panops.storage.scope import Role, Scope
from panops.storage.tables import camera_groups, cameras, wall_views

MOST_VIEWS = 100
"""So many views one person may have; everybody's are counted by themselves."""


class WallViews:
    """The views in the database. Used by any number of threads.

    In all methods `scope` is the caller's, and `owner` whose views are meant: the user's name, None for a program that has no account.

    Args:
        database: An opened database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, scope: Scope, owner: str | None) -> list[WallView]:
        """One's own views and everybody's, by name; of each the cameras in the scope.

        Of those where that leaves nothing there are one's own and, for administrators who see every camera, everybody's: somebody has to
        be able to delete them.
        """
        with self._database.reading() as connection:
            shown = _Shown(connection, scope)
            rows = connection.execute(select(wall_views).where(_for(owner)).order_by(wall_views.c.name, wall_views.c.view_id)).all()
        found = (shown.view(row) for row in rows)
        return [view for view in found if view is not None]

    def get(self, scope: Scope, owner: str | None, view_id: int) -> WallView | None:
        """One of them; None where there is none for this caller."""
        with self._database.reading() as connection:
            row = connection.execute(select(wall_views).where(wall_views.c.view_id == view_id, _for(owner))).first()
            return None if row is None else _Shown(connection, scope).view(row)

    def add(self, scope: Scope, owner: str | None, arrangement: Arrangement) -> WallView:
        """Keep a new view.

        Args:
            scope: Whose hand.
            owner: Whose it is to be; None for everybody's, which takes an administrator.
            arrangement: What it shows.

        Raises:
            NotAllowed: Everybody's views are for administrators.
            ConfigError: It names a camera or group that is not in the scope.
            RequestRefused: There are 100 already.
            StorageError: It was not written.
        """
        _must_own(scope, owner)
        with self._database.session() as connection:
            shown = _Shown(connection, scope)
            shown.check(arrangement)
            mine = wall_views.c.owner.is_(None) if owner is None else wall_views.c.owner == owner
            if connection.execute(select(func.count()).select_from(wall_views).where(mine)).scalar_one() >= MOST_VIEWS:
                raise RequestRefused(f"there are {MOST_VIEWS} views already; delete one first")
            values = {"owner": owner, "name": arrangement.name, "config": _packed(arrangement, ()), "revision": 1}
            view_id = connection.execute(insert(wall_views).values(values).returning(wall_views.c.view_id)).scalar_one()
        return WallView(int(view_id), arrangement, owner, "1")

    def change(
        self, scope: Scope, owner: str | None, view_id: int, arrangement: Arrangement, *, shared: bool, etag: str | None = None
    ) -> WallView:
        """Replace a view. Cameras in it that the scope does not show stay in it, at its end.

        Args:
            scope: Whose hand.
            owner: Who does it.
            view_id: The view.
            arrangement: What it shows from now on.
            shared: Whether it is everybody's from now on, else it is the owner's.
            etag: Only if it is still this version.

        Raises:
            NotAllowed: It is everybody's, or is to be, and the role is not admin.
            NotFound: There is no such view for this caller.
            ConfigError: It names a camera or group that is not in the scope.
            StaleEdit: It was changed since.
            StorageError: It was not written.
        """
        becomes = None if shared else owner
        _must_own(scope, becomes)
        with self._database.session() as connection:
            row, shown = _held(connection, scope, owner, view_id, etag)
            shown.check(arrangement)
            stored = json.loads(row.config)["cameras"]
            hidden = [camera for camera in stored if not scope.allows(camera)] if arrangement.cameras else []
            values = {
                "owner": becomes,
                "name": arrangement.name,
                "config": _packed(arrangement, hidden),
                "revision": row.revision + 1,
            }
            connection.execute(update(wall_views).where(wall_views.c.view_id == view_id).values(values))
        return WallView(view_id, arrangement, becomes, str(row.revision + 1))

    def remove(self, scope: Scope, owner: str | None, view_id: int, *, etag: str | None = None) -> str:
        """Delete a view; its name.

        Raises:
            NotAllowed: It is everybody's, and the role is not admin.
            NotFound: There is no such view for this caller.
            StaleEdit: It was changed since.
            StorageError: It was not written.
        """
        with self._database.session() as connection:
            row, _ = _held(connection, scope, owner, view_id, etag)
            connection.execute(delete(wall_views).where(wall_views.c.view_id == view_id))
        return str(row.name)


class _Shown:
    """What of the site a scope shows: cameras that are there, and groups with one of them."""

    def __init__(self, connection: Connection, scope: Scope) -> None:
        ids = connection.execute(select(cameras.c.camera_id).where(scope.where(cameras.c.camera_id))).scalars()
        self.cameras: Collection[str] = frozenset(ids)
        rows = connection.execute(select(camera_groups.c.group_id, camera_groups.c.config))
        self._scope = scope
        sees_all = scope.cameras is None
        self.groups = {row.group_id for row in rows if sees_all or not self.cameras.isdisjoint(json.loads(row.config))}

    def view(self, row: Row[Any]) -> WallView | None:
        """A stored view without what is not shown; None where nothing of it is left, and it is not for the caller to delete."""
        config = json.loads(row.config)
        named = tuple(camera for camera in config["cameras"] if camera in self.cameras)
        gone = bool((config["cameras"] and not named) or (config["group"] and config["group"] not in self.groups))
        may_delete = row.owner is not None or (self._scope.cameras is None and self._scope.role.covers(Role.ADMIN))
        if gone and not may_delete:
            return None
        arrangement = Arrangement(row.name, named, config["group"], config["columns"], config["turn_s"])
        return WallView(row.view_id, arrangement, row.owner, str(row.revision), gone)

    def check(self, arrangement: Arrangement) -> None:
        """Refuse an arrangement of what is not there, by a `ConfigError`."""
        problems = [
            ConfigProblem(f"cameras.{number}", f"there is no camera {camera[:63]!r}, or you may not see it")
            for number, camera in enumerate(arrangement.cameras)
            if camera not in self.cameras
        ]
        if arrangement.group and arrangement.group not in self.groups:
            problems.append(ConfigProblem("group", f"there is no group {arrangement.group[:63]!r} of which you may see a camera"))
        if problems:
            raise ConfigError("the view", problems)


def _for(owner: str | None) -> ColumnElement[bool]:
    everybodys = wall_views.c.owner.is_(None)
    return everybodys if owner is None else everybodys | (wall_views.c.owner == owner)


def _must_own(scope: Scope, owner: str | None) -> None:
    if owner is None and not scope.role.covers(Role.ADMIN):
        raise NotAllowed(f"views for everybody are made and changed by administrators; this is the role {scope.role.value}")


def _held(connection: Connection, scope: Scope, owner: str | None, view_id: int, etag: str | None) -> tuple[Row[Any], _Shown]:
    row = connection.execute(select(wall_views).where(wall_views.c.view_id == view_id, _for(owner)).with_for_update()).first()
    shown = _Shown(connection, scope)
    if row is None or (row.owner is None and shown.view(row) is None):
        raise NotFound("there is no such view, or you may not see it")
    _must_own(scope, row.owner)
    if etag is not None and str(row.revision) != etag:
        raise StaleEdit("the view was changed since it was read; read it again, then change it")
    return row, shown


def _packed(arrangement: Arrangement, hidden: Collection[str]) -> str:
    named = [*dict.fromkeys([*arrangement.cameras, *hidden])]
    return json.dumps({"cameras": named, "group": arrangement.group, "columns": arrangement.columns, "turn_s": arrangement.turn_s})
