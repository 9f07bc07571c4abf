"""Where a trained model comes from: the papers that go beside it, which `panops models add` takes along."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from panops.commands.evaluate_facts import versions
from panops.datasets.problems import ReadReport
from panops.domain.errors import ConfigError, ModelNotFound
from panops.evaluation.data_fingerprint import data_fingerprint
from panops.models.checksum import sha256_of
from panops.models.manifest_file import MANIFEST_NAME, read_manifest
from panops.models.provenance import DataUsed, Parent, Provenance
from panops.training.prepare import open_split
from panops.training.recipe import Recipe

_TOOLS = ("panops", "torch", "numpy", "onnx", "opencv-python-headless")


def papers_of(recipe: Recipe, figures: Mapping[str, Path] | None = None, *, look: bool = True) -> Provenance:
    """The papers of what a recipe made.

    Args:
        recipe: What was trained. Its paths are told by their last part: they are of this machine.
        figures: What `panops evaluate detector --json` wrote of the result, by the name of the data.
        look: Open the data sets, for their size and fingerprint; else they are only named.

    Raises:
        PanopsError: A data set is not there any more.
    """
    measured = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in (figures or {}).items()}
    return Provenance(
        parent=parent_of(recipe.start) if recipe.start is not None else None,
        data=tuple(_used(recipe)) if look else tuple(DataUsed(path.name) for path in recipe.data.train),
        tools={name: version for name, version in versions(_TOOLS).items() if version != "not installed"},
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=_portable(recipe),
        figures=measured,
    )


def parent_of(start: Path) -> Parent:
    """The model that it began with: by its manifest where there is one beside it."""
    parent = Parent(start.name, sha256=sha256_of(start) if start.is_file() else "")
    try:
        manifest = read_manifest(start.parent / MANIFEST_NAME)
    except (ConfigError, ModelNotFound, OSError):
        return parent
    return replace(parent, name=manifest.name, version=manifest.version) if manifest.file_name == start.name else parent


def _used(recipe: Recipe) -> Iterator[DataUsed]:
    for path in recipe.data.train:
        report: ReadReport = open_split(path)
        dataset = report.dataset
        yield DataUsed(path.name, data_fingerprint(dataset), len(dataset), dataset.box_count)


def _portable(recipe: Recipe) -> str:
    """The recipe with the names of files instead of their paths."""
    values = recipe.model_dump(mode="json", exclude_defaults=True)
    values["data"] = {key: [Path(one).name for one in value] if key in ("train", "val") else value for key, value in values["data"].items()}
    if "start" in values:
        values["start"] = Path(values["start"]).name
    if values.get("distil"):
        values["distil"]["teacher"] = Path(values["distil"]["teacher"]).name
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=140)
