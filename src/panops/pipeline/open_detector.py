"""From a stored model to its detector on the CPU, also where it is made of several models."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend, Detector, RegionTask
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore
from panops.vision.composites import Part, open_composite
from panops.vision.model_detector import ModelDetector
from panops.vision.region_detector import RegionModelDetector
from panops.vision.registry import open_task

Opens = Callable[[StoredModel], Backend]


def open_detector(model: StoredModel, backend: Backend, store: ModelStore | None, opens: Opens, *, wait: bool | None = None) -> Detector:
    """The detector of a model.

    Args:
        model: The model.
        backend: Its loaded file; the detector closes it.
        store: Where the models are that it needs; None where only models that need none are expected.
        opens: Loads the file of such a one.
        wait: Look at parts of pictures, too; waiting for each new size of part or not. None for whole pictures only.

    Raises:
        ModelError: It, or a model that it needs, cannot be used; the backend stays open.
    """
    manifest = model.manifest
    if manifest.needs:
        return _open_several(manifest, backend, store, opens)
    task = open_task(manifest)
    if wait is not None and isinstance(task, RegionTask) and task.any_size:
        return RegionModelDetector(manifest, task, backend, wait=wait)
    return ModelDetector(manifest, task, backend)


def _open_several(manifest: ModelManifest, backend: Backend, store: ModelStore | None, opens: Opens) -> Detector:
    if store is None:
        raise ModelUnsupported(f"{manifest.name} needs other models, which cannot be looked up here")
    with ExitStack() as opened:
        needed: dict[str, Part] = {}
        for role, name in manifest.needs.items():
            part = store.get(name)
            needed[role] = Part(part.manifest, opens(part))
            opened.callback(needed[role].backend.close)
        detector = open_composite(Part(manifest, backend), needed)
        opened.pop_all()
        return detector
