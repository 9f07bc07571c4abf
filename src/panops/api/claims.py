"""What somebody else says of a person, read as a role and camera groups."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from panops.config.sign_in_schema import ClaimMap
from panops.storage.scope import Role


@dataclass(frozen=True, slots=True)
class Rights:
    """What a person may do here.

    Attributes:
        role: The highest role that fits.
        groups: The camera groups; None: every camera.
    """

    role: Role
    groups: frozenset[str] | None


def rights_of(said: Collection[str], mapping: ClaimMap) -> Rights | None:
    """The rights of somebody of whom `said` is said; None when they have no role and so may not come in."""
    roles = [Role(mapping.roles[word]) for word in said if word in mapping.roles]
    if mapping.default_role is not None:
        roles.append(Role(mapping.default_role))
    if not roles:
        return None
    role = max(roles, key=list(Role).index)
    if role is Role.ADMIN or not mapping.groups:
        return Rights(role, None)
    return Rights(role, frozenset(group for word in said for group in mapping.groups.get(word, ())))
