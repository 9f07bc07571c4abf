"""The barrier of the gate: its boom goes up for whoever has stopped at it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation.camera_model import CameraModel
from panops.simulation.figures import Box, Figure, Rgb, Window
from panops.simulation.light import Light, display, linear
from panops.simulation.scenery import Ground
from panops.simulation.script import Actor

_OPENING_S = 1.6
_STRIPES = 9
_STEPS = 48


def openness(actors: Sequence[Actor], time_s: float) -> float:
    """How far the boom is up at `time_s`, 0..1, for the vehicles that are there."""
    most = 0.0
    for actor in actors:
        if actor.passes is not None:
            start, end = actor.start_s + actor.passes[0], actor.start_s + actor.passes[1]
            share = min((time_s - start) / _OPENING_S, (end - time_s) / _OPENING_S)
            most = max(most, min(max(share, 0.0), 1.0))
    return most * most * (3 - 2 * most)


@dataclass(frozen=True, slots=True, eq=False)
class BoomFigure(Figure):
    """The boom: red and white bars.

    Attributes:
        bars: Its bars as polygons, px: number of bars x 4 corners x 2.
    """

    bars: tuple[tuple[tuple[float, float], ...], ...]

    @classmethod
    def at_angle(cls, boom: tuple[Ground, Ground, float], share: float, camera: CameraModel) -> BoomFigure:
        """The boom raised by `share` of a right angle, in steps of a degree or two."""
        return _boom(boom, round(share * _STEPS), camera)

    def pixels(self, window: Window, light: Light, brightness: Rgb, *, lamps_on: bool) -> NDArray[np.uint8]:
        """See `Figure.pixels`."""
        painted = _painted(self.bars, window, light)
        return np.asarray(cv2.multiply(painted, np.array([*(value ** (1 / 2.2) for value in brightness), 1.0])), dtype=np.uint8)

    def shadow_mask(self, camera: CameraModel, light: Light, window: Window) -> NDArray[np.uint8]:
        """None: it is too thin."""
        return np.zeros((window[3] - window[1], window[2] - window[0]), np.uint8)

    def shadow_box(self, camera: CameraModel, light: Light) -> Box:
        """Nothing."""
        return (0.0, 0.0, 0.0, 0.0)


@lru_cache(maxsize=2 * _STEPS)
def _boom(boom: tuple[Ground, Ground, float], step: int, camera: CameraModel) -> BoomFigure:
    post, end, height = boom
    angle = step / _STEPS * math.radians(84)
    length = math.dist(post, end)
    along = np.array([(end[0] - post[0]) / length * math.cos(angle), math.sin(angle), (end[1] - post[1]) / length * math.cos(angle)])
    across = np.array([-along[1], math.hypot(along[0], along[2]), 0.0]) * 0.055
    start = np.array([post[0], height, post[1] - 0.05])
    edges = np.linspace(0, length, _STRIPES + 1)
    corners = [
        [start + along * a - across, start + along * b - across, start + along * b + across, start + along * a + across]
        for a, b in pairwise(edges)
    ]
    bars = camera.project(np.array(corners))
    low, high = bars.min(axis=(0, 1)), bars.max(axis=(0, 1))
    box: Box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    middle = ((post[0] + end[0]) / 2, (post[1] + end[1]) / 2)
    depth = float(camera.depth(np.array([[middle[0], 0.0, middle[1]]]))[0])
    return BoomFigure((), box, depth, middle, height, tuple(tuple((float(x), float(y)) for x, y in bar) for bar in bars))


@lru_cache(maxsize=16)
def _painted(bars: tuple[tuple[tuple[float, float], ...], ...], window: Window, light: Light) -> NDArray[np.uint8]:
    """The boom in full light: most of the time it hangs still, and is painted once."""
    x1, y1, x2, y2 = window
    canvas = np.zeros((2 * (y2 - y1), 2 * (x2 - x1), 4), np.uint8)
    lit = light.on(np.array([[0.0, 0.3, -0.95]], np.float32))[0]
    for number, bar in enumerate(bars):
        colour = display(np.asarray(linear(200, 40, 36) if number % 2 == 0 else linear(232, 232, 228)) * lit)
        corners = np.rint((np.array(bar) - (x1, y1)) * 32 - 8).astype(np.int32)
        cv2.fillConvexPoly(canvas, corners, (*map(float, colour), 255.0), cv2.LINE_8, 4)
    return np.asarray(cv2.resize(canvas, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA), dtype=np.uint8)
