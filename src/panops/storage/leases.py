"""Which process owns which camera. An epoch that only grows tells an old owner from the new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from panops.storage.database import Database
from panops.storage.errors import LeaseHeld
from panops.storage.tables import leases


@dataclass(frozen=True, slots=True)
class Lease:
    """Who owns a camera.

    Attributes:
        camera_id: The camera.
        owner: The process's name.
        epoch: Grows each time the camera is taken.
        expires_at_s: Until when, UTC s, unless it is renewed.
    """

    camera_id: str
    owner: str
    epoch: int
    expires_at_s: float


class Leases:
    """Leases in the database. Used by any number of threads and processes."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def take(self, camera_id: str, owner: str, now_s: float, ttl_s: float) -> int:
        """Take a camera that is free, expired, or the owner's already.

        Args:
            camera_id: The camera.
            owner: The process's name, not empty.
            now_s: UTC s.
            ttl_s: How long it holds without `renew`.

        Returns:
            The epoch: greater than every one before for this camera. Event ids carry it.

        Raises:
            LeaseHeld: Another owner's lease has not expired.
            StorageError: It was not written.
        """
        insert: Any = (sqlite if self._database.path else postgresql).insert(leases)
        key = leases.c.camera_id == camera_id
        with self._database.session() as connection:
            connection.execute(insert.values(camera_id=camera_id, owner="", epoch=0, expires_at_s=0.0).on_conflict_do_nothing())
            row = connection.execute(select(leases).where(key).with_for_update()).one()
            if row.owner not in {"", owner} and row.expires_at_s > now_s:
                raise LeaseHeld(f"camera {camera_id!r} belongs to {row.owner!r} for {row.expires_at_s - now_s:.0f} s more")
            epoch: int = row.epoch + 1
            connection.execute(update(leases).where(key).values(owner=owner, epoch=epoch, expires_at_s=now_s + ttl_s))
        return epoch

    def renew(self, camera_id: str, owner: str, epoch: int, now_s: float, ttl_s: float) -> bool:
        """Hold on to a camera; False means that it is lost and the caller must stop writing for it."""
        return not self.renew_all(owner, {camera_id: epoch}, now_s, ttl_s)

    def renew_all(self, owner: str, epochs: Mapping[str, int], now_s: float, ttl_s: float) -> frozenset[str]:
        """Hold on to many cameras in one transaction.

        An expired lease can be renewed as long as nobody else took the camera.

        Args:
            owner: The process's name.
            epochs: Camera ids and the epochs that `take` gave.
            now_s: UTC s.
            ttl_s: How long they hold from now on.

        Returns:
            The cameras that are lost.
        """
        lost = set()
        with self._database.session() as connection:
            for camera_id, epoch in epochs.items():
                mine = (leases.c.camera_id == camera_id) & (leases.c.owner == owner) & (leases.c.epoch == epoch)
                if connection.execute(update(leases).where(mine).values(expires_at_s=now_s + ttl_s)).rowcount == 0:
                    lost.add(camera_id)
        return frozenset(lost)

    def release(self, camera_id: str, owner: str, epoch: int) -> None:
        """Give a camera back; a lease that is lost already stays as it is."""
        mine = (leases.c.camera_id == camera_id) & (leases.c.owner == owner) & (leases.c.epoch == epoch)
        with self._database.session() as connection:
            connection.execute(update(leases).where(mine).values(owner="", expires_at_s=0.0))

    def holder(self, camera_id: str) -> Lease | None:
        """Who took the camera last and has not released it; look at `expires_at_s`. None when nobody."""
        with self._database.reading() as connection:
            row = connection.execute(select(leases).where(leases.c.camera_id == camera_id)).first()
        return Lease(row.camera_id, row.owner, row.epoch, row.expires_at_s) if row is not None and row.owner else None
