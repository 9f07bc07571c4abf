"""Which switches of cameras are off, since when and by whom. They are no settings: they outlive restarts and applied site files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, Row, delete, insert, select, update

from panops.domain.switches import Switch, SwitchedOff
from panops.storage.database import Database
from panops.storage.errors import NotAllowed, NotFound, OffInSettings
from panops.storage.records import word_of
from panops.storage.scope import Role, Scope
from panops.storage.tables import cameras, events, site, switched_off


class SwitchStore:
    """The switches in the database. Used by any number of threads and processes.

    Args:
        database: An opened database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def off(self, scope: Scope) -> dict[str, tuple[SwitchedOff, ...]]:
        """What is off, by camera id, in the order of the switches; cameras with everything on are left out."""
        found: dict[str, list[SwitchedOff]] = defaultdict(list)
        with self._database.reading() as connection:
            for row in connection.execute(select(switched_off).where(scope.where(switched_off.c.camera_id))):
                found[row.camera_id].append(_switched_off(row))
        order = list(Switch)
        return {camera_id: tuple(sorted(rows, key=lambda one: order.index(one.switch))) for camera_id, rows in found.items()}

    def switch(self, scope: Scope, camera_id: str, switch: Switch, *, on: bool, by: str, at_s: float) -> bool:
        """Switch something of a camera on or off. The site's revision grows, so that whoever runs the camera notices.

        Args:
            scope: Whose hand; the role must cover operator.
            camera_id: The camera.
            switch: What of it.
            on: As it is to be from now on.
            by: Who does it, for people.
            at_s: When, UTC s.

        Returns:
            Whether that changed anything: what is off stays off since it was, by whom it was.

        Raises:
            NotFound: There is no such camera in the scope.
            NotAllowed: The role does not cover operator.
            OffInSettings: The camera's settings say `enabled: false`: that takes an administrator.
            StorageError: It was not written.
        """
        if not scope.role.covers(Role.OPERATOR):
            raise NotAllowed(f"switching cameras needs the role operator, got {scope.role.value}")
        mine = (switched_off.c.camera_id == camera_id) & (switched_off.c.switch == switch.value)
        with self._database.session() as connection:
            # Also keeps two hands from switching at once.
            number = int(connection.execute(select(site.c.value).where(site.c.name == "revision").with_for_update()).scalar_one())
            config = connection.execute(
                select(cameras.c.config).where(cameras.c.camera_id == camera_id, scope.where(cameras.c.camera_id))
            ).scalar()
            if config is None:
                raise NotFound(f"no camera {camera_id[:63]!r} that this user may see")
            was_on = connection.execute(select(switched_off.c.since_s).where(mine)).first() is None
            if on and was_on and switch is Switch.ENABLED and not json.loads(config).get("enabled", True):
                raise OffInSettings(f"camera {camera_id!r} is off in its settings (enabled: false), which an administrator has to change")
            if on == was_on:
                return False
            if on:
                connection.execute(delete(switched_off).where(mine))
            else:
                values = {"camera_id": camera_id, "switch": switch.value, "since_s": at_s, "by": by}
                connection.execute(insert(switched_off).values(values))
            connection.execute(update(site).where(site.c.name == "revision").values(value=str(number + 1)))
        return True


def alerts_off(connection: Connection, event_ids: Iterable[str]) -> dict[str, SwitchedOff]:
    """Which of these events began while their camera's alerts were off, which they still are; within the transaction that stores them."""
    query = (
        select(events.c.event_id, switched_off)
        .join(switched_off, switched_off.c.camera_id == events.c.camera_id)
        .where(events.c.event_id.in_(list(event_ids)), switched_off.c.switch == Switch.ALERTS.value)
        .where(events.c.started_at_s >= switched_off.c.since_s)
    )
    return {row.event_id: _switched_off(row) for row in connection.execute(query)}


def _switched_off(row: Row[tuple[object, ...]]) -> SwitchedOff:
    return SwitchedOff(word_of(Switch, row.switch), float(row.since_s), row.by)
