"""Which version is used: promote, shadow, roll back. Each is one change of one small file, or none at all."""

from __future__ import annotations

import time
from collections.abc import Callable

from panops.domain.errors import ModelError, ModelNotFound, ModelUnsupported
from panops.models.disk_faults import told
from panops.models.shelf import Shelf, make_room
from panops.models.state import SHADOW_EVERY, Change, ModelState, save_state
from panops.models.store import ModelStore
from panops.models.store_lock import writing

_LARGEST_EVERY = 100_000


def promote(store: ModelStore, name: str, version: str = "", *, who: str = "", why: str = "") -> ModelState:
    """Make a version the active one; the one before it is remembered for `roll_back`.

    Args:
        store: Where the model is.
        name: The model.
        version: Which one; empty for its shadow, or for the only one that is not active.
        who: The user.
        why: What they say about it.

    Raises:
        ModelError: There is no such version, its file is not the one it should be, or it is active already.
    """

    def decide(shelf: Shelf) -> ModelState:
        chosen = version or meant_version(shelf)
        store.get(f"{name}@{chosen}")  # a version that is damaged must not come into use
        active = shelf.active_or_none
        if chosen == active and shelf.state.active == chosen:
            raise ModelUnsupported(f"{name}@{chosen} is the active version already")
        return shelf.state.promoted(chosen, Change(time.time(), who, "promote", active if active != chosen else "", chosen, why))

    return _change(store, name, decide, mend=bool(version))


def roll_back(store: ModelStore, name: str, *, who: str = "", why: str = "") -> ModelState:
    """Make the version active that was so before; doing it twice goes back and forth.

    Raises:
        ModelError: There is none before, or it is gone or damaged.
    """

    def decide(shelf: Shelf) -> ModelState:
        before = shelf.state.previous
        if not before:
            raise ModelNotFound(f"model {name!r} had no other version in use before; there are: {', '.join(shelf.places) or 'none'}")
        store.get(f"{name}@{before}")
        return shelf.state.promoted(before, Change(time.time(), who, "rollback", shelf.active_or_none, before, why))

    return _change(store, name, decide)


def shadow(store: ModelStore, name: str, version: str, *, every: int = SHADOW_EVERY, who: str = "", why: str = "") -> ModelState:
    """Let a version look on beside the active one.

    Args:
        store: Where the model is.
        name: The model.
        version: Which one; empty for none from now on.
        every: It sees one in so many of the frames that the active one sees.
        who: The user.
        why: What they say about it.

    Raises:
        ModelError: There is no such version, it is damaged, or it is the active one.
    """
    if not 1 <= every <= _LARGEST_EVERY:
        raise ModelUnsupported(f"expected one in 1 to {_LARGEST_EVERY} frames for a shadow, got one in {every}")

    def decide(shelf: Shelf) -> ModelState:
        if version:
            store.get(f"{name}@{version}")
            if version == shelf.active:
                raise ModelUnsupported(f"{name}@{version} is the active version; only another one can look on beside it")
        elif not shelf.state.shadow:
            raise ModelNotFound(f"model {name!r} has no shadow that could be switched off")
        what = "shadow" if version else "shadow off"
        return shelf.state.shadowed(version, every, Change(time.time(), who, what, shelf.state.shadow, version, why))

    return _change(store, name, decide)


def _change(store: ModelStore, name: str, decide: Callable[[Shelf], ModelState], *, mend: bool = False) -> ModelState:
    with writing(store.folder):
        shelf = _opened(store, name, mend=mend)
        if not shelf.places:
            known = ", ".join(store.names()) or "none"
            raise ModelNotFound(f"model {name!r} is not installed; there are: {known}; get one with: panops models add")
        state = decide(shelf)
        with told(store.folder):
            shelf.folder.mkdir(exist_ok=True)
            save_state(shelf.folder, state)
            make_room(store.shelf(name))
    return state


def _opened(store: ModelStore, name: str, *, mend: bool) -> Shelf:
    """The model's shelf; to `mend`, without a state that is damaged."""
    try:
        return store.shelf(name)
    except ModelUnsupported:
        if not mend:
            raise
        return store.shelf_without_state(name)


def meant_version(shelf: Shelf) -> str:
    """Which version is promoted where none is said: the shadow, or the only other one.

    Raises:
        ModelError: There is none, or there are several.
    """
    others = [version for version in shelf.places if version != shelf.active_or_none]
    if shelf.shadow:
        return shelf.shadow
    if len(others) == 1:
        return others[0]
    if not others:
        raise ModelNotFound(
            f"model {shelf.name!r} has no other version to promote; add one with: panops models add FOLDER --as {shelf.name}"
        )
    raise ModelError(f"model {shelf.name!r} has several versions that could be promoted ({', '.join(others)}); say which one")
