"""The names of what covers an area: classes, and all that is not a class. No numpy, for settings are checked with them."""

from __future__ import annotations

from collections.abc import Iterable

NOT = "not "
"""Begins the name of all that is not a class: `not background`."""


def covered(names: Iterable[str], classes: Iterable[str]) -> frozenset[int] | None:
    """The class ids that names mean, those with `NOT` too; None where one of them is no class."""
    folded = {name.casefold(): class_id for class_id, name in enumerate(classes)}
    chosen: set[int] = set()
    for name in names:
        plain = plain_class(name)
        class_id = folded.get(plain)
        if class_id is None:
            return None
        chosen |= {class_id} if plain == name.strip().casefold() else set(folded.values()) - {class_id}
    return frozenset(chosen)


def plain_class(name: str) -> str:
    """The class that a name is about, without `NOT`, in lower case."""
    return name.strip().casefold().removeprefix(NOT).strip()
