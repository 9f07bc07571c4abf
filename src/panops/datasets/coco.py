"""COCO detection files, with the keys by which labels may be partial.

Beside COCO's own keys a record in `images` may have `source`, `group`, `labelled_category_ids` (absent: all),
`two_wheeler_box_includes_rider` and `mosaic`; the file's `info` may have `mosaic_sources`, a list of sources all of whose pictures in
this file are mosaics.
Category ids become class indices in the order of the ids. Picture paths are relative to the file, or to `images/` beside it.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from panops.datasets.picture_builder import PictureFacts, RawBox, build_picture
from panops.datasets.picture_finder import PictureFinder
from panops.datasets.picture_size import picture_size
from panops.datasets.problems import ProblemLog, ReadReport, plain
from panops.datasets.text_file import read_text
from panops.datasets.whole_file import write_whole
from panops.domain.errors import SourceCorrupt, SourceUnreachable
from panops.domain.labels import DetectionSet, LabelledPicture

_log = logging.getLogger(__name__)

_Record = dict[str, Any]


def read_coco(path: Path, *, mosaic_sources: Collection[str] = ()) -> DetectionSet:
    """The usable pictures of a COCO file; what is wrong is logged as one line of counts, and `load_coco` tells it in full.

    Args:
        path: The JSON file.
        mosaic_sources: Sources whose pictures are mosaics already, besides those that the file marks.

    Returns:
        The set, named after the file.

    Raises:
        SourceUnreachable: There is no such file.
        SourceCorrupt: The file is not a COCO detection file.
    """
    report = load_coco(path, mosaic_sources=mosaic_sources)
    if report.problems:
        first = report.problems[0]
        _log.warning("%s: %d problems, the first: %s", path, len(report.problems), first)
    if not report.dataset.classes:
        raise SourceCorrupt(f"{path}: expected a COCO file with categories; {report.problems[0] if report.problems else 'it has none'}")
    return report.dataset


def load_coco(path: Path, *, mosaic_sources: Collection[str] = (), keep_missing: bool = False) -> ReadReport:
    """Read a COCO file and tell all that is wrong with it.

    Args:
        path: The JSON file.
        mosaic_sources: Sources whose pictures are mosaics already.
        keep_missing: Keep pictures whose file is not there (for work on labels alone).

    Returns:
        The usable pictures and the problems. A file that is no JSON gives an empty set and a `broken_file` problem.

    Raises:
        SourceUnreachable: There is no such file.
    """
    if not path.is_file():
        raise SourceUnreachable(f"{path}: expected a COCO JSON file; there is none")
    log = ProblemLog()
    content = _parsed(path, log)
    reading = _CocoReading(path, content, log, mosaic_sources, keep_missing)
    return ReadReport(reading.dataset(), tuple(log.problems), "coco")


def _parsed(path: Path, log: ProblemLog) -> _Record:
    text = read_text(path, log)
    if text is None:
        return {}
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        log.add("broken_file", path, f"expected JSON: {error}")
        return {}
    if not isinstance(content, dict):
        log.add("broken_file", path, f"expected an object with images, annotations and categories; got {type(content).__name__}")
        return {}
    return content


class _CocoReading:
    """One pass over one file."""

    def __init__(self, path: Path, content: _Record, log: ProblemLog, mosaic_sources: Collection[str], keep_missing: bool) -> None:
        self._path = path
        self._log = log
        self._content = content
        self._keep_missing = keep_missing
        info = content.get("info")
        marked = info.get("mosaic_sources") if isinstance(info, dict) else None
        self._mosaic_sources = {*mosaic_sources, *(str(name) for name in marked or () if isinstance(marked, list))}
        self._finder = PictureFinder.beside(path)
        self._class_of, self._classes = self._categories()

    def dataset(self) -> DetectionSet:
        """The pictures that hold up."""
        records = self._image_records()
        boxes = self._boxes_by_image(records)
        pictures = [picture for key, record in records.items() if (picture := self._picture(record, boxes.get(key, []))) is not None]
        return DetectionSet(self._path.stem, self._classes, tuple(pictures))

    def _list(self, key: str) -> list[tuple[str, _Record]]:
        """The records under `key` that are objects, each with its place."""
        found = self._content.get(key)
        word = {"images": "image", "annotations": "annotation", "categories": "category"}[key]
        if not isinstance(found, list):
            if self._content:
                self._log.add("broken_file", self._path, f"expected a list `{key}`, got {type(found).__name__}")
            return []
        good = []
        for index, record in enumerate(found):
            if isinstance(record, dict) and isinstance(record.get("id", index), (int, str)):
                good.append((f"{word} {record.get('id', f'#{index}')}", record))
            else:
                self._log.add("bad_record", self._path, "expected an object with an id", "dropped", f"{word} #{index}")
        return good

    def _categories(self) -> tuple[dict[int | str, int], tuple[str, ...]]:
        """Category id -> class index, and the names by index."""
        names: dict[int | str, str] = {}
        for where, record in self._list("categories"):
            if "id" not in record or not isinstance(record.get("name"), str):
                self._log.add("bad_record", self._path, "expected an id and a name", "dropped", where)
            elif record["id"] in names or plain(record["name"]) in names.values():
                self._log.add("duplicate_id", self._path, f"id {record['id']} or name {record['name']!r} was there", "dropped", where)
            else:
                names[record["id"]] = plain(record["name"])
        ids = sorted(names, key=lambda key: (isinstance(key, str), key))
        return {key: index for index, key in enumerate(ids)}, tuple(names[key] for key in ids)

    def _image_records(self) -> dict[int | str, _Record]:
        records: dict[int | str, _Record] = {}
        for where, record in self._list("images"):
            if "id" not in record or not isinstance(record.get("file_name"), str) or not record["file_name"]:
                self._log.add("bad_record", self._path, "expected an id and a file_name", "dropped", where)
            elif record["id"] in records:
                self._log.add("duplicate_id", self._path, f"two pictures have it; {record['file_name']} is the later", "dropped", where)
            else:
                records[record["id"]] = record
        return records

    def _boxes_by_image(self, records: dict[int | str, _Record]) -> dict[int | str, list[RawBox]]:
        boxes: dict[int | str, list[RawBox]] = {}
        seen: set[int | str] = set()
        for where, record in self._list("annotations"):
            key = record.get("id")
            if key is not None and key in seen:  # the box itself may well be good, and is not lost
                self._log.add("duplicate_id", self._path, "another annotation has this id", "kept", where)
            elif key is not None:
                seen.add(key)
            box = self._raw_box(where, record, records)
            if box is not None:
                boxes.setdefault(record["image_id"], []).append(box)
        return boxes

    def _raw_box(self, where: str, record: _Record, records: dict[int | str, _Record]) -> RawBox | None:
        image, category, bbox = record.get("image_id"), record.get("category_id"), record.get("bbox")
        if not isinstance(image, (int, str)) or image not in records:
            self._log.add("unknown_picture", self._path, f"no picture has the id {image!r}", "dropped", where)
        elif not isinstance(category, (int, str)) or category not in self._class_of:
            self._log.add("unknown_category", self._path, f"no category has the id {category!r}", "dropped", where)
        elif not isinstance(bbox, list) or len(bbox) != 4 or not all(_is_number(value) for value in bbox):
            self._log.add("bad_record", self._path, f"expected bbox [left, top, width, height], got {str(bbox)[:60]}", "dropped", where)
        else:
            left, top, width, height = map(float, bbox)
            return RawBox((left, top, left + width, top + height), self._class_of[category], where, bool(record.get("iscrowd")))
        return None

    def _picture(self, record: _Record, boxes: list[RawBox]) -> LabelledPicture | None:
        where = f"image {record['id']}"
        path = self._finder.find(record["file_name"])
        if path is None and not self._keep_missing:
            self._log.add("missing_picture", self._path, f"there is no {record['file_name']}", "dropped", where)
            return None
        path = path or self._path.parent / record["file_name"]
        size_wh = self._size(record, path, where)
        if size_wh is None:
            return None
        source = plain(str(record.get("source") or ""))
        facts = PictureFacts(
            path,
            size_wh,
            self._labelled(record, where),
            source,
            plain(str(record.get("group") or "")),
            record.get("two_wheeler_box_includes_rider") is True,
            record.get("mosaic", source in self._mosaic_sources) is True,
        )
        return build_picture(facts, boxes, self._path, self._log)

    def _size(self, record: _Record, path: Path, where: str) -> tuple[int, int] | None:
        width, height = record.get("width"), record.get("height")
        if _is_side(width) and _is_side(height):
            return int(width), int(height)
        size_wh = picture_size(path)
        if size_wh is None:
            self._log.add("unreadable_picture", path, "it says no width and height, and the picture cannot be decoded", "dropped", where)
        else:
            self._log.add("bad_record", self._path, "expected width and height in pixels; taken from the picture", "mended", where)
        return size_wh

    def _labelled(self, record: _Record, where: str) -> NDArray[np.bool_]:
        """(C,) bool; all where the record does not say."""
        ids = record.get("labelled_category_ids")
        labelled = np.zeros(len(self._classes), bool)
        if ids is None:
            labelled[:] = True
            return labelled
        if not isinstance(ids, list):
            self._log.add("bad_record", self._path, "expected labelled_category_ids as a list; none is taken as labelled", "mended", where)
            return labelled
        unknown = [key for key in ids if not isinstance(key, (int, str)) or key not in self._class_of]
        if unknown:
            self._log.add("unknown_category", self._path, f"labelled_category_ids names {unknown[:5]}", "mended", where)
        labelled[[self._class_of[key] for key in ids if key not in unknown]] = True
        return labelled


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63)


def _is_side(value: object) -> TypeGuard[float]:
    return _is_number(value) and math.isfinite(value) and 1 <= value < 2**31


@dataclass(frozen=True, slots=True)
class Additions:
    """Keys to write beside those of a set, such as key points.

    Attributes:
        annotations: For each picture the keys of each box.
        categories: Keys of classes, by name.
    """

    annotations: Sequence[Sequence[Mapping[str, Any]]]
    categories: Mapping[str, Mapping[str, Any]]


def write_coco(dataset: DetectionSet, path: Path, additions: Additions | None = None) -> None:
    """Write a COCO file; category ids are class index + 1, picture paths relative to the file where that is possible.

    The pictures themselves are left where they are. The file appears whole or not at all.

    Args:
        dataset: What to write.
        path: The JSON file; its folder is made.
        additions: What to write beside it.
    """
    write_whole(path, coco_text(dataset, path.parent, additions))


def coco_text(dataset: DetectionSet, folder: Path, additions: Additions | None = None) -> str:
    """What a COCO file in the folder says; see `write_coco`."""
    folder = folder.resolve()
    annotations: list[_Record] = []
    images: list[_Record] = []
    for number, picture in enumerate(dataset.pictures, 1):
        images.append(_image_record(picture, number, folder))
        records = _annotations(picture, number, len(annotations) + 1)
        if additions is not None:
            records = [{**record, **more} for record, more in zip(records, additions.annotations[number - 1], strict=True)]
        annotations.extend(records)
    content = {
        "info": {"description": dataset.name},
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": index, "name": name, **(additions.categories.get(name, {}) if additions is not None else {})}
            for index, name in enumerate(dataset.classes, 1)
        ],
    }
    return json.dumps(content, separators=(",", ":")) + "\n"


def _image_record(picture: LabelledPicture, number: int, folder: Path) -> _Record:
    record: _Record = {"id": number, "file_name": relative(picture.path, folder), "width": picture.size_wh[0], "height": picture.size_wh[1]}
    if picture.source:
        record["source"] = picture.source
    if picture.group:
        record["group"] = picture.group
    if not picture.labelled.all():
        record["labelled_category_ids"] = (np.flatnonzero(picture.labelled) + 1).tolist()
    if picture.rider_in_box:
        record["two_wheeler_box_includes_rider"] = True
    if picture.mosaic:
        record["mosaic"] = True
    return record


def _annotations(picture: LabelledPicture, number: int, first: int) -> list[_Record]:
    xyxy = picture.xyxy.astype(np.float64)
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1).round(3)
    return [
        {
            "id": first + index,
            "image_id": number,
            "category_id": int(picture.class_id[index]) + 1,
            "bbox": bbox,
            "area": round(bbox[2] * bbox[3], 3),
            "iscrowd": int(picture.crowd[index]),
        }
        for index, bbox in enumerate(xywh.tolist())
    ]


def relative(path: Path, folder: Path) -> str:
    """The path as seen from the folder, with forward slashes; absolute where they share no root (another drive of Windows)."""
    resolved = path.parent.resolve() / path.name  # a linked picture is named by its link
    try:
        return Path(os.path.relpath(resolved, folder)).as_posix()
    except ValueError:
        return resolved.as_posix()
