"""Real clips as frames of brightness, at a chosen rate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from manifests import luma_frame

from panops.domain.frame import Frame


def frames(path: Path, rate_fps: float, size_wh: tuple[int, int] | None = None) -> Iterator[Frame]:
    """Frames of `path`, at most `rate_fps` a second."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        due_s = 0.0
        for picture in container.decode(stream):
            time_s = float(picture.pts * stream.time_base)
            if time_s < due_s - 1e-3:
                continue
            due_s = time_s + 1 / rate_fps
            if size_wh:
                picture = picture.reformat(*size_wh, format="gray")  # noqa: PLW2901  # the same picture, smaller
            plane = picture.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
            yield luma_frame(rows[:, : plane.width], time_s)
