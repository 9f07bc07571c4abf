"""The size of a picture out of its header, because decoding fifty thousand pictures to learn their sizes takes minutes."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

# Start-of-frame markers of JPEG; C4, C8 and CC in this range are other things (ITU T.81, table B.1).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_EXIF_ORIENTATION = 0x0112
_WEBP_EXIF = 0x08


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height, px, as OpenCV would decode it (turned by its EXIF orientation); None where it is no picture.

    JPEG, PNG, WebP and BMP are read from the header; anything else, and PNG and WebP with EXIF, is decoded.
    """
    try:
        with path.open("rb") as file:
            size = _from_header(file, file.read(32))
    except (OSError, ValueError, struct.error):
        size = None
    if size is not None and min(size) > 0:
        return size
    image = read_picture(path)
    return None if image is None else (image.shape[1], image.shape[0])


def picture_pixels(data: bytes | memoryview) -> int | None:
    """How many pixels a JPEG, PNG or WebP says it has, before anything is decoded; None where it is none of these."""
    file = io.BytesIO(data)
    try:
        head = file.read(32)
        if head.startswith(b"BM"):
            return None
        size = _from_header(file, head, turned=False)
    except (ValueError, struct.error):
        return None
    return size[0] * size[1] if size is not None and min(size) > 0 else None


def read_picture(path: Path, *, gray: bool = False) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
    """The picture as (H, W, 3) BGR or (H, W) luma uint8; None where it cannot be decoded. Names outside ASCII are fine."""
    try:
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR) if data.size else None
    except (OSError, ValueError, cv2.error):
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _from_header(file: BinaryIO, head: bytes, *, turned: bool = True) -> tuple[int, int] | None:
    """Width and height; `turned`: None where EXIF may turn a picture and only its decoder knows."""
    if head.startswith(b"\xff\xd8"):
        file.seek(2)
        return _jpeg(file)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">II", head[16:24])
        return None if turned and _png_has_exif(file) else (width, height)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(head, turned=turned)
    if head.startswith(b"BM"):
        width, height = struct.unpack("<ii", head[18:26])
        return width, abs(height)
    return None


def _png_has_exif(file: BinaryIO) -> bool:
    """Whether there is an `eXIf` chunk; it may also come after the picture's data."""
    file.seek(8)
    while len(start := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", start)
        if kind == b"eXIf":
            return True
        file.seek(length + 4, 1)
    return False


def _webp(head: bytes, *, turned: bool) -> tuple[int, int] | None:
    """The three kinds of WebP (RFC 9649, sections 2.5 to 2.7)."""
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = struct.unpack("<I", head[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X" and not (turned and head[20] & _WEBP_EXIF):
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None


def _jpeg(file: BinaryIO) -> tuple[int, int] | None:
    turned = False
    while True:
        byte = file.read(1)
        if byte != b"\xff":
            return None
        while byte == b"\xff":
            byte = file.read(1)
        if not byte:
            return None
        marker = byte[0]
        if marker in _JPEG_ALONE:
            continue
        length = struct.unpack(">H", file.read(2))[0] - 2
        if marker in _JPEG_FRAMES:
            _, height, width = struct.unpack(">BHH", file.read(5))
            return (height, width) if turned else (width, height)
        if marker == 0xE1:
            turned = turned or _turned(file.read(length))
        elif marker == 0xDA or length < 0:
            return None
        else:
            file.seek(length, 1)


def _turned(segment: bytes) -> bool:
    """Whether an EXIF segment says that the picture lies on its side (orientations 5 to 8)."""
    if not segment.startswith(b"Exif\x00\x00") or len(segment) < 14:
        return False
    tiff = segment[6:]
    order = "<" if tiff[:2] == b"II" else ">"
    start = struct.unpack(order + "I", tiff[4:8])[0]
    if start + 2 > len(tiff):
        return False
    count = struct.unpack(order + "H", tiff[start : start + 2])[0]
    for index in range(count):
        entry = tiff[start + 2 + 12 * index : start + 14 + 12 * index]
        if len(entry) < 12:
            return False
        tag: int
        value: int
        tag, _, _, value = struct.unpack(order + "HHIH", entry[:10])
        if tag == _EXIF_ORIENTATION:
            return 5 <= value <= 8
    return False
