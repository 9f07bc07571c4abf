"""Folders that hold model files under any name: found by size and checksum, so that an air gap needs nothing but a copied folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from panops.domain.errors import ModelNotFound
from panops.models.checksum import sha256_of

logger = logging.getLogger(__name__)

MIRROR_VARIABLE = "PANOPS_MODEL_MIRROR"
# Whoever names a whole disk by mistake must not wait for it to be read.
_MOST_FILES = 10_000
_MOST_UNKNOWN_BYTES = 512 * 1024 * 1024


def mirrors_from_environment(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """The folders that `PANOPS_MODEL_MIRROR` names, separated like `PATH`."""
    text = (os.environ if environ is None else environ).get(MIRROR_VARIABLE, "")
    return tuple(Path(part).expanduser() for part in text.split(os.pathsep) if part.strip())


class Mirrors:
    """Looks files up in the mirror folders. Digests are remembered as long as size and time of a file stay the same.

    Args:
        folders: Where to look, the first one first; those that do not exist are passed over with a warning.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self._digests: dict[tuple[Path, int, int], str] = {}

    def find(self, sha256: str, size_bytes: int | None = None) -> Path | None:
        """The file with this checksum, or None.

        Args:
            sha256: 64 hex digits.
            size_bytes: Its size where it is known: only files of this size are read then.
        """
        for path, status in self._files():
            if status.st_size != size_bytes and (size_bytes is not None or status.st_size > _MOST_UNKNOWN_BYTES):
                continue
            try:
                if self._digest(path, status) == sha256:
                    return path
            except ModelNotFound as error:
                logger.warning("mirror: %s", error)
        return None

    def _digest(self, path: Path, status: os.stat_result) -> str:
        key = (path, status.st_size, status.st_mtime_ns)
        if key not in self._digests:
            self._digests[key] = sha256_of(path)
        return self._digests[key]

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        left = _MOST_FILES
        for folder in self.folders:
            if not folder.is_dir():
                logger.warning("%s names %s, which is not a folder", MIRROR_VARIABLE, folder)
                continue
            for root, _, names in os.walk(folder):
                for name in sorted(names):
                    left -= 1
                    if left < 0:
                        logger.warning("mirror: more than %d files; the rest of %s is not looked at", _MOST_FILES, folder)
                        return
                    path = Path(root) / name
                    try:
                        yield path, path.stat()
                    except OSError as error:
                        logger.warning("mirror: %s: %s", path, error.strerror)
