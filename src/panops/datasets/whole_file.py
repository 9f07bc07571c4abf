"""Files that appear whole or not at all: written beside their place and renamed, so that a kill or a full disk leaves the old one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# Without a suffix, so that nobody takes what a kill leaves behind for a picture or a label file; short, as names may be as long as a disk
# allows.
_PART = ".part-"


def write_whole(path: Path, content: bytes | str) -> None:
    """Write one file; its folder is made. A reader finds the old one or the new one and never a part.

    Args:
        path: The file. What a link points to is written, and the link stays.
        content: Bytes, or text, which becomes UTF-8.

    Raises:
        OSError: It cannot be written; the old one is as it was.
        UnicodeEncodeError: The text has half characters.
    """
    write_all_whole({path: content})


def write_all_whole(contents: Mapping[Path, bytes | str], instead_of: tuple[Path, ...] = ()) -> None:
    """Write files that belong together: all lie beside their places, complete, before the first takes its own.

    Args:
        contents: File -> what it shall hold.
        instead_of: Files of an earlier writing that go, unless they are written anew.

    Raises:
        OSError: One cannot be written, and all old ones are as they were; or one cannot take its place, and none of `instead_of` is gone.
        UnicodeEncodeError: A text has half characters.
    """
    parts: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            target = path.resolve()
            target.parent.mkdir(parents=True, exist_ok=True)
            part = _beside(target)
            parts.append((part, target))
            with part.open("xb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
        for part, target in parts:
            part.replace(target)
        written = {target for _, target in parts}
        for old in instead_of:
            # A link may have led the writing to one of them.
            if old not in contents and old.parent.resolve() / old.name not in written:
                old.unlink(missing_ok=True)
    finally:
        for part, _ in parts:
            part.unlink(missing_ok=True)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """For one of thousands of files: a path beside, to write to, which is renamed at the end of the block and deleted after a fault.

    Not waited for until it is on the disk, as that takes longer than the writing: after a power cut it may be missing, never after a kill.

    Args:
        path: The file; its folder is there.
    """
    part = _beside(path)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f"{_PART}{secrets.token_hex(6)}")
