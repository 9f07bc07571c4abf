"""A file of looks: what was followed in one camera, look by look, for some minutes.

A line of JSON says what the looks are of (`LookHead`). Blocks follow, each written by one call: `LOOK`, the number of looks and of tracks
as u32, then the looks (time f64, tracks u16), then the tracks of all of them, one record each. All is little endian. A look at which
nothing was followed takes ten bytes, and one with three objects 139. A block that a crash cut off is left out when the file is read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from panops.domain.tracks import Tracks

VERSION = 1
ENDED = 0xFFFF
"""Stands for the number of tracks where the rules were ended at a time: the camera stopped, or was not looked at for long."""

_BLOCK = struct.Struct("<4sII")
_MARK = b"LOOK"
_LOOK = np.dtype([("time_s", "<f8"), ("count", "<u2")])
_TRACK = np.dtype(
    [
        ("track_id", "<u4"),
        ("class_id", "<u2"),
        ("state", "u1"),
        ("score", "<f4"),
        ("xyxy", "<f4", (4,)),
        ("first_seen_s", "<f8"),
        ("last_seen_s", "<f8"),
    ]
)
_LONGEST_HEAD_BYTES = 262_144
_MOST_IN_A_BLOCK = 5_000_000


@dataclass(frozen=True, slots=True)
class LookHead:
    """What the looks of a file are of.

    Attributes:
        camera_id: The camera.
        run: Names one unbroken life of the camera's rules; files of one run follow one another.
        size_wh: The picture's width and height, px.
        classes: The detector's class names.
        followed: Those of them that were followed; None for all.
    """

    camera_id: str
    run: str
    size_wh: tuple[int, int]
    classes: tuple[str, ...]
    followed: frozenset[str] | None

    def line(self) -> bytes:
        """As it stands at the beginning of a file."""
        followed = None if self.followed is None else sorted(self.followed)
        values = {"version": VERSION, "camera": self.camera_id, "run": self.run, "size_wh": self.size_wh, "classes": self.classes}
        return json.dumps({**values, "followed": followed}, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Self:
        """The inverse of `line`.

        Raises:
            ValueError: It is not one of this version.
        """
        try:
            values: dict[str, Any] = json.loads(line)
            if values["version"] != VERSION:
                raise ValueError(f"expected version {VERSION}, got {values['version']!r}")  # noqa: TRY301  # told as all others below
            width, height = values["size_wh"]
            followed = None if values["followed"] is None else frozenset(values["followed"])
            return cls(str(values["camera"]), str(values["run"]), (int(width), int(height)), tuple(values["classes"]), followed)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"expected the head of a file of looks, got something else ({error})") from error


@dataclass(frozen=True, slots=True)
class Ended:
    """The rules were ended where they last looked, at `time_s`, and begin anew with the next look."""

    time_s: float


def block(looks: Sequence[Tracks | Ended]) -> bytes:
    """Looks in the order in which they came, as one block; empty for none.

    Tracks whose number or class does not fit (2**32, 2**16) and those beyond 65,534 of a look are left out: there are none.
    """
    if not looks:
        return b""
    heads = np.zeros(len(looks), _LOOK)
    seen = [look for look in looks if isinstance(look, Tracks) and len(look)]
    rows = np.zeros(sum(min(len(look), ENDED - 1) for look in seen), _TRACK)
    row = 0
    for index, look in enumerate(looks):
        if isinstance(look, Ended):
            heads[index] = (look.time_s, ENDED)
            continue
        count = min(len(look), ENDED - 1)
        heads[index] = (look.time_s, count)
        if count:
            part = rows[row : row + count]
            for name in _TRACK.names or ():
                part[name] = getattr(look, name)[:count]
            row += count
    return _BLOCK.pack(_MARK, len(heads), len(rows)) + heads.tobytes() + rows.tobytes()


def read_looks(path: Path, since_s: float) -> Iterator[LookHead | Tracks | Ended]:
    """First the head, then the looks from `since_s` on, one block in memory at a time. `detection_index` is -1: the detections are gone.

    What a crash cut off, or what is no block, ends the file there.

    Raises:
        ValueError: It is no file of looks.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        head = LookHead.read(file.readline(_LONGEST_HEAD_BYTES))
        yield head
        while len(start := file.read(_BLOCK.size)) == _BLOCK.size:
            mark, looks, tracks = _BLOCK.unpack(start)
            if mark != _MARK or max(looks, tracks) > _MOST_IN_A_BLOCK:
                return
            size = looks * _LOOK.itemsize + tracks * _TRACK.itemsize
            data = file.read(size)
            if len(data) < size:
                return
            yield from _of_block(head.camera_id, data, looks, since_s)


def _of_block(camera_id: str, data: bytes, looks: int, since_s: float) -> Iterator[Tracks | Ended]:
    heads = np.frombuffer(data, _LOOK, looks)
    rows = np.frombuffer(data, _TRACK, offset=looks * _LOOK.itemsize)
    columns = _columns(rows)
    row = 0
    for time_s, count in zip(heads["time_s"].tolist(), heads["count"].tolist(), strict=True):
        if count == ENDED:
            if time_s >= since_s:
                yield Ended(time_s)
            continue
        until = row + count
        if until > len(rows):
            return
        if time_s >= since_s:
            if not count:
                yield Tracks.empty(camera_id, time_s)
            else:
                yield Tracks(camera_id, time_s, *(column[row:until] for column in columns))  # type: ignore[arg-type]  # the arrays only
        row = until


def _columns(rows: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """The arrays of `Tracks`, in its order, of all looks of a block."""
    return (
        rows["track_id"].astype(np.int64),
        np.ascontiguousarray(rows["xyxy"], np.float32),
        np.ascontiguousarray(rows["score"], np.float32),
        rows["class_id"].astype(np.int64),
        rows["state"].astype(np.int64),
        np.ascontiguousarray(rows["first_seen_s"], np.float64),
        np.ascontiguousarray(rows["last_seen_s"], np.float64),
        np.full(len(rows), -1, np.int64),
    )
