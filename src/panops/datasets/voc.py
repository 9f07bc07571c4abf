"""Pascal VOC data sets: an XML file for each picture, in `Annotations/` beside `JPEGImages/`, or beside the picture itself.

Boxes are taken as they stand, as edges counted from 0: VOC 2007 counts from 1, most tools since do not, and no file says which.
Class names come from `classes.txt` or `labels.txt` where there is one, else from the files, sorted. XML that declares entities is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as Xml
from xml.parsers import expat

import numpy as np

from panops.datasets.picture_builder import RawBox, build_picture
from panops.datasets.picture_finder import PICTURE_SUFFIXES, PictureFinder
from panops.datasets.picture_placing import Placing, place, unique_stems
from panops.datasets.picture_size import picture_size
from panops.datasets.problems import ProblemLog, ReadReport
from panops.datasets.sidecar import Sidecar, note_of, write_sidecar
from panops.datasets.text_file import read_text
from panops.domain.errors import SourceUnreachable
from panops.domain.labels import DetectionSet, LabelledPicture

_CLASS_FILES = ("classes.txt", "labels.txt")


def load_voc(path: Path) -> dict[str, ReadReport]:
    """Read a VOC data set and tell all that is wrong with it.

    Args:
        path: The folder, searched to its depth for XML files; or one XML file.

    Returns:
        The sets by the names in `ImageSets/Main/` (`trainval` and lists of single classes left out), else one set `all`. Problems that
        concern no single set stand in the first.

    Raises:
        SourceUnreachable: There is nothing at `path`.
    """
    if not path.exists():
        raise SourceUnreachable(f"{path}: expected a folder of Pascal VOC XML files; there is none")
    log = ProblemLog()
    folder = path if path.is_dir() else path.parent
    files = sorted(folder.rglob("*.xml")) if path.is_dir() else [path]
    records = {file: root for file in files if (root := _annotation(file, log)) is not None}
    classes = _classes(folder, records, log)
    sidecar = Sidecar(folder, log)
    reading = _VocReading(folder, classes, sidecar, log)
    splits = _splits(folder, records, classes, log) if path.is_dir() else {}
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
        root = parse_xml(file.read_bytes())
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


def _splits(folder: Path, records: Mapping[Path, Xml.Element], classes: tuple[str, ...], log: ProblemLog) -> dict[str, list[Path]]:
    by_stem = {file.stem: file for file in records}
    found = {}
    for file in sorted(folder.glob("**/ImageSets/Main/*.txt")):
        if file.stem == "trainval" or file.stem.rpartition("_")[0] in classes:
            continue
        members = []
        for number, line in enumerate((read_text(file, log) or "").splitlines(), 1):
            name = line.strip()
            if name in by_stem:
                members.append(by_stem[name])
            elif name:
                log.add("missing_labels", file, f"there is no usable {name}.xml", "dropped", f"line {number}")
        found[file.stem] = members
    listed = {file for members in found.values() for file in members}
    for file in records.keys() - listed if found else ():
        log.add("missing_labels", file, "no list in ImageSets/Main names this file", "dropped")
    return found


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
        self._finder = PictureFinder([folder, folder / "JPEGImages", folder / "images"])
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
        beside = PictureFinder([file.parent, file.parent.parent / "JPEGImages", file.parent.parent / "images"])
        found = (beside.find(name) or self._finder.find(name)) if name else None
        if found is not None:
            return found
        for suffix in sorted(PICTURE_SUFFIXES):
            for candidate in (suffix, suffix.upper()):
                found = beside.find(file.stem + candidate) or self._finder.find(file.stem + candidate)
                if found is not None:
                    return found
        return None

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
    """
    classes = next(iter(sets.values())).classes
    if any(part.classes != classes for part in sets.values()):
        raise ValueError("expected sets of the same classes")
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    stems = iter(unique_stems(picture.path for part in sets.values() for picture in part.pictures))
    notes = {}
    for split, dataset in sets.items():
        members = []
        for picture in dataset.pictures:
            stem = next(stems)
            name = f"JPEGImages/{stem}{picture.path.suffix}"
            place(picture.path, folder / name, placing)
            Xml.ElementTree(_element(picture, Path(name).name, classes)).write(
                folder / "Annotations" / f"{stem}.xml", encoding="utf-8", xml_declaration=True
            )
            notes[name] = note_of(picture, classes)
            members.append(stem)
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in members), encoding="utf-8")
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
    write_sidecar(folder, notes)
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
