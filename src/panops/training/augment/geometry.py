"""Moving and scaling a sample into a canvas, with its boxes, ignored places and regions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.training.sample import Region, Sample

# The grey of the live path's letterbox.
PAD = 114
# An object of which less is left inside the window is no example any more, but it is not background either.
_LEAST_VISIBLE = 0.35
_LEAST_SIDE_PX = 3.0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a picture goes: canvas position = source position * scale + offset, after an optional mirroring of the source.

    Attributes:
        scale_xy: Factors.
        offset_xy: px of the canvas.
        flip: Whether left and right are exchanged first.
        window: The part of the canvas that is painted: left, top, right, bottom, px.
    """

    scale_xy: tuple[float, float]
    offset_xy: tuple[float, float]
    flip: bool
    window: tuple[int, int, int, int]


def paste(canvas: NDArray[np.uint8], sample: Sample, placement: Placement) -> Sample:
    """Paint `sample` into a window of `canvas` and give its labels in canvas px; the result's `image` is the canvas.

    An axis that becomes smaller is averaged, as by the live path's scaler, and lies on whole pixels: the scale and offset that are used,
    for the boxes too, are the nearest ones. Boxes are cut at the window; those that lose most of their area, or become tiny, turn into
    ignored places.
    """
    left, top, right, bottom = placement.window
    height, width = sample.image.shape[:2]
    placement = _on_whole_pixels(placement, (width, height))
    shrunk_wh = [min(size, round(size * scale)) for size, scale in zip((width, height), placement.scale_xy, strict=True)]
    image = np.ascontiguousarray(sample.image[:, ::-1] if placement.flip else sample.image)
    if shrunk_wh != [width, height]:
        image = np.asarray(cv2.resize(image, shrunk_wh, interpolation=cv2.INTER_AREA), np.uint8)
    # What is left to enlarge; an axis that was shrunk is only moved.
    scale_x, scale_y = (max(1.0, scale) for scale in placement.scale_xy)
    matrix = np.array([[scale_x, 0, placement.offset_xy[0] - left], [0, scale_y, placement.offset_xy[1] - top]], np.float64)
    # Pixel centres, not corners, are what warpAffine maps.
    matrix[:, 2] += 0.5 * (np.array([scale_x, scale_y]) - 1.0)
    canvas[top:bottom, left:right] = cv2.warpAffine(
        image, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR, borderValue=(PAD, PAD, PAD)
    )
    window = np.array(placement.window, np.float32)
    moved = _moved(sample.xyxy, placement, width)
    cut = _cut(moved, window)
    good = _still_there(moved, cut)
    seen = (_area(cut) > 0) & ~good
    ignored = _cut(_moved(sample.ignored_xyxy, placement, width), window)
    some = _area(ignored) > 0
    regions = [
        Region(_cut(_moved(region.xyxy[None], placement, width), window)[0], region.labelled)
        for region in sample.regions
        if _area(_cut(_moved(region.xyxy[None], placement, width), window))[0] > 0
    ]
    return Sample(
        image=canvas,
        xyxy=cut[good],
        class_id=sample.class_id[good],
        ignored_xyxy=np.concatenate([ignored[some], cut[seen]]),
        ignored_class=np.concatenate([sample.ignored_class[some], sample.class_id[seen]]),
        regions=regions,
    )


def joined(canvas: NDArray[np.uint8], parts: list[Sample]) -> Sample:
    """Samples that were pasted into one canvas, as one."""
    return Sample(
        image=canvas,
        xyxy=np.concatenate([part.xyxy for part in parts]),
        class_id=np.concatenate([part.class_id for part in parts]),
        ignored_xyxy=np.concatenate([part.ignored_xyxy for part in parts]),
        ignored_class=np.concatenate([part.ignored_class for part in parts]),
        regions=[region for part in parts for region in part.regions],
    )


def random_view(rng: np.random.Generator, sample: Sample, size_wh: tuple[int, int], zoom: tuple[float, float], *, flip: bool) -> Sample:
    """The sample scaled by `zoom` (1 = it just fits) and moved at random: above 1 a crop that enlarges small objects, below 1 padded.

    A crop is laid around a box of the sample half of the time, so that zooming in does not mostly show empty streets.
    """
    canvas = np.full((size_wh[1], size_wh[0], 3), PAD, np.uint8)
    height, width = sample.image.shape[:2]
    factor = float(np.exp(rng.uniform(np.log(zoom[0]), np.log(zoom[1])))) * min(size_wh[0] / width, size_wh[1] / height)
    stretch = float(np.exp(rng.uniform(-0.1, 0.1)))
    scale = (factor * stretch, factor / stretch)
    mirrored = flip and rng.random() < 0.5
    room = np.array([size_wh[0] - width * scale[0], size_wh[1] - height * scale[1]])
    offset = rng.uniform(np.minimum(room, 0), np.maximum(room, 0))
    if len(sample.xyxy) and rng.random() < 0.5:
        box = sample.xyxy[rng.integers(len(sample.xyxy))]
        centre = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
        if mirrored:
            centre[0] = width - centre[0]
        aim = np.array(size_wh) * rng.uniform(0.2, 0.8, 2) - centre * scale
        offset = np.clip(aim, np.minimum(room, 0), np.maximum(room, 0))
    return paste(canvas, sample, Placement(scale, (float(offset[0]), float(offset[1])), mirrored, (0, 0, *size_wh)))


def _on_whole_pixels(placement: Placement, size_wh: tuple[int, int]) -> Placement:
    """The nearest placement in which each axis that becomes smaller has a whole size and begins at a whole pixel."""
    scales, offsets = list(placement.scale_xy), list(placement.offset_xy)
    for axis, size in enumerate(size_wh):
        if scales[axis] < 1.0:
            scales[axis] = max(1, round(size * scales[axis])) / size
            offsets[axis] = float(round(offsets[axis]))
    return replace(placement, scale_xy=(scales[0], scales[1]), offset_xy=(offsets[0], offsets[1]))


def _moved(xyxy: NDArray[np.float32], placement: Placement, width: int) -> NDArray[np.float32]:
    if placement.flip:
        xyxy = np.stack([width - xyxy[:, 2], xyxy[:, 1], width - xyxy[:, 0], xyxy[:, 3]], axis=1)
    return (xyxy * np.array(placement.scale_xy * 2, np.float32) + np.array(placement.offset_xy * 2, np.float32)).astype(np.float32)


def _cut(xyxy: NDArray[np.float32], window: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = np.tile(window[:2], 2), np.tile(window[2:], 2)
    return np.clip(xyxy, low, high).astype(np.float32)


def _area(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1]), np.float32)


def _still_there(whole: NDArray[np.float32], cut: NDArray[np.float32]) -> NDArray[np.bool_]:
    big = np.minimum(cut[:, 2] - cut[:, 0], cut[:, 3] - cut[:, 1]) >= _LEAST_SIDE_PX
    return np.asarray(big & (_area(cut) >= _LEAST_VISIBLE * np.maximum(_area(whole), 1e-6)))
