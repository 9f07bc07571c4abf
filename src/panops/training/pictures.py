"""The training pictures, decoded once and kept as long as there is room."""

from __future__ import annotations

import logging
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import SourceCorrupt
from panops.domain.labels import DetectionSet

logger = logging.getLogger(__name__)


class PictureCache:
    """Decoded pictures by index. Safe for several threads.

    Args:
        dataset: Where the pictures are.
        longest_side_px: Larger pictures are scaled down when they are read: nothing beyond the crops' resolution is used.
        room_bytes: What may be kept; beyond, pictures are decoded again each time.
    """

    def __init__(self, dataset: DetectionSet, longest_side_px: int, room_bytes: int) -> None:
        self._pictures = dataset.pictures
        self._longest_side_px = longest_side_px
        self._room_bytes = room_bytes
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._lock = Lock()
        self._unreadable: set[int] = set()

    @property
    def unreadable(self) -> int:
        """How many pictures could not be decoded so far."""
        return len(self._unreadable)

    def get(self, index: int) -> NDArray[np.uint8] | None:
        """The picture (H, W, 3) BGR, read-only; None when its file cannot be decoded, which is logged once."""
        image = self._kept.get(index)
        if image is not None or index in self._unreadable:
            return image
        try:
            image = read_picture(self._pictures[index].path, self._longest_side_px)
        except SourceCorrupt as error:
            self._unreadable.add(index)
            logger.warning("%s; training goes on without it", error)
            return None
        with self._lock:
            if index not in self._kept and image.nbytes <= self._room_bytes:
                self._room_bytes -= image.nbytes
                self._kept[index] = image
        return image


def read_picture(path: object, longest_side_px: int) -> NDArray[np.uint8]:
    """Decode a picture and scale it down to `longest_side_px` where it is larger.

    Raises:
        SourceCorrupt: It is missing or no picture.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceCorrupt(f"{path}: expected a picture, but it is missing or cannot be decoded")
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest > longest_side_px:
        factor = longest_side_px / longest
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = np.asarray(image, np.uint8)
    small.setflags(write=False)
    return small
