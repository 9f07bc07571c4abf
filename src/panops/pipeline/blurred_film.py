"""A film without faces: read twice, once to find them and once to write it anew. For what is taken away; it costs CPU time as such."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np

from panops.domain.errors import SourceCorrupt
from panops.domain.frame import Frame
from panops.ingest.pixels import VideoPixels
from panops.pipeline.face_blur import Boxes, FaceBlur, pixelate

_TIME_BASE = Fraction(1, 90_000)
# A face that is found in one picture was there so long before it and is so long after it, s: single misses show nobody.
_HOLD_S = 0.6

HeadsAt = Callable[[float], Boxes]
"""Where heads are for certain at a time of the film, s from its beginning: relative x1, y1, x2, y2 (N, 4)."""


def blur_film(source: Path, target: Path, blur: FaceBlur, model: str, heads_at: HeadsAt | None = None) -> int:
    """Write a film anew as H.264 with the faces of every picture made a few blocks; sound is left out.

    Args:
        source: The film.
        target: The MP4 file to write.
        blur: Finds faces.
        model: By this model.
        heads_at: Where heads are besides.

    Returns:
        How many faces were blurred, counted anew in each picture.

    Raises:
        SourceCorrupt: The film cannot be read, or a picture of it cannot be searched: then nothing is written that could show somebody.
        OSError: The disk refuses.
    """
    try:
        times_s: list[float] = []
        found: list[Boxes] = []
        for time_s, frame in _frames(source):
            boxes = blur.faces(frame, model)
            if boxes is None:
                raise SourceCorrupt(f"faces cannot be found with {model}, so the film is not given away")
            times_s.append(time_s)
            found.append(boxes)
        return _write(source, target, times_s, found, heads_at)
    except (av.error.FFmpegError, ValueError) as error:
        target.unlink(missing_ok=True)
        raise SourceCorrupt(f"the film cannot be blurred: {getattr(error, 'strerror', None) or error}") from error


def _write(source: Path, target: Path, times_s: list[float], found: list[Boxes], heads_at: HeadsAt | None) -> int:
    blurred = 0
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        stream = None
        for time_s, frame in _frames(source):
            image = frame.image
            height, width = image.shape[:2]
            if stream is None:
                stream = output.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "23", "threads": "1"})
                stream.width, stream.height, stream.pix_fmt = width // 2 * 2, height // 2 * 2, "yuv420p"
                stream.time_base = stream.codec_context.time_base = _TIME_BASE
            first, last = bisect.bisect_left(times_s, time_s - _HOLD_S), bisect.bisect_right(times_s, time_s + _HOLD_S)
            boxes = np.concatenate([*found[first:last], *_heads(heads_at, time_s, width, height)])
            pixelate(image, boxes)
            blurred += len(found[min(bisect.bisect_left(times_s, time_s), len(found) - 1)])
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[: stream.height, : stream.width]), format="rgb24")
            picture.pts, picture.time_base = round(time_s / _TIME_BASE), _TIME_BASE
            output.mux(stream.encode(picture))
        if stream is None:
            raise SourceCorrupt("the film has no picture")
        output.mux(stream.encode(None))
    return blurred


def _heads(heads_at: HeadsAt | None, time_s: float, width: int, height: int) -> list[Boxes]:
    if heads_at is None:
        return []
    return [heads_at(time_s) * np.array([width, height, width, height], np.float32)]


def _frames(source: Path) -> Iterator[tuple[float, Frame]]:
    """The pictures with their times, s from the first one's."""
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        first_s: float | None = None
        for number, picture in enumerate(container.decode(stream)):
            time_s = float(picture.time) if picture.time is not None else number / 25
            first_s = time_s if first_s is None else first_s
            yield time_s - first_s, Frame("#film", number, time_s - first_s, time_s - first_s, VideoPixels(picture))
