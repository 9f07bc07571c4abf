"""Learning from a teacher network: its features everywhere, its scores and boxes where nobody labelled.

Fine-tuning on a few thousand pictures forgets first what these pictures do not label: people at large. A teacher that still knows them
says, for every cell, what it sees; where the labels are silent its word is the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from panops.training.assignment import generalised_iou
from panops.training.loss import Grid, Predicted, predicted_of, score_loss
from panops.training.network import DetectorNetwork

# The teacher's box is believed where its best score is above this.
_SURE = 0.2


@dataclass(frozen=True, slots=True)
class DistillationSettings:
    """How much the teacher counts.

    Attributes:
        features: Weight of the neck's features.
        unlabelled: Weight of its scores and boxes for classes that are unlabelled at a place.
        labelled: The same where labels exist.
    """

    features: float = 1.0
    unlabelled: float = 1.0
    labelled: float = 0.0


class Taught(NamedTuple):
    """The teacher's word on a batch."""

    predicted: Predicted
    features: list[Tensor]


class Teacher:
    """A network that is only asked.

    Args:
        network: With its weights; it is put into evaluation mode and stays there.
        classes: The student's classes; those that the teacher does not know are not taught.
        settings: The weights.
    """

    def __init__(self, network: DetectorNetwork, classes: tuple[str, ...], settings: DistillationSettings) -> None:
        self._network = network.eval().requires_grad_(requires_grad=False)
        self._settings = settings
        known = network.shape.classes
        self._own = [index for index, name in enumerate(classes) if name in known]
        self._theirs = [known.index(classes[index]) for index in self._own]

    def to(self, device: torch.device) -> Teacher:
        """Itself, on another device."""
        self._network.to(device)
        return self

    @torch.no_grad()
    def look(self, pictures: Tensor, grid: Grid) -> Taught:
        """What the teacher sees in pictures (B, 3, H, W)."""
        levels, features = self._network.with_features(pictures)
        return Taught(predicted_of(levels, grid), features)

    def loss(self, taught: Taught, predicted: Predicted, features: Sequence[Tensor], known: Tensor) -> Tensor:
        """The distillation term, weights included."""
        total = predicted.boxes.new_zeros(())
        if self._settings.features:
            total = total + self._settings.features * feature_loss(taught.features, features)
        if self._own and (self._settings.unlabelled or self._settings.labelled):
            weight = torch.where(known[..., self._own], self._settings.labelled, self._settings.unlabelled)
            total = total + self._output_loss(taught, predicted, weight)
        return total

    def _output_loss(self, taught: Taught, predicted: Predicted, weight: Tensor) -> Tensor:
        goal = taught.predicted.log_score[..., self._theirs].exp()
        mass = goal.sum().clamp_min(1.0)
        total = (score_loss(predicted.log_score[..., self._own], goal) * weight).sum() / mass
        # Boxes count by the teacher's best score among the classes it is asked for here.
        trust = (goal * weight).amax(dim=2)
        sure = trust > _SURE
        if bool(sure.any()):
            overlap = generalised_iou(predicted.boxes[sure], taught.predicted.boxes[sure])
            total = total + ((1.0 - overlap) * trust[sure]).sum() / trust[sure].sum()
        return total


def feature_loss(teacher: Sequence[Tensor], student: Sequence[Tensor]) -> Tensor:
    """Mean squared difference of the neck's outputs relative to the teacher's power; both are given before their activation.

    Both are sent through SiLU first: far below zero neither activation lets anything pass, so differences there mean nothing.
    """
    parts = []
    for theirs, own in zip(teacher, student, strict=True):
        goal, is_now = functional.silu(theirs.float()), functional.silu(own.float())
        parts.append((goal - is_now).square().mean() / goal.square().mean().clamp_min(1e-6))
    return torch.stack(parts).mean()
