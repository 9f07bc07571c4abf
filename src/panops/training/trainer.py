"""The training loop. Read `step` first: pictures -> network -> loss -> optimiser -> averaged weights."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from panops.domain.errors import ModelUnsupported
from panops.training.average import WeightAverage
from panops.training.batches import BatchStream
from panops.training.checkpoint import read_checkpoint, shape_fields, write_checkpoint
from panops.training.distillation import Teacher
from panops.training.history import History
from panops.training.loss import detection_loss, grid_of, predicted_of
from panops.training.network import DetectorNetwork, LevelMaps
from panops.training.precision import has_bfloat16
from panops.training.processes import Team
from panops.training.recipe import Recipe, differences
from panops.training.sample import TargetBatch

logger = logging.getLogger(__name__)

# The rate at the end of the cosine, as a share of the highest.
_LAST_RATE = 0.03
# So many steps in a row without a finite loss mean that the training is lost.
_MOST_BAD_STEPS = 20


class TrainingLost(ModelUnsupported):
    """The loss is not a number for many steps in a row: these settings lead nowhere."""


Evaluate = Callable[[DetectorNetwork], Mapping[str, float]]
# The figure that decides which checkpoint is the best one.
HEADLINE = "headline"


@dataclass(slots=True)
class Progress:
    """Where a training is; part of every checkpoint.

    Attributes:
        step: Steps done.
        best: The best headline figure so far.
        evaluations_since_best: For early stopping.
        skipped: Steps whose loss was not finite.
    """

    step: int = 0
    best: float = -1.0
    evaluations_since_best: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class StepFigures:
    """What a step gave, for people: the losses and the speed."""

    step: int
    steps: int
    losses: Mapping[str, float] = field(default_factory=dict)
    pictures_per_s: float = 0.0


class WithFeatures(nn.Module):
    """The network as a module whose `forward` also gives the features, so that several GPUs' wrapper can be put around it."""

    def __init__(self, network: DetectorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[list[LevelMaps], list[Tensor]]:
        """As `DetectorNetwork.with_features`."""
        return self.network.with_features(pictures)


class Trainer:
    """One training, from any step on.

    Args:
        recipe: What to do.
        network: With its start weights, on the device.
        folder: Where `last.pt`, `best.pt` and the history go.
        device: Where it runs.
        teacher: Whose word counts where labels are silent.
        evaluate: Measures the averaged weights; figures by name, `HEADLINE` among them. Only the first process of several measures.
        team: The processes that share each batch; only the first one writes.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: DetectorNetwork,
        folder: Path,
        device: torch.device,
        teacher: Teacher | None = None,
        evaluate: Evaluate | None = None,
        team: Team | None = None,
    ) -> None:
        self.recipe = recipe
        self.progress = Progress()
        self._network = network
        self._folder = folder
        self._device = device
        self._teacher = teacher
        self._evaluate = evaluate
        self._team = team or Team()
        self._writes = self._team.rank == 0
        self._bad_steps = 0
        self._halves = recipe.precision == "bf16" and has_bfloat16(device)
        self._module = self._team.wrapped(WithFeatures(network))
        # Over about a tenth of the training the average forgets its start.
        self._average = WeightAverage(network, recipe.average_decay, warm_steps=max(1.0, min(2000.0, recipe.steps / 20)))
        self._optimiser = torch.optim.AdamW(parameter_groups(network, recipe.weight_decay), lr=recipe.learning_rate)
        self._history = History(folder / "history.jsonl")

    @property
    def averaged(self) -> WeightAverage:
        """The averaged weights."""
        return self._average

    def resume(self) -> bool:
        """Go on from `last.pt` when there is one.

        Raises:
            ModelUnsupported: It belongs to another recipe.
        """
        path = self._folder / "last.pt"
        if not path.is_file():
            # What a training wrote that was killed before its first checkpoint.
            if self._writes:
                self._history.cut(0)
            return False
        content = read_checkpoint(path)
        other = differences(self.recipe, content["recipe"])
        if other:
            raise ModelUnsupported(
                f"{path}: expected the checkpoint of this recipe, got one of another ({'; '.join(other)});"
                " train into another folder (from these weights: with `start` in the recipe), or start anew with --restart"
            )
        self._network.load_state_dict(content["model"])
        self._average.load(content["ema"], content["ema_steps"])
        self._optimiser.load_state_dict(content["optimiser"])
        self.progress = Progress(**content["progress"])
        if self._writes:
            self._history.cut(self.progress.step)
        return True

    def run(
        self,
        batches: BatchStream,
        tell: Callable[[StepFigures], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Progress:
        """Train to the end, or until no evaluation gets better for `patience` times, or until it is asked to stop.

        Args:
            batches: From the step on where the training is.
            tell: Called after every step.
            stop: Asked after every step; True saves where the training is and ends it.

        Raises:
            TrainingLost: The loss is not finite for many steps in a row.
        """
        save_steps = max(1, self.recipe.save_every // self.recipe.batch)
        evaluate_steps = max(1, self.recipe.evaluate_every // self.recipe.batch)
        while not self.finished:
            started_s = time.monotonic()
            pictures, targets = batches.next()
            losses = self.step(pictures, targets)
            speed = self.recipe.batch / max(1e-9, time.monotonic() - started_s)
            tell(StepFigures(self.progress.step, self.recipe.steps, losses, speed))
            if self._writes:
                self._history.step(self.progress.step, losses, speed)
            done = self.progress.step == self.recipe.steps
            if done or self.progress.step % evaluate_steps == 0:
                self._measure()
            stopped = bool(self._team.largest(int(stop())))
            if done or stopped or self.progress.step % save_steps == 0 or self.finished:
                self._save("last.pt")
            if stopped:
                break
        return self.progress

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or nothing got better for long enough."""
        return is_over(self.recipe, self.progress)

    def step(self, pictures: Tensor, targets: TargetBatch) -> dict[str, float]:
        """One step on a batch (B, 3, H, W) uint8; gives the parts of the loss."""
        recipe = self.recipe
        self._set_rate()
        # Not for a GPU alone: oneDNN's depthwise convolutions are faster channels last, too.
        pixels = pictures.to(self._device).float().contiguous(memory_format=torch.channels_last)
        targets = targets.to(self._device)
        self._module.train()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._halves):
            levels, features = self._module(pixels)
            grid = grid_of(levels)
            taught = self._teacher.look(pixels, grid) if self._teacher else None
        predicted = predicted_of(levels, grid)
        parts = detection_loss(predicted, grid, targets)
        loss = parts.score + recipe.box_weight * parts.box
        figures = {"score": float(parts.score.detach()), "box": float(parts.box.detach()), "cells": float(parts.cells)}
        if self._team.world > 1:
            # As in one process, where every object's cell of the whole batch weighs the same; and no parameter is ever without gradient.
            loss = loss * (max(1, parts.cells) / self._team.mean(max(1, parts.cells))) + 0.0 * predicted.boxes.sum()
        if self._teacher and taught:
            distilled = self._teacher.loss(taught, predicted, features, targets.known)
            figures["distil"] = float(distilled.detach())
            loss = loss + distilled
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), recipe.clip_norm)
        figures["gradient"] = float(norm)
        figures["rate"] = self._optimiser.param_groups[0]["lr"]
        if math.isfinite(figures["gradient"]):
            self._optimiser.step()
            self._average.update()
            self._bad_steps = 0
        else:
            self._skip()
        self.progress.step += 1
        return figures

    def _skip(self) -> None:
        """Leave a step out whose loss or gradient is no number, and mend the statistics that its activations may have spoilt."""
        self.progress.skipped += 1
        for name, values in self._network.named_buffers():
            if values.is_floating_point() and not bool(torch.isfinite(values).all()):
                values.copy_(self._average.state[name])
        self._bad_steps += 1
        if self._bad_steps >= _MOST_BAD_STEPS:
            raise TrainingLost(
                f"the loss is not a number for {_MOST_BAD_STEPS} steps in a row:"
                " lower learning_rate, or set precision: float32, and train again"
            )

    def _set_rate(self) -> None:
        rate = learning_rate(self.recipe, self.progress.step)
        for group in self._optimiser.param_groups:
            group["lr"] = rate

    def _measure(self) -> None:
        """Evaluate the averaged weights; keep them as `best.pt` when they are the best so far."""
        if self._evaluate is None:
            return
        if self._writes:
            self._measure_here()
        # The processes agree on when to stop.
        self.progress.evaluations_since_best = self._team.largest(self.progress.evaluations_since_best if self._writes else 0)

    def _measure_here(self) -> None:
        if self._evaluate is None:
            return
        network = DetectorNetwork(self._network.shape).to(self._device)
        network.load_state_dict(self._average.state)
        figures = self._evaluate(network.eval())
        self._history.evaluation(self.progress.step, figures)
        headline = figures.get(HEADLINE, float("nan"))
        if headline > self.progress.best:
            self.progress.best = headline
            self.progress.evaluations_since_best = 0
            self._save("best.pt")
        else:
            self.progress.evaluations_since_best += 1

    def _save(self, name: str) -> None:
        if not self._writes:
            return
        progress = self.progress
        content: dict[str, Any] = {
            "recipe": self.recipe.model_dump(mode="json"),
            "shape": shape_fields(self._network.shape),
            "model": self._network.state_dict(),
            "ema": self._average.state,
            "ema_steps": self._average.steps,
            "optimiser": self._optimiser.state_dict(),
            "progress": {name: getattr(progress, name) for name in Progress.__slots__},
        }
        write_checkpoint(self._folder / name, content)


def is_over(recipe: Recipe, progress: Progress) -> bool:
    """Whether a training is at its end: all steps are done, or nothing got better for long enough."""
    return progress.step >= recipe.steps or (recipe.patience > 0 and progress.evaluations_since_best >= recipe.patience)


def learning_rate(recipe: Recipe, step: int) -> float:
    """The rate of a step: straight up while warming, then half a cosine down."""
    highest = recipe.learning_rate * math.sqrt(recipe.batch / 16)
    warm = recipe.warm_pictures / recipe.batch
    if step < warm:
        return highest * (step + 1) / (warm + 1)
    done = min(1.0, (step - warm) / max(1.0, recipe.steps - warm))
    return highest * (_LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * done)))


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights of convolutions decay; biases and normalisations do not."""
    decayed = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    free = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
