"""People's own recordings as films: cut, scaled and encoded as a camera's sub-stream would send them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from panops.bench.film_encoder import encode_film, yuv_of
from panops.bench.film_scene import FilmFigures, Points
from panops.bench.film_shape import FilmShape
from panops.bench.gate_share import film_lumas, gate_share
from panops.domain.errors import SourceCorrupt, SourceUnreachable

Picture = NDArray[np.uint8]

SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".avi", ".ts", ".webm", ".m4v", ".h264", ".mpg"})
MOST_FILMS = 12
# Where nobody drew anything: most of the picture's lower part, and a line across it.
ZONE: Points = ((0.1, 0.4), (0.9, 0.4), (0.95, 0.98), (0.05, 0.98))
LINE: Points = ((0.5, 0.3), (0.5, 1.0))


def recordings_in(folder: Path) -> list[Path]:
    """The recordings of a folder, by name.

    Raises:
        SourceUnreachable: There are none.
    """
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise SourceUnreachable(f"{folder}: expected a folder with recordings ({', '.join(sorted(SUFFIXES))}), found none")
    return found[:MOST_FILMS]


def make_recording_film(recording: Path, shape: FilmShape, path: Path, told: Callable[[float], None] = lambda _: None) -> FilmFigures:
    """Encode a recording anew; what passes the gate is what it is.

    Args:
        recording: Any video that FFmpeg reads.
        shape: Size, rate and keyframes; of a longer recording only so much is taken.
        path: The mp4 file.
        told: Told how much is done, 0..1.

    Returns:
        What it is like.

    Raises:
        SourceCorrupt: It cannot be read, or is shorter than two groups of pictures.
    """
    planes = []
    try:
        for picture in _resampled(recording, shape):
            planes.append(yuv_of(_fitted(picture, shape.size_wh)))
            told(len(planes) / shape.pictures)
            if len(planes) == shape.pictures:
                break
    except (av.error.FFmpegError, IndexError) as error:
        raise SourceCorrupt(f"{recording}: expected a video, but it cannot be read: {error}") from error
    whole = len(planes) - len(planes) % shape.group
    if whole < 2 * shape.group:
        raise SourceCorrupt(f"{recording}: expected at least {2 * shape.gop_s:g} s of video, got {len(planes) / shape.rate_fps:.1f} s")
    kbps = encode_film(planes[:whole], path, shape)
    return FilmFigures(gate_share(lambda: film_lumas(path), shape.rate_fps, shape.check_fps), kbps, ZONE, LINE)


def _resampled(recording: Path, shape: FilmShape) -> Iterator[Picture]:
    """Its pictures (H, W, 3) uint8 RGB at the wanted rate: the newest one at each moment."""
    with av.open(str(recording)) as container:
        stream = container.streams.video[0]
        newest: VideoFrame | None = None
        began_s, number = 0.0, 0
        for frame in container.decode(stream):
            if newest is None:
                began_s = frame.time or 0.0
            while newest is not None and number / shape.rate_fps < (frame.time or 0.0) - began_s - 1e-6:
                yield _rgb(newest)
                number += 1
            newest = frame
        if newest is not None:
            yield _rgb(newest)


def _rgb(frame: VideoFrame) -> Picture:
    return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _fitted(picture: Picture, size_wh: tuple[int, int]) -> Picture:
    """Scaled to fill the size; what is too wide or too high is cut off evenly."""
    height, width = picture.shape[:2]
    scale = max(size_wh[0] / width, size_wh[1] / height)
    inner_wh = min(width, round(size_wh[0] / scale)), min(height, round(size_wh[1] / scale))
    left, top = (width - inner_wh[0]) // 2, (height - inner_wh[1]) // 2
    inner = picture[top : top + inner_wh[1], left : left + inner_wh[0]]
    return np.asarray(cv2.resize(inner, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
