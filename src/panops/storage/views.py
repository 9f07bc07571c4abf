"""What has been learnt of each camera's view, so that a restart remembers it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from panops.storage.database import Database
from panops.storage.scope import Scope
from panops.storage.tables import camera_views


@dataclass(frozen=True, slots=True)
class StoredView:
    """A camera's view.

    Attributes:
        address: The address that it was learnt of, without its password.
        saved_at_s: When it was saved, UTC s.
        memory: What was learnt; only `motion` knows what is in it.
        picture: JPEG of how it looked when all was well.
        pictured_at_s: Capture time of that picture, s.
    """

    address: str
    saved_at_s: float
    memory: bytes
    picture: bytes
    pictured_at_s: float


class CameraViews:
    """Views in the database, one for each camera. Used by any number of threads."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def save(self, camera_id: str, view: StoredView) -> None:
        """Store a camera's view; an older one is replaced.

        Raises:
            StorageError: It was not written.
        """
        statement: Any = (sqlite if self._database.path else postgresql).insert(camera_views)
        values = asdict(view)
        with self._database.session() as connection:
            connection.execute(
                statement.values(camera_id=camera_id, **values).on_conflict_do_update(
                    index_elements=[camera_views.c.camera_id], set_=values
                )
            )

    def load(self, camera_id: str) -> StoredView | None:
        """A camera's view, or None when nothing is remembered."""
        with self._database.reading() as connection:
            row = connection.execute(select(camera_views).where(camera_views.c.camera_id == camera_id)).first()
        if row is None:
            return None
        return StoredView(row.address, row.saved_at_s, bytes(row.memory), bytes(row.picture), row.pictured_at_s)

    def picture(self, scope: Scope, camera_id: str) -> tuple[bytes, float] | None:
        """The JPEG of how a camera's picture was, and its capture time, s; None when there is none in the scope."""
        query = select(camera_views.c.picture, camera_views.c.pictured_at_s)
        with self._database.reading() as connection:
            row = connection.execute(query.where(camera_views.c.camera_id == camera_id, scope.where(camera_views.c.camera_id))).first()
        return None if row is None else (bytes(row.picture), row.pictured_at_s)

    def forget(self, camera_id: str) -> None:
        """Have a camera's view learnt anew from its next start on; nothing happens when nothing is remembered."""
        with self._database.session() as connection:
            connection.execute(delete(camera_views).where(camera_views.c.camera_id == camera_id))
