"""Who may see which cameras. Every read of cameras, events and media takes a scope, and its WHERE clause carries it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import ColumnElement, false, true


class Role(StrEnum):
    """What somebody may do. Each role may do all that the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, other: Role) -> bool:
        """Whether this role may do what `other` may."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Scope:
    """What one caller may see and do.

    Attributes:
        role: What may be done.
        cameras: The cameras that exist for the caller; None means all of them, also those added later.
    """

    role: Role
    cameras: frozenset[str] | None

    @classmethod
    def everything(cls) -> Self:
        """The system's own scope."""
        return cls(Role.ADMIN, None)

    def allows(self, camera_id: str) -> bool:
        """Whether the camera exists for this caller."""
        return self.cameras is None or camera_id in self.cameras

    def within(self, cameras: Collection[str]) -> Scope:
        """The same, narrowed to what of `cameras` it shows already."""
        return Scope(self.role, frozenset(camera for camera in cameras if self.allows(camera)))

    def under(self, other: Scope) -> Scope:
        """What both allow: the lesser role, and the cameras that both show."""
        role = self.role if other.role.covers(self.role) else other.role
        if self.cameras is None:
            return Scope(role, other.cameras)
        return Scope(role, self.cameras if other.cameras is None else self.cameras & other.cameras)

    def where(self, camera_column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition on a camera id column that keeps rows of other cameras out."""
        if self.cameras is None:
            return true()
        return camera_column.in_(sorted(self.cameras)) if self.cameras else false()


SCOPE_NOTHING = Scope(Role.VIEWER, frozenset())
"""Sees nothing: what a caller has who is nobody."""
