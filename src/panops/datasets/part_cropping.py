"""Crops of one part of each person, a folder for each thing that can be on it: what a classifier of heads or torsos learns from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panops.datasets.crop_file import read_labelled, write_crop
from panops.datasets.picture_placing import unique_stems
from panops.domain.body_parts import UNSEEN, BodyPart, Box, around_item, lying_on, part_box
from panops.domain.crops import PART_ROOM, part_around
from panops.domain.errors import PanopsError
from panops.domain.labels import DetectionSet

_FOLDER = re.compile(r"[^/\\\x00-\x1f]{1,100}")


@dataclass(frozen=True, slots=True)
class PartSettings:
    """What is cut out, and how.

    Attributes:
        around: The class of the people.
        classes: What can lie on the part; each becomes a folder.
        part: The part of a person.
        least_px: Smaller people, by their longer side, are left out.
        longest_px: Larger crops are scaled down to this side.
    """

    around: str
    classes: tuple[str, ...]
    part: BodyPart
    least_px: int = 24
    longest_px: int = 320


@dataclass(frozen=True, slots=True)
class PartCrops:
    """What came of it.

    Attributes:
        counts: Crops of each class, and of `unseen`.
        alone: How many of them show a thing of which it is not clear whose it is, or that is on nobody who is labelled.
        unclear: People with several of the classes, or with a thing that may be somebody else's; they are left out themselves.
        too_small: People below `least_px`.
        unlabelled: People in pictures in which one of the classes was not looked for.
        unreadable: Pictures that cannot be decoded.
    """

    counts: Mapping[str, int]
    alone: int
    unclear: int
    too_small: int
    unlabelled: int
    unreadable: int


def cut_parts(dataset: DetectionSet, settings: PartSettings, folder: Path, progress: Callable[[int], None]) -> PartCrops:
    """Cut the part out of every person, as live pictures are cut for a classifier, and write it as JPEG into the folder of what is on it.

    People on whom nothing is labelled go to `unseen`: what is there is too small, covered, or turned away. A thing that is on nobody
    who is labelled, or may be of either of two, is cut out with as much around it as a person's part has.

    Args:
        dataset: Pictures in which `settings.around` is a class.
        settings: What is cut out.
        folder: Where the folders go; it is made.
        progress: Told how many more pictures are done.

    Raises:
        PanopsError: A class cannot be a folder, or is called `unseen`.
        OSError: The disk is full, or the folder cannot be written.
    """
    _check_names(settings.classes)
    about = dataset.classes.index(settings.around)
    kept = dataset.with_classes(settings.classes)
    counts: Counter[str] = Counter()
    alone = unclear = too_small = unlabelled = unreadable = 0
    stems = unique_stems(picture.path for picture in dataset.pictures)
    for picture, labels, stem in zip(dataset.pictures, kept.pictures, stems, strict=True):
        progress(1)
        people = [_box(row) for row in picture.xyxy[(picture.class_id == about) & ~picture.crowd]]
        if not labels.labelled.all():
            unlabelled += len(people)
            continue
        real = ~labels.crowd
        things = [(_box(row), settings.classes[index]) for row, index in zip(labels.xyxy[real], labels.class_id[real], strict=True)]
        on = lying_on(people, [(box, number) for number, (box, _) in enumerate(things)], settings.part)
        chosen: list[tuple[Box, str]] = []
        has_person: set[int] = set()
        for person, found in zip(people, on, strict=True):
            if _longer(person) < settings.least_px:
                too_small += 1
                has_person |= {number for number in found if number is not None}
            elif len(names := {things[number][1] if number is not None else None for number in found}) > 1 or None in names:
                unclear += 1
            else:
                chosen.append((part_box(person, settings.part), next(iter(names), None) or UNSEEN))
                has_person |= {number for number in found if number is not None}
        others = [thing for number, thing in enumerate(things) if number not in has_person and _longer(thing[0]) >= settings.least_px / 4]
        chosen += [(around_item(box, settings.part), name) for box, name in others]
        alone += len(others)
        if not chosen:
            continue
        image = read_labelled(picture)
        if image is None:
            unreadable += 1
            alone -= len(others)
            continue
        for number, (box, name) in enumerate(chosen):
            part = part_around(box, picture.size_wh, PART_ROOM)
            (folder / name).mkdir(parents=True, exist_ok=True)
            write_crop(image, part, folder / name / f"{stem}-{number}.jpg", settings.longest_px)
            counts[name] += 1
    return PartCrops(dict(counts), alone, unclear, too_small, unlabelled, unreadable)


def _check_names(classes: Sequence[str]) -> None:
    for name in classes:
        if name == UNSEEN or name.startswith(".") or not _FOLDER.fullmatch(name):
            raise PanopsError(f"expected classes that can be folders, other than {UNSEEN}, got {name[:80]!r}; choose by --class")


def _longer(box: Box) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def _box(row: NDArray[np.float32]) -> Box:
    left, top, right, bottom = row.tolist()
    return left, top, right, bottom
