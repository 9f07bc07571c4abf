"""A part of a picture as a JPEG file, no larger than need be."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.datasets.whole_file import whole
from panops.domain.labels import LabelledPicture

_QUALITY = 95


def read_labelled(picture: LabelledPicture) -> NDArray[np.uint8] | None:
    """A picture's pixels (H, W, 3) uint8 BGR; None where it cannot be decoded or has another size than its labels say."""
    image = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
    if image is None or (image.shape[1], image.shape[0]) != picture.size_wh:
        return None
    return np.asarray(image, np.uint8)


def write_crop(image: NDArray[np.uint8], part: tuple[int, int, int, int], path: Path, longest_px: int) -> tuple[int, int]:
    """Write a part of a picture, scaled down where its longer side is above `longest_px`; its width and height in the file, px.

    Args:
        image: (H, W, 3) uint8 BGR.
        part: Left, top, right, bottom, whole px inside it.
        path: The file; it is there as a whole or not at all.
        longest_px: The longer side at most.

    Raises:
        OSError: It cannot be written.
    """
    left, top, right, bottom = part
    view = image[top:bottom, left:right]
    scale = min(1.0, longest_px / max(view.shape[:2]))
    if scale < 1:
        size_wh = (max(round(view.shape[1] * scale), 1), max(round(view.shape[0] * scale), 1))
        view = np.asarray(cv2.resize(view, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    with whole(path) as beside:
        beside.write_bytes(cv2.imencode(".jpg", view, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes())
    return view.shape[1], view.shape[0]
