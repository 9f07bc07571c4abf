"""A second look at a part of a picture: the part alone, as large as the detector takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.crops import part_around
from panops.domain.detections import Detections
from panops.domain.errors import ModelError
from panops.domain.frame import Frame, Pixels
from panops.domain.places import Box, iou
from panops.domain.protocols import Detector

# Room on each side of the box, as a share of its longer side, and what is shown at least, px: things are known by what is around them.
_ROOM = 1.5
_LEAST_PX = 64
# So much of the box must be covered by what is found, and the other way round.
_LEAST_IOU = 0.3
_MOVING = ("moving",)


@dataclass(frozen=True, slots=True, eq=False)
class PartPixels:
    """A part of another picture, which is scaled when it is asked for.

    Attributes:
        whole: The picture.
        xyxy: The part, whole px.
    """

    whole: Pixels
    xyxy: tuple[int, int, int, int]

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.xyxy[2] - self.xyxy[0], self.xyxy[3] - self.xyxy[1]

    def luma(self) -> NDArray[np.uint8]:
        """(H, W) uint8 brightness; a view."""
        left, top, right, bottom = self.xyxy
        return self.whole.luma()[top:bottom, left:right]

    def rgb(self, size_wh: tuple[int, int] | None = None, crop_xyxy: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB; see `Pixels`."""
        left, top, right, bottom = crop_xyxy or (0, 0, *self.size_wh)
        x, y = self.xyxy[0], self.xyxy[1]
        return self.whole.rgb(size_wh, (x + left, y + top, x + right, y + bottom))


def look_at_part(detector: Detector, frame: Frame, part: tuple[int, int, int, int]) -> Detections:
    """What a detector sees in a part of a picture, in px of the part.

    Parts are no film: who was shown before counts for nothing, and what the detector follows on the camera is left alone.

    Args:
        detector: What looks.
        frame: The picture.
        part: Left, top, right, bottom, whole px inside it.

    Raises:
        ModelError: The detector failed.
    """
    view = Frame(f"{frame.camera_id}#part", frame.sequence, frame.pts_s, frame.captured_at_s, PartPixels(frame.pixels, part))
    detector.forget(view.camera_id)
    return detector.detect(view)


def look_again(detector: Detector, frame: Frame, box: Box, class_name: str) -> float | None:
    """The best score with which a class is found at a box, when only its surroundings are shown.

    Args:
        detector: What looks.
        frame: The picture.
        box: Relative x1, y1, x2, y2.
        class_name: What was seen there.

    Returns:
        0.0 where nothing of it is found; None where the detector does not know the class, cannot look at parts, or fails.
    """
    if detector.classes == _MOVING or class_name not in detector.classes:
        return None
    part = _surroundings(box, frame.size_wh)
    try:
        found = look_at_part(detector, frame, part)
    except ModelError:
        return None
    rows = np.flatnonzero(found.class_id == detector.classes.index(class_name))
    width, height = frame.size_wh
    wanted = (box[0] * width - part[0], box[1] * height - part[1], box[2] * width - part[0], box[3] * height - part[1])
    fits = [float(found.score[row]) for row in rows if iou(wanted, _plain(found.xyxy[row])) >= _LEAST_IOU]
    return max(fits, default=0.0)


def _surroundings(box: Box, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size_wh
    return part_around((box[0] * width, box[1] * height, box[2] * width, box[3] * height), size_wh, _ROOM, _LEAST_PX)


def _plain(xyxy: NDArray[np.float32]) -> Box:
    left, top, right, bottom = (float(edge) for edge in xyxy)
    return left, top, right, bottom
