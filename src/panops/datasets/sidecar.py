"""`labelled.json`: what YOLO and VOC files cannot say of a picture, in a file beside them.

An object with `pictures`: picture path, relative to the file -> the classes that were looked for (`labelled`, absent: all), `source`,
`group`, `two_wheeler_box_includes_rider`, `mosaic`, and `crowd`: the places, from 0, of boxes that are regions of many.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from panops.datasets.picture_builder import PictureFacts
from panops.datasets.problems import ProblemLog, plain
from panops.datasets.text_file import read_text
from panops.datasets.whole_file import write_whole
from panops.domain.labels import LabelledPicture

FILE_NAME = "labelled.json"

_KEYS = {"labelled", "source", "group", "two_wheeler_box_includes_rider", "mosaic", "crowd"}


class Sidecar:
    """The notes of one folder.

    Args:
        folder: Where `labelled.json` may lie. Without the file nothing is noted of any picture.
        log: Where problems go.
    """

    def __init__(self, folder: Path, log: ProblemLog) -> None:
        self._folder = folder.resolve()
        self._file = folder / FILE_NAME
        self._log = log
        self._notes = self._read() if self._file.is_file() else {}

    def _read(self) -> dict[str, dict[str, Any]]:
        text = read_text(self._file, self._log)
        try:
            content = json.loads(text) if text is not None else {}
        except (ValueError, RecursionError) as error:
            self._log.add("broken_file", self._file, f"expected JSON, so partial labels are not known: {error}")
            return {}
        pictures = content.get("pictures") if isinstance(content, dict) else None
        if not isinstance(pictures, dict):
            self._log.add("broken_file", self._file, "expected an object with `pictures`, so partial labels are not known")
            return {}
        return {name: note for name, note in pictures.items() if self._is_note(name, note)}

    def _is_note(self, name: str, note: object) -> bool:
        if not isinstance(note, dict):
            self._log.add("bad_record", self._file, f"expected an object, got {type(note).__name__}", "dropped", name)
            return False
        for key in set(note) - _KEYS:
            self._log.add("bad_record", self._file, f"expected one of {', '.join(sorted(_KEYS))}; got {key}", "dropped", name)
        return True

    def facts(self, path: Path, size_wh: tuple[int, int], classes: tuple[str, ...]) -> PictureFacts:
        """What is known of a picture: all classes labelled where nothing is noted."""
        note = self._note(path)
        names = note.get("labelled")
        labelled = np.ones(len(classes), bool)
        if isinstance(names, list):
            unknown = [name for name in names if name not in classes]
            if unknown:
                self._log.add("unknown_category", self._file, f"expected classes of the set, got {unknown[:5]}", "mended", path.name)
            labelled[:] = [name in names for name in classes]
        return PictureFacts(
            path,
            size_wh,
            labelled,
            plain(str(note.get("source") or "")),
            plain(str(note.get("group") or "")),
            note.get("two_wheeler_box_includes_rider") is True,
            note.get("mosaic") is True,
        )

    def crowd(self, path: Path) -> frozenset[int]:
        """The places, from 0, of the picture's boxes that are regions of many."""
        places = self._note(path).get("crowd")
        return frozenset(place for place in places if isinstance(place, int)) if isinstance(places, list) else frozenset()

    def _note(self, path: Path) -> dict[str, Any]:
        if not self._notes:
            return {}
        place = path.parent.resolve() / path.name
        key = place.relative_to(self._folder).as_posix() if place.is_relative_to(self._folder) else place.as_posix()
        return self._notes.get(key, {})


def note_of(picture: LabelledPicture, classes: tuple[str, ...]) -> dict[str, Any]:
    """What the sidecar must say of a picture; empty where the label file says it all."""
    note: dict[str, Any] = {}
    if not picture.labelled.all():
        note["labelled"] = [name for name, there in zip(classes, picture.labelled.tolist(), strict=True) if there]
    if picture.source:
        note["source"] = picture.source
    if picture.group:
        note["group"] = picture.group
    if picture.rider_in_box:
        note["two_wheeler_box_includes_rider"] = True
    if picture.mosaic:
        note["mosaic"] = True
    if picture.crowd.any():
        note["crowd"] = np.flatnonzero(picture.crowd).tolist()
    return note


def write_sidecar(folder: Path, notes: Mapping[str, Mapping[str, Any]]) -> Path | None:
    """Write `labelled.json`; None, and no file, where no picture has a note.

    Args:
        folder: The data set's folder.
        notes: Picture path relative to the folder -> `note_of`.
    """
    noted = {name: note for name, note in notes.items() if note}
    path = folder / FILE_NAME
    if not noted:
        path.unlink(missing_ok=True)  # one of an earlier data set in this folder would be believed
        return None
    write_whole(path, json.dumps({"pictures": noted}, indent=0) + "\n")
    return path
