"""Reads pictures that lie in a folder per class: `DATA/CLASS/*.jpg`, or with splits `DATA/train/CLASS/*.jpg` and `DATA/val/CLASS/*.jpg`.

A picture that cannot be decoded, an empty class and a picture that is there twice are told and never stop the rest. What leaves nothing to
learn is an error: no class, one class only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from panops.datasets.problems import DataProblem, ProblemLog
from panops.domain.class_pictures import ClassPicture, ClassSet
from panops.domain.errors import SourceUnsupported

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_TRAIN, _VAL = ("train", "training"), ("val", "valid", "validation", "test")


@dataclass(frozen=True, slots=True)
class ClassReport:
    """What was read.

    Attributes:
        dataset: The pictures that can be used.
        problems: Every fault, in the order of finding.
    """

    dataset: ClassSet
    problems: tuple[DataProblem, ...]


def split_folders(path: Path) -> tuple[Path, Path | None]:
    """Where to learn and where to measure: `train` and `val` in a folder that has them, else the folder itself and nothing.

    Raises:
        SourceUnsupported: There is no such folder.
    """
    if not path.is_dir():
        raise SourceUnsupported(f"{path}: expected a folder with a folder for each class, there is none")
    inside = {child.name.lower(): child for child in path.iterdir() if child.is_dir()}
    train = next((inside[name] for name in _TRAIN if name in inside), None)
    val = next((inside[name] for name in _VAL if name in inside), None)
    return (train, val) if train is not None else (path, None)


def read_class_folders(path: Path, classes: Sequence[str] | None = None) -> ClassReport:
    """Pictures in a folder per class.

    Args:
        path: The folder of folders.
        classes: Names in the wanted order, for a set that goes with another one; the folders by name when None, numbers by value.

    Returns:
        The pictures that can be decoded, each at most once, and what was wrong.

    Raises:
        SourceUnsupported: There is no such folder, no picture, one class only, or a folder is none of `classes`.
    """
    if not path.is_dir():
        raise SourceUnsupported(f"{path}: expected a folder with a folder for each class, there is none")
    folders = {child.name: child for child in path.iterdir() if child.is_dir() and not child.name.startswith(".")}
    log = ProblemLog()
    if classes is None:
        found = {name: _files(folders[name]) for name in sorted(folders, key=_by_number)}
        for name in [name for name, files in found.items() if not files]:
            log.add("class_balance", folders[name], "expected pictures of this class, the folder is empty; the class is left out")
            del found[name]
        _check_classes(path, found)
    else:
        strangers = sorted(set(folders) - set(classes), key=_by_number)
        if strangers:
            raise SourceUnsupported(f"{path}: expected folders of {_few(classes)}, got {_few(strangers)}")
        found = {name: _files(folders[name]) if name in folders else [] for name in classes}
        for name in [name for name, files in found.items() if not files]:
            log.add("class_balance", path / name, "expected pictures of this class, there are none; it is not measured", "kept")
    pictures = _usable(found, log)
    if not pictures:
        raise SourceUnsupported(f"{path}: expected pictures ({', '.join(PICTURES)}), none can be decoded")
    left = {picture.class_id for picture in pictures}
    if classes is None and len(left) < len(found):
        lost = [name for index, name in enumerate(found) if index not in left]
        raise SourceUnsupported(
            f"{path}: expected pictures of {_few(lost)} that can be decoded, there are none; remove the folder or mend it"
        )
    return ClassReport(ClassSet(path.name, tuple(found), tuple(pictures)), tuple(log.problems))


def without_copies(dataset: ClassSet, of: ClassSet) -> tuple[ClassSet, list[DataProblem]]:
    """A set without the pictures that another one has, too: whoever learns from a picture must not be measured on it.

    Args:
        dataset: What to learn from.
        of: What to measure on.

    Returns:
        The set, and a problem for each picture that was taken out.
    """
    there = {picture.sha256: picture.path for picture in of.pictures}
    problems = [
        DataProblem(
            "duplicate_picture",
            picture.path,
            f"the same picture is among those to measure on: {there[picture.sha256]}; not learnt",
            "dropped",
        )
        for picture in dataset.pictures
        if picture.sha256 in there
    ]
    return dataset.where(lambda picture: picture.sha256 not in there), problems


def _usable(found: dict[str, list[Path]], log: ProblemLog) -> list[ClassPicture]:
    pictures: list[ClassPicture] = []
    seen: dict[str, ClassPicture] = {}
    for class_id, files in enumerate(found.values()):
        for file in files:
            try:
                data = file.read_bytes()
            except OSError as error:
                log.add("unreadable_picture", file, f"cannot be read: {error.strerror}")
                continue
            digest = hashlib.sha256(data).hexdigest()
            if digest in seen:
                _add_copy(log, file, class_id, seen[digest], tuple(found))
            elif cv2.imread(str(file), cv2.IMREAD_REDUCED_COLOR_8) is None:
                log.add("unreadable_picture", file, "expected a picture, but it cannot be decoded")
            else:
                seen[digest] = ClassPicture(file, class_id, digest)
                pictures.append(seen[digest])
    return pictures


def _add_copy(log: ProblemLog, file: Path, class_id: int, first: ClassPicture, names: tuple[str, ...]) -> None:
    if class_id == first.class_id:
        log.add("duplicate_picture", file, f"the same picture as {first.path.name}")
    else:
        log.add("duplicate_picture", file, f"the same picture is labelled {names[first.class_id]}, too: {first.path}; that one is used")


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES and file.is_file())


def _check_classes(path: Path, found: dict[str, list[Path]]) -> None:
    if not found:
        raise SourceUnsupported(f"{path}: expected a folder for each class with pictures ({', '.join(PICTURES)}) in it, found none")
    if len(found) == 1:
        raise SourceUnsupported(f"{path}: expected at least two classes to tell apart, got {next(iter(found))} alone")


def _by_number(name: str) -> tuple[int, int, str]:
    """Numbers by value, before words."""
    return (0, int(name), name) if name.isascii() and name.isdigit() else (1, 0, name)


def _few(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
