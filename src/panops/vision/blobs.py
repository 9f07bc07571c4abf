"""From changed pixels to boxes: clean, join what belongs together, leave out what is too small, too large, only light, or a ghost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import FloatArray
from panops.domain.detections import Detections

_SPECK = cv2.getStructuringElement(cv2.MORPH_RECT, (2, 2))
_RIM = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
# People are taller than wide and break where clothes match the background: joined further up and down than sideways.
_JOIN = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 9))


@dataclass(frozen=True, slots=True)
class BlobSettings:
    """What counts as one object. Sizes are shares of the picture.

    Attributes:
        min_area: The least share of the picture that must have changed within a box.
        max_area: A box over more than this share is a change of light.
        min_fill: The least share of a box that must have changed; long thin edges of shifted pictures fail this.
        gap: Boxes closer than this share of the picture's height, and over one another, are one object.
        min_sharpness: Objects have a rim, light and the shadows of clouds fade out; 1 is what the weakest rims of real people and cars had.
        sure_sharpness: The same for blobs of strong contrast, where only the softest ones are light.
        least_rim: An object has edges where it ends. Where the picture has less than this share of the background's, there is nothing:
            what stood there when the background was learnt has left (a ghost).
        strong_contrast: From this mean difference on a contrast is strong, 0..255.
        min_strength: Mean difference within an object, as a multiple of the least difference that counts at all.
        most: At most so many boxes, largest first.
    """

    min_area: float = 0.0015
    max_area: float = 0.6
    min_fill: float = 0.2
    gap: float = 0.1
    min_sharpness: float = 1.25
    sure_sharpness: float = 0.9
    least_rim: float = 0.6
    strong_contrast: float = 40.0
    min_strength: float = 1.2
    most: int = 50


@dataclass(frozen=True, slots=True, eq=False)
class Blobs:
    """What was found.

    Attributes:
        objects: Class 0, largest first, in px of the frame. The score is 1 - 0.5 / mean strength: from 0.58 towards 1.
        background: Boxes (M, 4) in px of the small picture where only the light changed, or where something left.
    """

    objects: Detections
    background: NDArray[np.int64]

    @classmethod
    def none(cls) -> Blobs:
        """Nothing at all."""
        return cls(Detections.empty(), np.zeros((0, 4), np.int64))


def find_blobs(
    changed: NDArray[np.bool_],
    strength: FloatArray,
    difference: FloatArray,
    picture: FloatArray,
    source_wh: tuple[int, int],
    settings: BlobSettings,
) -> Blobs:
    """The objects in a mask.

    Args:
        changed: (h, w) bool, where the small picture changed.
        strength: (h, w) float32, by how much: 1 is just enough to count.
        difference: (h, w) float32, picture minus background, -255..255.
        picture: (h, w) float32, the small picture, 0..255.
        source_wh: Size of the frame, px; objects are given in its pixels.
        settings: What counts as an object.
    """
    clean = cv2.morphologyEx(changed.view(np.uint8), cv2.MORPH_OPEN, _SPECK)
    if cv2.countNonZero(clean) < settings.min_area * clean.size / 2:
        return Blobs.none()
    joined = cv2.morphologyEx(clean, cv2.MORPH_CLOSE, _JOIN)
    contours, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    corners = [_corners(contour) for contour in contours]
    corners.sort(key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))
    boxes = _merge(np.array(corners[: settings.most], np.int64), settings.gap * changed.shape[0])
    boxes = boxes[[_is_large_enough(box, joined, settings) for box in boxes]]
    if not len(boxes):
        return Blobs.none()
    there = np.array(_are_there(boxes, clean, difference, picture, settings))
    mean = np.array([_mean(box, clean, strength) for box in boxes])
    good = there & (mean >= settings.min_strength)
    objects, score = boxes[good], (1.0 - 0.5 / mean[good]).astype(np.float32)
    scale = np.array([source_wh[0] / changed.shape[1], source_wh[1] / changed.shape[0]] * 2)
    return Blobs(Detections((objects * scale).astype(np.float32), score, np.zeros(len(objects), np.int64)), boxes[~there])


def _corners(contour: Any) -> tuple[int, int, int, int]:
    left, top, width, height = cv2.boundingRect(contour)
    return left, top, left + width, top + height


def _is_large_enough(box: NDArray[np.int64], joined: NDArray[Any], settings: BlobSettings) -> bool:
    left, top, right, bottom = box
    size = (right - left) * (bottom - top)
    filled = cv2.countNonZero(joined[top:bottom, left:right])
    return bool(
        filled >= settings.min_area * joined.size and size <= settings.max_area * joined.size and filled >= settings.min_fill * size
    )


def _are_there(
    boxes: NDArray[np.int64], clean: NDArray[Any], difference: FloatArray, picture: FloatArray, settings: BlobSettings
) -> list[bool]:
    """Whether each box (N, 4) is an object, by its rim: neither light, which fades out, nor the ghost of something that left."""
    slope, own, old = _slope(difference), _slope(picture), _slope(picture - difference)
    rim = cv2.morphologyEx(clean, cv2.MORPH_GRADIENT, _RIM) > 0
    amount: FloatArray = np.abs(difference)
    answers = []
    for left, top, right, bottom in boxes:
        around = np.s_[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
        here = rim[around]
        # One grey level more on both sides: where neither has edges, there is nothing to be said.
        is_ghost = float(own[around][here].mean()) + 1.0 < settings.least_rim * (float(old[around][here].mean()) + 1.0)
        contrast = float(cv2.mean(amount[around], clean[around])[0])
        sharpness = _sharpness(slope[around][here], contrast)
        least = settings.sure_sharpness if contrast >= settings.strong_contrast else settings.min_sharpness
        answers.append(not is_ghost and sharpness >= least)
    return answers


def _slope(picture: FloatArray) -> FloatArray:
    """How steep brightness is, (h, w), grey levels a px."""
    across, down = cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=0.125)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _sharpness(slopes: FloatArray, contrast: float) -> float:
    """The slope of the difference at the rim (K,), measured by the difference inside."""
    half, most = len(slopes) // 2, len(slopes) * 4 // 5
    ordered = np.partition(slopes, (half, most)) / max(contrast, 1.0)
    return float((ordered[half] / 0.2 + ordered[most] / 0.4) / 2)


def _mean(box: NDArray[np.int64], clean: NDArray[Any], strength: FloatArray) -> float:
    left, top, right, bottom = box
    return float(cv2.mean(strength[top:bottom, left:right], clean[top:bottom, left:right])[0])


def _merge(boxes: NDArray[np.int64], gap: float) -> NDArray[np.int64]:
    """Join boxes (N, 4) that stand over one another with at most `gap` px between, until none are left."""
    index = 0
    while index < len(boxes):
        partners = _belonging(boxes, index, gap)
        if not len(partners):
            index += 1
            continue
        members = [index, *partners]
        boxes[index, :2], boxes[index, 2:] = boxes[members, :2].min(axis=0), boxes[members, 2:].max(axis=0)
        boxes = np.delete(boxes, partners, axis=0)
        index = 0
    return boxes


def _belonging(boxes: NDArray[np.int64], index: int, gap: float) -> NDArray[np.int64]:
    """Which boxes share most of the narrower one's width with box `index`, and are at most `gap` px above or below."""
    one = boxes[index]
    overlap = np.minimum(boxes[:, 2], one[2]) - np.maximum(boxes[:, 0], one[0])
    narrower = np.minimum(boxes[:, 2] - boxes[:, 0], one[2] - one[0])
    distance = np.maximum(boxes[:, 1], one[1]) - np.minimum(boxes[:, 3], one[3])
    together = (overlap > 0.5 * narrower) & (distance <= gap)
    together[index] = False
    return np.flatnonzero(together)
