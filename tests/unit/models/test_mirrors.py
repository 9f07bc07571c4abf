from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from own_wheels import CONTENT, SHA256

from panops.models import mirrors
from panops.models.mirrors import Mirrors, mirrors_from_environment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "other.bin").write_bytes(CONTENT[::-1])
    (tmp_path / "deep" / "er" / "any name").write_bytes(CONTENT)
    return tmp_path


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_file_is_found_by_its_checksum_under_any_name(folder: Path, size: int | None) -> None:
    assert Mirrors([folder]).find(SHA256, size) == folder / "deep" / "er" / "any name"


def test_only_files_of_the_size_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "large").write_bytes(bytes(100_000))
    read: list[str] = []
    digest = mirrors.sha256_of
    monkeypatch.setattr(mirrors, "sha256_of", lambda path: (read.append(path.name), digest(path))[1])
    index = Mirrors([folder])
    index.find(SHA256, len(CONTENT))
    index.find(SHA256, len(CONTENT))
    assert "large" not in read
    assert len(read) == len(set(read))


def test_a_changed_file_is_read_again(folder: Path) -> None:
    index = Mirrors([folder])
    path = folder / "deep" / "er" / "any name"
    assert index.find(SHA256, len(CONTENT)) == path
    path.write_bytes(bytes(len(CONTENT)))
    os.utime(path, ns=(1, 1))
    assert index.find(SHA256, len(CONTENT)) is None


def test_nothing_there(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert Mirrors([]).find(SHA256) is None
    assert Mirrors([folder]).find("0" * 64) is None
    with caplog.at_level(logging.WARNING):
        assert Mirrors([folder / "none"]).find(SHA256) is None
    assert "not a folder" in caplog.text


def test_a_whole_disk_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(mirrors, "_MOST_FILES", 1)
    assert Mirrors([folder]).find(SHA256) is None
    assert "more than 1 files" in caplog.text


@pytest.mark.parametrize(("text", "paths"), [("", ()), ("/a", ("/a",)), (f"/a{os.pathsep}/b{os.pathsep}", ("/a", "/b"))])
def test_the_environment_names_folders(text: str, paths: tuple[str, ...]) -> None:
    assert mirrors_from_environment({"PANOPS_MODEL_MIRROR": text}) == tuple(map(Path, paths))
