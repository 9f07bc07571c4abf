"""MOTChallenge text files: detections, ground truth and results, one row an object and frame."""

from __future__ import annotations

import configparser
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import SourceCorrupt, SourceUnreachable

_LEAST_COLUMNS = 6


@dataclass(frozen=True, slots=True, eq=False)
class MotTable:
    """N rows of a MOT file. Arrays are read-only.

    Attributes:
        frame: (N,) int64, 1-based frame numbers.
        track_id: (N,) int64; -1 for detections.
        xywh: (N, 4) float64, px: left, top, width, height.
        score: (N,) float64: the detector's score, or in ground truth the flag that says whether the row counts (0: it does not).
        class_id: (N,) int64: MOT class (1 is pedestrian); 1 where the file has no such column.
    """

    frame: NDArray[np.int64]
    track_id: NDArray[np.int64]
    xywh: NDArray[np.float64]
    score: NDArray[np.float64]
    class_id: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check the lengths and make the arrays read-only."""
        count = len(self.frame)
        if self.xywh.shape != (count, 4):
            raise ValueError(f"expected xywh ({count}, 4), got {self.xywh.shape}")
        for array in (self.frame, self.track_id, self.xywh, self.score, self.class_id):
            if len(array) != count:
                raise ValueError(f"expected {count} rows in every array, got {len(array)}")
            array.setflags(write=False)

    def __len__(self) -> int:
        """How many rows."""
        return len(self.frame)

    def select(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> MotTable:
        """The rows that `keep`, a mask (N,) or indices (K,), names."""
        return MotTable(self.frame[keep], self.track_id[keep], self.xywh[keep], self.score[keep], self.class_id[keep])

    def by_frame(self, frames: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Row indices of each of `frames` (F,), in the file's order within a frame; empty where a frame has none."""
        order = np.argsort(self.frame, kind="stable")
        ordered = self.frame[order]
        first, last = np.searchsorted(ordered, frames, "left"), np.searchsorted(ordered, frames, "right")
        return [order[start:stop] for start, stop in zip(first.tolist(), last.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class SequenceInfo:
    """What `seqinfo.ini` says.

    Attributes:
        name: The sequence's name.
        rate_fps: Frames per second.
        length: How many frames.
        size_wh: Picture size, px; (0, 0) where the file does not say.
    """

    name: str
    rate_fps: float
    length: int
    size_wh: tuple[int, int]


@dataclass(frozen=True, slots=True)
class MotSequence:
    """A sequence's folder, read: its description, ground truth and detections."""

    info: SequenceInfo
    truth: MotTable
    detections: MotTable


def read_table(path: Path) -> MotTable:
    """Read one MOT text file: `frame, id, left, top, width, height[, score[, class, ...]]`, separated by commas or spaces.

    An empty file is a table without rows. A row counts as it stands: boxes are not clipped or checked.

    Raises:
        SourceUnreachable: There is no such file.
        SourceCorrupt: A row is not numbers, rows differ in length, or there are fewer than six columns.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SourceUnreachable(f"expected a MOT text file at {path}, there is none") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SourceCorrupt(f"{path} cannot be read as text: {error}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "input contained no data": an empty file is a table without rows
            rows = np.loadtxt(text.replace(",", " ").splitlines(), dtype=np.float64, ndmin=2)
    except ValueError as error:
        raise SourceCorrupt(f"{path}: expected rows of numbers frame,id,left,top,width,height,..., got: {error}") from error
    if rows.size == 0:
        rows = np.zeros((0, _LEAST_COLUMNS))
    if rows.shape[1] < _LEAST_COLUMNS:
        raise SourceCorrupt(f"{path}: expected at least {_LEAST_COLUMNS} columns (frame,id,left,top,width,height), got {rows.shape[1]}")
    if not np.isfinite(rows[:, :2]).all():
        raise SourceCorrupt(f"{path}: expected whole numbers for frame and id, got NaN or infinity")
    ones = np.ones(len(rows))
    return MotTable(
        frame=rows[:, 0].astype(np.int64),
        track_id=rows[:, 1].astype(np.int64),
        xywh=rows[:, 2:6].copy(),
        score=rows[:, 6].copy() if rows.shape[1] > 6 else ones,
        class_id=np.nan_to_num(rows[:, 7], nan=1.0).astype(np.int64) if rows.shape[1] > 7 else ones.astype(np.int64),
    )


def format_table(table: MotTable) -> str:
    """The table as MOT result text, `frame,id,left,top,width,height,score,-1,-1,-1`; boxes in hundredths of a pixel."""
    columns = zip(table.frame.tolist(), table.track_id.tolist(), table.xywh.tolist(), table.score.tolist(), strict=True)
    return "".join(
        f"{frame},{track},{left:.2f},{top:.2f},{width:.2f},{height:.2f},{score:.4f},-1,-1,-1\n"
        for frame, track, (left, top, width, height), score in columns
    )


def write_table(path: Path, table: MotTable) -> None:
    """Write the table as a MOT result file; see `format_table`."""
    path.write_text(format_table(table), encoding="utf-8")


def read_info(path: Path) -> SequenceInfo:
    """Read a `seqinfo.ini`.

    Raises:
        SourceUnreachable: There is no such file.
        SourceCorrupt: A field is missing or not a number.
    """
    parser = configparser.ConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
        section = parser["Sequence"]
        info = SequenceInfo(
            name=section.get("name", path.parent.name),
            rate_fps=float(section["frameRate"]),
            length=int(section["seqLength"]),
            size_wh=(int(section.get("imWidth", "0")), int(section.get("imHeight", "0"))),
        )
    except FileNotFoundError as error:
        raise SourceUnreachable(f"expected a sequence description at {path}, there is none") from error
    except (configparser.Error, KeyError, ValueError) as error:
        raise SourceCorrupt(f"{path}: expected [Sequence] with frameRate and seqLength, got: {error}") from error
    if not (np.isfinite(info.rate_fps) and info.rate_fps > 0 and info.length > 0):
        raise SourceCorrupt(f"{path}: expected frameRate and seqLength above 0, got {info.rate_fps} and {info.length}")
    return info


def read_sequence(folder: Path) -> MotSequence:
    """Read a sequence's folder: `seqinfo.ini`, `gt.txt` or `gt/gt.txt`, `det.txt` or `det/det.txt`.

    Raises:
        SourceUnreachable: One of the files is missing.
        SourceCorrupt: One of them is damaged.
    """
    return MotSequence(read_info(folder / "seqinfo.ini"), read_table(_either(folder, "gt")), read_table(_either(folder, "det")))


def find_sequences(folder: Path) -> list[Path]:
    """The folders with a `seqinfo.ini`: `folder` itself or those directly in it, by name.

    Raises:
        SourceUnreachable: There is none.
    """
    if (folder / "seqinfo.ini").is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob("*/seqinfo.ini"))
    if not found:
        raise SourceUnreachable(f"expected MOT sequences (folders with seqinfo.ini) in {folder}, found none")
    return found


def _either(folder: Path, kind: str) -> Path:
    nested = folder / kind / f"{kind}.txt"
    return nested if nested.is_file() else folder / f"{kind}.txt"
