"""A contact sheet: pictures in a grid with their boxes drawn and named, to see what labels really say."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.datasets.picture_size import read_picture
from panops.domain.labels import DetectionSet, LabelledPicture

_CAPTION = 40
_GAP = 6
_GROUND = (40, 36, 32)
_INK = (235, 235, 235)
_FAINT = (160, 160, 160)
_DARK = (24, 22, 20)


def chosen(dataset: DetectionSet, count: int, seed: int, class_name: str = "", source: str | None = None) -> DetectionSet:
    """Pictures to look at, drawn by chance, in the set's order.

    Args:
        dataset: The set.
        count: How many at most.
        seed: The same seed draws the same pictures.
        class_name: Only pictures with a box of it; empty for any.
        source: Only pictures of it; None for any.

    Returns:
        At most `count` pictures; fewer, down to none, where there are not as many.
    """
    index = dataset.classes.index(class_name) if class_name else -1
    fitting = dataset.where(lambda one: (source is None or one.source == source) and (index < 0 or bool((one.class_id == index).any())))
    drawn = np.sort(np.random.default_rng(seed).permutation(len(fitting))[:count])
    return DetectionSet(fitting.name, fitting.classes, tuple(fitting.pictures[at] for at in drawn.tolist()))


def contact_sheet(dataset: DetectionSet, columns: int, tile_px: int) -> NDArray[np.uint8]:
    """Draw all pictures of the set.

    Args:
        dataset: At least one picture; they are decoded one by one.
        columns: Tiles side by side.
        tile_px: Width and height of the place for a picture; pictures keep their shape.

    Returns:
        (H, W, 3) uint8 BGR. A picture that cannot be decoded is a tile that says so.
    """
    columns = min(columns, len(dataset))
    rows = -(-len(dataset) // columns)
    step_x, step_y = tile_px + _GAP, tile_px + _CAPTION + _GAP
    sheet = np.full((rows * step_y + _GAP, columns * step_x + _GAP, 3), _GROUND, np.uint8)
    for place, picture in enumerate(dataset.pictures):
        y, x = _GAP + place // columns * step_y, _GAP + place % columns * step_x
        sheet[y : y + tile_px + _CAPTION, x : x + tile_px] = _tile(picture, dataset.classes, tile_px)
    return sheet


def _tile(picture: LabelledPicture, classes: tuple[str, ...], tile_px: int) -> NDArray[np.uint8]:
    tile = np.full((tile_px + _CAPTION, tile_px, 3), _DARK, np.uint8)
    image = read_picture(picture.path)
    if image is None:
        _write(tile, "cannot be decoded", 8, tile_px // 2, _INK, 0.45)
    else:
        scale = tile_px / max(image.shape[:2])
        size_wh = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        left, top = (tile_px - size_wh[0]) // 2, (tile_px - size_wh[1]) // 2
        small = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        tile[top : top + size_wh[1], left : left + size_wh[0]] = small
        # By the size that the labels say: where it is not the picture's, the boxes still lie where a trainer would put them.
        factor = np.array(size_wh * 2, np.float64) / np.array(picture.size_wh * 2)
        _draw_boxes(tile[:tile_px], picture, classes, picture.xyxy * factor + np.array([left, top] * 2))
    looked_for = [name for name, there in zip(classes, picture.labelled.tolist(), strict=True) if there]
    all_or_some = "all classes looked for" if len(looked_for) == len(classes) else "looked for: " + ", ".join(looked_for)
    head = " | ".join(part for part in (picture.path.name, picture.group or picture.source, "mosaic" if picture.mosaic else "") if part)
    tile[tile_px:] = _DARK
    _write(tile, head, 6, tile_px + 15, _INK, 0.4)
    _write(tile, all_or_some, 6, tile_px + 32, _FAINT, 0.36)
    return tile


def _draw_boxes(image: NDArray[np.uint8], picture: LabelledPicture, classes: tuple[str, ...], xyxy: NDArray[np.float64]) -> None:
    # Large boxes first, so that small ones and their names lie on top.
    areas = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    for index in np.argsort(-areas).tolist():
        class_id = int(picture.class_id[index])
        color = class_color(class_id)
        left, top, right, bottom = (round(value) for value in xyxy[index].tolist())
        cv2.rectangle(image, (left, top), (right, bottom), color, 1, cv2.LINE_AA)
        name = classes[class_id] + (" (crowd)" if picture.crowd[index] else "")
        (wide, high), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.36, 1)
        y = top - 2 if top > high + 4 else min(bottom, top + high + 3)
        x = max(0, min(left, image.shape[1] - wide - 2))
        cv2.rectangle(image, (x, y - high - 2), (x + wide + 2, y + 2), color, -1)
        cv2.putText(image, name, (x + 1, y - 1), cv2.FONT_HERSHEY_SIMPLEX, 0.36, _ink_on(color), 1, cv2.LINE_AA)


def class_color(class_id: int) -> tuple[int, int, int]:
    """A BGR colour for a class: steps of the golden ratio round the colour circle keep neighbours apart."""
    hue = int(class_id * 0.618034 * 180 + 100) % 180
    pixel = cv2.cvtColor(np.array([[[hue, 190, 245 - 55 * (class_id % 2)]]], np.uint8), cv2.COLOR_HSV2BGR)
    blue, green, red = np.asarray(pixel)[0, 0].tolist()
    return blue, green, red


def _ink_on(color: tuple[int, int, int]) -> tuple[int, int, int]:
    return (0, 0, 0) if color[0] * 0.114 + color[1] * 0.587 + color[2] * 0.299 > 120 else (255, 255, 255)


def _write(image: NDArray[np.uint8], text: str, x: int, y: int, color: Sequence[int], size: float) -> None:
    """One line of text, shortened to the picture's width."""
    while len(text) > 4 and cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0] > image.shape[1] - 2 * x:
        text = text[:-4] + "..."
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, tuple(color), 1, cv2.LINE_AA)
