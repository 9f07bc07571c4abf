"""What a camera's picture looks like when nobody is there, and how much it flickers: learnt all the time, at a small size.

The picture is kept in the light of its first look. Each new one is brought into that light (a factor and an offset, fitted where nobody
is) before it is compared or learnt, so a cloud or a lamp changes nothing, and what is learnt is how things look, not how bright they are.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.light import LightChange, fit_light
from panops.domain.places import Box

FloatImage = NDArray[np.float32]

SIZE_WH = (160, 90)
# Learnt at most so often, and by this time constant: a car that parks is part of the scene after some minutes.
EVERY_S = 2.0
LEARN_S = 60.0
# So many looks at a pixel make it known.
KNOWN_LOOKS = 5
# Differs: by more than so many times its own flicker, and by this brightness at least, 0..255.
FLICKERS = 3.0
LEAST_STEP = 9.0
# Room around boxes of tracked objects that is not learnt either, as a share of the box.
_ROOM = 0.25
_BRIGHTER = 0.18


_AS_IT_WAS = LightChange(1.0, 0.0, 0.0)
# The first looks count alike: after n of them the next one is worth 1 / (n + 1).
_FIRST_LOOKS: FloatImage = (1.0 / (np.arange(256) + 1.0)).astype(np.float32)


class EmptyScene:
    """One camera's empty scene. Used by one thread. About 230 kB once it has looked."""

    def __init__(self) -> None:
        """Know nothing; the first look sets the scene."""
        self.reset()

    def reset(self) -> None:
        """Forget everything, as if it had never looked."""
        self._mean: FloatImage | None = None
        self._flicker: FloatImage = np.zeros((0, 0), np.float32)
        self._looks: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self._learnt_s = -math.inf
        self._light = _AS_IT_WAS
        self.light_jump_s = -math.inf
        """When the light last jumped, s."""

    def due(self, time_s: float) -> bool:
        """Whether a look is worth learning from now."""
        return not 0 <= time_s - self._learnt_s < EVERY_S

    def learn(self, small: FloatImage, time_s: float, boxes: list[Box]) -> None:
        """Learn from a picture, but not from where objects are.

        Args:
            small: The picture, as `shrunk` makes it.
            time_s: Its time, s.
            boxes: Everything tracked, relative x1, y1, x2, y2.
        """
        elapsed_s, self._learnt_s = time_s - self._learnt_s, time_s
        free = np.ones(small.shape, np.uint8)
        for box in boxes:
            rows, columns = _window(box, _ROOM)
            free[rows, columns] = 0
        if self._mean is None:
            self._mean = small.copy()
            self._flicker = np.full(small.shape, LEAST_STEP / FLICKERS, np.float32)
            self._looks = free.copy()
            self._light = _AS_IT_WAS
            return
        self._note_light(small, self._mean, free, time_s)
        relit = _relit(small, self._light)
        share = 1.0 - math.exp(-min(max(elapsed_s, 0.0), 600.0) / LEARN_S)
        weight: FloatImage = np.maximum(_FIRST_LOOKS[self._looks], np.float32(share)) * free.astype(np.float32)
        step = relit - self._mean
        # The mean size of the steps is about 0.8 of their standard deviation; large ones count once, a passer-by is not flicker.
        size = np.minimum(np.abs(step), 4 * FLICKERS * np.maximum(self._flicker, 1.0))
        self._mean += weight * step
        self._flicker += weight * (1.25 * size - self._flicker)
        np.minimum(self._looks + free, 250, out=self._looks)

    def _note_light(self, small: FloatImage, mean: FloatImage, free: NDArray[np.uint8], time_s: float) -> None:
        light = fit_light(mean, small, free == 0)
        before, now = _brightness(mean, self._light), _brightness(mean, light)
        if abs(math.log((now + 8.0) / (before + 8.0))) > _BRIGHTER:
            self.light_jump_s = time_s
        self._light = light

    def knows(self, box: Box) -> bool:
        """Whether most of what is in a box was seen without anybody often enough."""
        if self._mean is None:
            return False
        rows, columns = _window(box)
        return float(np.mean(self._looks[rows, columns] >= KNOWN_LOOKS)) > 0.6

    def difference(self, small: FloatImage, box: Box) -> tuple[float, float]:
        """How much a box differs from the empty scene.

        Args:
            small: The picture, as `shrunk` makes it.
            box: Relative x1, y1, x2, y2.

        Returns:
            The share of the box that differs by more than it flickers, and the likeness of its texture to the empty scene's, -1..1:
            a shadow or a beam of light leaves the texture as it is. (0, 1) before there was anything to learn.
        """
        if self._mean is None:
            return 0.0, 1.0
        rows, columns = _window(box)
        around_rows, around_columns = _window(box, 0.6)
        inside = np.zeros(small.shape, np.bool_)
        inside[rows, columns] = True
        near = (around_rows, around_columns)
        light = fit_light(self._mean[near], small[near], inside[near], step=1)
        now, then = _relit(small[rows, columns], light), self._mean[rows, columns]
        limit = np.maximum(FLICKERS * self._flicker[rows, columns], LEAST_STEP)
        differs = np.abs(now - then) > limit
        return float(differs.mean()), _likeness(now, then)

    def shift(self, small: FloatImage) -> float:
        """How far the whole picture is off the empty scene, a share of its width; 0.0 where that cannot be told."""
        if self._mean is None:
            return 0.0
        # Of pictures whose size suits the transform OpenCV makes no copy of its own, but writes its window into them.
        (dx, dy), response = cv2.phaseCorrelate(self._mean.copy(), small.copy(), _hann())
        return math.hypot(dx, dy) / SIZE_WH[0] if response > 0.2 else 0.0


def shrunk(luma: NDArray[np.uint8]) -> FloatImage:
    """The picture at `SIZE_WH`, float32 0..255."""
    return cv2.resize(luma, SIZE_WH, interpolation=cv2.INTER_AREA).astype(np.float32)


def _relit(now: FloatImage, light: LightChange) -> FloatImage:
    """The picture in the light of the scene."""
    return now if light.is_none else (now - np.float32(light.offset)) / np.float32(light.gain)


def _brightness(mean: FloatImage, light: LightChange) -> float:
    return max(float(mean.mean()) * light.gain + light.offset, 0.0)


def _likeness(now: FloatImage, then: FloatImage) -> float:
    """Correlation of two patches; 0 where one of them has no texture."""
    a, b = now - now.mean(), then - then.mean()
    size = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    if size < 4.0 * now.size:  # a standard deviation of two grey levels each
        return 0.0
    return float((a * b).sum()) / size


def _window(box: Box, room: float = 0.0) -> tuple[slice, slice]:
    """Rows and columns of the small picture that a relative box covers, with so much room on each side; at least one of each."""
    across, down = room * (box[2] - box[0]), room * (box[3] - box[1])
    left, right = (box[0] - across) * SIZE_WH[0], (box[2] + across) * SIZE_WH[0]
    top, bottom = (box[1] - down) * SIZE_WH[1], (box[3] + down) * SIZE_WH[1]
    x1, y1 = min(max(math.floor(left), 0), SIZE_WH[0] - 1), min(max(math.floor(top), 0), SIZE_WH[1] - 1)
    x2, y2 = min(max(math.ceil(right), x1 + 1), SIZE_WH[0]), min(max(math.ceil(bottom), y1 + 1), SIZE_WH[1])
    return slice(y1, y2), slice(x1, x2)


@lru_cache(maxsize=1)
def _hann() -> FloatImage:
    return np.asarray(cv2.createHanningWindow(SIZE_WH, cv2.CV_32F), dtype=np.float32)
