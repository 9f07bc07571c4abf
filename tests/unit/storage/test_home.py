from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from panops.domain.errors import StorageError, StorageFull
from panops.storage.home import Home


def test_the_argument_beats_the_environment_and_that_beats_the_users_folder(tmp_path: Path) -> None:
    assert Home(tmp_path / "a", {"PANOPS_HOME": str(tmp_path / "b")}).path == tmp_path / "a"
    assert Home(None, {"PANOPS_HOME": str(tmp_path / "b")}).path == tmp_path / "b"
    assert Home(None, {"PANOPS_HOME": ""}).path.name == "panops"
    assert Home(None, {}).path.is_absolute()
    assert Home("~/x", {}).path == Path.home() / "x"


def test_the_layout_is_made_for_its_owner_only_and_again(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home").create().create()
    assert sorted(path.name for path in home.path.iterdir()) == ["clips", "evidence", "journal", "models", "run"]
    assert {oct(path.stat().st_mode & 0o777) for path in (home.path, *home.path.iterdir())} == {"0o700"}
    assert home.database == home.path / "panops.db"
    assert repr(home) == f"Home({str(home.path)!r})"


@pytest.mark.parametrize("name", ["", "evidence"])
def test_a_file_in_the_way_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "home" / name if name else tmp_path / "home"
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    with pytest.raises(StorageError, match="expected a folder, got a file") as caught:
        Home(tmp_path / "home").create()
    assert str(path) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; the remounted disk below tests it as root")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="may write"):
        Home(tmp_path / "home").create()


def test_a_read_only_disk(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(1 << 20)
    Home(disk / "home").create()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(StorageError, match="may write"):
        Home(disk / "home").create()


def test_a_disk_without_inodes_or_space(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(4096)
    subprocess.run(["mount", "-o", "remount,nr_inodes=3", str(disk)], check=True)
    with pytest.raises(StorageFull):
        Home(disk / "home").create()


def test_the_owner_id_stays_and_outlives_a_torn_write(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    first = home.owner_id()
    assert len(first) == 16
    assert Home(tmp_path).owner_id() == first
    (tmp_path / "owner-id").write_text("")  # a disk that was full, a power cut
    second = home.owner_id()
    assert len(second) == 16
    assert home.owner_id() == second
