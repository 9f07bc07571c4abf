"""What `panops evaluate detector --json` writes, as far as a card reads it."""

from __future__ import annotations

from typing import Any


def figures(ap50: float, boxes: int = 100) -> dict[str, Any]:
    shares = {name: round(ap50 * part, 4) for name, part in (("AP", 0.5), ("AP50", 1.0), ("AP75", 0.4), ("APm", 0.6), ("APl", 0.7))}
    return {**shares, "APs": None, "recall": 0.8, "boxes": boxes, "pictures": 40}


def measured(name: str, sha256: str, ap50: float) -> dict[str, Any]:
    point = {"score": 0.31, "precision": 0.72, "recall": 0.61, "f1": 0.66}
    pairs = [
        {"source": "gate", "class": "person", **figures(ap50)},
        {"source": "yard", "class": "person", **figures(ap50 / 2, 12)},
        {"source": "yard", "class": "car", **figures(ap50 / 4)},
    ]
    return {
        "name": name,
        "sha256": sha256,
        "backend": "OpenVinoBackend",
        "speed": {"prepare_ms": 0.2, "infer_ms": 2.64, "finish_ms": 0.1, "cpu_ms": 3.1, "pictures": 40, "threads": 1},
        "scored_classes": ["person", "car"],
        "overall": figures(ap50),
        "classes": {"person": figures(ap50), "car": figures(ap50 / 4)},
        "pairs": pairs,
        "thresholds": {"person": {"best_f1": point, "precise": None, "wanted_precision": 0.9}},
    }


def evaluation(sha256: str, *, ap50: float = 0.6, path: str = "val.json", beside: dict[str, Any] | None = None) -> dict[str, Any]:
    data = {"path": path, "split": "", "fingerprint": "f" * 64, "pictures": 40, "boxes": 212, "classes": ["person", "car"]}
    models = [measured("net", sha256, ap50), *([beside] if beside else [])]
    return {
        "evaluation": "detection",
        "data": data,
        "measured_at": "2026-11-20T10:00:00+00:00",
        "machine": {"processor": "X"},
        "models": models,
    }
