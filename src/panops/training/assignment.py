"""Which cells learn which object: SimOTA (Z. Ge et al., YOLOX, 2021, section 2.2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# A cell may learn an object whose centre is at most this many strides away, also where the box is smaller than that.
_REACH_STRIDES = 2.5
# How many of the best overlaps are summed up to find how many cells an object gets.
_CANDIDATES = 10
_BOX_WEIGHT = 3.0
_OUTSIDE = 1e5


class Assigned(NamedTuple):
    """The cells that learn an object, for one picture.

    Attributes:
        cells: (K,) int64.
        objects: (K,) int64, the object of each of these cells.
        overlap: (K,) the IoU of the cell's box with its object.
    """

    cells: Tensor
    objects: Tensor
    overlap: Tensor


@torch.no_grad()
def assign(boxes: Tensor, class_ids: Tensor, predicted: Tensor, log_score: Tensor, centres: Tensor, strides: Tensor) -> Assigned:
    """Give each object the few cells that already fit it best.

    Args:
        boxes: The objects (M, 4), px.
        class_ids: (M,).
        predicted: Each cell's box (N, 4), px.
        log_score: Logarithm of each cell's score of each class (N, C).
        centres: Each cell's centre (N, 2), px.
        strides: (N,) px.
    """
    nothing = torch.zeros(0, dtype=torch.int64, device=predicted.device)
    if not len(boxes):
        return Assigned(nothing, nothing, predicted.new_zeros(0))
    in_box = ((centres[None] > boxes[:, None, :2]) & (centres[None] < boxes[:, None, 2:])).all(dim=2)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    near = ((centres[None] - middle[:, None]).abs() < _REACH_STRIDES * strides[None, :, None]).all(dim=2)
    candidates = torch.nonzero((in_box | near).any(dim=0)).squeeze(1)
    if not len(candidates):
        return Assigned(nothing, nothing, predicted.new_zeros(0))
    overlap = pairwise_iou(boxes, predicted[candidates])
    class_cost = -log_score[candidates][:, class_ids].T
    cost = class_cost - _BOX_WEIGHT * torch.log(overlap + 1e-8)
    cost = cost + _OUTSIDE * (~(in_box & near)[:, candidates])
    count = overlap.topk(min(_CANDIDATES, len(candidates)), dim=1).values.sum(dim=1).int().clamp_min(1)
    most = int(count.max())
    order = cost.topk(min(most, len(candidates)), dim=1, largest=False).indices
    taken = torch.zeros_like(cost, dtype=torch.bool)
    taken.scatter_(1, order, torch.arange(order.shape[1], device=order.device)[None] < count[:, None])
    # A cell that several objects want goes to the cheapest one.
    wanted = taken.sum(dim=0)
    cheapest = cost.argmin(dim=0)
    several = wanted > 1
    taken[:, several] = False
    taken[cheapest[several], several] = True
    cell = torch.nonzero(taken.any(dim=0)).squeeze(1)
    owner = taken[:, cell].int().argmax(dim=0)
    return Assigned(candidates[cell], owner, overlap[owner, cell])


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union (M, N) of boxes (M, 4) and (N, 4)."""
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    inside = (high - low).clamp_min(0).prod(dim=2)
    union = _area(first)[:, None] + _area(second)[None] - inside
    return inside / union.clamp_min(1e-6)


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """GIoU (N,) of boxes (N, 4) in pairs (H. Rezatofighi et al., 2019): has a slope also where boxes do not touch."""
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    inside = (high - low).clamp_min(0).prod(dim=1)
    union = (_area(first) + _area(second) - inside).clamp_min(1e-6)
    hull = (
        (torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])).clamp_min(0).prod(dim=1).clamp_min(1e-6)
    )
    return inside / union - (hull - union) / hull


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
