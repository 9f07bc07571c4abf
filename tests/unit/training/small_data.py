"""Tiny pictures and recipes for these tests: red and blue rectangles on noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from panops.datasets.coco import write_coco
from panops.domain.labels import DetectionSet, LabelledPicture
from panops.training.recipe import Recipe, recipe_from

CLASSES = ("red", "blue")
COLOURS = ((0, 0, 255), (255, 0, 0))


def draw_picture(path: Path, seed: int, size_wh: tuple[int, int] = (96, 80), **more: Any) -> LabelledPicture:
    """A picture with one to three rectangles, written to `path`."""
    rng = np.random.default_rng(seed)
    image = rng.integers(90, 160, (size_wh[1], size_wh[0], 3), dtype=np.uint8)
    boxes, ids = [], []
    for _ in range(int(rng.integers(1, 4))):
        left, top = rng.integers(0, size_wh[0] - 30), rng.integers(0, size_wh[1] - 30)
        width, height = rng.integers(14, 30, 2)
        class_id = int(rng.integers(2))
        cv2.rectangle(image, (int(left), int(top)), (int(left + width - 1), int(top + height - 1)), COLOURS[class_id], -1)
        boxes.append([left, top, left + width, top + height])
        ids.append(class_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)
    given: dict[str, Any] = {"labelled": np.ones(2, bool), "source": "drawn", "crowd": np.zeros(len(ids), bool), **more}
    return LabelledPicture(path, size_wh, np.array(boxes, np.float32), np.array(ids, np.int64), **given)


def write_set(folder: Path, name: str, count: int, first_seed: int = 0) -> Path:
    """A COCO file with `count` pictures."""
    pictures = tuple(draw_picture(folder / name / f"{index}.png", first_seed + index) for index in range(count))
    write_coco(DetectionSet(name, CLASSES, pictures), folder / f"{name}.json")
    return folder / f"{name}.json"


def tiny_recipe(folder: Path, count: int = 12, **more: Any) -> Recipe:
    """Nano at 64 px, batches of four, six steps; its data is made when it is not there."""
    for name, number, first in (("train", count, 0), ("val", 4, 100)):
        if not (folder / f"{name}.json").is_file():
            write_set(folder, name, number, first)
    values: dict[str, Any] = {
        "name": "tiny",
        "classes": list(CLASSES),
        "input_px": 64,
        "data": {"train": ["train.json"], "val": ["val.json"]},
        "batch": 4,
        "pictures": 24,
        "warm_pictures": 8,
        "save_every": 8,
        "evaluate_every": 12,
        "precision": "float32",
    }
    return recipe_from({**values, **more}, "tiny", folder)
