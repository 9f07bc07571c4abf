"""What goes wrong: every false detection and every missed box sorted by kind, and which class is taken for which.

The kinds are those of D. Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, 2020,
https://arxiv.org/abs/2008.08115, counted at one threshold a class instead of weighed by their effect on AP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import area, intersection, iou
from panops.evaluation.detection_cases import Case, Cases

FOUND = 0.5  # from this IoU on, a box counts as found
NEAR = 0.1  # below it, a detection has nothing to do with a box


class Kind(StrEnum):
    """What became of a detection, or of a box."""

    RIGHT = "right"
    IGNORED = "ignored"
    DUPLICATE = "duplicate"
    LOCALISATION = "localisation"
    CLASS = "class"
    BOTH = "class and place"
    BACKGROUND = "background"
    MISSED = "missed"


FALSE_KINDS = (Kind.BACKGROUND, Kind.CLASS, Kind.LOCALISATION, Kind.DUPLICATE, Kind.BOTH)


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What became of everything in one picture.

    Attributes:
        case: The picture; `case.found` also has the detections below the thresholds.
        taken: (D,) int64: rows of `case.found` that reach their class's threshold, best first.
        kind: For each of these, what it is.
        box: (D,) int64: the box that it found or errs about, a row of `case.xyxy`; -1 where there is none.
        box_found: (G,) bool; a box to be ignored counts as found.
    """

    case: Case
    taken: NDArray[np.int64]
    kind: tuple[Kind, ...]
    box: NDArray[np.int64]
    box_found: NDArray[np.bool_]


def judge(cases: Cases, thresholds: Mapping[str, float]) -> list[Verdicts]:
    """Judge every picture.

    Args:
        cases: What was compared.
        thresholds: The lowest score that counts, for each scored class; a class that is not there is left out altogether.
    """
    least = np.array([thresholds.get(name, np.inf) for name in cases.classes] or [np.inf])
    return [_judged(case, least) for case in cases.cases]


def _judged(case: Case, least: NDArray[np.float64]) -> Verdicts:
    # Scores are float32; so are the thresholds that were read off them.
    taken = np.flatnonzero(case.found.score >= least[case.found.class_id].astype(np.float32)) if len(case.found) else np.zeros(0, np.int64)
    boxes, ids = case.found.xyxy[taken], case.found.class_id[taken]
    overlap = iou(boxes, case.xyxy)
    own = ids[:, None] == case.class_id[None, :]
    real = ~case.ignore
    # A region to ignore takes what lies inside it, however large it is itself.
    inside = np.divide(intersection(boxes, case.xyxy), np.maximum(area(boxes), 1e-9)[:, None])
    in_region = (inside * (own & case.ignore[None, :])).max(axis=1, initial=0.0) >= FOUND
    box_found = case.ignore.copy()
    kinds: list[Kind] = []
    about = np.full(len(taken), -1, np.int64)
    for row in range(len(taken)):
        free = np.where(own[row] & real & ~box_found, overlap[row], -1.0)
        best = int(free.argmax()) if len(free) else -1
        if best >= 0 and free[best] >= FOUND:
            box_found[best] = True
            kinds.append(Kind.RIGHT)
            about[row] = best
        elif in_region[row]:
            kinds.append(Kind.IGNORED)
        else:
            kind, about[row] = _false_kind(overlap[row], own[row] & real, ~own[row] & real)
            kinds.append(kind)
    return Verdicts(case, taken, tuple(kinds), about, box_found)


def _false_kind(overlap: NDArray[np.float32], own: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[Kind, int]:
    """The kind of a false detection, and the box that it errs about.

    Args:
        overlap: (G,) IoU with every box.
        own: (G,) bool: boxes of its class.
        other: (G,) bool: boxes of other classes.
    """
    best_own = float(np.where(own, overlap, 0.0).max(initial=0.0))
    best_other = float(np.where(other, overlap, 0.0).max(initial=0.0))
    if best_own >= FOUND:
        return Kind.DUPLICATE, int(np.where(own, overlap, -1.0).argmax())
    if best_other >= FOUND:
        return Kind.CLASS, int(np.where(other, overlap, -1.0).argmax())
    if best_own >= NEAR:
        return Kind.LOCALISATION, int(np.where(own, overlap, -1.0).argmax())
    if best_other >= NEAR:
        return Kind.BOTH, int(np.where(other, overlap, -1.0).argmax())
    return Kind.BACKGROUND, -1


def count_kinds(cases: Cases, verdicts: Sequence[Verdicts]) -> dict[str, dict[Kind, int]]:
    """How often each kind occurs, for each class: detections by their own class, missed boxes by theirs."""
    counts: dict[str, Counter[Kind]] = {name: Counter() for name in cases.classes}
    for one in verdicts:
        for row, kind in zip(one.taken.tolist(), one.kind, strict=True):
            counts[cases.classes[int(one.case.found.class_id[row])]][kind] += 1
        for class_id in one.case.class_id[~one.box_found].tolist():
            counts[cases.classes[class_id]][Kind.MISSED] += 1
    return {name: {kind: found[kind] for kind in Kind} for name, found in counts.items()}


def confusion(cases: Cases, verdicts: Sequence[Verdicts]) -> NDArray[np.int64]:
    """What was taken for what.

    Each right detection and each box that only a detection of another class found stands once in its row; what is left over stands in the
    last column (missed) or the last row (false).

    Returns:
        (K + 1, K + 1): rows are the truth, columns what was said; the last of both is background.
    """
    count = len(cases.classes)
    table = np.zeros((count + 1, count + 1), np.int64)
    for one in verdicts:
        open_boxes = ~one.box_found
        said = one.case.found.class_id[one.taken]
        for row, kind in enumerate(one.kind):
            box = int(one.box[row])
            if kind is Kind.IGNORED:
                continue
            if kind is Kind.RIGHT:
                table[one.case.class_id[box], said[row]] += 1
            elif kind is Kind.CLASS and open_boxes[box]:
                open_boxes[box] = False
                table[one.case.class_id[box], said[row]] += 1
            else:
                table[count, said[row]] += 1
        table[:count, count] += np.bincount(one.case.class_id[open_boxes], minlength=count)
    return table
