"""Where the pictures of a label file lie: as written, or in one of the usual folders beside it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".jp2", ".avif"})


class PictureFinder:
    """Resolves file names against the folders where people put pictures; remembers which worked, as it mostly works again.

    Args:
        folders: Where to look, in this order.
    """

    def __init__(self, folders: list[Path]) -> None:
        self._folders = list(dict.fromkeys(folders))
        self._listed: dict[Path, dict[str, Path | None]] = {}

    @classmethod
    def beside(cls, label_file: Path) -> PictureFinder:
        """For a COCO file: its folder, `images/` in it, the same one level up, and `images/NAME` or `NAME` of `instances_NAME.json`."""
        folder = label_file.parent
        name = label_file.stem.rpartition("_")[2]
        roots = [folder, folder / "images"]
        for root in (folder, folder.parent):
            roots += [root / "images", root / "images" / name, root / name, root]
        return cls(roots)

    def find(self, file_name: str) -> Path | None:
        """The picture's path; None where no folder has it.

        Backslashes of Windows are understood, and where there is no such name the only one that differs in upper and lower case.
        """
        names = list(dict.fromkeys((file_name, file_name.replace("\\", "/"))))
        for name in names:
            for folder in self._folders:
                path = folder / name
                if is_file(path):
                    self._folders.remove(folder)
                    self._folders.insert(0, folder)
                    return path
        return next((found for name in names for folder in self._folders if (found := self._alike(folder / name)) is not None), None)

    def _alike(self, path: Path) -> Path | None:
        """The only file of the folder whose name is the same but for case and the way of writing accents."""
        folder = path.parent
        if folder not in self._listed:
            names: dict[str, Path | None] = {}
            for entry in _entries(folder):
                key = _key(entry.name)
                names[key] = None if key in names else entry
            self._listed[folder] = names
        found = self._listed[folder].get(_key(path.name))
        return found if found is not None and is_file(found) else None


def pictures_in(folder: Path) -> list[Path]:
    """All pictures under the folder, by their suffix, sorted."""
    return files_in(folder, PICTURE_SUFFIXES)


def files_in(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """All files under the folder with one of the suffixes (lower case, with the dot), in any case, sorted.

    What macOS puts beside every file of an archive (`._a.jpg`, `__MACOSX/`) is no such file.
    """
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    return sorted(path for path in paths if not path.name.startswith("._") and "__MACOSX" not in path.parts and is_file(path))


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except (OSError, ValueError):  # no such folder, or a name that no disk can have
        return


def is_file(path: Path) -> bool:
    """Whether it is a file; false for names that no disk can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the disk, or with a zero byte in it
        return False


def is_there(path: Path) -> bool:
    """Whether it is a file or folder; false for names that no disk can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
