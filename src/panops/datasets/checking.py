"""Checks what the readers could not: every picture decoded, near copies and groups in two splits, and the balance of the classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from panops.datasets.near_copies import NEAR_BITS, nearest_across
from panops.datasets.picture_look import PictureLook, look_at_all
from panops.datasets.problems import DataProblem, ProblemLog, ReadReport
from panops.domain.labels import DetectionSet, LabelledPicture

# Fewer boxes of a class than this teach little and measure nothing.
_FEW_BOXES = 20
# A class with so many times fewer boxes than the most frequent one is drowned without a balanced choice of pictures.
_IMBALANCE = 100


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All that is wrong with the splits of a data set.

    Attributes:
        problems: What the readers and the checks found.
        picture_count: Pictures looked at.
        box_count: Their boxes.
    """

    problems: tuple[DataProblem, ...]
    picture_count: int
    box_count: int

    @property
    def error_count(self) -> int:
        """How many of the problems are errors."""
        return sum(problem.severity == "error" for problem in self.problems)


def check_sets(
    reports: Mapping[str, ReadReport],
    *,
    origin: Mapping[str, Path],
    near_bits: int = NEAR_BITS,
    decode: bool = True,
    progress: Callable[[int], None] | None = None,
) -> CheckReport:
    """Check the splits of a data set, each alone and against each other.

    Args:
        reports: Split name -> what its reader gave.
        origin: Split name -> the file or folder to name in problems of the whole split.
        near_bits: Bits of 64 by which near copies may differ.
        decode: Whether to decode every picture; without it neither damage nor near copies are found.
        progress: Told how many more pictures are done.

    Returns:
        The readers' problems, then those found here.
    """
    log = ProblemLog([problem for report in reports.values() for problem in report.problems])
    sets = {split: report.dataset for split, report in reports.items()}
    looks: dict[str, list[PictureLook]] = {}
    if decode:
        for split, dataset in sets.items():
            looks[split] = look_at_all([picture.path for picture in dataset.pictures], progress)
            for picture, look in zip(dataset.pictures, looks[split], strict=True):
                _check_picture(picture, look, log)
    for split, dataset in sets.items():
        _check_twice(dataset, log)
        _check_balance(split, dataset, origin[split], log)
    _check_between(sets, origin, log)
    if decode:
        _check_copies(sets, looks, near_bits, log)
    return CheckReport(tuple(log.problems), sum(map(len, sets.values())), sum(part.box_count for part in sets.values()))


def _check_picture(picture: LabelledPicture, look: PictureLook, log: ProblemLog) -> None:
    if look.size_wh is None:
        why = "it is no picture of a known format, or damaged" if look.whole else "the file is empty or cut off"
        log.add("unreadable_picture", picture.path, f"the picture cannot be decoded: {why}", "kept")
        return
    if look.size_wh != picture.size_wh:
        said, real = (f"{width}x{height}" for width, height in (picture.size_wh, look.size_wh))
        turned = " (turned: the labels may not know of its EXIF orientation)" if look.size_wh == picture.size_wh[::-1] else ""
        log.add("size_mismatch", picture.path, f"the labels say {said}, the picture is {real}{turned}", "kept")


def _check_twice(dataset: DetectionSet, log: ProblemLog) -> None:
    seen: set[Path] = set()
    for picture in dataset.pictures:
        if picture.path in seen:
            log.add("duplicate_picture", picture.path, f"{dataset.name} has this picture twice", "kept")
        seen.add(picture.path)


def _check_balance(split: str, dataset: DetectionSet, file: Path, log: ProblemLog) -> None:
    if not dataset.box_count:
        log.add("no_boxes", file, f"{split}: none of its {len(dataset)} pictures has a box", "kept")
        return
    counts = class_counts(dataset)
    looked_for = np.array([picture.labelled for picture in dataset.pictures]).sum(axis=0)
    most = int(counts.argmax())
    for name, count, pictures in zip(dataset.classes, counts.tolist(), looked_for.tolist(), strict=True):
        if not pictures:
            log.add("class_balance", file, f"{split}: {name} was looked for in no picture", "kept")
        elif count < _FEW_BOXES:
            log.add("class_balance", file, f"{split}: {name} has {count} boxes, fewer than {_FEW_BOXES}", "kept")
        elif count * _IMBALANCE < counts[most]:
            times = counts[most] // count
            log.add("class_balance", file, f"{split}: {name} has {count} boxes, {times} times fewer than {dataset.classes[most]}", "kept")


def class_counts(dataset: DetectionSet) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Boxes of each class, (C,) int64."""
    ids = [picture.class_id for picture in dataset.pictures]
    return np.bincount(np.concatenate([np.zeros(0, np.int64), *ids]), minlength=len(dataset.classes)).astype(np.int64)


def _check_between(sets: Mapping[str, DetectionSet], origin: Mapping[str, Path], log: ProblemLog) -> None:
    first, *others = sets
    for split in others:
        if sets[split].classes != sets[first].classes:
            differ = sorted(set(sets[split].classes) ^ set(sets[first].classes))
            what = f"only one has {', '.join(differ[:5])}" if differ else "in another order"
            log.add("classes_differ", origin[split], f"{split} and {first} have different classes: {what}", "kept")
    home: dict[str, str] = {}
    told: set[tuple[str, str]] = set()
    for split, dataset in sets.items():
        for picture in dataset.pictures:
            other = home.setdefault(picture.group, split) if picture.group else split
            if other != split and (picture.group, split) not in told:
                told.add((picture.group, split))
                log.add("shared_group", origin[split], f"the group {picture.group} is in {other} and in {split}", "kept", picture.path.name)


def _check_copies(sets: Mapping[str, DetectionSet], looks: Mapping[str, list[PictureLook]], bits: int, log: ProblemLog) -> None:
    """One problem for each picture of a later split that has a near copy in an earlier one."""
    splits = list(sets)
    known = {split: [index for index, look in enumerate(looks[split]) if look.fingerprint is not None] for split in splits}
    prints = {split: np.array([looks[split][index].fingerprint for index in known[split]], np.uint64) for split in splits}
    for place, split in enumerate(splits):
        for earlier in splits[:place]:
            for left, right, distance in nearest_across(prints[split], prints[earlier], bits):
                picture = sets[split].pictures[known[split][left]]
                twin = sets[earlier].pictures[known[earlier][right]]
                what = f"near copy of {twin.path} in {earlier}; {distance} of 64 bits differ"
                log.add("near_copy", picture.path, what, "kept")
