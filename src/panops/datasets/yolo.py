"""YOLO data sets: `data.yaml` with `train`, `val`, `test` and `names`; for each picture a text file of `class cx cy w h`, as shares.

The label file of `.../images/x.jpg` is `.../labels/x.txt`, or `x.txt` beside the picture. An empty file is a picture without objects; so
is a missing one, which is told. Lines of polygons or turned boxes give the upright box around them, those with key points (`kpt_shape` in
the yaml) their box. `labelled.json` (see `sidecar`) adds what such lines cannot say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import yaml

from panops.datasets.picture_builder import RawBox, build_picture
from panops.datasets.picture_finder import PICTURE_SUFFIXES, PictureFinder, pictures_in
from panops.datasets.picture_placing import Placing, place, unique_stems
from panops.datasets.picture_size import picture_size
from panops.datasets.problems import ProblemLog, ReadReport
from panops.datasets.sidecar import Sidecar, note_of, write_sidecar
from panops.datasets.text_file import read_text
from panops.datasets.whole_file import whole, write_whole
from panops.datasets.yolo_description import NO_SPLITS, YoloDescription, describe_folder, read_data_yaml
from panops.datasets.yolo_labels import LabelFiles
from panops.domain.errors import SourceUnreachable
from panops.domain.labels import DetectionSet, LabelledPicture


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
    said = describe_folder(path, log) if path.is_dir() else read_data_yaml(path, log)
    sidecar = Sidecar(said.folder, log)
    reports = {}
    for split, roots in said.places.items():
        pictures = _SplitReading(said, sidecar, log).pictures(roots)
        reports[split] = ReadReport(DetectionSet(split, said.classes, pictures), tuple(log.problems), "yolo")
        log.problems.clear()
    if not reports:
        log.add("broken_file", path, "expected train, val or test with pictures")
        reports["all"] = ReadReport(DetectionSet("all", said.classes, ()), tuple(log.problems), "yolo")
    return reports


class _SplitReading:
    """Reads the pictures of one split."""

    def __init__(self, said: YoloDescription, sidecar: Sidecar, log: ProblemLog) -> None:
        self._folder = said.folder
        self._classes = said.classes
        self._point_numbers = said.point_numbers
        self._label_files = LabelFiles()
        self._sidecar = sidecar
        self._log = log

    def pictures(self, roots: list[Path]) -> tuple[LabelledPicture, ...]:
        """All pictures below the folders, or named by the lists."""
        paths: dict[Path, Path] = {}
        labels: set[Path] = set()
        for root in roots:
            for picture in self._listed(root) if root.is_file() else pictures_in(root):
                paths[picture] = self._label_files.of(picture)
            if root.is_dir():
                labels |= self._label_files.below(root)
        for label in sorted(labels - set(paths.values())):
            self._log.add("missing_picture", label, "there is no picture for this label file")
        return tuple(read for picture, label in paths.items() if (read := self._picture(picture, label)) is not None)

    def _listed(self, file: Path) -> list[Path]:
        finder = PictureFinder([file.parent, self._folder, Path()])
        found: dict[Path, int] = {}
        moved = 0
        for number, line in enumerate((read_text(file, self._log) or "").splitlines(), 1):
            name, where = line.strip(), f"line {number}"
            if not name:
                continue
            path = finder.find(name)
            if path is None:
                path = next((place for one in _endings(name) if (place := finder.find(one)) is not None), None)
                moved += path is not None
            if path is None:
                self._log.add("missing_picture", file, f"there is no {name}", "dropped", where)
            elif path in found:
                self._log.add("duplicate_picture", file, f"{name} stands in line {found[path]}, too", "dropped", where)
            else:
                found[path] = number
        if moved:
            self._log.add(
                "bad_record", file, f"{moved} lines name other places; their pictures were found by the end of the path", "mended"
            )
        return list(found)

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
        place = -1  # among the lines that are not blank
        for number, line in enumerate(lines, 1):
            fields = line.split()
            if not fields:
                continue
            place += 1
            where = f"line {number}"
            values = self._numbers(fields, label, where)
            class_id = self._class_id(values[0], label, where) if values else None
            if values and class_id is not None:
                with_points = self._point_numbers and len(values) == 5 + self._point_numbers
                shape = values[1:5] if with_points else values[1:]
                polygons += len(shape) > 4
                boxes.append(RawBox(_box(shape, size_wh), class_id, where, place in crowd))
        if polygons:
            self._log.add("polygon_boxed", label, f"{polygons} lines are polygons; the boxes around them are taken", "mended")
        return boxes

    def _numbers(self, fields: list[str], label: Path, where: str) -> list[float] | None:
        try:
            values = [float(field) for field in fields]
        except ValueError:
            self._log.add("bad_line", label, f"expected numbers, got {' '.join(fields)[:60]!r}", "dropped", where)
            return None
        if len(values) in {5, 5 + self._point_numbers} or (len(values) >= 7 and len(values) % 2 == 1):
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


def _endings(name: str) -> Iterator[str]:
    """The name without its first folders: lists that came from another machine are full of its paths. One folder at least must agree."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return ("/".join(parts[index:]) for index in range(len(parts) - 1))


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
    # A split that is called as a key of the yaml would be taken for it.
    named = {f"{split}_set" if split in NO_SPLITS else split: dataset for split, dataset in sets.items()}
    for split, dataset in named.items():
        (folder / "labels" / split).mkdir(parents=True, exist_ok=True)
        for picture, stem in zip(dataset.pictures, unique_stems(picture.path for picture in dataset.pictures), strict=True):
            suffix = picture.path.suffix if picture.path.suffix.lower() in PICTURE_SUFFIXES else ".jpg"
            name = f"images/{split}/{stem}{suffix}"
            place(picture.path, folder / name, placing)
            with whole(folder / "labels" / split / f"{stem}.txt") as part:
                part.write_text(_lines(picture), encoding="utf-8")
            notes[name] = note_of(picture, classes)
    write_sidecar(folder, notes)
    path = folder / "data.yaml"  # the last of all: without it nobody takes half a set for a whole one
    content = {**{split: f"images/{split}" for split in named}, "names": {index: _Quoted(name) for index, name in enumerate(classes)}}
    write_whole(path, yaml.dump(content, Dumper=_YamlDumper, sort_keys=False, allow_unicode=True))
    return path


class _Quoted(str):
    """A name that stands in quotes in YAML, so that nobody reads `08` or `on` as anything else."""

    __slots__ = ()


class _YamlDumper(yaml.SafeDumper):
    """Plain values, and names in quotes."""


_YamlDumper.add_representer(_Quoted, lambda dumper, name: dumper.represent_scalar("tag:yaml.org,2002:str", str(name), style='"'))


def _lines(picture: LabelledPicture) -> str:
    size = np.array([*picture.size_wh, *picture.size_wh], np.float64)
    xyxy = picture.xyxy.astype(np.float64) / size
    cxcywh = np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    rows = zip(picture.class_id.tolist(), cxcywh.tolist(), strict=True)
    return "".join(f"{class_id} " + " ".join(f"{value:.7f}" for value in box) + "\n" for class_id, box in rows)
