"""Pascal VOC data sets: an XML file for each picture, in `Annotations/` beside `JPEGImages/`, or beside the picture itself.

Boxes are taken as they stand, as edges counted from 0: VOC 2007 counts from 1, most tools since do not, and no file says which.
Class names come from `classes.txt` or `labels.txt` where there is one, else from the files, sorted. XML that declares entities is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as Xml
from xml.parsers import expat

import numpy as np

from panops.datasets.picture_builder import RawBox, build_picture
from panops.datasets.picture_finder import PICTURE_SUFFIXES, PictureFinder, files_in
from panops.datasets.picture_placing import Placing, place, unique_stems
from panops.datasets.picture_size import picture_size
from panops.datasets.problems import ProblemLog, ReadReport
from panops.datasets.sidecar import Sidecar, note_of, write_sidecar
from panops.datasets.text_file import decoded, read_text
from panops.datasets.whole_file import whole, write_whole
from panops.domain.errors import SourceUnreachable, SourceUnsupported
from panops.domain.labels import DetectionSet, LabelledPicture

_CLASS_FILES = ("classes.txt", "labels.txt")
_XML = frozenset({".xml"})
# A line of `car_train.txt`: a picture, and whether it shows a car.
_OF_ONE_CLASS = re.compile(r"\S.*\s(?:-1|0|1)")


def load_voc(path: Path) -> dict[str, ReadReport]:
    """Read a VOC data set and tell all that is wrong with it.

    Args:
        path: The folder, searched to its depth for XML files; or one XML file.

    Returns:
        The sets by the names in `ImageSets/Main/` (lists of single classes left out, and a `trainval` whose files `train` and `val`
        name), else one set `all`. Problems that concern no single set stand in the first.

    Raises:
        SourceUnreachable: There is nothing at `path`.
    """
    if not path.exists():
        raise SourceUnreachable(f"{path}: expected a folder of Pascal VOC XML files; there is none")
    log = ProblemLog()
    folder = path if path.is_dir() else path.parent
    files = files_in(folder, _XML) if path.is_dir() else [path]
    records = {file: root for file in files if (root := _annotation(file, log)) is not None}
    classes = _classes(folder, records, log)
    sidecar = Sidecar(folder, log)
    reading = _VocReading(folder, classes, sidecar, log)
    splits = _splits(folder, records, log) if path.is_dir() else {}
    reports = {}
    for split, members in (splits or {"all": list(records)}).items():
        pictures = tuple(read for file in members if (read := reading.picture(file, records[file])) is not None)
        reports[split] = ReadReport(DetectionSet(split, classes, pictures), tuple(log.problems), "voc")
        log.problems.clear()
    return reports


def parse_xml(data: bytes) -> Xml.Element:
    """The root element.

    Raises:
        ValueError: It is not XML, or declares entities: a few lines of those can fill the memory.
    """
    builder = Xml.TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, AssertionError, LookupError) as error:
        raise ValueError(f"expected XML: {error}") from error


def _refuse(name: str, *_: object) -> None:
    raise ValueError(f"expected XML without entities of its own; it declares {name!r}")


def _annotation(file: Path, log: ProblemLog) -> Xml.Element | None:
    try:
        data = file.read_bytes()
        if decoded(data) is None and b"encoding" not in data[:200]:
            data = data.decode("latin-1").encode()
            log.add("encoding", file, "expected UTF-8 text; read as Latin-1, so letters outside ASCII may be wrong", "mended")
        root = parse_xml(data)
    except OSError as error:
        log.add("broken_file", file, f"the file cannot be read: {error.strerror or error}")
        return None
    except ValueError as error:
        log.add("broken_file", file, str(error))
        return None
    if root.tag != "annotation":
        log.add("broken_file", file, f"expected <annotation>, got <{root.tag[:40]}>")
        return None
    return root


def _classes(folder: Path, records: Mapping[Path, Xml.Element], log: ProblemLog) -> tuple[str, ...]:
    for name in _CLASS_FILES:
        text = read_text(folder / name, log) if (folder / name).is_file() else None
        if text is not None:
            return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    return tuple(sorted({_text(item, "name") for root in records.values() for item in root.iter("object")} - {""}))


def _splits(folder: Path, records: Mapping[Path, Xml.Element], log: ProblemLog) -> dict[str, list[Path]]:
    by_stem: dict[str, list[Path]] = {}
    for file in records:
        by_stem.setdefault(file.stem, []).append(file)
    named: dict[Path, list[tuple[str, list[Path]]]] = {}
    for file in sorted(folder.glob("**/ImageSets/Main/*.txt")):
        lines = [line.strip() for line in (read_text(file, log) or "").splitlines()]
        if not any(lines) or not all(_OF_ONE_CLASS.fullmatch(line) and line not in by_stem for line in lines if line):
            named[file] = [(line, _named(line, file, by_stem)) for line in lines]
    found: dict[str, dict[Path, None]] = {}
    for file, entries in named.items():
        if file.stem == "trainval" and _is_parted(file, named):
            continue
        members = found.setdefault(file.stem, {})
        for number, (name, files) in enumerate(entries, 1):
            if name and not files:
                log.add("missing_labels", file, f"there is no usable {name}.xml", "dropped", f"line {number}")
            members.update(dict.fromkeys(files))
    listed = {file for members in found.values() for file in members}
    for file in (file for file in records if found and file not in listed):
        log.add("missing_labels", file, "no list in ImageSets/Main names this file", "dropped")
    return {split: list(members) for split, members in found.items()}


def _named(line: str, file: Path, by_stem: Mapping[str, list[Path]]) -> list[Path]:
    """The XML files that a line of a list means; those of its own year come first."""
    if not line:
        return []
    # Some lists have the picture's file name. Two years of VOC in one folder have lists, and maybe files, of the same names.
    fitting = by_stem.get(line) or by_stem.get(Path(line.replace("\\", "/")).stem, [])
    return [one for one in fitting if one.is_relative_to(file.parents[2])] or fitting


def _is_parted(trainval: Path, named: Mapping[Path, list[tuple[str, list[Path]]]]) -> bool:
    """Whether `train` and `val` beside it, or the one that is there, name all of its files. An empty list is a split of its own."""
    parts = [named[part] for name in ("train.txt", "val.txt") if (part := trainval.with_name(name)) in named]
    held = {one for entries in parts for _, files in entries for one in files}
    return bool(parts) and any(line for line, _ in named[trainval]) and all(one in held for _, files in named[trainval] for one in files)


def _text(item: Xml.Element | None, tag: str) -> str:
    found = item.find(tag) if item is not None else None
    return (found.text or "").strip() if found is not None else ""


def _number(item: Xml.Element | None, tag: str) -> float | None:
    try:
        return float(_text(item, tag))
    except ValueError:
        return None


class _VocReading:
    """Reads pictures of one folder."""

    def __init__(self, folder: Path, classes: tuple[str, ...], sidecar: Sidecar, log: ProblemLog) -> None:
        self._root = folder
        self._finder = PictureFinder([folder, folder / "JPEGImages", folder / "images"])
        self._beside: dict[Path, PictureFinder] = {}
        self._class_of = {name: index for index, name in enumerate(classes)}
        self._classes = classes
        self._sidecar = sidecar
        self._log = log

    def picture(self, file: Path, root: Xml.Element) -> LabelledPicture | None:
        """The picture of one XML file; None where it is missing or cannot be read."""
        path = self._find(file, _text(root, "filename"))
        if path is None:
            self._log.add("missing_picture", file, f"there is no {_text(root, 'filename') or file.stem + '.*'}")
            return None
        size_wh = self._size(file, root, path)
        if size_wh is None:
            return None
        crowd = self._sidecar.crowd(path)
        items = enumerate(root.iter("object"))
        boxes = [box for place, item in items if (box := self._box(file, item, place, place in crowd)) is not None]
        return build_picture(self._sidecar.facts(path, size_wh, self._classes), boxes, file, self._log)

    def _find(self, file: Path, name: str) -> Path | None:
        """By the name in the file, else by the XML file's own: people rename pictures and not what the file says."""
        if file.parent not in self._beside:
            self._beside[file.parent] = PictureFinder(_picture_folders(file.parent, self._root))
        names = [name] if name else []
        names += [file.stem + suffix for suffix in sorted(PICTURE_SUFFIXES)]
        finders = (self._beside[file.parent], self._finder)
        return next((found for one in names for finder in finders if (found := finder.find(one)) is not None), None)

    def _size(self, file: Path, root: Xml.Element, path: Path) -> tuple[int, int] | None:
        said = root.find("size")
        width, height = _number(said, "width"), _number(said, "height")
        if width is not None and height is not None and 1 <= width < 1e6 and 1 <= height < 1e6:
            return int(width), int(height)
        size_wh = picture_size(path)
        if size_wh is None:
            self._log.add("unreadable_picture", path, "the file says no size, and the picture cannot be decoded")
        else:
            self._log.add("bad_record", file, "expected <size> with width and height; taken from the picture", "mended", "size")
        return size_wh

    def _box(self, file: Path, item: Xml.Element, place: int, crowd: bool) -> RawBox | None:
        where = f"object {place + 1}"
        name = _text(item, "name")
        if name not in self._class_of:
            self._log.add("unknown_category", file, f"expected a class of the set, got {name!r}", "dropped", where)
            return None
        bndbox = item.find("bndbox")
        edges = [_number(bndbox, tag) for tag in ("xmin", "ymin", "xmax", "ymax")]
        left, top, right, bottom = edges
        if left is None or top is None or right is None or bottom is None:
            self._log.add("bad_record", file, "expected <bndbox> with xmin, ymin, xmax and ymax", "dropped", where)
            return None
        return RawBox((left, top, right, bottom), self._class_of[name], where, crowd)


def _picture_folders(labels: Path, root: Path) -> list[Path]:
    """Where the pictures of a folder of XML files may lie: in it, beside it, or, below `Annotations/a/`, in `JPEGImages/a/`."""
    folders = [labels]
    place = labels
    while True:
        below = labels.relative_to(place)
        folders += [place.parent / name / below for name in ("JPEGImages", "images", "Images")]
        if place in {root, place.parent}:
            return folders
        place = place.parent


def write_voc(sets: Mapping[str, DetectionSet], folder: Path, placing: Placing = "copy") -> Path:
    """Write `Annotations/`, `JPEGImages/`, `ImageSets/Main/`, `classes.txt`, and `labelled.json` where VOC cannot say it all.

    Args:
        sets: Split name -> set; all have the same classes.
        folder: Where to write; made.
        placing: Whether pictures are copied or linked.

    Returns:
        The folder.

    Raises:
        ValueError: The sets have different classes.
        SourceUnsupported: A class has a name that VOC cannot hold.
    """
    classes = next(iter(sets.values())).classes
    if any(part.classes != classes for part in sets.values()):
        raise ValueError("expected sets of the same classes")
    if odd := [name for name in classes if not name.isprintable() or name != name.strip() or not name]:
        raise SourceUnsupported(f"expected class names of one line of printable letters for VOC, got {odd[0]!r}; rename it")
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    stems = unique_stems(picture.path for part in sets.values() for picture in part.pictures)
    pictures = [picture for part in sets.values() for picture in part.pictures]
    names = [f"JPEGImages/{stem}{picture.path.suffix}" for stem, picture in zip(stems, pictures, strict=True)]
    # What the XML cannot say comes first: a set of which only a part was written must not be taken for one that is labelled throughout.
    write_whole(folder / "classes.txt", "".join(f"{name}\n" for name in classes))
    write_sidecar(folder, {name: note_of(picture, classes) for name, picture in zip(names, pictures, strict=True)})
    rest = iter(stems)
    for split, dataset in sets.items():
        write_whole(folder / "ImageSets" / "Main" / f"{split}.txt", "".join(f"{next(rest)}\n" for _ in dataset.pictures))
    for stem, name, picture in zip(stems, names, pictures, strict=True):
        place(picture.path, folder / name, placing)
        with whole(folder / "Annotations" / f"{stem}.xml") as part:
            Xml.ElementTree(_element(picture, Path(name).name, classes)).write(part, encoding="utf-8", xml_declaration=True)
    return folder


def _element(picture: LabelledPicture, file_name: str, classes: tuple[str, ...]) -> Xml.Element:
    root = Xml.Element("annotation")
    Xml.SubElement(root, "filename").text = file_name
    size = Xml.SubElement(root, "size")
    for tag, value in (("width", picture.size_wh[0]), ("height", picture.size_wh[1]), ("depth", 3)):
        Xml.SubElement(size, tag).text = str(value)
    for class_id, box in zip(picture.class_id.tolist(), picture.xyxy.astype(np.float64).tolist(), strict=True):
        item = Xml.SubElement(root, "object")
        Xml.SubElement(item, "name").text = classes[class_id]
        for tag in ("truncated", "difficult"):
            Xml.SubElement(item, tag).text = "0"
        bndbox = Xml.SubElement(item, "bndbox")
        for tag, edge in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            Xml.SubElement(bndbox, tag).text = f"{edge:.3f}".rstrip("0").rstrip(".")
    Xml.indent(root)
    return root
