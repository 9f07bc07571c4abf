"""Where a YOLO data set keeps its pictures and how its classes are called: `data.yaml` as people and exports write it, or a bare folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from panops.datasets.picture_finder import is_there
from panops.datasets.problems import ProblemLog, plain
from panops.datasets.text_file import read_text, yaml_of

SPLITS = ("train", "val", "valid", "test")
NO_SPLITS = ("path", "names", "nc")
CLASS_FILES = ("classes.txt", "obj.names", "_darknet.labels")


@dataclass(frozen=True, slots=True)
class YoloDescription:
    """What a `data.yaml`, or a folder without one, says.

    Attributes:
        folder: The data set's folder.
        classes: The names.
        places: Split -> folders of pictures, or lists of them.
        point_numbers: How many numbers of key points follow the box in a line; 0 where lines have none.
    """

    folder: Path
    classes: tuple[str, ...]
    places: dict[str, list[Path]]
    point_numbers: int = 0


def describe_folder(folder: Path, log: ProblemLog) -> YoloDescription:
    """A folder without a yaml file: `train/`, `images/train/` and so on; else the whole folder as `all`."""
    places = {split: root for split in SPLITS for root in (folder / "images" / split, folder / split) if root.is_dir()}
    return YoloDescription(folder, _class_file(folder, log), {split: [root] for split, root in places.items()} or {"all": [folder]})


def read_data_yaml(path: Path, log: ProblemLog) -> YoloDescription:
    """What a `data.yaml` says; of one that says nothing the places are empty."""
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
    root = path.parent / str(content.get("path") or "").replace("\\", "/")
    if not is_there(root) or root.is_file():
        log.add("bad_record", path, f"`path` names {root}, which is no folder; the yaml's own folder is taken", "mended", "path")
        root = path.parent
    keys = [key for key in content if key in SPLITS] + [key for key in content if _is_own_split(key, content[key], root)]
    places = {key: _roots(content[key], key, root, path, log) for key in keys if content[key]}
    return YoloDescription(path.parent, classes, {key: roots for key, roots in places.items() if roots}, _point_numbers(content))


def _class_file(folder: Path, log: ProblemLog) -> tuple[str, ...]:
    for name in CLASS_FILES:
        for file in (folder / name, folder / "labels" / name):
            text = read_text(file, log) if file.is_file() else None
            if text is not None:
                return _told_apart([line.strip() for line in text.splitlines() if line.strip()], file, log)
    return ()


def _is_own_split(key: object, value: object, root: Path) -> bool:
    """Whether a key that YOLO does not know names a folder of pictures all the same."""
    # Files are named by it when the set is written again, so that it must not lead elsewhere.
    if not isinstance(key, str) or key in (*SPLITS, *NO_SPLITS) or key != Path(key).name:
        return False
    return isinstance(value, str) and bool(value) and is_there(root / value) and (root / value).is_dir()


def _point_numbers(content: Mapping[str, Any]) -> int:
    shape = content.get("kpt_shape")
    if isinstance(shape, list) and len(shape) == 2 and all(isinstance(value, int) and value > 0 for value in shape):
        return int(shape[0]) * int(shape[1])
    return 0


def _names(content: Mapping[str, Any], path: Path, log: ProblemLog) -> tuple[str, ...]:
    names = content.get("names")
    if isinstance(names, dict) and names and all(_is_number(key) for key in names):
        by_number = {int(key): name for key, name in names.items()}
        names = [by_number.get(index) for index in range(max(by_number) + 1)]
    if not isinstance(names, list) or not names:
        if "names" not in content and (listed := _class_file(path.parent, log)):
            return listed
        log.add("broken_file", path, "expected names: a list of class names, or numbers with names", "dropped", "names")
        return ()
    classes = []
    for index, name in enumerate(names):
        if isinstance(name, (str, int, float)) and str(name).strip():
            classes.append(plain(str(name)))
        else:
            log.add("bad_record", path, f"expected a name for class {index}, got {str(name)[:40]}; called class_{index}", "mended", "names")
            classes.append(f"class_{index}")
    count = content.get("nc")
    if count is not None and count != len(classes):
        log.add("bad_record", path, f"nc says {count} and names has {len(classes)}; names is taken", "mended", "nc")
    return _told_apart(classes, path, log)


def _is_number(key: object) -> bool:
    """Whether it is the number of a class, `3` or `"3"`; a number of millions is a slip and not a million classes."""
    text = str(key)
    return text.isascii() and text.isdecimal() and len(text) <= 4


def _told_apart(classes: list[str], path: Path, log: ProblemLog) -> tuple[str, ...]:
    """The names, with its number added to a later one of two that are the same: a line means a class by its place."""
    single: dict[str, int] = {}
    known = set(classes)
    for index, name in enumerate(classes):
        own = name
        while own in single or (own != name and own in known):
            own = f"{own}_{index}"
        single[own] = index
    if list(single) != classes:
        log.add("duplicate_id", path, "two classes have the same name; the later got its number added", "mended", "names")
    return tuple(single)


def _roots(value: object, split: str, root: Path, path: Path, log: ProblemLog) -> list[Path]:
    found = []
    for entry in value if isinstance(value, list) else [value]:
        text = str(entry).replace("\\", "/")
        # Exports often say `../train/images` although the folder lies beside the yaml.
        candidates = [root / text, root / text.removeprefix("../"), path.parent / text]
        place = next((candidate for candidate in candidates if is_there(candidate)), None)
        if place is None and (place := _moved(text, path.parent)) is not None:
            log.add("bad_record", path, f"{split} names {entry}, which is not there; {place} is taken", "mended", split)
        if place is None:
            log.add("missing_picture", path, f"{split} names {entry}, and there is no such folder or list", "dropped", split)
        else:
            found.append(place)
    return found


def _moved(text: str, folder: Path) -> Path | None:
    """The place whose path ends alike, for a set that came from another machine: `train/images` for `/content/set/train/images`.

    A lone `images` is not taken: all splits end with it.
    """
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    tails = [parts[index:] for index in range(1, len(parts))]
    return next((place for tail in tails if tail != ["images"] and is_there(place := folder.joinpath(*tail))), None)
