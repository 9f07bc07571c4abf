"""The papers of the version that another one was made from."""

from __future__ import annotations

from panops.domain.errors import ModelError
from panops.models.provenance import Provenance
from panops.models.store import ModelStore


def parent_papers(store: ModelStore, papers: Provenance) -> Provenance | None:
    """The papers of a version's parent; None where it is not here or cannot be read: the child's card stands without them."""
    parent = papers.parent
    if parent is None or not store.is_installed(parent.name):
        return None
    try:
        shelf = store.shelf(parent.name)
        return store.papers(shelf.read(parent.version or shelf.active))
    except ModelError:
        return None
