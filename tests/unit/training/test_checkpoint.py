"""A checkpoint is there whole or not at all, and a foreign file is told in one sentence."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch

from panops.domain.errors import ModelNotFound, ModelUnsupported, PanopsError
from panops.training.checkpoint import load_network, read_checkpoint, shape_fields, shape_of, write_checkpoint
from panops.training.network import DetectorNetwork, NetworkShape

SHAPE = NetworkShape("nano", ("red", "blue"), "relu")


class Evil:
    def __reduce__(self) -> Any:
        return os.getcwd, ()


def damaged(path: Path, how: str) -> None:
    write_checkpoint(path, {"shape": shape_fields(SHAPE)})
    data = path.read_bytes()
    contents = {
        "empty": b"",
        "cut": data[: len(data) // 2],
        "text": b"name: a recipe\n",
        "picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
    }
    if how in contents:
        path.write_bytes(contents[how])
    elif how == "foreign":
        torch.save({"state_dict": {}}, path)
    elif how == "newer":
        torch.save({"format": 99, "shape": shape_fields(SHAPE)}, path)
    else:
        torch.save({"format": 1, "shape": Evil()}, path)


@pytest.mark.parametrize("how", ["empty", "cut", "text", "picture", "foreign", "newer", "code"])
def test_what_is_no_checkpoint_is_told_in_one_sentence(tmp_path: Path, how: str) -> None:
    path = tmp_path / "last.pt"
    damaged(path, how)
    with pytest.raises(ModelUnsupported, match="expected a checkpoint of panops") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_missing_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="there is no such file"):
        read_checkpoint(tmp_path / "last.pt")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    write_checkpoint(path, {"shape": shape_fields(SHAPE), "step": 1})
    with pytest.raises((AttributeError, TypeError, RuntimeError, OSError)):
        write_checkpoint(path, {"shape": lambda: None})
    assert read_checkpoint(path)["step"] == 1


def test_the_averaged_weights_come_back(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = DetectorNetwork(SHAPE)
    write_checkpoint(tmp_path / "best.pt", {"shape": shape_fields(SHAPE), "ema": network.state_dict()})
    loaded = load_network(tmp_path / "best.pt")
    assert loaded.shape == SHAPE == shape_of(read_checkpoint(tmp_path / "best.pt"))
    assert not loaded.training
    assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in network.state_dict().items())


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size there")
def test_a_full_disk_is_one_sentence_and_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    import resource  # noqa: PLC0415  # not on Windows

    path = tmp_path / "last.pt"
    write_checkpoint(path, {"shape": shape_fields(SHAPE)})
    before = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
    try:
        with pytest.raises(PanopsError, match=r"cannot write .*last\.pt: .*goes on from the checkpoint before"):
            write_checkpoint(path, {"shape": shape_fields(SHAPE), "model": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["last.pt"]
