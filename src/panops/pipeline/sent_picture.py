"""A picture that somebody sent, as a frame; one that would be too large is refused before it is decoded."""

from __future__ import annotations

import cv2
import numpy as np
from av.video.frame import VideoFrame

from panops.datasets.picture_size import picture_pixels
from panops.domain.errors import PanopsError
from panops.domain.frame import Frame
from panops.ingest.pixels import VideoPixels

MOST_PIXELS = 50_000_000


class PictureRefused(PanopsError):
    """It is no picture that can be looked at. `status` is what an HTTP answer says: 413 too large, 415 no picture, 400 damaged."""

    def __init__(self, status: int, message: str) -> None:
        """Say what is wrong with it."""
        super().__init__(message)
        self.status = status


def read_sent_picture(data: memoryview) -> Frame:
    """A JPEG, PNG or WebP as a frame of no camera, turned as its EXIF says; scaled as cameras' pictures are.

    Raises:
        PictureRefused: It is too large, damaged or something else.
    """
    pixels = picture_pixels(data)
    if pixels is None:
        raise PictureRefused(415, "expected a JPEG, PNG or WebP picture, got something else")
    if pixels > MOST_PIXELS:
        raise PictureRefused(413, f"expected a picture of at most {MOST_PIXELS:,} pixels, got {pixels:,}; make it smaller")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        image = None
    if image is None:
        raise PictureRefused(400, "the picture is damaged: it cannot be decoded")
    return Frame("", 0, 0.0, 0.0, VideoPixels(VideoFrame.from_ndarray(np.asarray(image, np.uint8), format="rgb24")))
