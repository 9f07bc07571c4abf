"""sha256 of files: the one proof that a file is the one that was pinned."""

from __future__ import annotations

import hashlib
from pathlib import Path

from panops.domain.errors import ModelChecksumMismatch, ModelNotFound


def sha256_of(path: Path) -> str:
    """Hex digest of a file; a 4 MB model takes 3 ms, so nothing is cached.

    Raises:
        ModelNotFound: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelNotFound(f"{path}: cannot be read: {error.strerror or error}") from error


def check_sha256(path: Path, expected: str, what: str, advice: str) -> None:
    """Raise unless the file has the checksum.

    Args:
        path: The file.
        expected: 64 hex digits.
        what: The file in words, for the message.
        advice: What the user should do.

    Raises:
        ModelChecksumMismatch: It is another file.
        ModelNotFound: It cannot be read.
    """
    found = sha256_of(path)
    if found != expected:
        raise ModelChecksumMismatch(f"{what}: expected sha256 {expected}, got {found}; it is not used: {advice}")
