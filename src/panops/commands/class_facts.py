"""What stands beside the figures of a classifier: which file, which data, which versions, which machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from panops.commands.evaluate_facts import file_facts, versions
from panops.commands.machine import machine
from panops.domain.class_pictures import ClassSet
from panops.domain.manifest import ModelManifest
from panops.evaluation.classification_score import ClassificationScore
from panops.evaluation.data_fingerprint import class_fingerprint
from panops.export.class_deployed import ClassRun

EVALUATION = "classification"
_PACKAGES = ("panops", "numpy", "openvino", "onnxruntime", "ai-edge-litert", "opencv-python-headless", "av")


def class_record(path: Path, dataset: ClassSet, problems: int, models: list[dict[str, Any]], broken: Mapping[str, str]) -> dict[str, Any]:
    """An evaluation as JSON.

    Args:
        path: Where the pictures are.
        dataset: The pictures.
        problems: How many problems the reader found.
        models: From `class_row`, one for each file that was measured.
        broken: Pictures that were left out, and why.
    """
    return {
        "evaluation": EVALUATION,
        "data": {
            "path": str(path),
            "fingerprint": class_fingerprint(dataset),
            "pictures": len(dataset),
            "classes": list(dataset.classes),
            "problems": problems,
            "left_out": dict(broken),
        },
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(_PACKAGES),
        "models": models,
    }


def class_row(name: str, manifest: ModelManifest, path: Path, run: ClassRun, score: ClassificationScore) -> dict[str, Any]:
    """One file's part of an evaluation."""
    return {
        "name": name,
        "version": manifest.version,
        **file_facts(path),
        "licence": manifest.licence,
        "classes_of_model": list(manifest.classes),
        "input_size_wh": list(manifest.input_size_wh),
        "backend": run.backend,
        "speed": run.speed(),
        **score.record(),
    }
