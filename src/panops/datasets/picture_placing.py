"""Puts pictures where a written data set wants them: copied, or linked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from panops.datasets.whole_file import whole
from panops.domain.labels import DetectionSet

Placing = Literal["copy", "link"]


def unique_stems(paths: Iterable[Path]) -> list[str]:
    """A file stem for each picture, in order, with no two alike on any disk: label files are named by them.

    `a/x.jpg`, `b/X.png` and `b/x.jpg` give `x`, `X_2`, `x_3`.
    """
    taken: set[str] = set()
    last: dict[str, int] = {}
    stems = []
    for path in paths:
        stem, number = path.stem, last.get(path.stem.casefold(), 1)
        while stem.casefold() in taken:
            number += 1
            stem = f"{path.stem}_{number}"
        taken.add(stem.casefold())
        last[path.stem.casefold()] = number
        stems.append(stem)
    return stems


def place(source: Path, target: Path, how: Placing) -> None:
    """Copy or link one picture, whole or not at all; nothing is done where it lies there already.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.samefile(source):
        return
    with whole(target) as part:
        if how == "link":
            try:
                part.symlink_to(os.path.relpath(source.resolve(), target.parent.resolve()))
            except (OSError, ValueError):  # Windows without the right to link, or another drive
                shutil.copyfile(source, part)
        else:
            shutil.copyfile(source, part)


def placed(dataset: DetectionSet, folder: Path, how: Placing) -> DetectionSet:
    """The set with all its pictures copied or linked to one folder, under names that no two share.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    stems = unique_stems(picture.path for picture in dataset.pictures)
    targets = [folder / f"{stem}{picture.path.suffix}" for picture, stem in zip(dataset.pictures, stems, strict=True)]
    for picture, target in zip(dataset.pictures, targets, strict=True):
        place(picture.path, target, how)
    moved = (replace(picture, path=target) for picture, target in zip(dataset.pictures, targets, strict=True))
    return replace(dataset, pictures=tuple(moved))
