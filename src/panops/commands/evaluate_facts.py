"""What stands beside the figures of a detector: which file, which data, which versions, which machine."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from panops.commands.machine import machine
from panops.domain.labels import DetectionSet
from panops.evaluation.data_fingerprint import data_fingerprint
from panops.export.deployed import AP_SETTINGS, DeployedRun
from panops.models.checksum import sha256_of
from panops.models.store import StoredModel

# What many files and folders with labels are called: they say nothing of whose labels these are.
_ANYBODYS = re.compile(
    r"(val|valid|validation|train|test|data|dataset|labels|images|annotations|_annotations\..*|instances(_.*)?|measured|coco|yolo|voc)"
)
_PACKAGES = ("panops", "numpy", "openvino", "onnxruntime", "opencv-python-headless", "av", "pycocotools")


def versions(names: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """The version of each package; `not installed` where it is absent."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def data_title(path: Path, split: str = "") -> str:
    """What to call labelled pictures in a heading: the file's or folder's name; the folder's too, where the name could be anybody's.

    `site/val.json` is `site/val`, `mine/data/val.json` is `mine/val`, `helmets.json` is `helmets`.
    """
    place = path.resolve()
    name = place.stem if place.suffix.lower() in (".json", ".yaml", ".yml") else place.name
    if _ANYBODYS.fullmatch(name.lower()):
        owner = next((one.name for one in place.parents if one.name and not _ANYBODYS.fullmatch(one.name.lower())), "")
        # A dataset.yaml stands for its folder.
        alone = place.suffix.lower() in (".yaml", ".yml") or place.is_dir()
        name = owner if owner and alone and name.lower() in ("data", "dataset") else f"{owner}/{name}" if owner else name
    return f"{name}, {split}" if split else name


def model_facts(model: StoredModel, run: DeployedRun | None = None) -> dict[str, Any]:
    """What the model is, and how it was run."""
    manifest = model.manifest
    facts = {
        "version": manifest.version,
        **file_facts(model.path),
        "licence": manifest.licence,
        "classes_of_model": list(manifest.classes),
        "input_size_wh": list(run.size_wh if run else manifest.input_size_wh),
    }
    return {**facts, "backend": run.backend} if run else facts


def file_facts(path: Path) -> dict[str, Any]:
    """A model's file."""
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}


def data_facts(path: Path, split: str, dataset: DetectionSet, problems: int, broken: Mapping[str, str]) -> dict[str, Any]:
    """What was measured on, and how.

    Args:
        path: Where the data is.
        split: Which part of it; empty for all.
        dataset: The pictures that were used.
        problems: How many problems the reader found.
        broken: Pictures that were left out, and why.
    """
    return {
        "path": str(path),
        "split": split,
        "fingerprint": data_fingerprint(dataset),
        "pictures": len(dataset),
        "boxes": dataset.box_count,
        "classes": list(dataset.classes),
        "problems_in_labels": problems,
        "left_out": dict(broken),
    }


def setting_facts() -> dict[str, Any]:
    """How boxes were kept, where and when."""
    return {
        "settings": {"min_score": AP_SETTINGS.min_score, "iou_threshold": AP_SETTINGS.iou_threshold, "most": AP_SETTINGS.most},
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
    }
