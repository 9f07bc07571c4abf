"""Puts pictures where a written data set wants them: copied, or linked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

Placing = Literal["copy", "link"]


def unique_stems(paths: Iterable[Path]) -> list[str]:
    """A file stem for each picture, in order, with no two alike on any disk: label files are named by them.

    `a/x.jpg`, `b/X.png` and `b/x.jpg` give `x`, `X_2`, `x_3`.
    """
    taken: set[str] = set()
    stems = []
    for path in paths:
        stem, number = path.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{path.stem}_{number}"
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def place(source: Path, target: Path, how: Placing) -> None:
    """Copy or link one picture; nothing is done where it lies there already.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.samefile(source):
        return
    target.unlink(missing_ok=True)
    if how == "copy":
        shutil.copyfile(source, target)
        return
    try:
        target.symlink_to(os.path.relpath(source.resolve(), target.parent.resolve()))
    except OSError:  # Windows without the right to link, or another drive
        shutil.copyfile(source, target)
