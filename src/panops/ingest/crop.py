"""Colour of a part of a decoded picture, at a network's size, for the price of that part."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Crop = tuple[int, int, int, int]

# Weights of red and blue in the brightness (ITU-T H.273, table 4). What a stream does not say is BT.601, as swscale has it.
_BT601 = (0.299, 0.114)
_WEIGHTS = {
    int(Colorspace.ITU709): (0.2126, 0.0722),
    int(Colorspace.FCC): (0.30, 0.11),
    int(Colorspace.SMPTE240M): (0.212, 0.087),
    int(Colorspace.BT2020): (0.2627, 0.0593),
}


def crop_yuv420(picture: VideoFrame, size_wh: tuple[int, int], crop_xyxy: Crop) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB in full range of a part of an 8-bit 4:2:0 picture, scaled to `size_wh`.

    Brightness and chroma are scaled first and joined at the small size. swscale would need a new context for each new size of a part,
    which costs more than the part itself.

    Args:
        picture: `yuv420p` or `yuvj420p`.
        size_wh: The size wanted, px.
        crop_xyxy: Whole px inside the picture. An odd left or top edge shifts the colour by half a pixel.
    """
    left, top, right, bottom = crop_xyxy
    luma, blue, red = (_plane(picture, index) for index in range(3))
    chroma = np.s_[top // 2 : (bottom + 1) // 2, left // 2 : (right + 1) // 2]
    planes = [_scaled(luma[top:bottom, left:right], size_wh), _scaled(blue[chroma], size_wh), _scaled(red[chroma], size_wh)]
    full = picture.format.name == "yuvj420p" or int(picture.color_range) == int(ColorRange.JPEG)
    return np.asarray(cv2.transform(cv2.merge(planes), _matrix(int(picture.colorspace), full)), np.uint8)


def crop_rgb(image: NDArray[np.uint8], size_wh: tuple[int, int], crop_xyxy: Crop) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of a part of an RGB picture, scaled to `size_wh`; never a view."""
    left, top, right, bottom = crop_xyxy
    part = image[top:bottom, left:right]
    scaled = _scaled(part, size_wh)
    return scaled.copy() if scaled is part else scaled


def _plane(picture: VideoFrame, index: int) -> Plane:
    plane = picture.planes[index]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def _scaled(part: Plane, size_wh: tuple[int, int]) -> Plane:
    """The part at another size: halved while it is more than twice as large, then interpolated.

    Area averaging by a factor that is no whole number costs eight times as much, and above half size interpolation misses no pixel.
    """
    width, height = size_wh
    while part.shape[1] >= 2 * width and part.shape[0] >= 2 * height:
        half = (part.shape[1] // 2, part.shape[0] // 2)
        part = np.asarray(cv2.resize(part[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA), np.uint8)
    if part.shape[:2] == (height, width):
        return part
    return np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_LINEAR), np.uint8)


@cache
def _matrix(colorspace: int, full: bool) -> NDArray[np.float32]:
    """(3, 4) from Y, Cb, Cr and 1 to R, G, B in 0..255."""
    red, blue = _WEIGHTS.get(colorspace, _BT601)
    green = 1 - red - blue
    luma, chroma, black = (1.0, 1.0, 0.0) if full else (255 / 219, 255 / 224, 16.0)
    rows = [
        [luma, 0.0, 2 * (1 - red) * chroma],
        [luma, -2 * (1 - blue) * blue / green * chroma, -2 * (1 - red) * red / green * chroma],
        [luma, 2 * (1 - blue) * chroma, 0.0],
    ]
    offsets = [-row[0] * black - (row[1] + row[2]) * 128.0 for row in rows]
    return np.array([[*row, offset] for row, offset in zip(rows, offsets, strict=True)], np.float32)
