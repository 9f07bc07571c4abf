"""H.264 as a camera's sub-stream sends it: a steady bit rate, no B-frames, a keyframe at a steady pace, no look-ahead."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from panops.bench.film_shape import FilmShape

_CONTAINER = {"movflags": "+faststart", "fflags": "+bitexact"}


def encode_film(planes: Iterable[NDArray[np.uint8]], path: Path, shape: FilmShape) -> float:
    """Write pictures as a film. The same pictures give the same bytes.

    Args:
        planes: Pictures as `yuv_of` makes them, at least one.
        path: The mp4 file.
        shape: Size, rate, keyframes and bit rate.

    Returns:
        The bit rate that it came to, kbit/s.
    """
    rate = Fraction(shape.rate_fps).limit_denominator(1001)
    sizes = []
    with av.open(str(path), "w", format="mp4", options=_CONTAINER) as output:
        stream = output.add_stream("libx264", rate=rate, options=_options(shape.kbps))
        stream.width, stream.height = shape.size_wh
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / rate
        context.gop_size = shape.group
        context.max_b_frames = 0
        context.thread_count = 1
        for number, picture in enumerate(planes):
            frame = VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number, 1 / rate
            for packet in stream.encode(frame):
                sizes.append(packet.size)
                output.mux(packet)
        for packet in stream.encode(None):
            sizes.append(packet.size)
            output.mux(packet)
    return 8e-3 * sum(sizes) / (len(sizes) / shape.rate_fps)


def yuv_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W, 3) uint8 RGB as its planes (3H/2, W) uint8: half of the memory, and what the encoder takes."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)


def turn_film(path: Path, first_group: int, out: Path) -> Path:
    """Write a film that begins at another of its keyframes and goes on with its own beginning after its end; nothing is encoded anew.

    Args:
        path: A film without B-frames, such as `encode_film` writes.
        first_group: Which group of pictures comes first; counted round.
        out: The mp4 file.

    Returns:
        `out`.
    """
    with av.open(str(path)) as source, av.open(str(out), "w", format="mp4", options=_CONTAINER) as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        keyframes = [index for index, packet in enumerate(packets) if packet.is_keyframe]
        first = keyframes[first_group % len(keyframes)]
        step = round(Fraction(1) / (Fraction(stream.time_base or Fraction(1)) * Fraction(stream.average_rate or 1)))
        for number, packet in enumerate([*packets[first:], *packets[:first]]):
            packet.pts = packet.dts = number * step
            packet.stream = copy
            output.mux(packet)
    return out


def _options(kbps: float) -> dict[str, str]:
    return {
        "preset": "veryfast",
        "profile": "main",
        "tune": "zerolatency",
        "threads": "1",
        # A camera's rate control spends what it was set to, on noise where nothing happens.
        "b": f"{kbps:.0f}k",
        "maxrate": f"{1.5 * kbps:.0f}k",
        "bufsize": f"{3 * kbps:.0f}k",
        "qmin": "10",
        # Headers with every keyframe, and no keyframe out of turn.
        "x264-params": "repeat-headers=1:scenecut=0:ref=1:sliced-threads=0",
    }
