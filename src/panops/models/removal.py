"""What may be removed of a model, and what is active afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from panops.domain.errors import ModelNotFound, ModelUnsupported
from panops.models.shelf import Shelf


def to_remove(shelf: Shelf, version: str, *, force: bool) -> tuple[str, ...]:
    """The versions that go.

    Args:
        shelf: The model.
        version: Which one; empty for all that did not come with panops.
        force: Also the active one.

    Raises:
        ModelNotFound: There is nothing to remove.
        ModelUnsupported: It comes with panops, or is active and `force` was not said.
    """
    name, places, active = shelf.name, shelf.places, shelf.active_or_none
    own = tuple(one for one, place in places.items() if not place.builtin)
    if not places or (version and version not in places):
        what = f"has no version {version!r}; there are: {', '.join(places)}" if places else "is not installed; there is nothing to remove"
        raise ModelNotFound(f"model {name!r} {what}")
    gone = (version,) if version else own
    if not gone or not set(gone) <= set(own):
        raise ModelUnsupported(f"model {name!r} comes with panops and cannot be removed")
    if active in gone and not force:
        first = f"promote another one first (panops models promote {name}), or " if len(places) > 1 else ""
        after = "" if len(places) > len(gone) else ": cameras that name it fail without it"
        raise ModelUnsupported(f"{name}@{active} is the version in use; {first}say --force{after}")
    return gone


def next_active(shelf: Shelf, gone: Sequence[str]) -> str:
    """What is active once the active one is gone: the one before it, else the one that was added last."""
    left = [version for version in shelf.places if version not in gone]
    if shelf.state.previous in left:
        return shelf.state.previous
    added = [change.after for change in shelf.state.history if change.what == "add" and change.after in left]
    return added[-1] if added else left[-1]
