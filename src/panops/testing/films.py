"""Makes small video files of known content for tests: a bright square that walks over grey noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

_OPTIONS = {
    "libx264": {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0:sliced-threads=0:threads=1"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:bframes=0:scenecut=0:pools=none:frame-threads=1"},
    "mjpeg": {"qmin": "3", "qmax": "3"},
}


def walking_square(size_wh: tuple[int, int], noise: int = 8) -> Callable[[int], NDArray[np.uint8]]:
    """Pictures (H, W, 3) uint8 RGB by number: a square whose left edge is at 4 px times the number, modulo the width."""
    width, height = size_wh
    side = max(4, min(width, height) // 4)

    def picture(number: int) -> NDArray[np.uint8]:
        image = np.full((height, width, 3), 64, np.uint8)
        if noise:
            image += np.random.default_rng(number).integers(0, noise, image.shape, dtype=np.uint8)
        left = number * 4 % max(1, width - side)
        image[side : 2 * side, left : left + side] = 240
        return image

    return picture


def encode(
    codec: str,
    pictures: Iterator[NDArray[np.uint8]],
    path: Path,
    *,
    rate_fps: int = 10,
    gop: int = 10,
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    container: str | None = None,
) -> Path:
    """Encode pictures (H, W, 3) uint8 RGB, all of one size, into a file."""
    with av.open(path, "w", format=container) as output:
        stream: VideoStream | None = None
        for number, image in enumerate(pictures):
            if stream is None:
                chosen = _OPTIONS.get(codec, {}) if options is None else options
                stream = cast("VideoStream", output.add_stream(codec, rate=rate_fps, options=chosen))
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = pix_fmt
                stream.codec_context.gop_size = gop
                stream.codec_context.thread_count = 1
            frame = VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate_fps)
            output.mux(stream.encode(frame))
        if stream is not None:
            output.mux(stream.encode(None))
    return path


def make_film(
    path: Path,
    codec: str = "libx264",
    *,
    count: int = 30,
    rate_fps: int = 10,
    gop: int = 10,
    size_wh: tuple[int, int] = (160, 120),
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    noise: int = 8,
) -> Path:
    """A film of a walking square.

    Args:
        path: The file; its name's end says which container.
        codec: An FFmpeg encoder: `libx264`, `libx265`, `mjpeg` ... H.264 and H.265 come without B-frames unless `options` says otherwise.
        count: How many pictures.
        rate_fps: Pictures per second.
        gop: Pictures from keyframe to keyframe.
        size_wh: Width and height, px.
        pix_fmt: Pixel format.
        options: The encoder's options instead of the quick ones.
        noise: How strong the noise is, 0 for none.

    Returns:
        `path`.
    """
    picture = walking_square(size_wh, noise)
    pictures = (picture(number) for number in range(count))
    return encode(codec, pictures, path, rate_fps=rate_fps, gop=gop, pix_fmt=pix_fmt, options=options)
