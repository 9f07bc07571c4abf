"""The binary message of the live socket: many cameras' pictures in one.

A message is records one after the other, little endian: `camera u16, flags u16, jpeg_length u32, timestamp f64`, the JPEG, and when bit 0
of flags is set `boxes_length u32` and that many bytes of UTF-8 JSON `[[track_id, "class", score, x1, y1, x2, y2], ...]`, relative 0..1.
For whoever may know, and asked, `"known" | "unknown" | "spoof", "name"` follow in a row where it is decided who that is.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from functools import lru_cache

from panops.domain.face_votes import FaceVerdict
from panops.pipeline.live import LiveBox, LiveIdentity, Preview

_HEAD = struct.Struct("<HHId")
_LENGTH = struct.Struct("<I")
HAS_BOXES = 1
MOST_CAMERAS = 65536


def pack_batch(previews: Iterable[Preview], index: Mapping[str, int], *, names: bool = False) -> bytes:
    """One binary message.

    Args:
        previews: The pictures, at most one a camera.
        index: Each camera's number on this socket; a preview of a camera without one is left out.
        names: Also who somebody is, which is not for everybody.
    """
    parts: list[bytes] = []
    for preview in previews:
        number = index.get(preview.camera_id)
        if number is None:
            continue
        parts += [_HEAD.pack(number, HAS_BOXES if preview.boxes else 0, len(preview.jpeg), preview.time_s), preview.jpeg]
        if preview.boxes:
            body = _boxes_json(preview.boxes, names=names)
            parts += [_LENGTH.pack(len(body)), body]
    return b"".join(parts)


def _boxes_json(boxes: Iterable[LiveBox], *, names: bool) -> bytes:
    # Written out: `json.dumps` took most of the time that sending a wall took.
    rows = (
        "[%d,%s,%.3f,%.4f,%.4f,%.4f,%.4f%s]"  # noqa: UP031 - the quickest way
        % (box.track_id, _quoted(box.class_name), box.score, *box.box, _who_json(box.who) if names and box.who is not None else "")
        for box in boxes
    )
    return f"[{','.join(rows)}]".encode()


def _who_json(who: LiveIdentity) -> str:
    return f",{_quoted(who.verdict.value)},{json.dumps(who.name, ensure_ascii=False)}"  # names are not kept in `_quoted`


@lru_cache(maxsize=4096)
def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def unpack_batch(message: bytes) -> list[tuple[int, float, bytes, tuple[LiveBox, ...]]]:
    """The inverse of `pack_batch`: camera number, timestamp, JPEG and boxes of each record. Ids of people are in no message.

    Raises:
        ValueError: The message is cut off.
    """
    records: list[tuple[int, float, bytes, tuple[LiveBox, ...]]] = []
    offset = 0

    def take(count: int) -> bytes:
        nonlocal offset
        piece = message[offset : offset + count]
        if len(piece) != count:
            raise ValueError(f"expected {count} more bytes at {offset}, got {len(piece)}: the batch is cut off")
        offset += count
        return piece

    while offset < len(message):
        number, flags, jpeg_length, time_s = _HEAD.unpack(take(_HEAD.size))
        jpeg = take(jpeg_length)
        boxes: tuple[LiveBox, ...] = ()
        if flags & HAS_BOXES:
            rows = json.loads(take(_LENGTH.unpack(take(_LENGTH.size))[0]))
            boxes = tuple(LiveBox(int(row[0]), str(row[1]), float(row[2]), (row[3], row[4], row[5], row[6]), _who(row[7:])) for row in rows)
        records.append((number, time_s, jpeg, boxes))
    return records


def _who(row: list[str]) -> LiveIdentity | None:
    return LiveIdentity(FaceVerdict(row[0]), name=row[1]) if row else None


class CameraIndex:
    """The cameras' numbers on one socket.

    A number is never given twice while the socket lives, so a batch on its way cannot be taken for another camera's.
    """

    def __init__(self) -> None:
        self._following = 0
        self.numbers: dict[str, int] = {}

    def update(self, cameras: Iterable[str]) -> bool:
        """Number exactly these cameras; those that have a number keep it. True when anything changed."""
        wanted = sorted(set(cameras))
        if wanted == sorted(self.numbers):
            return False
        numbers = {camera: self.numbers[camera] for camera in wanted if camera in self.numbers}
        for camera in wanted:
            if camera not in numbers and self._following < MOST_CAMERAS:
                numbers[camera] = self._following
                self._following += 1
        self.numbers = numbers
        return True
