"""Pictures of the simulated yard with people who walk there, and with a violet dummy that a detector takes for one of them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.config.schema import SimulationConfig
from panops.simulation.scene import Scene

_TALL_PX, _LEAST_VISIBLE = 62, 0.9
_FRAMES_APART = 12


class Shown(NamedTuple):
    """A picture (H, W, 3) uint8 RGB and the box in it, px, of a person or a dummy."""

    image: NDArray[np.uint8]
    box: tuple[float, float, float, float]


class DummyScene:
    """Renders once, then pastes.

    Args:
        seed: Of the scene's script.
        people: How many pictures with a tall person are rendered.
    """

    def __init__(self, seed: int = 3, people: int = 24) -> None:
        empty = Scene(SimulationConfig(scene="yard", seed=seed, activity=0.0))
        self.empty = np.asarray(empty.render(30), np.uint8)
        busy = Scene(SimulationConfig(scene="yard", seed=seed, activity=20.0))
        self.people: list[Shown] = []
        frame = 100
        while len(self.people) < people and frame < 6000:
            frame += _FRAMES_APART
            truth = busy.truth(frame)
            rows = [row for row, name in enumerate(truth.class_name) if name == "person" and _is_clear(truth.xyxy[row], truth.visible[row])]
            if rows:
                left, top, right, bottom = (float(edge) for edge in truth.xyxy[rows[0]])
                self.people.append(Shown(np.asarray(busy.render(frame), np.uint8), (left, top, right, bottom)))
        self._figures = [figure for shown in self.people if (figure := self._cut_out(shown)) is not None]

    def dummy(self, number: int) -> Shown:
        """A violet dummy somewhere in the yard, each time at another place and a little larger or smaller."""
        rng = np.random.default_rng(number)
        height = int(rng.integers(70, 120))
        figure, mask = self._figures[int(rng.integers(len(self._figures)))]
        size = (round(height * mask.shape[1] / mask.shape[0]), height)
        soft = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
        light = cv2.resize(figure, size, interpolation=cv2.INTER_AREA).mean(axis=2, keepdims=True) / 255
        left, top = int(rng.integers(20, 610 - size[0])), int(rng.integers(110, 350 - height))
        image = self.empty.astype(np.float32)
        part = image[top : top + height, left : left + size[0]]
        part[:] = part * (1 - soft) + soft * np.clip(light + 0.35, 0, 1) * np.array([150, 40, 235], np.float32)
        image += rng.normal(0, 3, image.shape)
        return Shown(np.asarray(np.clip(image, 0, 255), np.uint8), (float(left), float(top), float(left + size[0]), float(top + height)))

    def _cut_out(self, shown: Shown) -> tuple[NDArray[np.uint8], NDArray[np.bool_]] | None:
        """A walker's pixels and where they differ from the empty yard."""
        left, top, right, bottom = (round(edge) for edge in shown.box)
        figure, ground = shown.image[top:bottom, left:right], self.empty[top:bottom, left:right]
        mask = np.abs(figure.astype(int) - ground.astype(int)).sum(axis=2) > 40
        return (figure, mask) if mask.mean() > 0.25 else None


def zoomed(shown: Shown, seed: int, side_px: int = 240) -> Shown:
    """A square part of a picture around what it shows, never in its very middle: enough for a small input."""
    rng = np.random.default_rng(seed)
    left, top, right, bottom = shown.box
    height, width = shown.image.shape[:2]
    x = int(np.clip((left + right - side_px) / 2 + rng.integers(-side_px // 4, side_px // 4), 0, width - side_px))
    y = int(np.clip((top + bottom - side_px) / 2 + rng.integers(-side_px // 8, side_px // 8), 0, height - side_px))
    box = (max(0.0, left - x), max(0.0, top - y), min(float(side_px), right - x), min(float(side_px), bottom - y))
    return Shown(np.ascontiguousarray(shown.image[y : y + side_px, x : x + side_px]), box)


def _is_clear(xyxy: NDArray[np.float32], visible: float) -> bool:
    return float(xyxy[3] - xyxy[1]) >= _TALL_PX and float(visible) >= _LEAST_VISIBLE and xyxy[0] > 4 and xyxy[2] < 636 and xyxy[3] < 356
