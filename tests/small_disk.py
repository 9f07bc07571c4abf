"""A real small disk for tests of full ones."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk_at(folder: Path, size_mib: int) -> Iterator[Path]:
    """An empty disk of so many MiB at `folder`, which is made; the test is skipped where mounting is not allowed, as it needs root."""
    folder.mkdir()
    size = f"size={size_mib}m"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
