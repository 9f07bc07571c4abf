"""Rendered pictures to H.264 packets: one thread, no look-ahead, the same bytes for the same pictures."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

TIME_BASE = Fraction(1, 90000)
GOP_S = 2.0
_BT601 = 5  # AVCOL_SPC_BT470BG: the matrix that OpenCV's conversion uses
_LIMITED = 1  # AVCOL_RANGE_MPEG: 16..235


class H264Encoder:
    """An encoder inside an output that keeps nothing, so that decoders and muxers find a whole stream to copy from.

    Args:
        size_wh: Picture size, px, even.
        rate_fps: Frames a second.
        preset: Speed against size; `ultrafast` for cameras that run live.
        crf: Quality: 18 is nearly lossless, 28 coarse.
    """

    def __init__(self, size_wh: tuple[int, int], rate_fps: float, *, preset: str = "ultrafast", crf: int = 23) -> None:
        """Open the encoder."""
        rate = Fraction(rate_fps).limit_denominator(1001)
        self._holder = av.open(io.BytesIO(), "w", format="matroska")
        options = {
            "preset": preset,
            "tune": "zerolatency",
            "crf": str(crf),
            "threads": "1",
            # Headers with every keyframe, as cameras send them; no extra keyframes, so that the GOP is what it says.
            "x264-params": "repeat-headers=1:scenecut=0",
        }
        self.stream: VideoStream = self._holder.add_stream("libx264", rate=rate, options=options)
        self.stream.width, self.stream.height = size_wh
        self.stream.pix_fmt = "yuv420p"
        context = self.stream.codec_context
        context.time_base = TIME_BASE
        context.gop_size = max(1, round(GOP_S * rate_fps))
        context.max_b_frames = 0
        context.thread_count = 1
        context.colorspace = _BT601
        context.color_range = _LIMITED
        self._holder.start_encoding()

    def encode(self, picture: NDArray[np.uint8], pts_s: float) -> list[av.Packet[VideoStream]]:
        """The packets of one picture (H, W, 3) uint8 RGB shown at `pts_s`; one packet as a rule."""
        planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
        frame = av.VideoFrame.from_ndarray(np.asarray(planes, dtype=np.uint8), format="yuv420p")
        frame.pts = round(pts_s / TIME_BASE)
        frame.time_base = TIME_BASE
        return list(self.stream.encode(frame))

    def flush(self) -> list[av.Packet[VideoStream]]:
        """What the encoder still holds; it takes no more pictures."""
        return list(self.stream.encode(None))
