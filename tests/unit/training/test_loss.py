"""What is unknown has no say in the loss."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from panops.training.loss import Grid, Predicted, detection_loss, grid_of, predicted_of, score_loss
from panops.training.network import LevelMaps
from panops.training.sample import ALL_CLASSES, Region, Sample, TargetBatch, collate

SIDE = 64
CLASSES = 3


def maps(seed: int) -> list[LevelMaps]:
    generator = torch.Generator().manual_seed(seed)
    made = []
    for stride in (8, 16, 32):
        side = SIDE // stride
        box, objectness, classes = (torch.randn(1, channels, side, side, generator=generator) for channels in (4, 1, CLASSES))
        made.append(LevelMaps(box.requires_grad_(), objectness.requires_grad_(), classes.requires_grad_()))
    return made


def sample(
    boxes: list[list[float]],
    class_ids: list[int],
    labelled: list[bool],
    ignored: list[list[float]] | None = None,
    ignored_class: list[int] | None = None,
) -> Sample:
    return Sample(
        np.zeros((SIDE, SIDE, 3), np.uint8),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(class_ids, np.int64),
        np.array(ignored or [], np.float32).reshape(-1, 4),
        np.array(ignored_class or [], np.int64),
        [Region(np.array([0, 0, SIDE, SIDE], np.float32), np.array(labelled))],
    )


def score_gradient(one: Sample, seed: int = 0) -> torch.Tensor:
    """D loss / d log score, (cells, classes)."""
    levels = maps(seed)
    grid = grid_of(levels)
    predicted = predicted_of(levels, grid)
    leaf = Predicted(predicted.boxes.detach(), predicted.log_score.detach().requires_grad_())
    _, targets = collate([one], CLASSES)
    parts = detection_loss(leaf, grid, targets)
    parts.score.backward()
    assert leaf.log_score.grad is not None
    return leaf.log_score.grad[0]


@given(st.lists(st.floats(-30, 0), min_size=1, max_size=20), st.integers(0, 1000))
def test_score_loss_is_binary_cross_entropy(values: list[float], seed: int) -> None:
    # Above 1 - 1e-6 it is cut so that it stays finite, and there torch's own would be infinite.
    log_score = torch.tensor(values, dtype=torch.float64).clamp_max(-1e-5)
    goal = torch.rand(len(values), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    assert score_loss(log_score, goal) == pytest.approx(functional.binary_cross_entropy(log_score.exp(), goal, reduction="none"), rel=1e-6)


def test_a_sure_score_has_a_finite_loss_and_gradient() -> None:
    log_score = torch.zeros(2, requires_grad=True)
    loss = score_loss(log_score, torch.tensor([0.0, 1.0])).sum()
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(log_score.grad).all()


@given(st.integers(0, 1000), st.sets(st.integers(0, CLASSES - 1)))
@settings(max_examples=20)
def test_an_unknown_class_without_objects_never_gets_a_gradient(seed: int, unknown: set[int]) -> None:
    known = [index for index in range(CLASSES) if index not in unknown]
    boxes = [[10.0, 10.0, 40.0, 40.0]] if known else []
    gradient = score_gradient(sample(boxes, known[:1], [index not in unknown for index in range(CLASSES)]), seed)
    for index in range(CLASSES):
        assert bool(gradient[:, index].abs().sum() > 0) == (index not in unknown)


@given(st.integers(0, 1000))
@settings(max_examples=15)
def test_what_the_network_says_of_an_unknown_class_changes_no_loss(seed: int) -> None:
    levels = maps(seed)
    grid = grid_of(levels)
    predicted = predicted_of(levels, grid)
    _, targets = collate([sample([[5.0, 5.0, 30.0, 30.0]], [0], [True, True, False])], CLASSES)
    before = detection_loss(predicted, grid, targets)
    other = predicted.log_score.clone()
    other[..., 2] = -torch.rand(other.shape[:2]) * 5
    after = detection_loss(Predicted(predicted.boxes, other), grid, targets)
    assert torch.equal(before.score, after.score)
    assert torch.equal(before.box, after.box)


@pytest.mark.parametrize(
    ("name", "ignored_class", "touched"),
    [("a crowd or a rider: one class", 1, [1]), ("an object cut off by the crop: its class", 2, [2]), ("anything", ALL_CLASSES, [0, 1, 2])],
)
def test_ignored_places_push_nothing_down(name: str, ignored_class: int, touched: list[int]) -> None:
    place = [16.0, 16.0, 48.0, 48.0]
    gradient = score_gradient(sample([], [], [True] * CLASSES, [place], [ignored_class]))
    grid = grid_of(maps(0))
    inside = ((grid.centres >= 16) & (grid.centres < 48)).all(dim=1)
    assert inside.any(), name
    for index in range(CLASSES):
        assert bool((gradient[inside, index] == 0).all()) == (index in touched), name
        assert bool((gradient[~inside, index] != 0).all()), name


def test_an_object_in_an_ignored_place_is_still_learnt() -> None:
    box = [16.0, 16.0, 48.0, 48.0]
    gradient = score_gradient(sample([box], [1], [True] * CLASSES, [box], [1]))
    centres = grid_of(maps(0)).centres
    inside = gradient[((centres >= 16) & (centres < 48)).all(dim=1), 1]
    assert 1 <= int((inside != 0).sum()) < len(inside)  # its own cells and no others


def test_padding_is_known_to_be_empty() -> None:
    one = sample([], [], [False] * CLASSES)
    one.regions = [Region(np.array([0, 0, 32, SIDE], np.float32), np.zeros(CLASSES, bool))]
    gradient = score_gradient(one)
    left = grid_of(maps(0)).centres[:, 0] < 32
    assert bool((gradient[left] == 0).all())
    assert bool((gradient[~left] > 0).all())


def test_the_better_box_has_the_lower_loss_and_the_higher_goal() -> None:
    grid = Grid(torch.tensor([[32.0, 32.0]]), torch.tensor([8.0]))
    targets = TargetBatch([torch.tensor([[20.0, 20.0, 44.0, 44.0]])], [torch.tensor([0])], torch.ones(1, 1, 1, dtype=torch.bool))

    def parts(box: list[float]) -> tuple[float, float]:
        log_score = torch.full((1, 1, 1), -1.0, requires_grad=True)
        made = detection_loss(Predicted(torch.tensor([[box]]), log_score), grid, targets)
        made.score.backward()
        assert log_score.grad is not None
        return float(made.box), float(log_score.grad)

    good, bad = parts([20, 20, 44, 44]), parts([26, 26, 60, 60])
    assert good[0] == pytest.approx(0.0, abs=1e-5)
    assert bad[0] > 0.3
    assert good[1] < bad[1]


def test_raw_maps_are_read_as_the_live_path_reads_them() -> None:
    """An offset of (dx, dy) strides from the cell's left top corner, and the logarithm of the size in strides."""
    levels = maps(3)
    predicted = predicted_of(levels, grid_of(levels))
    raw = levels[1].box[0, :, 2, 1].detach()
    middle = ((1 + raw[0]) * 16, (2 + raw[1]) * 16)
    size = raw[2:].exp() * 16
    row = 64 + 2 * 4 + 1
    expected = torch.stack([middle[0] - size[0] / 2, middle[1] - size[1] / 2, middle[0] + size[0] / 2, middle[1] + size[1] / 2])
    assert predicted.boxes[0, row].detach().numpy() == pytest.approx(expected.numpy(), abs=1e-3)
    score = levels[1].objectness[0, 0, 2, 1].sigmoid() * levels[1].classes[0, :, 2, 1].sigmoid()
    assert predicted.log_score[0, row].exp().detach().numpy() == pytest.approx(score.detach().numpy(), abs=1e-5)
