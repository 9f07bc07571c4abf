"""Opens a data set by what it finds: COCO, YOLO, Pascal VOC, or a description that joins several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from panops.datasets.coco import load_coco
from panops.datasets.description import read_description
from panops.datasets.picture_finder import files_in, is_there, pictures_in
from panops.datasets.problems import ProblemLog, ReadReport
from panops.datasets.text_file import decoded, yaml_of
from panops.datasets.voc import load_voc
from panops.datasets.yolo import load_yolo
from panops.domain.errors import SourceUnreachable, SourceUnsupported
from panops.domain.labels import DetectionSet

_YAML = (".yaml", ".yml")
_XML = frozenset({".xml"})
_TEXT = frozenset({".txt"})
# Enough of a JSON file to see its first keys; COCO files of a gigabyte are not rare.
_HEAD_BYTES = 1 << 16


def open_dataset(path: Path, split: str = "") -> ReadReport:
    """Open one set.

    Args:
        path: As in `open_sets`.
        split: Which of its sets; empty joins all.

    Returns:
        The usable pictures and all problems.

    Raises:
        SourceUnreachable: There is nothing at `path`, or no such split.
        SourceUnsupported: What is there is no data set.
        ConfigError: A `dataset.yaml` is wrong.
    """
    sets = open_sets(path)
    if not split:
        return joined(sets, path.stem)
    if split not in sets:
        raise SourceUnreachable(f"{path}: expected the split {split}; it has {', '.join(sets)}")
    return sets[split]


def open_sets(path: Path) -> dict[str, ReadReport]:
    """Open a data set with all its splits.

    A file is told by its name: `.json` is COCO, `.xml` is VOC, a `.yaml` with `sets` is a description (see `description`), another one
    YOLO's. In a folder the first of these that is there is taken: a yaml file with `sets`; one with `names`; COCO files in it, else
    in `annotations/`, else in folders such as `train/`; VOC's XML files; YOLO's text files. Where COCO files are called `instances_...` the
    others (captions, key points) are passed over.

    Returns:
        The sets by the name of their split, each named by it.

    Raises:
        SourceUnreachable: There is nothing at `path`.
        SourceUnsupported: What is there is no data set.
        ConfigError: A `dataset.yaml` is wrong.
    """
    return _opened(path, nested=False)


def _opened(path: Path, *, nested: bool) -> dict[str, ReadReport]:
    """`nested` is what a description names: descriptions are not looked for in it, as it may lie in the description's own folder."""
    if not is_there(path):
        raise SourceUnreachable(f"{path}: expected a data set; there is nothing")
    return _folder(path, nested=nested) if path.is_dir() else _file(path, nested=nested)


def joined(reports: Mapping[str, ReadReport], name: str) -> ReadReport:
    """All sets as one, with the classes of all in the order of their first appearance."""
    if len(reports) == 1:
        return next(iter(reports.values()))
    same = same_classes({split: report.dataset for split, report in reports.items()})
    pictures = tuple(picture for dataset in same.values() for picture in dataset.pictures)
    classes = next(iter(same.values())).classes
    problems = tuple(problem for report in reports.values() for problem in report.problems)
    return ReadReport(DetectionSet(name, classes, pictures), problems, next(iter(reports.values())).format)


def same_classes(sets: Mapping[str, DetectionSet]) -> dict[str, DetectionSet]:
    """The sets with one list of classes: all, in the order of their first appearance. A class a set does not have is not labelled in it."""
    classes = tuple(dict.fromkeys(name for dataset in sets.values() for name in dataset.classes))
    return {split: dataset if dataset.classes == classes else dataset.with_classes(classes) for split, dataset in sets.items()}


def _file(path: Path, *, nested: bool) -> dict[str, ReadReport]:
    suffix = path.suffix.lower()
    if suffix == ".json":
        return {_coco_name(path): load_coco(path)}
    if suffix == ".xml":
        return load_voc(path)
    if suffix in _YAML:
        if "sets" not in _yaml_keys(path):
            return load_yolo(path)
        if nested:
            raise SourceUnsupported(f"{path}: expected labels; a description cannot name another description")
        return _described(path)
    raise SourceUnsupported(f"{path}: expected a .json (COCO), .yaml (YOLO, or a description) or .xml (VOC) file, or a folder")


def _folder(path: Path, *, nested: bool) -> dict[str, ReadReport]:
    yamls = [file for file in sorted(path.iterdir()) if file.suffix.lower() in _YAML]
    for file in yamls:
        keys = _yaml_keys(file)
        if "sets" in keys and not nested:
            return _described(file)
        if "names" in keys:
            return load_yolo(file)
    for pattern in ("*", "[aA]nnotations/*", "*/*"):
        files = [file for file in sorted(path.glob(pattern)) if file.suffix.lower() == ".json" and _is_coco(file)]
        if files:  # deeper ones may be of another set, such as a split written into this folder
            return _coco_files([file for file in files if file.stem.startswith("instances_")] or files)
    if files_in(path, _XML):
        return load_voc(path)
    count = len(pictures_in(path))
    if count and files_in(path, _TEXT):
        return load_yolo(path)
    raise SourceUnsupported(f"{path}: expected COCO, YOLO or VOC labels; found none beside {count} pictures")


def _coco_files(files: list[Path]) -> dict[str, ReadReport]:
    reports: dict[str, ReadReport] = {}
    for file in files:
        name = _coco_name(file)
        reports[name if name not in reports else f"{file.parent.name}_{file.stem}_{len(reports)}"] = load_coco(file)
    return reports


def _described(path: Path) -> dict[str, ReadReport]:
    reports = {}
    for split, description in read_description(path).items():
        report = joined(_opened(description.labels, nested=True), split)
        log = ProblemLog(list(report.problems))
        dataset = replace(description.applied(report.dataset, log, path), name=split)
        reports[split] = ReadReport(dataset, tuple(log.problems), report.format)
    return reports


def _yaml_keys(file: Path) -> set[str]:
    """Its top keys; empty where it is no YAML (the reader then says why)."""
    try:
        content = yaml_of(decoded(file.read_bytes()) or "")
    except (OSError, ValueError):
        return set()
    return {str(key) for key in content} if isinstance(content, dict) else set()


def _is_coco(file: Path) -> bool:
    """Whether the start and the end of the file name two of COCO's three lists."""
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
            stream.seek(max(0, file.stat().st_size - _HEAD_BYTES))
            text = head + stream.read()
    except OSError:
        return False
    return sum(f'"{key}"'.encode() in text for key in ("annotations", "images", "categories")) >= 2


def _coco_name(file: Path) -> str:
    """`train` for `train.json`, `instances_train.json` and `train/_annotations.coco.json`."""
    if file.stem.startswith("_"):
        return file.parent.name or file.stem
    return file.stem.removeprefix("instances_")
