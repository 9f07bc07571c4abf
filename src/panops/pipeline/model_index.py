"""Which models and versions there are, for programs that ask."""

from __future__ import annotations

from dataclasses import dataclass

from panops.domain.errors import ModelError, ModelNotFound
from panops.models.store import ModelStore
from panops.models.version_id import split_reference


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One version of a model. `problem` says why it cannot be used; empty where it can."""

    model: str
    version: str
    problem: str = ""


class ModelIndex:
    """Looks into the store anew each time; blocks.

    Args:
        store: Where models are.
    """

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    def entries(self) -> list[IndexEntry]:
        """Every version of every model, by name; their files are not looked at."""
        versions = ((name, version) for name in self._store.names() for version in self._store.shelf_without_state(name).places)
        return [IndexEntry(name, version, self._problem(name, version)) for name, version in versions]

    def versions(self, name: str) -> list[str]:
        """The versions of a model.

        Raises:
            ModelNotFound: It is not here.
        """
        if not self._store.is_installed(name):
            raise ModelNotFound(f"there is no model {name[:80]!r}; known are: {', '.join(self._store.names())}")
        return list(self._store.shelf_without_state(name).places)

    def first(self, task: str) -> str:
        """The first model for a task, by name, those first that need no others, as they run on every device; empty where there is none."""
        fitting = [model.manifest for model in self._store.list() if model.manifest.task == task]
        return min(((bool(one.needs), one.name) for one in fitting), default=(False, ""))[1]

    def check(self, reference: str) -> None:
        """Whether a model can be used, as far as that can be told without loading it: it is here, and its file is the right one.

        Raises:
            ModelError: It cannot.
        """
        self.versions(split_reference(reference)[0])
        self._store.get(reference)

    def _problem(self, name: str, version: str) -> str:
        try:
            self._store.shelf_without_state(name).read(version)
        except ModelError as error:
            return str(error)
        return ""
