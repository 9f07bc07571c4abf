"""A whole training in a folder: data, start weights, teacher, the loop, figures and the report; resumed where one was begun.

The folder holds `recipe.yaml`, `last.pt`, `best.pt`, `history.jsonl`, `report.html` and `problems.txt`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from panops.datasets.problems import DataProblem
from panops.domain.errors import ConfigError, ConfigProblem, PanopsError, SourceCorrupt
from panops.domain.labels import DetectionSet
from panops.training.batches import BatchStream
from panops.training.checkpoint import read_checkpoint
from panops.training.eight_bits import round_to_eight_bits
from panops.training.folder_lock import FolderLock
from panops.training.history import History
from panops.training.network import DetectorNetwork, NetworkShape
from panops.training.prepare import Prepared, prepare_data, prepare_network, prepare_teacher
from panops.training.processes import Team, local_rank
from panops.training.recipe import Recipe, differences, write_recipe
from panops.training.report import write_report
from panops.training.trainer import HEADLINE, Progress, StepFigures, Trainer, is_over
from panops.training.validate import Validation

logger = logging.getLogger(__name__)

# What a training writes into its folder; `--restart` removes these and nothing else.
FILES = ("last.pt", "best.pt", "history.jsonl", "report.html", "problems.txt")
_REPORT_EVERY_S = 5.0


class Watcher:
    """Is told how a training goes. This one says nothing and never stops it."""

    def say(self, text: str) -> None:
        """A sentence for people."""

    def prepared(self, data: Prepared) -> None:
        """The data are open."""

    def stepped(self, figures: StepFigures) -> None:
        """A step is done."""

    def measuring(self, done: int, count: int) -> None:
        """So many pictures of an evaluation are done."""

    def measured(self, figures: Mapping[str, float]) -> None:
        """An evaluation is done."""

    def stop(self) -> bool:
        """Whether the training shall be saved and end here; asked after every step."""
        return False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended.

    Attributes:
        progress: Where it is.
        finished: Whether it came to its end; else it was asked to stop and can go on.
        resumed_at: The step it went on from; 0 when it began anew.
        best: The figures of `best.pt`; empty without an evaluation.
        best_step: When they were measured.
        problems: What is wrong with the data.
        unreadable: Pictures that could not be decoded.
        val: The pictures that were measured on.
    """

    progress: Progress
    finished: bool
    resumed_at: int
    best: Mapping[str, float]
    best_step: int
    problems: Sequence[DataProblem]
    unreadable: int
    val: DetectionSet

    @property
    def headline(self) -> float:
        """The best headline figure; NaN without one."""
        return float(self.best.get(HEADLINE, float("nan")))


def device_named(name: str) -> torch.device:
    """`auto` takes a GPU when there is one; among several processes each takes its own.

    Raises:
        ConfigError: `cuda` is asked for and there is none.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ConfigError("--device", [ConfigProblem("", "expected an NVIDIA GPU for cuda, but torch sees none here; use --device cpu")])
    return torch.device("cuda", local_rank()) if there and name != "cpu" else torch.device("cpu")


def cpu_threads(wanted: int = 0) -> int:
    """`wanted`, or as many as this process may use."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return wanted or own


def run_training(
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    threads: int,
    watcher: Watcher | None = None,
    team: Team | None = None,
) -> Outcome:
    """Train, or go on where the folder's `last.pt` is.

    Args:
        recipe: The training.
        folder: Where its files are; made when it is not there.
        device: Where the network runs.
        threads: For the network on a CPU; for making samples on a GPU.
        watcher: Is told how it goes.
        team: The processes that share each batch.

    Raises:
        PanopsError: Data, start weights or the folder cannot be used; the loss is no number for long.
    """
    watcher, team = watcher or Watcher(), team or Team()
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if team.rank:
        return _trained(recipe, folder, device, threads, watcher, team)
    with FolderLock(folder):
        _write_inputs(recipe, folder)
        return _trained(recipe, folder, device, threads, watcher, team)


def _write_inputs(recipe: Recipe, folder: Path) -> None:
    try:
        write_recipe(recipe, folder / "recipe.yaml")
    except OSError as error:
        raise PanopsError(f"cannot write to {folder}: {error.strerror}") from error


def _trained(recipe: Recipe, folder: Path, device: torch.device, threads: int, watcher: Watcher, team: Team) -> Outcome:
    prepared = prepare_data(recipe)
    watcher.prepared(prepared)
    network = _start(recipe, prepared, folder, watcher).to(device)
    teacher = prepare_teacher(recipe, prepared)
    log = _Log(recipe, folder, prepared, watcher, writes=team.rank == 0)
    log.write_problems()
    trainer = Trainer(recipe, network, folder, device, teacher.to(device) if teacher else None, log.evaluate(), team)
    resumed = trainer.resume()
    first = trainer.progress.step
    if resumed:
        watcher.say(f"going on at step {first} of {recipe.steps}")
    log.report(trainer.progress, "running", now=True)
    sampling = max(1, threads if device.type == "cuda" else threads // 2)
    try:
        with BatchStream(recipe, prepared.chain, prepared.deck, first, team.rank, team.world, sampling) as batches:
            progress = trainer.run(batches, lambda figures: log.stepped(trainer, figures), watcher.stop)
    except OSError as error:
        log.report(trainer.progress, "broken off", now=True)
        raise PanopsError(
            f"cannot write to {folder}: {error.strerror or error}; start again: it goes on from the last checkpoint"
        ) from error
    except BaseException:
        log.report(trainer.progress, "broken off", now=True)
        raise
    log.report(progress, "finished" if trainer.finished else "stopped", now=True)
    step, best = best_figures(folder)
    return Outcome(progress, trainer.finished, first, best, step, prepared.problems, prepared.cache.unreadable, prepared.val)


def finished_before(recipe: Recipe, folder: Path) -> Outcome | None:
    """How a training ended that is at its end already; None where there is something to train, or another recipe's checkpoint.

    Nothing is opened but the checkpoint and the history, so `val` is empty and `unreadable` is not known.

    Raises:
        ModelUnsupported: The checkpoint is damaged.
    """
    if not (folder / "last.pt").is_file():
        return None
    content = read_checkpoint(folder / "last.pt")
    if "progress" not in content or "recipe" not in content:
        return None  # weights alone
    progress = Progress(**content["progress"])
    if differences(recipe, content["recipe"]) or not is_over(recipe, progress):
        return None
    step, best = best_figures(folder)
    return Outcome(progress, True, progress.step, best, step, (), 0, DetectionSet("val", tuple(recipe.classes), ()))


def best_figures(folder: Path) -> tuple[int, dict[str, float]]:
    """The step and the figures of the evaluation with the best headline; 0 and nothing without one."""
    step, best = 0, dict[str, float]()
    for line in History(folder / "history.jsonl").lines():
        figures = line.get("evaluation")
        if figures and (figures.get(HEADLINE) or 0.0) > best.get(HEADLINE, -1.0):
            step, best = line["step"], {name: value for name, value in figures.items() if value is not None}
    return step, best


def _start(recipe: Recipe, prepared: Prepared, folder: Path, watcher: Watcher) -> DetectorNetwork:
    """The network: with its start weights, or empty where a checkpoint will fill it."""
    if (folder / "last.pt").is_file():
        read_checkpoint(folder / "last.pt")  # a damaged one is told before anything is computed
        network = DetectorNetwork(NetworkShape(recipe.size, tuple(recipe.classes), recipe.activation))
        round_to_eight_bits(network, on=recipe.eight_bits)  # no part of a checkpoint
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # torch's overloads lack this one
    watcher.say("preparing the start weights")
    return prepare_network(recipe, prepared)


class _Log:
    """What is written beside the checkpoints."""

    def __init__(self, recipe: Recipe, folder: Path, prepared: Prepared, watcher: Watcher, *, writes: bool) -> None:
        self._recipe = recipe
        self._folder = folder
        self._prepared = prepared
        self._watcher = watcher
        self._writes = writes
        self._reported_s = 0.0

    def write_problems(self) -> None:
        """Every fault of the data, a line each."""
        path = self._folder / "problems.txt"
        if not self._writes:
            return
        if not self._prepared.problems:
            path.unlink(missing_ok=True)  # of an earlier start, before the data was mended
        else:
            path.write_text("".join(f"{problem}\n" for problem in self._prepared.problems), encoding="utf-8")

    def evaluate(self) -> Any:
        """Measures a network on the recipe's `val`; None without one."""
        if not len(self._prepared.val):
            return None
        validation = Validation(self._prepared.val, self._recipe.input_px, self._recipe.measure, tell=self._watcher.measuring)

        def measured(network: DetectorNetwork) -> Mapping[str, float]:
            figures = validation(network)
            self._watcher.measured(figures)
            return figures

        return measured

    def stepped(self, trainer: Trainer, figures: StepFigures) -> None:
        """Tell it, and renew the report now and then."""
        self._watcher.stepped(figures)
        if self._prepared.cache.unreadable >= len(self._prepared.train):
            raise SourceCorrupt("expected pictures to learn from, but none of them can be decoded; panops data check names each")
        self.report(trainer.progress, "running")

    def report(self, progress: Progress, status: str, *, now: bool = False) -> None:
        """Write the report, at most every few seconds."""
        if not self._writes or (not now and time.monotonic() - self._reported_s < _REPORT_EVERY_S):
            return
        self._reported_s = time.monotonic()
        try:
            write_report(self._folder, self._recipe, progress, status)
        except OSError as error:
            logger.warning("the report cannot be written: %s", error.strerror)
