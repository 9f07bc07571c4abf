"""Mosaic (A. Bochkovskiy et al., YOLOv4, 2020) and mix-up (H. Zhang et al., 2018) for partially labelled pictures."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from panops.training.augment.geometry import PAD, Placement, joined, paste
from panops.training.sample import Region, Sample


def mosaic(
    rng: np.random.Generator, samples: Sequence[Sample], size_wh: tuple[int, int], zoom: tuple[float, float], *, flip: bool = True
) -> Sample:
    """Four samples around a random centre; each keeps its own region, so what is unlabelled in one stays unknown there only.

    Args:
        rng: The chance.
        samples: Four.
        size_wh: The result's size, px.
        zoom: Range of the scale, 1 = the picture just fits the whole canvas.
        flip: Whether left and right may be exchanged.
    """
    width, height = size_wh
    canvas = np.full((height, width, 3), PAD, np.uint8)
    centre_x, centre_y = (int(rng.uniform(0.3, 0.7) * side) for side in size_wh)
    windows = (
        (0, 0, centre_x, centre_y),
        (centre_x, 0, width, centre_y),
        (0, centre_y, centre_x, height),
        (centre_x, centre_y, width, height),
    )
    parts = []
    for sample, window in zip(samples, windows, strict=True):
        own_height, own_width = sample.image.shape[:2]
        scale = float(np.exp(rng.uniform(np.log(zoom[0]), np.log(zoom[1])))) * min(width / own_width, height / own_height)
        room = np.array([window[2] - window[0] - own_width * scale, window[3] - window[1] - own_height * scale])
        offset = np.array(window[:2]) + rng.uniform(np.minimum(room, 0), np.maximum(room, 0))
        placement = Placement((scale, scale), (float(offset[0]), float(offset[1])), bool(rng.random() < 0.5) and flip, window)
        parts.append(paste(canvas, sample, placement))
    return joined(canvas, parts)


def mix_up(rng: np.random.Generator, first: Sample, second: Sample) -> Sample:
    """Two samples of one size shine through each other; a class is known where both knew it.

    The regions of both overlap then, so the result has one region, with the classes that were labelled everywhere in both.
    """
    share = float(rng.beta(8.0, 8.0))
    image = cv2.addWeighted(first.image, share, second.image, 1.0 - share, 0.0)
    both = joined(np.asarray(image, np.uint8), [first, second])
    labelled = np.logical_and.reduce([region.labelled for region in both.regions])
    height, width = image.shape[:2]
    both.regions = [Region(np.array([0, 0, width, height], np.float32), labelled)]
    return both
