"""Looking over recordings that have moved to their second place (`recording.archive`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from panops.config.archive_schema import ArchiveConfig
from panops.domain.errors import PanopsError
from panops.storage.archive import Archive, open_archive
from panops.storage.backup.snapshot import Recorded, archive_settings, archived_in

Report = Callable[[str, str, str], None]
"""Told of something that is wrong: its kind, its name, a sentence."""


def look_over(database: Path, report: Report, done: Callable[[int], None]) -> tuple[int, int]:
    """Compare every recording that lies in the archive with its row.

    In a folder every file is read and compared with its sha256. Of a bucket the list of objects is asked for, and names and sizes are
    compared: reading it all back would cost as much as it holds, and each object was compared when it was sent.

    Args:
        database: The SQLite file.
        report: Told what is wrong.
        done: Told of the bytes that were looked at so far.

    Returns:
        How many files the archive should have, and their size, bytes.
    """
    rows = archived_in(database)
    size = sum(row.size_bytes for row in rows)
    if not rows:
        return 0, 0
    count = f"{len(rows)} recorded files"
    try:
        config = ArchiveConfig.model_validate(archive_settings(database))
        archive = open_archive(config)
        archive.begin(is_new=False)
        for kind, row, sentence in _compared(archive, rows, done):
            # Retention may have taken it while it was looked for.
            if row in archived_in(database, [row.path]):
                report(kind, f"recordings/{row.path}", sentence)
    except ValidationError:
        report("missing", "recordings", f"{count} lie in an archive that the settings do not name: set recording.archive again")
    except PanopsError as error:
        report("missing", "recordings", f"{count} lie in the archive and cannot be looked at: {error}")
    return len(rows), size


def _compared(archive: Archive, rows: Sequence[Recorded], done: Callable[[int], None]) -> Iterator[tuple[str, Recorded, str]]:
    camera, sizes, looked = "", dict[str, int](), 0
    for row in rows:  # by path, so by camera
        of = row.path.partition("/")[0]
        if of != camera:
            camera, sizes = of, dict(archive.sizes(of))
        looked += row.size_bytes
        done(looked)
        found = sizes.get(row.path)
        if found is None:
            yield "missing", row, f"{archive.label} does not have the recorded file {row.path}"
        elif found != row.size_bytes:
            yield "altered", row, f"{archive.label} has {found} bytes of the recorded file {row.path}, expected {row.size_bytes}"
        elif (path := archive.local(row.path)) is not None and _sha256(path) != row.sha256:
            yield "altered", row, f"the recorded file {row.path} in {archive.label} has another sha256 than was recorded"


def _sha256(path: Path) -> str:
    """Of a file; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
