"""Labels and detections side by side: classes matched by name, and only what a picture's labels can judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.labels import DetectionSet, LabelledPicture, matched_classes

PERSON = "person"
TWO_WHEELERS = ("bicycle", "motorcycle")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One picture: its truth and what was found, in the classes that are scored.

    Attributes:
        picture: The labelled picture.
        labelled: (K,) bool: which of the scored classes its labels can judge.
        xyxy: True boxes (G, 4) float32, px, with the regions to ignore.
        class_id: (G,) int64, an index into the scored classes.
        ignore: (G,) bool: crowds, and two-wheelers as regions in which persons are not judged; COCO's `iscrowd`.
        found: Detections of labelled classes, best first; `class_id` is an index into the scored classes.
    """

    picture: LabelledPicture
    labelled: NDArray[np.bool_]
    xyxy: NDArray[np.float32]
    class_id: NDArray[np.int64]
    ignore: NDArray[np.bool_]
    found: Detections


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """All pictures of a set.

    Attributes:
        classes: The classes that are scored: those that the model has and the set labels somewhere, in the set's order.
        cases: One for each picture, in the set's order.
        only_in_model: Classes of the model that the set does not label; what is found of them is not judged.
        only_in_data: Classes of the set that the model does not have; they are not in any mean.
    """

    classes: tuple[str, ...]
    cases: tuple[Case, ...]
    only_in_model: tuple[str, ...]
    only_in_data: tuple[str, ...]


def align(dataset: DetectionSet, detections: Sequence[Detections], classes_of_model: Sequence[str]) -> Cases:
    """Labels and detections in one list of classes.

    Args:
        dataset: The labelled pictures.
        detections: One for each picture, in the same order.
        classes_of_model: What the detections' class ids mean.

    Raises:
        ValueError: There are not as many detections as pictures, or a class id has no name.
    """
    if len(detections) != len(dataset):
        raise ValueError(f"expected detections for {len(dataset)} pictures, got {len(detections)}")
    labelled = np.zeros(len(dataset.classes), bool)
    for picture in dataset.pictures:
        labelled |= picture.labelled
    known = [name for name, some in zip(dataset.classes, labelled, strict=True) if some]
    meant = matched_classes(classes_of_model, known)
    classes = tuple(name for index, name in enumerate(known) if index in meant)
    to_scored = np.array([classes.index(known[index]) if index >= 0 else -1 for index in meant], np.int64)
    wheels = [index for index, name in enumerate(dataset.classes) if name in TWO_WHEELERS]
    narrowed = dataset.with_classes(classes)
    cases = tuple(
        _case(whole, picture, seen, to_scored, wheels, classes)
        for whole, picture, seen in zip(dataset.pictures, narrowed.pictures, detections, strict=True)
    )
    return Cases(
        classes,
        cases,
        tuple(name for name, index in zip(classes_of_model, meant, strict=True) if index < 0),
        tuple(name for name in known if name not in classes),
    )


def _case(
    whole: LabelledPicture,
    picture: LabelledPicture,
    found: Detections,
    to_scored: NDArray[np.int64],
    wheels: list[int],
    classes: tuple[str, ...],
) -> Case:
    if len(found) and int(found.class_id.max()) >= len(to_scored):
        raise ValueError(f"expected class ids below {len(to_scored)}, got {int(found.class_id.max())}")
    scored = to_scored[found.class_id]
    judged = (scored >= 0) & picture.labelled[scored] if len(classes) else np.zeros(len(found), bool)
    order = np.flatnonzero(judged)[np.argsort(-found.score[judged], kind="stable")]
    seen = Detections(found.xyxy[order], found.score[order], scored[order])
    # A box is judged where its class is; one of a class that the picture says it did not label would be a contradiction of the file.
    kept = picture.labelled[picture.class_id]
    xyxy, class_id, ignore = picture.xyxy[kept], picture.class_id[kept], picture.crowd[kept]
    if whole.rider_in_box and PERSON in classes:
        regions = whole.xyxy[np.isin(whole.class_id, wheels)]
        xyxy = np.concatenate([xyxy, regions])
        class_id = np.concatenate([class_id, np.full(len(regions), classes.index(PERSON), np.int64)])
        ignore = np.concatenate([ignore, np.ones(len(regions), bool)])
    return Case(picture, picture.labelled, xyxy, class_id, ignore, seen)
