"""Draws boxes on a picture so that what is in them stays to be seen: thin lines, and names only where there is room for them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int]

_FONT = cv2.FontFace("sans")
_NAME_PX = 11
_WEIGHT = 400
# A box has a name where its shorter side is at least so long: on a smaller one the name would be all that one sees.
_LEAST_NAMED_PX = 22
# A name may hide so much of any other box.
_MOST_HIDDEN = 0.08
_DASH_PX = 6


def draw_boxes(
    image: NDArray[np.uint8], xyxy: NDArray[np.float64], names: Sequence[str], colors: Sequence[Color], dashed: NDArray[np.bool_]
) -> None:
    """Draw boxes, in place; the names of large ones where they hide no other box and no other name.

    Args:
        image: (H, W, 3) uint8 BGR.
        xyxy: (N, 4), px of the image.
        names: One a box.
        colors: BGR, one a box.
        dashed: (N,) bool: boxes with broken lines.
    """
    sides = np.minimum(xyxy[:, 2] - xyxy[:, 0], xyxy[:, 3] - xyxy[:, 1])
    areas = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    order = np.argsort(-areas, kind="stable").tolist()  # small ones lie on top
    for index in order:
        _draw_box(image, xyxy[index], colors[index], dashed=bool(dashed[index]))
    placed = np.zeros((0, 4))
    for index in order:
        if sides[index] < _LEAST_NAMED_PX:
            continue
        size = text_size(names[index], _NAME_PX)
        others = np.delete(xyxy, index, axis=0)
        spot = _spot(xyxy[index], (size[0] + 4, _NAME_PX + 3), image.shape[1], image.shape[0], others, placed)
        if spot is not None:
            placed = np.concatenate([placed, spot[None]])
            left, top, right, bottom = (round(value) for value in spot.tolist())
            cv2.rectangle(image, (left, top), (right, bottom), colors[index], -1)
            write_text(image, names[index], left + 2, bottom - 3, ink_on(colors[index]), _NAME_PX)


def _draw_box(image: NDArray[np.uint8], box: NDArray[np.float64], color: Color, *, dashed: bool) -> None:
    left, top, right, bottom = (round(value) for value in box.tolist())
    if not dashed:
        cv2.rectangle(image, (left, top), (right, bottom), color, 1)
        return
    for start in range(left, right + 1, 2 * _DASH_PX):
        for y in (top, bottom):
            cv2.line(image, (start, y), (min(start + _DASH_PX, right), y), color, 1)
    for start in range(top, bottom + 1, 2 * _DASH_PX):
        for x in (left, right):
            cv2.line(image, (x, start), (x, min(start + _DASH_PX, bottom)), color, 1)


def _spot(
    box: NDArray[np.float64], size_wh: tuple[int, int], width: int, height: int, boxes: NDArray[np.float64], names: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Where the name of a box can stand, (4,): above it, inside, below; None where it would hide something."""
    wide, high = size_wh
    left, top, right, bottom = box.tolist()
    along = (left, right - wide)
    for y in (top - high, top, bottom, bottom - high):
        for x in along:
            spot = np.array([x, y, x + wide, y + high])
            inside_picture = x >= 0 and y >= 0 and x + wide <= width and y + high <= height
            # Inside its own box a name must leave most of it free.
            fits_box = y not in {top, bottom - high} or (wide <= 0.7 * (right - left) and high <= 0.3 * (bottom - top))
            if inside_picture and fits_box and not _hidden(spot, boxes, _MOST_HIDDEN) and not _hidden(spot, names, 0.0):
                return spot
    return None


def _hidden(spot: NDArray[np.float64], boxes: NDArray[np.float64], share: float) -> bool:
    """Whether the spot hides more than the share of any of the boxes."""
    overlap = np.minimum(spot[2:], boxes[:, 2:]) - np.maximum(spot[:2], boxes[:, :2])
    hidden = np.clip(overlap, 0, None).prod(axis=1)
    return bool((hidden > share * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)).any())


def ink_on(color: Color) -> Color:
    """Black or white, whichever is read on the colour."""
    return (0, 0, 0) if color[0] * 0.114 + color[1] * 0.587 + color[2] * 0.299 > 120 else (255, 255, 255)


def text_size(text: str, size_px: int) -> tuple[int, int]:
    """Width and height, px."""
    _, _, width, height = cv2.getTextSize((0, 0), text, (0, 0), _FONT, size_px, _WEIGHT)
    return int(width), int(height)


def write_text(image: NDArray[np.uint8], text: str, x: int, y: int, color: Color, size_px: int) -> None:
    """A line of text, in place; x, y is the start of its base line."""
    cv2.putText(image, text, (x, y), color, _FONT, size_px, _WEIGHT)


def shortened(text: str, width: int, size_px: int) -> str:
    """The text, with dots for its middle where it is wider: the ends of file names tell them apart."""
    if text_size(text, size_px)[0] <= width:
        return text
    keep = len(text) - 1
    while keep > 2:
        short = text[: (keep + 1) // 2] + "…" + text[len(text) - keep // 2 :]
        if text_size(short, size_px)[0] <= width:
            return short
        keep -= 1
    return "…"
