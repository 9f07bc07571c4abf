"""A database in a folder of its own, and small disks."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.testing.fake_clock import FakeClock

from .makers import START_S


@pytest.fixture(scope="session")
def new_folder() -> Iterator[Callable[[], Path]]:
    """Makes empty folders, in memory where that is possible: hundreds of databases need not wait for a disk to sync."""
    memory = "/dev/shm"  # noqa: S108  a folder of its own is made in it
    with tempfile.TemporaryDirectory(prefix="panops-test-", dir=memory if os.access(memory, os.W_OK) else None) as folder:
        numbers = itertools.count()

        def make() -> Path:
            made = Path(folder) / str(next(numbers))
            made.mkdir()
            return made

        yield make


@pytest.fixture
def tmp_path(new_folder: Callable[[], Path]) -> Path:
    """Pytest's own fixture, in memory."""
    return new_folder()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START_S)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.at(tmp_path / "home", busy_timeout_s=1.0) as opened:
        yield opened


@pytest.fixture
def repository(database: Database) -> EventRepository:
    return EventRepository(database)


@pytest.fixture
def home(database: Database) -> Path:
    assert database.path is not None
    return database.path.parent


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a file system of a given size in bytes; skips where that needs rights that this user has not."""
    mounted: list[Path] = []

    def make(size_bytes: int) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        try:
            command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0700", "none", str(folder)]
            done = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip("needs `mount` for a disk that can be filled")
        if done.returncode:
            pytest.skip(f"needs the right to mount a small disk: {done.stderr.decode().strip()}")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
