"""Pictures that are of one class each: what a folder per class is read into, a classifier learns from and is measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ClassPicture:
    """One picture.

    Attributes:
        path: Its file.
        class_id: An index into the set's `classes`.
        sha256: Of the file's bytes: the same picture has the same one.
    """

    path: Path
    class_id: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ClassSet:
    """Pictures of named classes.

    Attributes:
        name: What it is called in reports.
        classes: Class names; the index is the `class_id`.
        pictures: The pictures, by class and file name.
    """

    name: str
    classes: tuple[str, ...]
    pictures: tuple[ClassPicture, ...]

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.pictures)

    def __repr__(self) -> str:
        """Name and numbers, not contents."""
        return f"ClassSet({self.name!r}, pictures={len(self)}, classes={len(self.classes)})"

    def where(self, wanted: Callable[[ClassPicture], bool]) -> ClassSet:
        """The pictures for which `wanted` is true, in the same order."""
        return replace(self, pictures=tuple(picture for picture in self.pictures if wanted(picture)))

    def counts(self) -> dict[str, int]:
        """How many pictures each class has."""
        found = dict.fromkeys(self.classes, 0)
        for picture in self.pictures:
            found[self.classes[picture.class_id]] += 1
        return found
