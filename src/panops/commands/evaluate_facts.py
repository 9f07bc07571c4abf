"""What stands beside the figures of a detector: which file, which data, which versions, which machine."""

from __future__ import annotations

import importlib.metadata
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


def model_facts(model: StoredModel, run: DeployedRun | None = None) -> dict[str, Any]:
    """What the model is, and how it was run."""
    manifest = model.manifest
    facts = {
        "version": manifest.version,
        "file": model.path.name,
        "bytes": model.path.stat().st_size,
        "sha256": sha256_of(model.path),
        "licence": manifest.licence,
        "classes_of_model": list(manifest.classes),
        "input_size_wh": list(run.size_wh if run else manifest.input_size_wh),
    }
    return {**facts, "backend": run.backend} if run else facts


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
