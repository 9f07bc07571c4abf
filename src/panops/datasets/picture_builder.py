"""From boxes as a file says them to a `LabelledPicture` that can be trusted: the same checks for every format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panops.datasets.problems import ProblemLog
from panops.domain.labels import LabelledPicture

# Files round boxes to whole pixels or six digits: what lies over the edge by less than this is cut off without a word.
_ROUNDING_PX = 1.0


@dataclass(frozen=True, slots=True)
class RawBox:
    """A box as a file gives it, unchecked.

    Attributes:
        xyxy: Left, top, right, bottom, px.
        class_id: Index into the set's classes, already known to be valid.
        where: Its place in the file, for the report.
        crowd: Whether it is a region of many.
    """

    xyxy: tuple[float, float, float, float]
    class_id: int
    where: str
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What is known of a picture besides its boxes; see `LabelledPicture`."""

    path: Path
    size_wh: tuple[int, int]
    labelled: NDArray[np.bool_]
    source: str = ""
    group: str = ""
    rider_in_box: bool = False
    mosaic: bool = False


def build_picture(facts: PictureFacts, boxes: list[RawBox], file: Path, log: ProblemLog) -> LabelledPicture:
    """The picture with the boxes that hold up.

    Boxes that are not finite, empty, outside or said twice go; those that reach over the edge are cut to the picture. Each is told.

    Args:
        facts: The picture.
        boxes: Its boxes.
        file: The label file, for the report.
        log: Where problems go.

    Returns:
        The picture; without boxes where none is left.
    """
    raw = np.array([box.xyxy for box in boxes], np.float64).reshape(-1, 4)
    keep = _usable(raw, boxes, facts, file, log)
    boxes = [box for box, kept in zip(boxes, keep.tolist(), strict=True) if kept]
    xyxy = _clipped(raw[keep], facts.size_wh).astype(np.float32)
    class_id = np.array([box.class_id for box in boxes], np.int64)
    single = _first_of_each(xyxy, class_id, boxes, file, log)
    crowd = np.array([box.crowd for box in boxes], bool)
    labelled = facts.labelled.copy()
    return LabelledPicture(
        path=facts.path,
        size_wh=facts.size_wh,
        xyxy=xyxy[single],
        class_id=class_id[single],
        crowd=crowd[single],
        labelled=labelled,
        source=facts.source,
        group=facts.group,
        rider_in_box=facts.rider_in_box,
        mosaic=facts.mosaic,
    )


def _clipped(xyxy: NDArray[np.float64], size_wh: tuple[int, int]) -> NDArray[np.float64]:
    return np.clip(xyxy, 0.0, np.array([*size_wh, *size_wh], np.float64))


def _usable(raw: NDArray[np.float64], boxes: list[RawBox], facts: PictureFacts, file: Path, log: ProblemLog) -> NDArray[np.bool_]:
    """Which boxes hold up, (N,) bool; the others, and the corrected, are told."""
    width, height = facts.size_wh
    finite = np.asarray(np.isfinite(raw).all(axis=1), bool)
    safe = np.where(finite[:, None], raw, 0.0)
    empty = finite & ((safe[:, 2] <= safe[:, 0]) | (safe[:, 3] <= safe[:, 1]))
    clipped = _clipped(safe, facts.size_wh).astype(np.float32)  # what will be kept: a hair's breadth may vanish in it
    side = np.minimum(clipped[:, 2] - clipped[:, 0], clipped[:, 3] - clipped[:, 1])
    outside = finite & ~empty & (side <= 0.0)
    good: NDArray[np.bool_] = np.logical_not(~finite | empty | outside)
    over = good & (np.abs(clipped - safe).max(axis=1, initial=0.0) > _ROUNDING_PX)
    tiny = good & (side < 1.0)
    name = facts.path.name
    for index in np.flatnonzero(~good | over | tiny).tolist():
        box, where = _said(raw[index]), boxes[index].where
        if not finite[index]:
            log.add("box_not_finite", file, f"expected four numbers, got {box} ({name})", "dropped", where)
        elif empty[index]:
            log.add("box_empty", file, f"expected right > left and bottom > top, got {box} ({name})", "dropped", where)
        elif outside[index]:
            log.add("box_outside", file, f"{box} lies outside the picture of {width}x{height} ({name})", "dropped", where)
        elif over[index]:
            log.add("box_clipped", file, f"{box} reaches over the edge of {width}x{height}; it was cut ({name})", "mended", where)
        if tiny[index]:
            log.add("box_tiny", file, f"{box} is less than a pixel wide or high ({name})", "kept", where)
    return good


def _said(xyxy: NDArray[np.float64]) -> str:
    return "[" + ", ".join(f"{value:.6g}" for value in xyxy.tolist()) + "]"


def _first_of_each(
    xyxy: NDArray[np.float32], class_id: NDArray[np.int64], boxes: list[RawBox], file: Path, log: ProblemLog
) -> NDArray[np.bool_]:
    """(N,) bool: false for a box that an earlier one of the same class says to a tenth of a pixel."""
    first = np.ones(len(boxes), bool)
    seen: dict[tuple[int, ...], int] = {}
    keys = np.concatenate([np.rint(xyxy * 10).astype(np.int64), class_id[:, None]], axis=1).tolist()
    for index, key in enumerate(map(tuple, keys)):
        if key in seen:
            first[index] = False
            log.add("duplicate_box", file, f"the same box and class as {boxes[seen[key]].where}", "dropped", boxes[index].where)
        else:
            seen[key] = index
    return first
