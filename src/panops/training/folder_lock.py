"""Keeps two trainings out of one folder."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from panops.domain.errors import PanopsError


class FolderLock:
    """Holds a folder as long as the `with` block runs; the lock goes with the process, however it ends.

    Args:
        folder: Made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def check(self) -> None:
        """Take it and give it back.

        Raises:
            PanopsError: As `__enter__`.
        """
        with self:
            return

    def __enter__(self) -> Self:
        """Take it.

        Raises:
            PanopsError: Another process has it, or it cannot be written to.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = (self._folder / ".lock").open("w", encoding="utf-8")
        except OSError as error:
            raise PanopsError(f"cannot write to {self._folder}: {error.strerror}") from error
        try:
            _take(self._file)
        except OSError as error:
            self._file.close()
            raise PanopsError(f"{self._folder}: another training is running in this folder; wait for it, or give another --out") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give it back."""
        if self._file is not None:
            self._file.close()


def _take(file: IO[str]) -> None:
    if os.name == "nt":
        import msvcrt  # noqa: PLC0415  # Windows only

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]  # as above
    else:
        import fcntl  # noqa: PLC0415  # not on Windows

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
