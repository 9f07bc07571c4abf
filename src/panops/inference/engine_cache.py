"""Where a compiler keeps what it made of a model, so that the next start takes seconds instead of minutes."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

# What nobody used for so long is of a model, a library or a card that is gone.
_UNUSED_S = 60 * 86_400.0
_LOOK_EVERY_S = 0.05


def engine_folder(root: Path, *of: bytes | str) -> Path:
    """The folder for one model with one set of libraries and options; made when it is not there.

    onnxruntime finds engines again by the model's name and node names, which another version of the model shares; so each of them has a
    folder of its own, called after everything that it depends on. Folders that were not used for 60 days are deleted.

    Args:
        root: `storage.home.Home.engines`.
        of: The model's bytes, versions of libraries, options: whatever makes an engine another one.
    """
    digest = hashlib.sha256()
    for part in of:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    folder = root / digest.hexdigest()[:24]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.utime(folder)
    _tidy(root)
    return folder


@contextmanager
def one_at_a_time(folder: Path | None, patience_s: float = math.inf) -> Iterator[None]:
    """Hold a folder of engines: of several processes that need one and the same, the first compiles it and the others find it there.

    Args:
        folder: The folder; None holds nothing.
        patience_s: Go on after so long, s, though somebody else still holds it.

    Raises:
        OSError: The folder cannot be used.
    """
    if folder is None:
        yield
        return
    with (folder / ".lock").open("w") as file:
        if math.isinf(patience_s):
            fcntl.flock(file, fcntl.LOCK_EX)
        else:
            _lock_within(file, patience_s)
        yield


def _lock_within(file: IO[str], patience_s: float) -> None:
    until_s = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                return
            time.sleep(_LOOK_EVERY_S)
        else:
            return


def _tidy(root: Path) -> None:
    """Delete what nobody uses; a folder that cannot be deleted is left, for it does no harm."""
    before_s = time.time() - _UNUSED_S
    for folder in root.iterdir():
        try:
            if folder.is_dir() and folder.stat().st_mtime < before_s:
                shutil.rmtree(folder)
        except OSError as error:
            logger.warning("%s was not used for long and cannot be deleted: %s", folder, error)
