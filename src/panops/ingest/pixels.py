"""The pixels of a decoded picture: brightness for nothing, colour when asked for."""

from __future__ import annotations

import threading

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from panops.ingest.crop import crop_rgb, crop_yuv420

# Formats whose first plane is 8-bit brightness.
_PLANAR_LUMA = frozenset(
    {
        *("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv411p", "yuvj411p", "yuv410p", "yuv440p", "yuvj440p"),
        *("nv12", "nv21", "nv16", "nv24", "gray"),
    }
)
# 8-bit planes whose chroma has half the width and half the height: what cameras send, nearly always.
_YUV420 = frozenset({"yuv420p", "yuvj420p"})


class Reformatters(threading.local):
    """One swscale context a thread, re-used: setting one up costs as much as converting a picture."""

    def __init__(self) -> None:
        self.rgb = VideoReformatter()
        self.luma = VideoReformatter()


_reformatters = Reformatters()


class VideoPixels:
    """`Pixels` of an `av.VideoFrame`; keeps the decoder's buffer alive for as long as somebody holds it or a view of it.

    Args:
        picture: The decoded picture; not changed by anybody any more.
    """

    __slots__ = ("_luma", "_picture")

    def __init__(self, picture: VideoFrame) -> None:
        self._picture = picture
        self._luma: NDArray[np.uint8] | None = None

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in px."""
        return self._picture.width, self._picture.height

    def luma(self) -> NDArray[np.uint8]:
        """(H, W) uint8 brightness, read-only: a view of the decoder's plane for 8-bit YUV, converted once otherwise.

        Video range is not stretched: black may be 16 and white 235.
        """
        if self._luma is None:
            picture = self._picture
            if picture.format.name not in _PLANAR_LUMA:
                # Full range in, full range out: RGB pictures keep their contrast.
                picture = _reformatters.luma.reformat(picture, format="gray", threads=1)
            self._luma = _first_plane(picture)
        return self._luma

    def rgb(self, size_wh: tuple[int, int] | None = None, crop_xyxy: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB in full range; a fresh array at each call. Of a part, only its own pixels are converted.

        Args:
            size_wh: The size to scale to, px; None leaves it as it is.
            crop_xyxy: Left, top, right, bottom of the part that is wanted, whole px inside the picture; None for the whole.
        """
        picture = self._picture
        if crop_xyxy is not None:
            left, top, right, bottom = crop_xyxy
            wanted_wh = size_wh or (right - left, bottom - top)
            if picture.format.name in _YUV420:
                return crop_yuv420(picture, wanted_wh, crop_xyxy)
            return crop_rgb(self.rgb(), wanted_wh, crop_xyxy)
        width, height = size_wh or (picture.width, picture.height)
        # swscale's bilinear filter widens when it makes a picture smaller, so thin things do not flicker; it costs half of area averaging.
        converted = _reformatters.rgb.reformat(
            picture,
            width=width,
            height=height,
            format="rgb24",
            interpolation=Interpolation.BILINEAR,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        plane = converted.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)
        return rows[:, : width * 3].reshape(height, width, 3).copy()


def _first_plane(picture: VideoFrame) -> NDArray[np.uint8]:
    plane = picture.planes[0]
    view = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : picture.width]
    view.setflags(write=False)
    return view
