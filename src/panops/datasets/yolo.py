"""YOLO data sets: `data.yaml` with `train`, `val`, `test` and `names`; for each picture a text file of `class cx cy w h`, as shares.

The label file of `.../images/x.jpg` is `.../labels/x.txt`, or `x.txt` beside the picture. An empty file is a picture without objects; so
is a missing one, which is told. Lines of polygons or turned boxes give the upright box around them. `labelled.json` (see `sidecar`) adds
what such lines cannot say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from panops.datasets.picture_builder import RawBox, build_picture
from panops.datasets.picture_finder import PICTURE_SUFFIXES, is_file, is_there, pictures_in
from panops.datasets.picture_placing import Placing, place, unique_stems
from panops.datasets.picture_size import picture_size
from panops.datasets.problems import ProblemLog, ReadReport
from panops.datasets.sidecar import Sidecar, note_of, write_sidecar
from panops.datasets.text_file import read_text, yaml_of
from panops.domain.errors import SourceUnreachable
from panops.domain.labels import DetectionSet, LabelledPicture

SPLITS = ("train", "val", "valid", "test")
_CLASS_FILES = ("classes.txt", "obj.names", "_darknet.labels")


def load_yolo(path: Path) -> dict[str, ReadReport]:
    """Read a YOLO data set and tell all that is wrong with it.

    Args:
        path: `data.yaml`, or a folder of pictures and label files; without a yaml file the names are taken from `classes.txt`.

    Returns:
        The sets by the name of their split, in the yaml's order; `all` for a folder that has none. Problems of the yaml stand in the first.

    Raises:
        SourceUnreachable: There is nothing at `path`.
    """
    if not path.exists():
        raise SourceUnreachable(f"{path}: expected a data.yaml or a YOLO folder; there is none")
    log = ProblemLog()
    if path.is_dir():
        folder, classes = path, _class_file(path, log)
        places = _folder_splits(path)
    else:
        folder, classes, places = _described(path, log)
    sidecar = Sidecar(folder, log)
    reports = {}
    for split, roots in places.items():
        pictures = _SplitReading(classes, sidecar, log).pictures(roots)
        reports[split] = ReadReport(DetectionSet(split, classes, pictures), tuple(log.problems), "yolo")
        log.problems.clear()
    if not reports:
        log.add("broken_file", path, "expected train, val or test with pictures")
        reports["all"] = ReadReport(DetectionSet("all", classes, ()), tuple(log.problems), "yolo")
    return reports


def _class_file(folder: Path, log: ProblemLog) -> tuple[str, ...]:
    for name in _CLASS_FILES:
        for file in (folder / name, folder / "labels" / name):
            text = read_text(file, log) if file.is_file() else None
            if text is not None:
                return tuple(line.strip() for line in text.splitlines() if line.strip())
    return ()


def _folder_splits(folder: Path) -> dict[str, list[Path]]:
    """`train/`, `images/train/` and so on; else the whole folder as `all`."""
    places = {split: root for split in SPLITS for root in (folder / "images" / split, folder / split) if root.is_dir()}
    return {split: [root] for split, root in places.items()} or {"all": [folder]}


def _described(path: Path, log: ProblemLog) -> tuple[Path, tuple[str, ...], dict[str, list[Path]]]:
    """Folder, classes, and split -> picture folders or lists of pictures, as the yaml says."""
    text = read_text(path, log)
    try:
        content = yaml_of(text) if text is not None else {}
    except ValueError as error:
        log.add("broken_file", path, str(error))
        content = {}
    if not isinstance(content, dict):
        log.add("broken_file", path, f"expected keys such as train, val and names; got {type(content).__name__}")
        content = {}
    classes = _names(content, path, log)
    root = path.parent / str(content.get("path") or "")
    if not is_there(root) or root.is_file():
        log.add("bad_record", path, f"`path` names {root}, which is no folder; the yaml's own folder is taken", "mended", "path")
        root = path.parent
    keys = [key for key in content if key in SPLITS] + [key for key in content if _is_own_split(key, content[key], root)]
    places = {split: _roots(content[split], split, root, path, log) for split in keys if content[split]}
    return path.parent, classes, {split: roots for split, roots in places.items() if roots}


def _is_own_split(key: object, value: object, root: Path) -> bool:
    """Whether a key that YOLO does not know names a folder of pictures all the same."""
    return key not in (*SPLITS, "path", "names", "nc") and isinstance(value, str) and bool(value) and is_there(root / value)


def _names(content: Mapping[str, Any], path: Path, log: ProblemLog) -> tuple[str, ...]:
    names = content.get("names")
    if isinstance(names, dict) and names and all(isinstance(key, int) and 0 <= key < 10_000 for key in names):
        missing = sorted(set(range(max(names) + 1)) - set(names))
        if missing:
            log.add("bad_record", path, f"names has no class {', '.join(map(str, missing[:5]))}; called class_N", "mended", "names")
        names = [names.get(index, f"class_{index}") for index in range(max(names) + 1)]
    if not isinstance(names, list) or not names:
        log.add("broken_file", path, "expected names: a list of class names, or numbers with names", "dropped", "names")
        return ()
    classes = [str(name) for name in names]
    if len(set(classes)) < len(classes):
        log.add("duplicate_id", path, "two classes have the same name; the later got its number added", "mended", "names")
        classes = [name if name not in classes[:index] else f"{name}_{index}" for index, name in enumerate(classes)]
    count = content.get("nc")
    if count is not None and count != len(classes):
        log.add("bad_record", path, f"nc says {count} and names has {len(classes)}; names is taken", "mended", "nc")
    return tuple(classes)


def _roots(value: object, split: str, root: Path, path: Path, log: ProblemLog) -> list[Path]:
    found = []
    for entry in value if isinstance(value, list) else [value]:
        text = str(entry).replace("\\", "/")
        # Exports often say `../train/images` although the folder lies beside the yaml.
        candidates = [root / text, root / text.removeprefix("../"), path.parent / text]
        place = next((candidate for candidate in candidates if is_there(candidate)), None)
        if place is None:
            log.add("missing_picture", path, f"{split} names {entry}, and there is no such folder or list", "dropped", split)
        else:
            found.append(place)
    return found


class _SplitReading:
    """Reads the pictures of one split."""

    def __init__(self, classes: tuple[str, ...], sidecar: Sidecar, log: ProblemLog) -> None:
        self._classes = classes
        self._sidecar = sidecar
        self._log = log

    def pictures(self, roots: list[Path]) -> tuple[LabelledPicture, ...]:
        """All pictures below the folders, or named by the lists."""
        paths: dict[Path, Path] = {}
        labels: set[Path] = set()
        for root in roots:
            for picture in self._listed(root) if root.is_file() else pictures_in(root):
                paths[picture] = _label_file(picture)
            if root.is_dir():
                labels |= _label_files(root)
        for label in sorted(labels - set(paths.values())):
            self._log.add("missing_picture", label, "there is no picture for this label file")
        return tuple(read for picture, label in paths.items() if (read := self._picture(picture, label)) is not None)

    def _listed(self, file: Path) -> list[Path]:
        text = read_text(file, self._log) or ""
        found = []
        for number, line in enumerate(text.splitlines(), 1):
            name = line.strip().replace("\\", "/")
            path = next((path for path in (file.parent / name, Path(name)) if path.suffix and is_file(path)), None) if name else None
            if path is not None:
                found.append(path)
            elif name:
                self._log.add("missing_picture", file, f"there is no {name}", "dropped", f"line {number}")
        return found

    def _picture(self, path: Path, label: Path) -> LabelledPicture | None:
        size_wh = picture_size(path)
        if size_wh is None:
            self._log.add("unreadable_picture", path, "the picture cannot be decoded")
            return None
        boxes = []
        if label.is_file():
            boxes = self._boxes(label, size_wh, self._sidecar.crowd(path))
        else:
            self._log.add("missing_labels", path, f"there is no {label.name}; taken as a picture without objects", "kept")
        return build_picture(self._sidecar.facts(path, size_wh, self._classes), boxes, label, self._log)

    def _boxes(self, label: Path, size_wh: tuple[int, int], crowd: frozenset[int]) -> list[RawBox]:
        lines = (read_text(label, self._log) or "").splitlines()
        boxes = []
        polygons = 0
        place = -1
        for number, line in enumerate(lines, 1):
            fields = line.split()
            if not fields:
                continue
            place += 1
            where = f"line {number}"
            values = self._numbers(fields, label, where)
            class_id = self._class_id(values[0], label, where) if values else None
            if values and class_id is not None:
                polygons += len(values) > 5
                boxes.append(RawBox(_box(values[1:], size_wh), class_id, where, place in crowd))
        if polygons:
            self._log.add("polygon_boxed", label, f"{polygons} lines are polygons; the boxes around them are taken", "mended")
        return boxes

    def _numbers(self, fields: list[str], label: Path, where: str) -> list[float] | None:
        try:
            values = [float(field) for field in fields]
        except ValueError:
            self._log.add("bad_line", label, f"expected numbers, got {' '.join(fields)[:60]!r}", "dropped", where)
            return None
        if len(values) == 5 or (len(values) >= 7 and len(values) % 2 == 1):
            return values
        self._log.add("bad_line", label, f"expected a class and four numbers, got {len(values)} numbers", "dropped", where)
        return None

    def _class_id(self, value: float, label: Path, where: str) -> int | None:
        if value.is_integer() and 0 <= value < len(self._classes):
            return int(value)
        expected = f"a class from 0 to {len(self._classes) - 1}" if self._classes else "names of classes in data.yaml or classes.txt"
        self._log.add("class_out_of_range", label, f"expected {expected}, got {value:g}", "dropped", where)
        return None


def _box(values: list[float], size_wh: tuple[int, int]) -> tuple[float, float, float, float]:
    """The box in pixels of `cx cy w h`, or the one around the points `x y x y ...`, all as shares of the size."""
    width, height = size_wh
    if len(values) == 4:
        cx, cy, w, h = values
        left, top, right, bottom = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
    else:
        xs, ys = np.array(values[::2]), np.array(values[1::2])
        left, top, right, bottom = float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())
    return left * width, top * height, right * width, bottom * height


def _label_file(picture: Path) -> Path:
    """`labels/` for the last `images/` of the path, where that file or folder is there; else beside the picture."""
    parts = list(picture.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            label = Path(*parts[:index], "labels", *parts[index + 1 :]).with_suffix(".txt")
            if label.parent.is_dir():
                return label
            break
    return picture.with_suffix(".txt")


def _label_files(root: Path) -> set[Path]:
    """The label files that belong to a folder of pictures."""
    folder = _label_file(root / "x.jpg").parent
    names = {*_CLASS_FILES, "train.txt", "val.txt", "test.txt"}
    nested = [path for path in folder.rglob("*.txt") if path.name not in names and "README" not in path.name]
    return {path for path in nested if folder != root or "labels" not in path.relative_to(root).parts[:-1]}


def write_yolo(sets: Mapping[str, DetectionSet], folder: Path, placing: Placing = "copy") -> Path:
    """Write `data.yaml`, `images/SPLIT/` and `labels/SPLIT/`, and `labelled.json` where YOLO cannot say it all.

    Args:
        sets: Split name -> set; all have the same classes.
        folder: Where to write; made.
        placing: Whether pictures are copied or linked.

    Returns:
        The path of `data.yaml`.

    Raises:
        ValueError: The sets have different classes.
    """
    classes = next(iter(sets.values())).classes
    if any(part.classes != classes for part in sets.values()):
        raise ValueError("expected sets of the same classes")
    notes = {}
    for split, dataset in sets.items():
        (folder / "labels" / split).mkdir(parents=True, exist_ok=True)
        for picture, stem in zip(dataset.pictures, unique_stems(picture.path for picture in dataset.pictures), strict=True):
            suffix = picture.path.suffix if picture.path.suffix.lower() in PICTURE_SUFFIXES else ".jpg"
            name = f"images/{split}/{stem}{suffix}"
            place(picture.path, folder / name, placing)
            (folder / "labels" / split / f"{stem}.txt").write_text(_lines(picture), encoding="utf-8")
            notes[name] = note_of(picture, classes)
    write_sidecar(folder, notes)
    path = folder / "data.yaml"
    content = {**{split: f"images/{split}" for split in sets}, "names": dict(enumerate(classes))}
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def _lines(picture: LabelledPicture) -> str:
    size = np.array([*picture.size_wh, *picture.size_wh], np.float64)
    xyxy = picture.xyxy.astype(np.float64) / size
    cxcywh = np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    rows = zip(picture.class_id.tolist(), cxcywh.tolist(), strict=True)
    return "".join(f"{class_id} " + " ".join(f"{value:.7f}" for value in box) + "\n" for class_id, box in rows)
