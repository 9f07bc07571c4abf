"""Generated moving pictures with known boxes, for fakes: a function of the time, so every caller sees the same scene."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from zlib import crc32

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from panops.pipeline.live import LiveBox

_CLASSES = (("person", 0.07, 0.34), ("person", 0.06, 0.28), ("car", 0.24, 0.22))
_COLOURS = ((214, 120, 60), (90, 180, 220), (120, 200, 120))


@dataclass(frozen=True, slots=True)
class MovingScene:
    """A scene in which two people and a car go to and fro.

    Attributes:
        name: Decides colours and paths; written into the picture.
    """

    name: str

    def boxes(self, time_s: float) -> tuple[LiveBox, ...]:
        """Where everybody is at a moment, relative 0..1."""
        seed = crc32(self.name.encode())
        found = []
        for number, (class_name, width, height) in enumerate(_CLASSES):
            phase = ((seed >> (8 * number)) & 255) / 255
            period_s = 9.0 + 4.0 * number
            along = abs(((time_s / period_s + phase) % 1.0) * 2.0 - 1.0)
            x = 0.02 + along * (0.96 - width)
            y = 0.45 + 0.12 * number - height / 2 + 0.015 * math.sin(time_s * 3.0 + number)
            box = (x, y, x + width, min(y + height, 0.99))
            found.append(LiveBox(number + 1, class_name, 0.6 + 0.1 * number, box))
        return tuple(found)

    def picture(self, time_s: float, size_wh: tuple[int, int], *, annotated: bool = False) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 BGR of the scene at a moment; with `annotated` the boxes are drawn in."""
        width, height = size_wh
        seed = crc32(self.name.encode())
        sky, ground = 70 + seed % 60, 40 + (seed >> 8) % 50
        rows = np.linspace(sky, ground, height, dtype=np.float32)[:, None, None]
        tint = np.array([1.0, 0.9 + (seed >> 16) % 20 / 100, 0.8], np.float32)
        image: NDArray[np.uint8] = np.ascontiguousarray(np.broadcast_to(rows * tint, (height, width, 3)).astype(np.uint8))
        cv2.rectangle(image, (0, int(height * 0.62)), (width, height), (ground + 20, ground + 22, ground + 24), -1)
        for item, colour in zip(self.boxes(time_s), _COLOURS, strict=True):
            (x1, y1), (x2, y2) = _pixels(item.box[:2], size_wh), _pixels(item.box[2:], size_wh)
            cv2.rectangle(image, (x1, y1), (x2, y2), colour, -1)
            if item.class_name == "person":
                cv2.circle(image, ((x1 + x2) // 2, y1), max(2, (x2 - x1) // 2), (170, 190, 220), -1)
            if annotated:
                cv2.rectangle(image, (x1, y1), (x2, y2), (60, 60, 240), max(1, width // 320))
        scale = max(0.35, width / 1100)
        cv2.putText(
            image, f"{self.name}  {time_s % 86400:.1f} s", (8, int(18 * scale) + 8), cv2.FONT_HERSHEY_SIMPLEX, scale, (235, 235, 235)
        )
        return image

    def jpeg(self, time_s: float, size_wh: tuple[int, int], *, annotated: bool = False, quality: int = 75) -> bytes:
        """The picture as JPEG."""
        done, data = cv2.imencode(".jpg", self.picture(time_s, size_wh, annotated=annotated), [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert done, "a picture made here can be encoded"  # noqa: S101 - an invariant
        return bytes(data)

    def write_clip(self, path: Path, start_s: float, duration_s: float, size_wh: tuple[int, int] = (640, 360), rate_fps: int = 10) -> None:
        """Write an H.264 mp4 of the scene that a browser plays, its index first so that it can be sought at once."""
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream: Any = container.add_stream("libx264", rate=rate_fps, options={"preset": "ultrafast", "crf": "30"})
            stream.width, stream.height = size_wh
            stream.pix_fmt = "yuv420p"
            stream.time_base = Fraction(1, rate_fps)
            for number in range(max(1, round(duration_s * rate_fps))):
                image = self.picture(start_s + number / rate_fps, size_wh)
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


def _pixels(point: tuple[float, ...], size_wh: tuple[int, int]) -> tuple[int, int]:
    return int(point[0] * size_wh[0]), int(point[1] * size_wh[1])
