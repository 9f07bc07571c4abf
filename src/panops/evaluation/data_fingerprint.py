"""One number for a data set: the same pictures with the same labels give the same, anything else another."""

from __future__ import annotations

import hashlib

from panops.domain.class_pictures import ClassSet
from panops.domain.labels import DetectionSet


def data_fingerprint(dataset: DetectionSet) -> str:
    """The sha256 of all labels and all picture files, as 64 hex digits.

    Neither the folder nor the order of the pictures nor the format of the labels matters. A file that is missing counts as empty.
    """
    rows = []
    for picture in dataset.pictures:
        one = hashlib.sha256()
        one.update(f"{picture.path.name}|{picture.size_wh}|{picture.source}|{picture.group}|{picture.rider_in_box}".encode())
        names = [name for name, looked in zip(dataset.classes, picture.labelled, strict=True) if looked]
        one.update("|".join(sorted(names)).encode())
        boxes = sorted(
            (dataset.classes[class_id], bool(crowd), *(round(edge, 2) for edge in xyxy))
            for class_id, crowd, xyxy in zip(picture.class_id.tolist(), picture.crowd.tolist(), picture.xyxy.tolist(), strict=True)
        )
        one.update(repr(boxes).encode())
        if picture.path.is_file():
            one.update(picture.path.read_bytes())
        rows.append(one.digest())
    return hashlib.sha256(b"".join(sorted(rows))).hexdigest()


def class_fingerprint(dataset: ClassSet) -> str:
    """The same for pictures that are of one class each: the sha256 of all class names and picture files."""
    rows = sorted(f"{dataset.classes[picture.class_id]}|{picture.sha256}" for picture in dataset.pictures)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
