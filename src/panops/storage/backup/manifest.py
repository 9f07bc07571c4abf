"""What a backup says of itself: the last file in it, so that an archive that was cut off has none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from panops.domain.errors import StorageCorrupt, StorageError

NAME = "manifest.json"
FORMAT = "panops-backup"
FORMAT_VERSION = 1
LARGEST_BYTES = 512 << 20

DATABASE = "panops.db"
FOLDERS = ("models", "journal", "clips", "evidence", "recordings")
"""What of a home a backup may hold, beside the database and `FILES`."""
FILES = ("owner-id",)

_PART = re.compile(r"[^/\\\x00-\x1f\x7f]{1,255}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 1000


@dataclass(frozen=True, slots=True)
class FileFact:
    """What is known of a file of a backup.

    Attributes:
        size_bytes: Its size.
        sha256: Of its content, in hex.
    """

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Attributes:
        schema: The database's schema, such as `0008`.
        panops: The version of panops that made it.
        made_at_s: When the database was read, UTC s.
        evidence: Whether snapshots and clips are in it.
        recordings: Whether recordings are in it.
        files: Name in the archive -> fact, for every file but the manifest.
        left_out: Name -> why it is not in the backup although it was asked for, or is not as it was.
    """

    schema: str
    panops: str
    made_at_s: float
    evidence: bool
    recordings: bool
    files: Mapping[str, FileFact] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """All files together, unpacked."""
        return sum(fact.size_bytes for fact in self.files.values())

    def dump(self) -> bytes:
        """As JSON, one file a line."""
        head = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "schema": self.schema,
            "panops": self.panops,
            "made_at_s": self.made_at_s,
            "evidence": self.evidence,
            "recordings": self.recordings,
            "left_out": dict(self.left_out),
        }
        files = ",\n".join(f"{json.dumps(name)}: {json.dumps([fact.size_bytes, fact.sha256])}" for name, fact in self.files.items())
        return f'{json.dumps(head)[:-1]}, "files": {{\n{files}\n}}}}\n'.encode()


def parse(data: bytes, label: str) -> Manifest:
    """Read what `Manifest.dump` wrote.

    Args:
        data: The file's content.
        label: What to call the backup in messages.

    Raises:
        StorageCorrupt: It is not one.
        StorageError: A newer panops wrote it.
    """
    try:
        raw = json.loads(data)
        version = int(raw["format_version"]) if raw["format"] == FORMAT else 0
        manifest = None if version > FORMAT_VERSION else _manifest(raw)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StorageCorrupt(f"{label} is damaged or not a backup of panops: its {NAME} cannot be read ({error})") from error
    if manifest is None:
        raise StorageError(f"{label} was made by a newer panops ({raw.get('panops')}): install that version or newer to use it")
    return manifest


def _manifest(raw: Any) -> Manifest:
    return Manifest(
        schema=str(raw["schema"]),
        panops=str(raw["panops"]),
        made_at_s=float(raw["made_at_s"]),
        evidence=bool(raw["evidence"]),
        recordings=bool(raw["recordings"]),
        files={str(name): _fact(str(name), fact) for name, fact in raw["files"].items()},
        left_out={str(name): str(why) for name, why in raw["left_out"].items()},
    )


def _fact(name: str, raw: Any) -> FileFact:
    size_bytes, sha256 = raw
    if not is_ours(name) or not isinstance(size_bytes, int) or size_bytes < 0 or not _SHA256.fullmatch(str(sha256)):
        raise ValueError(f"it names {name[:80]!r}")
    return FileFact(size_bytes, sha256)


def is_ours(name: str) -> bool:
    """Whether a file of this name may lie in a backup: inside one of its folders, and nothing that leads out of it."""
    if name == DATABASE or name in FILES:
        return True
    top, *rest = name.split("/")
    return (
        top in FOLDERS
        and bool(rest)
        and len(name) <= _LONGEST_NAME
        and all(_PART.fullmatch(part) and part not in {".", ".."} for part in rest)
    )
