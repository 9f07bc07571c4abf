"""A labelled picture, small enough for a report."""

from __future__ import annotations

import base64

import cv2

from panops.domain.labels import LabelledPicture
from panops.export.deployed import read_bgr

_LONGEST_PX = 640
_QUALITY = 78


def thumbnail(picture: LabelledPicture) -> str:
    """The picture as a JPEG data URI, its longest side at most 640 px.

    Raises:
        SourceCorrupt: It cannot be decoded.
    """
    image = read_bgr(picture)
    height, width = image.shape[:2]
    share = _LONGEST_PX / max(height, width)
    if share < 1:
        image = cv2.resize(image, (max(1, round(width * share)), max(1, round(height * share))), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # uint8 stays uint8
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
