"""Several processes that share each batch, by torch's DDP over gloo."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch

from panops.training.batches import BatchStream
from panops.training.checkpoint import read_checkpoint
from panops.training.prepare import prepare_data, prepare_network
from panops.training.processes import DistributedTeam, LeaderFailed, Team, led, started_by_torchrun
from panops.training.recipe import write_recipe
from panops.training.trainer import Trainer

from .small_data import tiny_recipe

CPU = torch.device("cpu")


@pytest.fixture
def alone_by_torchrun(monkeypatch: pytest.MonkeyPatch, unused_port: int) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(unused_port)}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_single_process_is_a_team_of_one() -> None:
    team, module = Team(), torch.nn.Linear(1, 1)
    assert (team.rank, team.world, team.mean(0.25), team.largest(3)) == (0, 1, 0.25, 3)
    assert team.wrapped(module) is module


class _Told(Team):
    """One of two processes; the other one says `failed`."""

    world = 2

    def __init__(self, rank: int, failed: int = 0) -> None:
        self.rank = rank
        self.failed = failed
        self.said: list[int] = []

    def largest(self, value: int) -> int:
        self.said.append(value)
        return max(value, self.failed)


def test_only_the_first_process_begins() -> None:
    done: list[str] = []
    first, second = _Told(0), _Told(1)
    assert led(first, lambda: done.append("first") or "ready") == "ready"
    assert led(second, lambda: done.append("second") or "ready") is None
    assert done == ["first"]
    assert (first.said, second.said) == ([0], [0])


def test_all_end_where_the_first_process_fails() -> None:
    def fail() -> None:
        raise ValueError("no such data")

    first = _Told(0)
    with pytest.raises(ValueError, match="no such data"):
        led(first, fail)
    assert first.said == [1]
    with pytest.raises(LeaderFailed, match="it says why"):
        led(_Told(1, failed=1), fail)


@pytest.mark.slow
def test_two_processes_begin_anew_in_a_folder_that_holds_a_training(tmp_path: Path) -> None:
    """Given to torchrun itself, both get `--restart`: one of them removes the old training before the other looks into the folder."""
    write_recipe(tiny_recipe(tmp_path, pictures=16), tmp_path / "recipe.yaml")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "panops.entry"]
    words = ["train", str(tmp_path / "recipe.yaml"), "--out", str(out), "--device", "cpu", "--threads", "1", "--no-deploy", "--json"]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    told = []
    for more in ([], [], ["--restart"]):
        ended = subprocess.run([*command, *words, *more], capture_output=True, text=True, env=environ, timeout=280, check=False)
        assert ended.returncode == 0, ended.stderr[-2000:]
        told.append(json.loads(ended.stdout))
    assert [one["finished_before"] for one in told] == [False, True, False]
    assert [one["resumed_at"] for one in told] == [0, 4, 0]
    assert [one["step"] for one in told] == [4, 4, 4]


@pytest.mark.usefixtures("alone_by_torchrun")
def test_a_training_in_ddp_takes_the_same_step(tmp_path: Path) -> None:
    assert not started_by_torchrun()  # one process is none of several
    recipe = tiny_recipe(tmp_path)
    prepared = prepare_data(recipe)
    with BatchStream(recipe, prepared.chain, prepared.deck, 0) as batches:
        batch = batches.next()
    plain = prepare_network(recipe, prepared)
    Trainer(recipe, plain, tmp_path / "plain", CPU).step(*batch)
    with DistributedTeam(CPU) as team:
        assert (team.mean(2.0), team.largest(5)) == (2.0, 5)
        shared = prepare_network(recipe, prepared)
        Trainer(recipe, shared, tmp_path / "shared", CPU, team=team).step(*batch)
    for (key, value), other in zip(plain.state_dict().items(), shared.state_dict().values(), strict=True):
        assert torch.allclose(value, other, atol=1e-6), key


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    """`panops train --gpus 2` on the CPU: both see their half of each batch, the first one writes, and it goes on after a stop."""
    recipe = tiny_recipe(tmp_path, pictures=32, evaluate_every=16)
    write_recipe(recipe, tmp_path / "recipe.yaml")
    command = [sys.executable, "-m", "panops.entry", "train", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "out")]
    options = ["--gpus", "2", "--device", "cpu", "--threads", "1", "--no-deploy", "--json"]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run([*command, *options], capture_output=True, text=True, env=environ, timeout=280, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    told = json.loads(ended.stdout)
    assert told["finished"]
    assert told["step"] == 8
    content = read_checkpoint(tmp_path / "out" / "last.pt")
    assert all(bool(torch.isfinite(value).all()) for value in content["ema"].values())
    lines = [json.loads(line) for line in (tmp_path / "out" / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "evaluation" in line] == [4, 8]  # once, not by both
