"""What the network will see: a contact sheet of augmented samples with their boxes, and what is unknown in them hatched."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.datasets.contact_sheet import class_color
from panops.training.batches import BatchStream
from panops.training.prepare import Prepared
from panops.training.recipe import Recipe
from panops.training.sample import ALL_CLASSES, Sample

_GAP = 6
_CAPTION = 18
_HATCH_PX = 12
_GROUND = (40, 36, 32)
_INK = (235, 235, 235)
# Samples from all of a training: the last part is without mosaics.
_PARTS = 4


def sample_sheet(recipe: Recipe, prepared: Prepared, columns: int = 6, rows: int = 4, tile_px: int = 320) -> NDArray[np.uint8]:
    """Draw samples as the training will make them, from its beginning to its end.

    Args:
        recipe: The training.
        prepared: Its data.
        columns: Tiles side by side.
        rows: One above the other; a row is of one part of the training.
        tile_px: Side of a tile.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    sheet = np.full((rows * (tile_px + _CAPTION + _GAP) + _GAP, columns * (tile_px + _GAP) + _GAP, 3), _GROUND, np.uint8)
    for row in range(rows):
        step = min(recipe.steps - 1, recipe.steps * row // max(1, rows - 1))
        with BatchStream(recipe, prepared.chain, prepared.deck, step) as stream:
            samples = [stream.sample(step, slot) for slot in range(columns)]
        top = _GAP + row * (tile_px + _CAPTION + _GAP)
        for column, sample in enumerate(samples):
            left = _GAP + column * (tile_px + _GAP)
            sheet[top : top + tile_px, left : left + tile_px] = draw_sample(sample, tuple(recipe.classes), tile_px)
        words = f"step {step:,}: {samples[0].image.shape[1]} px; hatched: a class is unknown there, so its absence is not learnt"
        cv2.putText(sheet, words, (_GAP, top + tile_px + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)
    return sheet


def draw_sample(sample: Sample, classes: tuple[str, ...], tile_px: int) -> NDArray[np.uint8]:
    """One sample as a tile (tile_px, tile_px, 3)."""
    scale = tile_px / max(sample.image.shape[:2])
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    tile = np.asarray(cv2.resize(sample.image, (tile_px, tile_px), interpolation=smooth), np.uint8)
    for region in sample.regions:
        box = region.xyxy * scale
        if not region.labelled.all():
            _hatch(tile, box, (200, 200, 200), fine=False)
            unknown = [name for name, known in zip(classes, region.labelled.tolist(), strict=True) if not known]
            _write(tile, "unknown: " + ", ".join(unknown), int(box[0]) + 3, int(box[3]) - 5, int(box[2] - box[0]))
    for xyxy, class_id in zip(sample.ignored_xyxy * scale, sample.ignored_class.tolist(), strict=True):
        _hatch(tile, xyxy, (255, 255, 255) if class_id == ALL_CLASSES else class_color(class_id), fine=True)
    for xyxy, class_id in zip(sample.xyxy * scale, sample.class_id.tolist(), strict=True):
        left, top, right, bottom = (round(value) for value in xyxy.tolist())
        cv2.rectangle(tile, (left, top), (right, bottom), class_color(class_id), 1, cv2.LINE_AA)
        _write(tile, classes[class_id], left + 1, max(9, top - 2), tile_px)
    return tile


def _hatch(tile: NDArray[np.uint8], box: NDArray[np.float32], color: tuple[int, int, int], *, fine: bool) -> None:
    """Slanting lines over a part of the tile; the other way round and closer for places that are ignored."""
    left, top, right, bottom = (round(value) for value in np.clip(box, 0, tile.shape[0]).tolist())
    if right - left < 2 or bottom - top < 2:
        return
    part = tile[top:bottom, left:right]
    lines = part.copy()
    gap = _HATCH_PX // 2 if fine else _HATCH_PX * 2
    height, width = part.shape[:2]
    for start in range(-height, width + height, gap):
        first, second = (start, start + height) if fine else (start + height, start)
        cv2.line(lines, (first, 0), (second, height), color, 1, cv2.LINE_AA)
    cv2.addWeighted(lines, 0.55, part, 0.45, 0.0, part)


def _write(tile: NDArray[np.uint8], text: str, x: int, y: int, room_px: int) -> None:
    while len(text) > 4 and cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.33, 1)[0][0] > room_px - 6:
        text = text[:-4] + "..."
    cv2.putText(tile, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.33, (0, 0, 0), 2, cv2.LINE_AA)
    cv2.putText(tile, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.33, _INK, 1, cv2.LINE_AA)
