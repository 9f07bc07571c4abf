"""The pictures worth looking at first: confident false detections, and large boxes that nothing found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import area
from panops.domain.labels import LabelledPicture
from panops.evaluation.detection_cases import Cases
from panops.evaluation.detection_errors import FALSE_KINDS, Kind, Verdicts


@dataclass(frozen=True, slots=True)
class Mark:
    """A box to show.

    Attributes:
        xyxy: Left, top, right, bottom, px.
        kind: What became of it; `right` and `missed` boxes are shown for orientation.
        words: Its class, and the score of a detection.
        is_worst: Whether it is why the picture is shown.
    """

    xyxy: tuple[float, float, float, float]
    kind: Kind
    words: str
    is_worst: bool = False


@dataclass(frozen=True, slots=True)
class WorstPicture:
    """One picture with everything that was found and missed.

    Attributes:
        picture: The picture.
        reason: Why it is shown, in a few words.
        marks: What to draw.
    """

    picture: LabelledPicture
    reason: str
    marks: tuple[Mark, ...]


def worst_false(cases: Cases, verdicts: Sequence[Verdicts], most: int = 12) -> list[WorstPicture]:
    """The pictures of the most confident false detections; a picture comes once, for its worst."""
    rows = [
        (float(one.case.found.score[row]), index, place)
        for index, one in enumerate(verdicts)
        for place, (row, kind) in enumerate(zip(one.taken.tolist(), one.kind, strict=True))
        if kind in FALSE_KINDS
    ]
    chosen: dict[int, int] = {}
    for _, index, place in sorted(rows, key=lambda entry: -entry[0]):
        chosen.setdefault(index, place)
        if len(chosen) == most:
            break
    return [_shown_false(cases, verdicts[index], place) for index, place in chosen.items()]


def worst_missed(cases: Cases, verdicts: Sequence[Verdicts], most: int = 12) -> list[WorstPicture]:
    """The pictures of the largest missed boxes, by their share of the picture; a picture comes once, for its largest."""
    rows = []
    for index, one in enumerate(verdicts):
        width, height = one.case.picture.size_wh
        shares = np.where(one.box_found, 0.0, area(one.case.xyxy) / (width * height))
        if len(shares) and shares.max() > 0:
            rows.append((float(shares.max()), index, int(shares.argmax())))
    rows.sort(key=lambda entry: -entry[0])
    return [_shown_missed(cases, verdicts[index], box, share) for share, index, box in rows[:most]]


def _shown_false(cases: Cases, one: Verdicts, place: int) -> WorstPicture:
    row = int(one.taken[place])
    name, score = cases.classes[int(one.case.found.class_id[row])], float(one.case.found.score[row])
    kind, box = one.kind[place], int(one.box[place])
    said = {
        Kind.DUPLICATE: f"a second {name}",
        Kind.LOCALISATION: f"{name}, badly placed",
        Kind.BACKGROUND: f"{name} where none is labelled",
    }.get(kind, "")
    reason = said or f"{name} for {cases.classes[int(one.case.class_id[box])]}"
    return WorstPicture(one.case.picture, f"{reason}, {score:.2f}", _marks(cases, one, worst_place=place))


def _shown_missed(cases: Cases, one: Verdicts, box: int, share: float) -> WorstPicture:
    name = cases.classes[int(one.case.class_id[box])]
    left, top, right, bottom = _corners(one.case.xyxy[box])
    size = f"{max(1, round(right - left))}x{max(1, round(bottom - top))} px"
    return WorstPicture(one.case.picture, f"missed {name}, {size}, {_percent(share)} of the picture", _marks(cases, one, worst_box=box))


def _percent(share: float) -> str:
    """`12 %`, `1.4 %`, `.03 %`: never 0 for what is there."""
    value = 100 * share
    if value < 0.01:
        return "under .01 %"
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.1f} %" if value >= 0.95 else f"{value:.2f} %".removeprefix("0")


def _marks(cases: Cases, one: Verdicts, worst_place: int = -1, worst_box: int = -1) -> tuple[Mark, ...]:
    case = one.case
    missed = [
        Mark(_corners(case.xyxy[box]), Kind.MISSED, cases.classes[int(case.class_id[box])], box == worst_box)
        for box in np.flatnonzero(~one.box_found).tolist()
    ]
    said = [
        Mark(_corners(case.found.xyxy[row]), kind, _words(cases, one, row), place == worst_place)
        for place, (row, kind) in enumerate(zip(one.taken.tolist(), one.kind, strict=True))
        if kind is not Kind.IGNORED
    ]
    return (*missed, *said)


def _words(cases: Cases, one: Verdicts, row: int) -> str:
    found = one.case.found
    return f"{cases.classes[int(found.class_id[row])]} {float(found.score[row]):.2f}"


def _corners(xyxy: NDArray[np.float32]) -> tuple[float, float, float, float]:
    left, top, right, bottom = xyxy.tolist()
    return left, top, right, bottom
