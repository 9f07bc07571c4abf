"""What a model must be to come with panops: small, whole, licensed, explained, and without traces of the machine that made it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from panops.domain.errors import ConfigError, ModelError, PanopsError
from panops.domain.manifest import SourceKind
from panops.models.card import model_card
from panops.models.card_text import as_markdown
from panops.models.checksum import check_sha256
from panops.models.manifest_file import MANIFEST_NAME, read_manifest
from panops.models.provenance import read_provenance
from panops.models.shelf import StoredModel
from panops.models.version_id import version_id

LARGEST_BYTES = 4_000_000
CARD_NAME = "CARD.md"
# A path from the root of some machine: `/home/ada/x`, `C:\\x`. Addresses, `${VARIABLES}/x` and relative paths are fine.
_MACHINE_PATH = re.compile(r"""(?:^|[\s"'(=:\[,])(/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+|[A-Z]:\\)""", re.MULTILINE)


def builtin_problems(folder: Path) -> list[str]:
    """Everything that keeps the model in `folder` from coming with panops; empty when it may."""
    try:
        return list(_problems(folder))
    except PanopsError as error:
        return [f"{folder.name}: {error}"]


def _problems(folder: Path) -> Iterator[str]:
    manifest = read_manifest(folder / MANIFEST_NAME)
    path = folder / manifest.file_name
    if manifest.name != folder.name or manifest.source.kind is not SourceKind.BUILTIN:
        yield f"{folder.name}: expected a manifest of this name with source kind builtin, got {manifest.name!r}, {manifest.source.kind}"
    try:
        check_sha256(path, manifest.sha256, path.name, "pack it again")
    except ModelError as error:
        yield f"{folder.name}: {error}"
        return
    if path.stat().st_size > LARGEST_BYTES:
        yield f"{folder.name}: expected at most {LARGEST_BYTES} bytes, got {path.stat().st_size}"
    for name, value in (("licence", manifest.licence), ("credit", manifest.credit), ("not_for", manifest.not_for)):
        if not value or value == "NOASSERTION":
            yield f"{folder.name}: its manifest says nothing of {name}"
    yield from _paper_problems(folder, StoredModel(manifest, path, True, version_id(manifest.version)))


def _paper_problems(folder: Path, model: StoredModel) -> Iterator[str]:
    try:
        papers = read_provenance(folder)
    except ConfigError as error:
        yield str(error)
        return
    told = {
        "purpose": papers.purpose,
        "parent": papers.parent,
        "data": papers.data,
        "recipe": papers.recipe,
        "figures": papers.figures,
        "export": papers.export,
    }
    yield from (f"{folder.name}: its papers say nothing of {name}" for name, value in told.items() if not value)
    yield from (f"{folder.name}: the data {one.name} has no licence" for one in papers.data if not one.licence)
    card = folder / CARD_NAME
    if not card.is_file() or card.read_text(encoding="utf-8") != as_markdown(model_card(model, papers)):
        yield f"{folder.name}: {CARD_NAME} is not what its papers say; make it anew: python scripts/pack_builtin.py"
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".yaml", ".json", ".md"):
            found = _MACHINE_PATH.search(path.read_text(encoding="utf-8"))
            if found:
                yield f"{folder.name}: {path.name} names a path of the machine that made it: {found.group(0).strip()}..."
