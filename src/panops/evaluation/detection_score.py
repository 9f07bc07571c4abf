"""How well a detector finds what is labelled: COCO's figures, over all, for each class, source, pair of both, size and group.

Labels may be partial: a class counts only in pictures that labelled it. Where two-wheelers' boxes enclose their riders, each such box is
a region to ignore for `person`, as COCO's `iscrowd`: a person found there counts neither for nor against when at least the IoU
threshold of its own area lies inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import PluginError
from panops.domain.labels import DetectionSet
from panops.evaluation.detection_cases import Cases, align
from panops.evaluation.precision_recall import curve

if TYPE_CHECKING:
    from panops.evaluation.coco_matching import ClassMatches

SIZES = ("small", "medium", "large")
_HALF = np.array([0.5])


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one part: 0 to 1, NaN where there is nothing to find. Means are over classes.

    Attributes:
        ap: Average precision over the IoU thresholds .50 to .95.
        ap50: At IoU .50.
        ap75: At IoU .75.
        small: `ap` of boxes below 32x32 px.
        medium: Up to 96x96 px.
        large: Beyond.
        recall: Share of the boxes found at IoU .50 by any detection, however weak.
        boxes: How many boxes there are to find.
        pictures: How many pictures labelled the class (for a mean: any of the classes).
    """

    ap: float
    ap50: float
    ap75: float
    small: float
    medium: float
    large: float
    recall: float
    boxes: int
    pictures: int

    def record(self) -> dict[str, float | int | None]:
        """For JSON: COCO's names, and null for NaN."""
        values = {
            "AP": self.ap,
            "AP50": self.ap50,
            "AP75": self.ap75,
            "APs": self.small,
            "APm": self.medium,
            "APl": self.large,
            "recall": self.recall,
        }
        shares = {name: None if np.isnan(value) else value for name, value in values.items()}
        return {**shares, "boxes": self.boxes, "pictures": self.pictures}


@dataclass(frozen=True, slots=True, eq=False)
class DetectionScore:
    """All figures of a model on a set.

    Attributes:
        overall: Mean over the classes.
        classes: For each class.
        sources: For each source, the mean over its classes that have boxes.
        pairs: For each source and class that has boxes.
        groups: For each group, the mean over its classes that have boxes.
        cases: What was compared.
        matches: For each scored class, all matches; curves and thresholds come from them.
    """

    overall: Figures
    classes: dict[str, Figures]
    sources: dict[str, Figures]
    pairs: dict[tuple[str, str], Figures]
    groups: dict[str, Figures]
    cases: Cases
    matches: dict[str, ClassMatches]


def score_detections(dataset: DetectionSet, detections: Sequence[Detections], classes_of_model: Sequence[str]) -> DetectionScore:
    """Score a model's detections.

    Args:
        dataset: The labelled pictures.
        detections: One for each picture, in the same order, with scores as low as the model gives: what is cut off is lost to the figures.
        classes_of_model: What the detections' class ids mean; matched to the set's classes by name.

    Raises:
        PluginError: pycocotools is not installed.
        ValueError: There are not as many detections as pictures.
    """
    _need_pycocotools()
    from panops.evaluation.coco_matching import AREAS, match_all  # noqa: PLC0415 - needs the extra that was just asked for

    cases = align(dataset, detections, classes_of_model)
    matches = match_all(cases.cases, len(cases.classes), list(AREAS))
    parts = _Parts(cases, matches)
    everything = np.ones(len(dataset), bool)
    classes = {name: parts.figures(index, everything) for index, name in enumerate(cases.classes)}
    pairs, sources, groups = {}, {}, {}
    for source, chosen in _by([picture.source for picture in dataset.pictures]).items():
        of_source = parts.of(chosen)
        pairs.update({(source, name): figures for name, figures in of_source.items()})
        sources[source] = mean(list(of_source.values()), int(chosen.sum()))
    for group, chosen in _by([picture.group for picture in dataset.pictures]).items():
        groups[group] = mean(list(parts.of(chosen).values()), int(chosen.sum()))
    overall = mean([figures for figures in classes.values() if figures.boxes], len(dataset))
    return DetectionScore(overall, classes, sources, pairs, groups, cases, dict(zip(cases.classes, matches, strict=True)))


def ap50_by_source_and_class(
    dataset: DetectionSet, detections: Sequence[Detections], classes_of_model: Sequence[str]
) -> dict[tuple[str, str], float]:
    """AP50 of each source and class that has boxes, and under the source `""` of each class over all pictures.

    The same figures as `score_detections` gives, in a tenth of the time: for watching a training. Arguments and errors as there.
    """
    _need_pycocotools()
    from panops.evaluation.coco_matching import match_all  # noqa: PLC0415 - as above

    cases = align(dataset, detections, classes_of_model)
    matches = match_all(cases.cases, len(cases.classes), ["all"], _HALF)
    chosen = {"": np.ones(len(dataset), bool), **_by([picture.source for picture in dataset.pictures])}
    curves = {
        (source, name): curve(matches[index], pictures=wanted)
        for source, wanted in chosen.items()
        for index, name in enumerate(cases.classes)
    }
    return {key: one.average_precision() for key, one in curves.items() if one.boxes}


def mean(parts: Sequence[Figures], pictures: int | None = None) -> Figures:
    """The plain mean of each figure over the parts that have it; boxes are added up.

    Args:
        parts: What to average; none gives NaN.
        pictures: How many pictures stand behind it; the most that one part has when None.
    """
    names = ("ap", "ap50", "ap75", *SIZES, "recall")
    means = {}
    for name in names:
        values = [value for part in parts if not np.isnan(value := getattr(part, name))]
        means[name] = float(np.mean(values)) if values else float("nan")
    count = max((part.pictures for part in parts), default=0) if pictures is None else pictures
    return Figures(**means, boxes=sum(part.boxes for part in parts), pictures=count)


class _Parts:
    """Figures of any part of the pictures."""

    def __init__(self, cases: Cases, matches: Sequence[ClassMatches]) -> None:
        self._cases = cases
        self._matches = matches
        self._labelled = np.array([case.labelled for case in cases.cases]).reshape(len(cases.cases), len(cases.classes))

    def of(self, chosen: NDArray[np.bool_]) -> dict[str, Figures]:
        """For each class that has boxes in the pictures `chosen`, (P,) bool."""
        found = {name: self.figures(index, chosen) for index, name in enumerate(self._cases.classes) if self._has_boxes(index, chosen)}
        return {name: figures for name, figures in found.items() if figures.boxes}

    def figures(self, class_id: int, chosen: NDArray[np.bool_]) -> Figures:
        """Of one class."""
        matches = self._matches[class_id]
        areas, thresholds = matches.hit.shape[:2]
        curves = [[curve(matches, threshold, area, chosen) for threshold in range(thresholds)] for area in range(areas)]
        by_threshold = np.array([[one.average_precision() for one in of_area] for of_area in curves])
        by_area = by_threshold.mean(axis=1)
        half = curves[0][0]
        recall = float(half.recall[-1]) if len(half.recall) else 0.0
        return Figures(
            ap=float(by_area[0]),
            ap50=float(by_threshold[0, 0]),
            ap75=float(by_threshold[0, 5]),
            small=float(by_area[1]),
            medium=float(by_area[2]),
            large=float(by_area[3]),
            recall=recall if half.boxes else float("nan"),
            boxes=half.boxes,
            pictures=int(np.count_nonzero(self._labelled[chosen, class_id])),
        )

    def _has_boxes(self, class_id: int, chosen: NDArray[np.bool_]) -> bool:
        return bool(chosen[self._matches[class_id].truth_picture].any())


def _by(names: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """For each name but the empty one, (P,) bool: which pictures have it; in the order of their first appearance."""
    array = np.array(names, dtype=object)
    return {name: array == name for name in dict.fromkeys(names) if name}


def _need_pycocotools() -> None:
    try:
        import pycocotools.mask  # type: ignore[import-untyped]  # noqa: F401, PLC0415 - only whether it is there
    except ImportError as error:
        raise PluginError(
            "scoring detections needs pycocotools, which is not installed; get it with: pip install 'panops[train]'"
        ) from error
