"""What the page shows of models: the store and the catalogue side by side."""

from __future__ import annotations

from collections.abc import Sequence

from panops.api.services import KnownModel
from panops.commands.model_trial_apart import trouble_apart
from panops.domain.errors import ModelError
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.default import MOTION, DefaultModel, default_note
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore

_WITHOUT_MODEL = ModelManifest(
    name=MOTION,
    task="detection",
    head="",
    version="1",
    licence="Apache-2.0",
    source=ModelSource(SourceKind.BUILTIN, ""),
    file_name="",
    sha256="",
    input_size_wh=(0, 0),
    classes=("moving",),
    not_for="telling what it is that moves",
)


class ModelShelf:
    """Implements `panops.api.services.ModelCatalogue`. Everything is looked up anew: versions are promoted while the site runs.

    Args:
        store: Where models are.
        default: The site's default model.
    """

    def __init__(self, store: ModelStore, default: DefaultModel) -> None:
        self._store = store
        self._default = default

    @property
    def store(self) -> ModelStore:
        """Where models are."""
        return self._store

    def known(self) -> Sequence[KnownModel]:
        """Every model that is installed or can be had, by name."""
        found = {
            name: KnownModel(entry.manifest, installed=False, note=f"get it with: panops models add {name}")
            for name, entry in self._store.catalogue.models.items()
        }
        found[MOTION] = KnownModel(_WITHOUT_MODEL, installed=True)
        for model in self._store.list():
            shadow = self._store.shelf(model.manifest.name).shadow
            found[model.manifest.name] = KnownModel(model.manifest, True, _note(model, shadow), model.version, shadow, model.builtin)
        return [found[name] for name in sorted(found)]

    def default(self) -> tuple[str, str]:
        """The name of the site's default model, and the sentence about it: with the version that is in use now."""
        name = self._default.name
        if name == MOTION:
            return name, self._default.note
        try:
            return name, default_note(self._store, name)
        except ModelError:
            return name, self._default.note

    def trouble(self, model: StoredModel) -> str:
        """Why a version cannot run here; empty where it can."""
        return trouble_apart(self._store, model)


def _note(model: StoredModel, shadow: str) -> str:
    """What a card of the page says of the versions."""
    origin = f"version {model.version}, which comes with panops" if model.builtin else f"version {model.version}"
    return f"{origin}; version {shadow} looks on beside it" if shadow else origin
