"""Which label file of a YOLO data set belongs to which picture, and which belong to none."""

from __future__ import annotations

from pathlib import Path

from panops.datasets.picture_finder import PICTURE_SUFFIXES, files_in
from panops.datasets.yolo_description import CLASS_FILES

_TEXT = frozenset({".txt"})
_NO_LABELS = {*CLASS_FILES, "train.txt", "val.txt", "test.txt"}


class LabelFiles:
    """The label files of a data set; a folder is looked through once."""

    def __init__(self) -> None:
        self._folders: dict[Path, tuple[Path, dict[str, Path]]] = {}

    def of(self, picture: Path) -> Path:
        """The picture's label file, whether it is there or not.

        In `labels/` for the last `images/` of the path, where that folder is there; else beside the picture, or in a `labels/` near it
        where no picture there has its label file beside it. `.TXT` will do.
        """
        folder, odd = self._folder(picture.parent)
        name = picture.with_suffix(".txt").name
        return odd.get(name, folder / name)

    def below(self, root: Path) -> set[Path]:
        """All label files that belong to a folder of pictures; none where they may belong to those of another split as well."""
        folder = self._folder(root)[0]
        if folder == root.parent / "labels" and root.name.lower() != "images":
            return set()
        nested = [path for path in files_in(folder, _TEXT) if path.name not in _NO_LABELS and "README" not in path.name]
        return {path for path in nested if folder != root or "labels" not in path.relative_to(root).parts[:-1]}

    def _folder(self, pictures: Path) -> tuple[Path, dict[str, Path]]:
        """The folder of the label files, and those of them whose suffix is not `.txt` to the letter, by the name as it should be."""
        if pictures not in self._folders:
            folder = _label_folder(pictures)
            odd = [path for path in _texts_in(folder) if path.suffix != ".txt"]
            self._folders[pictures] = folder, {path.with_suffix(".txt").name: path for path in odd}
        return self._folders[pictures]


def _label_folder(pictures: Path) -> Path:
    parts = pictures.parts
    for index in range(len(parts) - 1, -1, -1):
        if parts[index].lower() == "images":
            folders = [Path(*parts[:index], name, *parts[index + 1 :]) for name in ("labels", "Labels", "LABELS")]
            if (found := next((folder for folder in folders if folder.is_dir()), None)) is not None:
                return found
            break
    if _has_labels_beside(pictures):
        return pictures
    near = (pictures / "labels", pictures.parent.parent / "labels" / pictures.name, pictures.parent / "labels")
    return next((folder for folder in near if any(_texts_in(folder))), pictures)


def _has_labels_beside(pictures: Path) -> bool:
    """Whether a picture of the folder has a label file there; a README or a list is none."""
    stems = {path.stem for path in _texts_in(pictures) if path.name not in _NO_LABELS}
    return bool(stems) and any(path.suffix.lower() in PICTURE_SUFFIXES and path.stem in stems for path in pictures.iterdir())


def _texts_in(folder: Path) -> list[Path]:
    """The text files of one folder; none where it is not there."""
    return [path for path in folder.iterdir() if path.suffix.lower() in _TEXT] if folder.is_dir() else []
