from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from panops.datasets.whole_file import whole, write_all_whole, write_whole


def test_a_file_is_written_with_its_folder_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / ("x" * 250 + ".json")
    write_whole(path, "ü\n")
    write_whole(path, b"two")

    assert path.read_bytes() == b"two"
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask, "as any other file is made"


def test_a_link_stays_and_what_it_points_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to("real/a.json")
    write_whole(tmp_path / "link.json", "x")

    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real" / "a.json").read_text() == "x"


def test_a_full_disk_leaves_the_old_files_and_no_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "old"):
        (tmp_path / name).write_text("old")
    count = iter(range(9))

    def full(_: int) -> None:
        if next(count) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_all_whole({tmp_path / "a": "new", tmp_path / "b": "new"}, instead_of=(tmp_path / "old",))

    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a": "old", "b": "old", "old": "old"}


def test_files_of_an_earlier_writing_go_with_the_new_ones_there(tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text("old")
    write_all_whole({tmp_path / "a": "1", tmp_path / "b": "2"}, instead_of=(tmp_path / "a", tmp_path / "test.json"))

    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a": "1", "b": "2"}


def test_files_of_an_earlier_writing_stay_where_a_new_one_cannot_take_its_place(tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text("old")
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError, match="b"):
        write_all_whole({tmp_path / "a": "1", tmp_path / "b": "2"}, instead_of=(tmp_path / "test.json",))

    assert (tmp_path / "test.json").read_text() == "old"
    assert {one.name for one in tmp_path.iterdir()} == {"a", "b", "test.json"}


def test_what_a_link_led_the_writing_to_does_not_go_with_the_earlier_ones(tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text("old")
    (tmp_path / "train.json").symlink_to("test.json")
    write_all_whole({tmp_path / "train.json": "new"}, instead_of=(tmp_path / "train.json", tmp_path / "test.json"))

    assert (tmp_path / "train.json").read_text() == "new"


def test_half_characters_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "a", "\udc80")
    assert not list(tmp_path.iterdir())


def test_one_of_many_is_renamed_at_the_end_and_goes_after_a_fault(tmp_path: Path) -> None:
    with whole(tmp_path / "a.jpg") as part:
        part.write_text("x")
        assert not (tmp_path / "a.jpg").exists()
    assert [one.name for one in tmp_path.iterdir()] == ["a.jpg"]

    def broken() -> None:
        with whole(tmp_path / "b.jpg") as half:
            half.write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert [one.name for one in tmp_path.iterdir()] == ["a.jpg"]


def test_a_kill_in_the_midst_of_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    program = (
        "import os, pathlib, signal\nfrom panops.datasets.whole_file import write_whole\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"write_whole(pathlib.Path({str(path)!r}), 'new')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)

    assert done.returncode == -9
    assert path.read_text() == "old"
    assert [one.suffix for one in tmp_path.iterdir() if one != path] == [""], "what is left is taken for no label file"
