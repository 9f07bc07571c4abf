"""Pictures with labelled boxes: what data sets are read into, training learns from and evaluation measures against.

Labels may be partial: a source that annotated only hard hats says nothing about people. `LabelledPicture.labelled` names the classes that
were looked for; every other class is unknown in that picture, not absent, and neither the loss nor a score may count it as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """One picture and its boxes. Arrays are read-only.

    Attributes:
        path: The picture's file.
        size_wh: Its size, px, as the labels say.
        xyxy: Boxes (N, 4) float32, px: left, top, right, bottom.
        class_id: (N,) int64, an index into the set's `classes`.
        crowd: (N,) bool: a region of many objects; it matches detections but is not to be found itself (COCO's `iscrowd`).
        labelled: (C,) bool: whether each class was annotated in this picture.
        source: Where it comes from; figures are given for each source.
        group: The camera or scene; a split never parts a group. Empty when unknown.
        rider_in_box: Whether the boxes of two-wheelers enclose their riders, who then have no box of their own.
        mosaic: Whether the picture is a mosaic of several already, so that no other is made of it.
    """

    path: Path
    size_wh: tuple[int, int]
    xyxy: NDArray[np.float32]
    class_id: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    labelled: NDArray[np.bool_]
    source: str = ""
    group: str = ""
    rider_in_box: bool = False
    mosaic: bool = False

    def __post_init__(self) -> None:
        """Check the lengths and make the arrays read-only."""
        count = len(self.xyxy)
        if self.xyxy.shape != (count, 4) or self.class_id.shape != (count,) or self.crowd.shape != (count,):
            raise ValueError(
                f"expected xyxy (N, 4), class_id (N,), crowd (N,); got {self.xyxy.shape}, {self.class_id.shape}, {self.crowd.shape}"
            )
        for array in (self.xyxy, self.class_id, self.crowd, self.labelled):
            array.setflags(write=False)

    def __len__(self) -> int:
        """How many boxes."""
        return len(self.xyxy)

    def __repr__(self) -> str:
        """Name and numbers, not contents."""
        return f"LabelledPicture({self.path.name}, {self.size_wh[0]}x{self.size_wh[1]}, boxes={len(self)}, source={self.source!r})"


@dataclass(frozen=True, slots=True, eq=False)
class DetectionSet:
    """Pictures with boxes of named classes.

    Attributes:
        name: What it is called in reports: the file's name.
        classes: Class names; the index is the `class_id`.
        pictures: The pictures, in the file's order.
    """

    name: str
    classes: tuple[str, ...]
    pictures: tuple[LabelledPicture, ...]

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.pictures)

    def __repr__(self) -> str:
        """Name and numbers, not contents."""
        return f"DetectionSet({self.name!r}, pictures={len(self)}, classes={len(self.classes)})"

    @property
    def box_count(self) -> int:
        """How many boxes in all pictures."""
        return sum(len(picture) for picture in self.pictures)

    def where(self, wanted: Callable[[LabelledPicture], bool]) -> DetectionSet:
        """The pictures for which `wanted` is true, in the same order."""
        return replace(self, pictures=tuple(picture for picture in self.pictures if wanted(picture)))

    def with_classes(self, classes: tuple[str, ...]) -> DetectionSet:
        """The same pictures for another list of classes, matched by name.

        Boxes of classes that are not in `classes` go; a class that this set does not know is not labelled in any picture. No picture is
        dropped: one without any labelled class is still a picture to learn features from.
        """
        index = np.array([classes.index(name) if name in classes else -1 for name in self.classes], np.int64)
        return replace(self, classes=classes, pictures=tuple(_translated(picture, index, len(classes)) for picture in self.pictures))


def matched_classes(names: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """Which class each name means, (N,) int64 into `classes`; -1 where it means none.

    Published lists of classes write `traffic light`, data sets `traffic_light`: that is one class, unless both spellings are there.
    """
    plain: dict[str, int] = {}
    for index, name in enumerate(classes):
        if name not in names:
            plain.setdefault(name.replace(" ", "_"), index)
    return np.array([classes.index(name) if name in classes else plain.get(name.replace(" ", "_"), -1) for name in names], np.int64)


def _translated(picture: LabelledPicture, index: NDArray[np.int64], count: int) -> LabelledPicture:
    """The picture with class ids replaced by `index` (old -> new, -1 goes) and `labelled` of `count` classes."""
    new_id = index[picture.class_id]
    keep = new_id >= 0
    labelled = np.zeros(count, bool)
    labelled[index[picture.labelled & (index >= 0)]] = True
    return replace(picture, xyxy=picture.xyxy[keep], class_id=new_id[keep], crowd=picture.crowd[keep], labelled=labelled)
