"""Copies a local file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from panops.domain.errors import ModelNotFound

_CHUNK_BYTES = 1024 * 1024


def fetch_file(source: Path, target: Path, limit_bytes: int, progress: Callable[[int, int | None], None]) -> None:
    """Copy `source` to `target`.

    Raises:
        ModelNotFound: It does not exist, cannot be read, or is larger than `limit_bytes`.
    """
    try:
        total = source.stat().st_size
        if total > limit_bytes:
            raise ModelNotFound(f"{source}: expected at most {limit_bytes} bytes, got {total}")
        done = 0
        with source.open("rb") as reader, target.open("wb") as writer:
            while chunk := reader.read(_CHUNK_BYTES):
                writer.write(chunk)
                done += len(chunk)
                progress(done, total)
    except FileNotFoundError as error:
        raise ModelNotFound(f"{source}: there is no such file") from error
    except OSError as error:
        raise ModelNotFound(f"{source}: cannot be copied: {error.strerror or error}") from error
