"""A training in a process of its own, for `test_killed.py`; it may be slowed down while it writes a checkpoint."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

from panops.training import checkpoint
from panops.training.recipe import read_recipe
from panops.training.session import Watcher, run_training
from panops.training.trainer import StepFigures


class Teller(Watcher):
    def stepped(self, figures: StepFigures) -> None:
        sys.stdout.write(f"step {figures.step}\n")
        sys.stdout.flush()


def slowly(write: Any) -> Any:
    """`torch.save` in two halves with a pause, so that a kill meets a half-written file."""

    def save(content: Any, file: Any) -> None:
        write(content, file)
        file.flush()
        size = file.tell()
        file.truncate(size // 2)
        file.flush()
        sys.stdout.write("writing\n")
        sys.stdout.flush()
        time.sleep(float(os.environ["PAUSE_S"]))
        file.seek(0)
        file.truncate(0)
        write(content, file)

    return save


if __name__ == "__main__":
    if "PAUSE_S" in os.environ:
        checkpoint.torch.save = slowly(torch.save)
    run_training(read_recipe(Path(sys.argv[1])), Path(sys.argv[2]), torch.device("cpu"), 1, Teller())
    sys.stdout.write("done\n")
