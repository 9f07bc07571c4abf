"""Colour, brightness and contrast: what another camera, another hour and another exposure would have made of it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def vary_colour(rng: np.random.Generator, image: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
    """Hue, saturation and value multiplied by random factors.

    Args:
        rng: The chance.
        image: (H, W, 3) uint8, BGR; not changed.
        strength: 0 leaves it as it is, 1 is what YOLOX uses (hue 1.5 %, saturation 70 %, value 40 %).
    """
    hue, saturation, value = 1.0 + rng.uniform(-1, 1, 3) * np.array([0.015, 0.7, 0.4]) * strength
    steps = np.arange(256, dtype=np.float64)
    tables = np.stack([(steps * hue) % 180, np.clip(steps * saturation, 0, 255), np.clip(steps * value, 0, 255)]).astype(np.uint8)
    planes = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
    mixed = cv2.merge([cv2.LUT(plane, table) for plane, table in zip(planes, tables, strict=True)])
    return np.asarray(cv2.cvtColor(mixed, cv2.COLOR_HSV2BGR), np.uint8)


def vary_contrast(rng: np.random.Generator, image: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
    """Contrast about the mean, and gamma, both at random."""
    gamma = float(np.exp(rng.uniform(-0.5, 0.5) * strength))
    contrast = float(np.exp(rng.uniform(-0.3, 0.3) * strength))
    mean = float(image[::8, ::8].mean())
    steps = np.arange(256, dtype=np.float64)
    table = 255.0 * (np.clip((steps - mean) * contrast + mean, 0, 255) / 255.0) ** gamma
    return np.asarray(cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)), np.uint8)
