"""An exported model on disk: its file, `manifest.yaml` beside it, and `export.json` with what was measured on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from panops.domain.errors import ModelError, ModelUnsupported
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.checksum import sha256_of
from panops.models.manifest_file import MANIFEST_NAME, dump_manifest, is_model_name, read_manifest

if TYPE_CHECKING:
    from panops.export.gate import Verdict

REPORT_NAME = "export.json"
LABELS_NAME = "labels.txt"
# What the network was trained with (YOLOX's way): raw BGR pixels, the picture in the top left corner, the rest grey.
TRAINED_PREPROCESSING: Mapping[str, Any] = {"channels": "bgr", "layout": "nchw", "letterbox": 114, "anchor": "top_left"}


@dataclass(frozen=True, slots=True)
class Exported:
    """A model file and what is known of it.

    Attributes:
        manifest: With the file's sha256.
        path: The file; for Core ML the package, a folder.
        verdict: Of the gate, where it went to 8 bits.
    """

    manifest: ModelManifest
    path: Path
    verdict: Verdict | None = None


def detector_manifest(
    name: str,
    classes: tuple[str, ...],
    size_wh: tuple[int, int],
    *,
    licence: str = "",
    credit: str = "",
    version: str = "1",
    not_for: str = "",
) -> ModelManifest:
    """The manifest of a network of our own trainer, before it has a file.

    Args:
        name: Letters, digits, `_` and `-`, at most 63.
        classes: Names in the order of the score columns.
        size_wh: Input, px.
        licence: SPDX identifier of the weights; `NOASSERTION` where it is empty.
        credit: Whom to credit.
        version: Free text.
        not_for: What it is not good for.

    Raises:
        ModelUnsupported: The name is none.
    """
    if not is_model_name(name):
        raise ModelUnsupported(f"{name!r} is no model name; say one with --name: letters, digits, _ and -, at most 63")
    source = ModelSource(SourceKind.FILE, name)
    return ModelManifest(
        name=name,
        task="detection",
        head="yolox",
        version=version,
        licence=licence or "NOASSERTION",
        source=source,
        file_name="",
        sha256="",
        input_size_wh=size_wh,
        classes=classes,
        preprocessing=dict(TRAINED_PREPROCESSING),
        not_for=not_for,
        credit=credit,
    )


# What a classifier of ours was trained with: raw RGB pixels, the picture in the middle of grey.
CLASSIFIER_PREPROCESSING: Mapping[str, Any] = {"channels": "rgb", "layout": "nchw", "letterbox": 128, "anchor": "center"}


def classifier_manifest(
    name: str,
    classes: tuple[str, ...],
    size_wh: tuple[int, int],
    *,
    licence: str = "",
    credit: str = "",
    version: str = "1",
    not_for: str = "",
) -> ModelManifest:
    """The manifest of a classifier of our own trainer, before it has a file; as `detector_manifest`.

    Raises:
        ModelUnsupported: The name is none.
    """
    told = detector_manifest(name, classes, size_wh, licence=licence, credit=credit, version=version, not_for=not_for)
    return replace(told, task="classification", head="softmax", preprocessing=dict(CLASSIFIER_PREPROCESSING))


def for_file(manifest: ModelManifest, path: Path, **preprocessing: Any) -> ModelManifest:
    """The manifest for another file: its name and sha256, with some keys of `preprocessing` changed."""
    return replace(
        manifest,
        source=ModelSource(SourceKind.FILE, path.name),
        file_name=path.name,
        sha256=sha256_of(path) if path.is_file() else "",
        preprocessing={**manifest.preprocessing, **preprocessing},
    )


def ready_folder(folder: Path, file_name: str) -> Path:
    """Make `folder` and give the path of `file_name` in it.

    Raises:
        ModelError: It cannot be made, or holds another model.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{folder}: expected a folder to write to: {error.strerror or error}") from error
    there = folder / MANIFEST_NAME
    if there.is_file():
        other = read_manifest(there).file_name
        if other != file_name:
            raise ModelError(f"{folder} holds another model already ({other}); give another folder with --out")
    return folder / file_name


def label_lines(manifest: ModelManifest) -> str:
    """The classes a line each, in the order of the scores."""
    return "".join(f"{name}\n" for name in manifest.classes)


def write_labels(folder: Path, manifest: ModelManifest) -> None:
    """Write `labels.txt`, as apps for phones read it.

    Raises:
        ModelError: It cannot be written.
    """
    try:
        (folder / LABELS_NAME).write_text(label_lines(manifest), encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error.strerror or error}") from error


def write_passport(exported: Exported, report: Mapping[str, Any]) -> None:
    """Write `manifest.yaml` and `export.json` beside the file.

    Raises:
        ModelError: They cannot be written.
    """
    folder = exported.path.parent
    try:
        (folder / MANIFEST_NAME).write_text(dump_manifest(exported.manifest), encoding="utf-8")
        (folder / REPORT_NAME).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error.strerror or error}") from error
