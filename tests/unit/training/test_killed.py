"""kill -9 at any moment, and the same command goes on: the weights are those of a training that nobody killed, bit by bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch

from panops.training.checkpoint import read_checkpoint
from panops.training.recipe import Recipe, write_recipe

from .small_data import tiny_recipe

SCRIPT = Path(__file__).with_name("kill_me.py")


def start(recipe: Path, out: Path, **environ: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(recipe), str(out)]
    own = {**os.environ, "OMP_NUM_THREADS": "1", **environ}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own)


def kill_at(line: str, recipe: Path, out: Path, **environ: str) -> bool:
    """Kill a training when it says `line`; False when it came to its end before."""
    child = start(recipe, out, **environ)
    assert child.stdout is not None
    try:
        for said in child.stdout:
            if said.strip() == line:
                child.send_signal(signal.SIGKILL)
                child.wait()
                return True
        assert child.wait() == 0, child.stderr.read() if child.stderr else ""
        return False
    finally:
        child.kill()
        child.communicate()


def finish(recipe: Path, out: Path) -> None:
    child = start(recipe, out)
    said, faults = child.communicate()
    assert child.returncode == 0, faults
    assert said.strip().endswith("done")


def written(recipe: Recipe, folder: Path) -> Path:
    write_recipe(recipe, folder / "recipe.yaml")
    return folder / "recipe.yaml"


def assert_same(first: Path, second: Path) -> None:
    for name in ("last.pt", "best.pt"):
        one, other = read_checkpoint(first / name), read_checkpoint(second / name)
        assert one["progress"] == other["progress"]
        for part in ("model", "ema"):
            assert one[part].keys() == other[part].keys()
            for key, value in one[part].items():
                assert torch.equal(value, other[part][key]), f"{name}: {part}.{key}"
        states = [content["optimiser"]["state"] for content in (one, other)]
        assert states[0].keys() == states[1].keys()
        for index, values in states[0].items():
            assert all(torch.equal(value, states[1][index][key]) for key, value in values.items())


def test_killed_between_steps_and_while_writing_then_gone_on(tmp_path: Path) -> None:
    """Six steps, a checkpoint every two: killed after step 3, in the middle of writing the checkpoint of step 4, and then left alone."""
    recipe = written(tiny_recipe(tmp_path, evaluate_every=24), tmp_path)
    finish(recipe, tmp_path / "whole")
    assert kill_at("step 3", recipe, tmp_path / "killed")
    assert kill_at("writing", recipe, tmp_path / "killed", PAUSE_S="60")
    half_written = tmp_path / "killed" / ".last.pt.part"
    assert half_written.is_file()
    assert half_written.stat().st_size < (tmp_path / "killed" / "last.pt").stat().st_size
    assert read_checkpoint(tmp_path / "killed" / "last.pt")["progress"]["step"] == 2
    finish(recipe, tmp_path / "killed")
    assert_same(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.slow
def test_killed_at_random_again_and_again(tmp_path: Path) -> None:
    """Forty steps with a teacher, mosaics and two sizes, killed at eight random moments."""
    teacher = written(tiny_recipe(tmp_path, name="teacher", pictures=8), tmp_path)
    finish(teacher, tmp_path / "teacher")
    recipe = tiny_recipe(
        tmp_path,
        pictures=160,
        sizes_px=[64, 96],
        evaluate_every=40,
        save_every=12,
        distil={"teacher": str(tmp_path / "teacher" / "last.pt")},
        augment={"mosaic": 0.6, "mix_up": 0.3, "codec": 0.3},
    )
    path = written(recipe, tmp_path)
    finish(path, tmp_path / "whole")
    chance = random.Random(7)
    for _ in range(8):
        if not kill_at(f"step {chance.randint(1, 40)}", path, tmp_path / "killed"):
            break
    finish(path, tmp_path / "killed")
    assert_same(tmp_path / "whole", tmp_path / "killed")
