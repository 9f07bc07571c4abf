"""Where the pictures of a label file lie: as written, or in one of the usual folders beside it."""

from __future__ import annotations

from pathlib import Path

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".jp2", ".avif"})


class PictureFinder:
    """Resolves file names against the folders where people put pictures; remembers which worked, as it mostly works again.

    Args:
        folders: Where to look, in this order.
    """

    def __init__(self, folders: list[Path]) -> None:
        self._folders = list(dict.fromkeys(folders))

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
        """The picture's path; None where no folder has it. Backslashes of Windows are understood."""
        for name in dict.fromkeys((file_name, file_name.replace("\\", "/"))):
            for folder in self._folders:
                path = folder / name
                if is_file(path):
                    self._folders.remove(folder)
                    self._folders.insert(0, folder)
                    return path
        return None


def pictures_in(folder: Path) -> list[Path]:
    """All pictures under the folder, by their suffix, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES and is_file(path))


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
