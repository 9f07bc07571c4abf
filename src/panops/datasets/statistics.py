"""The figures of a data set: by class, source and size, and how far its labels reach."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from panops.domain.labels import DetectionSet, LabelledPicture

# COCO's terms: small below 32x32 px, large from 96x96 px, of the picture as it is labelled.
SMALL_AREA_PX = 32**2
LARGE_AREA_PX = 96**2
# Edges of the histogram of box sizes (square root of the area, px): COCO's two are among them.
SIDE_EDGES = (0, 8, 16, 32, 64, 96, 128, 256, 512)
# Edges of the histogram of boxes in a picture.
CROWD_EDGES = (0, 1, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class ClassStats:
    """One class.

    Attributes:
        name: The class.
        boxes: How many, crowds included.
        pictures: Pictures with at least one.
        looked_for: Pictures in which it was annotated.
        small: Boxes below 32x32 px.
        medium: Boxes between.
        large: Boxes from 96x96 px.
        median_side_px: Median of the square root of the area; 0 without boxes.
        groups: Cameras or scenes with at least one.
    """

    name: str
    boxes: int
    pictures: int
    looked_for: int
    small: int
    medium: int
    large: int
    median_side_px: float
    groups: int


@dataclass(frozen=True, slots=True)
class SourceStats:
    """One source.

    Attributes:
        name: The source; empty where the pictures say none.
        pictures: How many.
        boxes: How many.
        empty: Pictures without a box.
        groups: Cameras or scenes named.
        ungrouped: Pictures of no group.
        looked_for: Class -> share of the pictures in which it was annotated; those of share 0 left out.
        boxes_by_class: Class -> boxes; those without left out.
        mosaics: Pictures that are mosaics already.
        riders_in_boxes: Pictures whose two-wheelers' boxes enclose their riders.
        sizes: Picture size `WxH` -> pictures, the five most frequent.
    """

    name: str
    pictures: int
    boxes: int
    empty: int
    groups: int
    ungrouped: int
    looked_for: dict[str, float]
    boxes_by_class: dict[str, int]
    mosaics: int
    riders_in_boxes: int
    sizes: dict[str, int]


@dataclass(frozen=True, slots=True)
class SetStats:
    """One set.

    Attributes:
        name: Its name.
        total: All sources together, by the name of the set.
        classes: Each class, in the set's order.
        sources: Each source, by name.
        sides: Boxes by the edges `SIDE_EDGES`, the last open.
        boxes_in_picture: Pictures by the edges `CROWD_EDGES`, the last open.
    """

    name: str
    total: SourceStats
    classes: tuple[ClassStats, ...]
    sources: tuple[SourceStats, ...]
    sides: tuple[int, ...]
    boxes_in_picture: tuple[int, ...]

    def record(self) -> dict[str, Any]:
        """As a JSON object, with the names of the attributes."""
        return asdict(self)


def stats_of(dataset: DetectionSet) -> SetStats:
    """The figures of a set; of an empty one all are 0."""
    by_source: dict[str, list[LabelledPicture]] = {}
    for picture in dataset.pictures:
        by_source.setdefault(picture.source, []).append(picture)
    areas = _areas(dataset)
    per_picture = np.array([len(picture) for picture in dataset.pictures], np.int64)
    return SetStats(
        dataset.name,
        _source(dataset.name, list(dataset.pictures), dataset.classes),
        _classes(dataset, areas),
        tuple(_source(name, by_source[name], dataset.classes) for name in sorted(by_source)),
        _histogram(np.sqrt(areas), SIDE_EDGES),
        _histogram(per_picture.astype(np.float64), CROWD_EDGES),
    )


def _areas(dataset: DetectionSet) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(boxes,) float64, px squared, in the order of the pictures."""
    xyxy = np.concatenate([np.zeros((0, 4)), *(picture.xyxy for picture in dataset.pictures)]).astype(np.float64)
    areas: np.ndarray[tuple[int], np.dtype[np.float64]] = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    return areas


def _histogram(values: np.ndarray[Any, np.dtype[np.float64]], edges: tuple[int, ...]) -> tuple[int, ...]:
    place = np.searchsorted(np.array(edges), values, side="right") - 1
    return tuple(np.bincount(place, minlength=len(edges)).tolist())


def _classes(dataset: DetectionSet, areas: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[ClassStats, ...]:
    counts = [len(picture) for picture in dataset.pictures]
    class_id = np.concatenate([np.zeros(0, np.int64), *(picture.class_id for picture in dataset.pictures)])
    of_picture = np.repeat(np.arange(len(counts)), counts)
    groups = np.array([picture.group for picture in dataset.pictures], object)
    labelled = np.array([picture.labelled for picture in dataset.pictures], bool).reshape(len(counts), len(dataset.classes))
    found = []
    for index, name in enumerate(dataset.classes):
        mine = class_id == index
        own, pictures = areas[mine], np.unique(of_picture[mine])
        small, large = int((own < SMALL_AREA_PX).sum()), int((own >= LARGE_AREA_PX).sum())
        found.append(
            ClassStats(
                name,
                len(own),
                len(pictures),
                int(labelled[:, index].sum()),
                small,
                len(own) - small - large,
                large,
                round(float(np.sqrt(np.median(own))), 1) if len(own) else 0.0,
                len(set(groups[pictures].tolist()) - {""}),
            )
        )
    return tuple(found)


def _source(name: str, pictures: list[LabelledPicture], classes: tuple[str, ...]) -> SourceStats:
    ids = np.concatenate([np.zeros(0, np.int64), *(picture.class_id for picture in pictures)])
    boxes = np.bincount(ids, minlength=len(classes)).tolist()
    looked_for = np.array([picture.labelled for picture in pictures], bool).reshape(len(pictures), len(classes)).sum(axis=0).tolist()
    sizes: dict[str, int] = {}
    for picture in pictures:
        size = f"{picture.size_wh[0]}x{picture.size_wh[1]}"
        sizes[size] = sizes.get(size, 0) + 1
    return SourceStats(
        name,
        len(pictures),
        len(ids),
        sum(not len(picture) for picture in pictures),
        len({picture.group for picture in pictures} - {""}),
        sum(not picture.group for picture in pictures),
        {label: round(count / len(pictures), 4) for label, count in zip(classes, looked_for, strict=True) if count},
        {label: count for label, count in zip(classes, boxes, strict=True) if count},
        sum(picture.mosaic for picture in pictures),
        sum(picture.rider_in_box for picture in pictures),
        dict(sorted(sizes.items(), key=lambda item: -item[1])[:5]),
    )
