"""A contact sheet: pictures in a grid with their boxes in the colours of the classes, and a key to the colours: what labels really say."""

from __future__ import annotations

from collections import Counter
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.datasets.box_drawing import Color, draw_boxes, shortened, text_size, write_text
from panops.datasets.picture_size import read_picture
from panops.domain.labels import DetectionSet, LabelledPicture

_CAPTION = 40
_GAP = 6
# A line of the key, and the squares of colour in it and in the captions.
_KEY_LINE = 24
_SQUARE = 11
_TEXT_PX = 13
_SMALL_PX = 12
# How many colours there are, and the first of them, BGR.
_PALETTE = 24
_FIRST = (255, 192, 0)
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

    Names stand at boxes that are large enough; the colours of all are told at the foot, with how many boxes there are. Under each picture
    stand its file, its group or source, and a square for each class that was looked for in it.

    Args:
        dataset: At least one picture; they are decoded one by one.
        columns: Tiles side by side.
        tile_px: Width of the place for a picture, and its greatest height; pictures keep their shape, and a row is as high as its highest.

    Returns:
        (H, W, 3) uint8 BGR. A picture that cannot be decoded is a tile that says so.
    """
    columns = min(columns, len(dataset))
    width = columns * (tile_px + _GAP) + _GAP
    parts = [np.full((_GAP, width, 3), _GROUND, np.uint8)]
    for start in range(0, len(dataset), columns):
        row = dataset.pictures[start : start + columns]
        height = max(_fitted(picture.size_wh, (tile_px, tile_px))[1] for picture in row)
        part = np.full((height + _CAPTION + _GAP, width, 3), _GROUND, np.uint8)
        for place, picture in enumerate(row):
            x = _GAP + place * (tile_px + _GAP)
            part[:-_GAP, x : x + tile_px] = _tile(picture, dataset.classes, (tile_px, height))
        parts.append(part)
    return np.concatenate([*parts, _key(dataset, width)])


def _fitted(size_wh: tuple[int, int], room_wh: tuple[int, int]) -> tuple[int, int]:
    """The size of a picture that fills the room in one direction and keeps its shape."""
    scale = min(room_wh[0] / size_wh[0], room_wh[1] / size_wh[1])
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def _tile(picture: LabelledPicture, classes: tuple[str, ...], room_wh: tuple[int, int]) -> NDArray[np.uint8]:
    tile = np.full((room_wh[1] + _CAPTION, room_wh[0], 3), _DARK, np.uint8)
    image = read_picture(picture.path)
    if image is None:
        write_text(tile, shortened("cannot be decoded", room_wh[0] - 16, _TEXT_PX), 8, room_wh[1] // 2 + 6, _INK, _TEXT_PX)
    else:
        size_wh = _fitted((image.shape[1], image.shape[0]), room_wh)
        left, top = (room_wh[0] - size_wh[0]) // 2, (room_wh[1] - size_wh[1]) // 2
        small = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if size_wh[0] < image.shape[1] else cv2.INTER_LINEAR)
        tile[top : top + size_wh[1], left : left + size_wh[0]] = small
        # By the size that the labels say: where it is not the picture's, the boxes still lie where a trainer would put them.
        factor = np.array(size_wh * 2, np.float64) / np.array(picture.size_wh * 2)
        ids = picture.class_id.tolist()
        xyxy = picture.xyxy * factor + np.array([left, top] * 2)
        draw_boxes(tile[: room_wh[1]], xyxy, [classes[index] for index in ids], [class_color(index) for index in ids], picture.crowd)
    _write_caption(tile, picture, room_wh[1])
    return tile


def _write_caption(tile: NDArray[np.uint8], picture: LabelledPicture, top: int) -> None:
    width = tile.shape[1] - 12
    name = shortened(picture.path.name, width if width < 200 else width // 2, _SMALL_PX)
    write_text(tile, name, 6, top + 15, _INK, _SMALL_PX)
    start = 6 + text_size(name, _SMALL_PX)[0] + 10
    more = ", ".join(part for part in (picture.group or picture.source, "mosaic" if picture.mosaic else "") if part)
    if more and start < width - 30:
        write_text(tile, shortened(more, 6 + width - start, _SMALL_PX), start, top + 15, _FAINT, _SMALL_PX)
    looked_for = np.flatnonzero(picture.labelled).tolist()
    step = _SQUARE + 3
    said = "all classes looked for" if picture.labelled.all() else "looked for"
    room = width - text_size(said, _SMALL_PX)[0] - 8
    if not picture.labelled.all() and len(looked_for) * step > room:
        said = f"{len(looked_for)} of {len(picture.labelled)} classes looked for"
        looked_for = []
    write_text(tile, shortened(said, width, _SMALL_PX), 6, top + 32, _FAINT, _SMALL_PX)
    for place, index in enumerate(looked_for if len(looked_for) * step <= room else []):
        _square(tile, tile.shape[1] - 6 - step * (len(looked_for) - place), top + 22, index)


def _key(dataset: DetectionSet, width: int) -> NDArray[np.uint8]:
    """The colours of all classes that were looked for or have a box, in as many lines as they need, (H, `width`, 3)."""
    boxes = Counter(index for picture in dataset.pictures for index in picture.class_id.tolist())
    looked_for = np.any([picture.labelled for picture in dataset.pictures], axis=0)
    entries = [(index, f"{name} {boxes[index]:,}") for index, name in enumerate(dataset.classes) if boxes[index] or looked_for[index]]
    longest = width - 4 * _GAP - 2 * _SQUARE
    if any(picture.crowd.any() for picture in dataset.pictures):
        entries.append((-1, "broken line: a region of many"))
    lines: list[list[tuple[int, int, str]]] = [[]]
    x = 2 * _GAP
    for index, said in entries:
        text = shortened(said, longest, _TEXT_PX)
        wide = text_size(text, _TEXT_PX)[0] + _SQUARE + 6
        if lines[-1] and x + wide > width - _GAP:
            lines.append([])
            x = 2 * _GAP
        lines[-1].append((x, index, text))
        x += wide + 18
    key = np.full((len(lines) * _KEY_LINE + _GAP, width, 3), _GROUND, np.uint8)
    for number, line in enumerate(lines):
        y = number * _KEY_LINE + 4
        for x, index, text in line:
            if index >= 0:
                _square(key, x, y + 3, index)
            write_text(key, text, x + (_SQUARE + 6 if index >= 0 else 0), y + _SQUARE + 2, _INK, _TEXT_PX)
    return key


def _square(image: NDArray[np.uint8], x: int, y: int, class_id: int) -> None:
    image[y : y + _SQUARE, x : x + _SQUARE] = class_color(class_id)


def class_color(class_id: int) -> Color:
    """A BGR colour for a class; the first are as unlike as can be, and after the last the first comes again."""
    colors = _palette()
    return colors[class_id % len(colors)]


@cache
def _palette() -> tuple[Color, ...]:
    """Clear colours, each as far as possible from those before it as the eye sees them (distance in CIELAB)."""
    steps = np.array([0, 64, 128, 192, 255], np.uint8)
    bgr = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    lab = np.asarray(cv2.cvtColor((bgr / 255).astype(np.float32), cv2.COLOR_BGR2Lab))[:, 0]
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    clear = (lab[:, 0] > 45) & (lab[:, 0] < 92) & (chroma > 40)  # seen on dark and on bright pictures
    bgr, lab = bgr[clear, 0], lab[clear]
    chosen_at = [int(np.abs(bgr.astype(int) - _FIRST).sum(axis=1).argmin())]
    while len(chosen_at) < _PALETTE:
        apart = np.linalg.norm(lab[:, None] - lab[chosen_at][None], axis=2).min(axis=1)
        chosen_at.append(int(apart.argmax()))
    return tuple((int(blue), int(green), int(red)) for blue, green, red in bgr[chosen_at].tolist())
