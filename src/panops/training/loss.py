"""What training makes small: wrong scores where the labels are known, and wrong boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from panops.training.assignment import assign, generalised_iou
from panops.training.network import STRIDES, LevelMaps
from panops.training.sample import TargetBatch

# Keeps log(1 - p) finite for float32.
_NEARLY_ONE = 1.0 - 1e-6
_LARGEST_LOG_SIZE = 8.0


class Grid(NamedTuple):
    """The cells of one input size.

    Attributes:
        centres: (N, 2) px.
        strides: (N,) px.
    """

    centres: Tensor
    strides: Tensor


class Predicted(NamedTuple):
    """The head's maps as rows, float32.

    Attributes:
        boxes: (B, N, 4) px.
        log_score: (B, N, C), the logarithm of class times objectness.
    """

    boxes: Tensor
    log_score: Tensor


class LossParts(NamedTuple):
    """The sum that is minimised is `score + box_weight * box`.

    Attributes:
        score: Cross entropy of the scores, per object cell.
        box: 1 - GIoU, mean over the object cells.
        cells: How many cells learn an object.
    """

    score: Tensor
    box: Tensor
    cells: int


def grid_of(levels: Sequence[LevelMaps]) -> Grid:
    """The cells that belong to these maps."""
    centres, strides = [], []
    for level, stride in zip(levels, STRIDES, strict=True):
        height, width = level.box.shape[2:]
        device = level.box.device
        y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
        centres.append((torch.stack([x.reshape(-1), y.reshape(-1)], dim=1) + 0.5) * stride)
        strides.append(torch.full((height * width,), float(stride), device=device))
    return Grid(torch.cat(centres), torch.cat(strides))


def predicted_of(levels: Sequence[LevelMaps], grid: Grid) -> Predicted:
    """Boxes in px and scores of every cell. A raw box is an offset from the cell's left top corner and the logarithm of the size."""

    def rows(maps: Sequence[Tensor]) -> Tensor:
        return torch.cat([one.float().flatten(2) for one in maps], dim=2).transpose(1, 2)

    raw = rows([level.box for level in levels])
    objectness, classes = rows([level.objectness for level in levels]), rows([level.classes for level in levels])
    step = grid.strides[None, :, None]
    centre = grid.centres[None] + (raw[..., :2] - 0.5) * step
    half = torch.exp(raw[..., 2:].clamp_max(_LARGEST_LOG_SIZE)) * step / 2
    log_score = functional.logsigmoid(objectness) + functional.logsigmoid(classes)
    return Predicted(torch.cat([centre - half, centre + half], dim=2), log_score)


def detection_loss(predicted: Predicted, grid: Grid, targets: TargetBatch) -> LossParts:
    """The loss of one batch.

    The score of the object's class is to become the IoU of its box, every other *known* score zero; what is unknown has no say.
    """
    goal = torch.zeros_like(predicted.log_score)
    known = targets.known
    found_boxes, true_boxes = [], []
    count = 0
    known = known.clone()
    for index, (boxes, class_ids) in enumerate(zip(targets.boxes, targets.class_ids, strict=True)):
        matched = assign(boxes, class_ids, predicted.boxes[index], predicted.log_score[index], grid.centres, grid.strides)
        if not len(matched.cells):
            continue
        classes = class_ids[matched.objects]
        goal[index, matched.cells, classes] = matched.overlap.clamp(0, 1)
        known[index, matched.cells, classes] = True
        found_boxes.append(predicted.boxes[index][matched.cells])
        true_boxes.append(boxes[matched.objects])
        count += len(matched.cells)
    share = max(1, count)
    score = (score_loss(predicted.log_score, goal) * known).sum() / share
    if not count:
        return LossParts(score, score.new_zeros(()), 0)
    box = (1.0 - generalised_iou(torch.cat(found_boxes), torch.cat(true_boxes))).sum() / share
    return LossParts(score, box, count)


def score_loss(log_score: Tensor, goal: Tensor) -> Tensor:
    """Binary cross entropy of scores given as logarithms, element by element."""
    score = log_score.exp().clamp_max(_NEARLY_ONE)
    return -(goal * log_score + (1.0 - goal) * torch.log1p(-score))
