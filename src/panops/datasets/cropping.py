"""Crops of single objects out of labelled pictures: what a second network learns from that looks at one object at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panops.datasets.crop_file import read_labelled, write_crop
from panops.datasets.picture_placing import unique_stems
from panops.domain.crops import part_around
from panops.domain.labels import DetectionSet, LabelledPicture

# Of a thing so much must be inside the crop to be an example of it; of what is cut more, nobody knows what it shows.
_LEAST_INSIDE = 0.5
_LEAST_SIDE_PX = 1.0


@dataclass(frozen=True, slots=True)
class CropSettings:
    """What is cut out, and how.

    Attributes:
        around: The class of the objects that are cut out.
        classes: What stays labelled in the crops.
        least_px: Smaller objects, by their longer side, are left out.
        longest_px: Larger crops are scaled down to this side.
    """

    around: str
    classes: tuple[str, ...]
    least_px: int = 24
    longest_px: int = 320


@dataclass(frozen=True, slots=True)
class Crops:
    """What came of it.

    Attributes:
        dataset: The crops, in the wanted classes.
        too_small: Objects below `least_px`.
        unlabelled: Objects in pictures in which none of the wanted classes was looked for.
        unreadable: Pictures that cannot be decoded.
    """

    dataset: DetectionSet
    too_small: int
    unlabelled: int
    unreadable: int


def cut_crops(dataset: DetectionSet, settings: CropSettings, folder: Path, progress: Callable[[int], None]) -> Crops:
    """Cut every object of a class out, with the room around it that the live path gives a second look, and write the crops as JPEG.

    Things that are cut at a crop's edge are kept as ignored places (crowds); what was not looked for stays unknown.

    Args:
        dataset: Pictures in which `settings.around` is a class.
        settings: What is cut out.
        folder: Where the crops go; it is made.
        progress: Told how many more pictures are done.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = dataset.classes.index(settings.around)
    kept = dataset.with_classes(settings.classes)
    stems = unique_stems(picture.path for picture in dataset.pictures)
    crops: list[LabelledPicture] = []
    too_small = unlabelled = unreadable = 0
    for picture, labels, stem in zip(dataset.pictures, kept.pictures, stems, strict=True):
        progress(1)
        boxes = picture.xyxy[(picture.class_id == about) & ~picture.crowd]
        large = boxes[(boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) >= settings.least_px]
        too_small += len(boxes) - len(large)
        if not labels.labelled.any():
            unlabelled += len(large)
            continue
        if not len(large):
            continue
        image = read_labelled(picture)
        if image is None:
            unreadable += 1
            continue
        for number, box in enumerate(large.tolist()):
            part = part_around((box[0], box[1], box[2], box[3]), picture.size_wh)
            crops.append(_crop(image, labels, part, folder / f"{stem}-{number}.jpg", settings.longest_px))
    return Crops(DetectionSet("crops", settings.classes, tuple(crops)), too_small, unlabelled, unreadable)


def _crop(
    image: NDArray[np.uint8], labels: LabelledPicture, part: tuple[int, int, int, int], path: Path, longest_px: int
) -> LabelledPicture:
    left, top, right, bottom = part
    width, height = write_crop(image, part, path, longest_px)
    factor = np.array([width / (right - left), height / (bottom - top)] * 2, np.float32)
    cut = np.clip(labels.xyxy, np.array([left, top] * 2, np.float32), np.array([right, bottom] * 2, np.float32))
    inside = _areas(cut) / np.maximum(_areas(labels.xyxy), 1e-6)
    seen = (inside > 0) & ((cut[:, 2:] - cut[:, :2]) >= _LEAST_SIDE_PX).all(axis=1)
    return replace(
        labels,
        path=path,
        size_wh=(width, height),
        xyxy=((cut - np.array([left, top] * 2, np.float32)) * factor)[seen].astype(np.float32),
        class_id=labels.class_id[seen],
        crowd=(labels.crowd | (inside < _LEAST_INSIDE))[seen],
        rider_in_box=False,
    )


def _areas(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1]), np.float32)
