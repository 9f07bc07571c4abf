"""What the system says of a folder, as an error with a clear cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from panops.domain.errors import ModelError


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """A fault of the disk while models are changed names the folder.

    Raises:
        ModelError: Something could not be written.
    """
    try:
        yield
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error.strerror or error}") from error
