"""One look at every picture: does it decode, how large is it, and a 64-bit fingerprint by which near copies are found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# Side of the small picture whose spectrum is taken, and of the block of low frequencies that makes the bits (Zauner 2010, "Implementation
# and Benchmarking of Perceptual Image Hash Functions": DCT hash, without the row and column of the mean).
_SMALL = 32
_BLOCK = slice(1, 9)
# Below this standard deviation, grey values, a picture is one flat tone; its spectrum is noise and its fingerprint says nothing.
_FLAT = 2.0
_CHUNK = 32


@dataclass(frozen=True, slots=True)
class PictureLook:
    """What one look showed.

    Attributes:
        size_wh: Decoded size, px; None where it cannot be decoded.
        fingerprint: 64 bits as an int; near copies differ in few. None for a flat or unreadable picture.
        whole: Whether the file ends as its format says: why one that cannot be decoded cannot.
    """

    size_wh: tuple[int, int] | None
    fingerprint: int | None
    whole: bool


def look_at(path: Path) -> PictureLook:
    """Decode one picture; never raises for what lies in it."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return PictureLook(None, None, whole=False)
    try:
        luma = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    except cv2.error:
        luma = None
    if luma is None:
        return PictureLook(None, None, _is_whole(data))
    gray = np.asarray(luma, np.uint8)
    return PictureLook((gray.shape[1], gray.shape[0]), fingerprint(gray), _is_whole(data))


def look_at_all(paths: Sequence[Path], progress: Callable[[int], None] | None = None, threads: int = 0) -> list[PictureLook]:
    """`look_at` for all, in order, on a pool of threads (decoding frees the interpreter).

    Args:
        paths: The pictures.
        progress: Told how many more are done.
        threads: How many; 0 takes one a core.

    Returns:
        One look a path.
    """
    chunks = list(_chunks(paths))
    looks: list[PictureLook] = []
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for part in pool.map(lambda chunk: [look_at(path) for path in chunk], chunks):
            looks.extend(part)
            if progress is not None:
                progress(len(part))
    return looks


def _chunks(paths: Iterable[Path]) -> Iterable[list[Path]]:
    rest = iter(paths)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def fingerprint(luma: NDArray[np.uint8]) -> int | None:
    """64 bits: which low frequencies of the picture lie above their median.

    Args:
        luma: (H, W) uint8.

    Returns:
        The bits; None for a picture of one flat tone.
    """
    small = cv2.resize(luma, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA).astype(np.float32)
    if float(small.std()) < _FLAT:
        return None
    block: NDArray[Any] = np.asarray(cv2.dct(small))[_BLOCK, _BLOCK]
    bits = (block > np.median(block)).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _is_whole(data: NDArray[np.uint8]) -> bool:
    """Whether JPEG, PNG or WebP data reaches its end; other formats are taken at their word, and no data is not whole."""
    if not data.size:
        return False
    head = data[:12].tobytes()
    tail = data[-1024:].tobytes()
    if head.startswith(b"\xff\xd8"):
        return b"\xff\xd9" in tail
    if head.startswith(b"\x89PNG"):
        return b"IEND" in tail
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return data.size >= int.from_bytes(head[4:8], "little") + 8
    return True
