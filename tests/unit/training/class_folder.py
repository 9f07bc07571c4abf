"""Small pictures of three shapes, a folder for each."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

NAMES = ("bar", "disc", "ring")


def drawn(name: str, chance: np.random.Generator, side: int = 40) -> np.ndarray:
    image = np.full((side, side, 3), chance.integers(0, 80), np.uint8)
    middle = tuple(int(value) for value in chance.integers(side // 2 - 4, side // 2 + 5, 2))
    colour = tuple(int(value) for value in chance.integers(150, 256, 3))
    radius = int(chance.integers(8, 13))
    if name == "bar":
        cv2.rectangle(image, (middle[0] - radius, middle[1] - 3), (middle[0] + radius, middle[1] + 3), colour, -1)
    else:
        cv2.circle(image, middle, radius, colour, -1 if name == "disc" else 2)
    return image


def write_classes(folder: Path, count: int, seed: int = 0, names: tuple[str, ...] = NAMES) -> Path:
    """`count` pictures of each class; gives the folder."""
    chance = np.random.default_rng(seed)
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            cv2.imwrite(str(folder / name / f"{index}.png"), drawn(name, chance))
    return folder
