"""Labels from a detector where people gave none, to be corrected by people or to be measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import iou
from panops.domain.detections import Detections
from panops.domain.labels import DetectionSet, LabelledPicture, matched_classes

_SAME_IOU = 0.5


def fill_in(dataset: DetectionSet, found: Sequence[Detections], model_classes: Sequence[str], taken: Sequence[str]) -> DetectionSet:
    """The set with a model's detections as boxes of the classes that nobody labelled.

    Where a class is labelled in a picture, people's word stands and the model's boxes of that class are left out. Afterwards every class of
    `taken` counts as labelled everywhere. A class that the set does not know is put behind its own; names are matched as by
    `matched_classes`.

    Args:
        dataset: The pictures.
        found: What the model saw in each, px of the picture, as sure as is wanted.
        model_classes: The names of the model's class ids.
        taken: The model's classes that are wanted.

    Returns:
        A set of the same pictures; boxes of people first.
    """
    known = matched_classes(taken, dataset.classes)
    meant = {name: dataset.classes[index] if index >= 0 else name for name, index in zip(taken, known, strict=True)}
    classes = tuple(dict.fromkeys((*dataset.classes, *meant.values())))
    wider = dataset.with_classes(classes)
    wanted = np.isin(classes, list(meant.values()))
    to_class = np.array([classes.index(meant[name]) if name in meant else -1 for name in model_classes], np.int64)
    pictures = (_filled(picture, seen, to_class, wanted) for picture, seen in zip(wider.pictures, found, strict=True))
    return replace(wider, pictures=tuple(pictures))


def unlabelled(dataset: DetectionSet) -> DetectionSet:
    """The same pictures without any label, and so without classes."""
    return dataset.with_classes(())


def _filled(picture: LabelledPicture, seen: Detections, to_class: NDArray[np.int64], wanted: NDArray[np.bool_]) -> LabelledPicture:
    class_id = to_class[seen.class_id]
    width, height = picture.size_wh
    xyxy = np.clip(seen.xyxy, 0, np.array([width, height, width, height], np.float32))
    new = (class_id >= 0) & (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    new[new] = ~picture.labelled[class_id[new]]
    if len(picture) and new.any():
        # A box that somebody drew although the class counts as unlabelled: the same object is not put down twice.
        same = (iou(xyxy, picture.xyxy) >= _SAME_IOU) & (class_id[:, None] == picture.class_id[None])
        new &= ~same.any(axis=1)
    return replace(
        picture,
        xyxy=np.concatenate([picture.xyxy, xyxy[new]]),
        class_id=np.concatenate([picture.class_id, class_id[new]]),
        crowd=np.concatenate([picture.crowd, np.zeros(int(new.sum()), bool)]),
        labelled=picture.labelled | wanted,
    )
