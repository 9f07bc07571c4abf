"""SimOTA against a plain version that follows the paper with loops."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.training.assignment import assign, generalised_iou, pairwise_iou
from panops.training.sample import cell_centres


def plain_iou(first: np.ndarray, second: np.ndarray) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    inside = max(0.0, width) * max(0.0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return inside / max(1e-6, sum(areas) - inside)


def plain_assign(
    boxes: np.ndarray, class_ids: np.ndarray, predicted: np.ndarray, log_score: np.ndarray, centres: np.ndarray, strides: np.ndarray
) -> dict[int, int]:
    """Cell -> object: Ge et al. 2021, section 2.2, "SimOTA"."""
    candidates = []
    for cell, (x, y) in enumerate(centres):
        for box in boxes:
            reach = 2.5 * strides[cell]
            middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            inside = box[0] < x < box[2] and box[1] < y < box[3]
            near = abs(x - middle[0]) < reach and abs(y - middle[1]) < reach
            if inside or near:
                candidates.append(cell)
                break
    cost: dict[tuple[int, int], float] = {}
    wanted: dict[int, list[int]] = {}
    for index, box in enumerate(boxes):
        overlaps = sorted((plain_iou(box, predicted[cell]) for cell in candidates), reverse=True)
        count = max(1, int(np.float32(sum(overlaps[:10]))))
        for cell in candidates:
            x, y = centres[cell]
            reach = 2.5 * strides[cell]
            middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            both = box[0] < x < box[2] and box[1] < y < box[3] and abs(x - middle[0]) < reach and abs(y - middle[1]) < reach
            overlap = plain_iou(box, predicted[cell])
            cost[index, cell] = -log_score[cell, class_ids[index]] - 3.0 * np.log(overlap + 1e-8) + (0.0 if both else 1e5)
        for cell in sorted(candidates, key=lambda cell, index=index: cost[index, cell])[:count]:
            wanted.setdefault(cell, []).append(index)
    # A cell that several objects want goes to the one that is cheapest for it.
    return {
        cell: (owners[0] if len(owners) == 1 else min(range(len(boxes)), key=lambda index, cell=cell: cost[index, cell]))
        for cell, owners in wanted.items()
    }


@given(st.integers(0, 100_000), st.integers(1, 6))
@settings(max_examples=40)
def test_agrees_with_the_plain_version(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    centres = cell_centres((64, 64))
    strides = np.repeat([8.0, 16.0, 32.0], [64, 16, 4]).astype(np.float32)
    low = rng.uniform(0, 50, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(4, 40, (count, 2))], axis=1).astype(np.float32)
    half = rng.uniform(3, 25, (len(centres), 2))
    middle = centres + rng.normal(0, 4, centres.shape)
    predicted = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
    log_score = np.log(rng.uniform(0.01, 0.99, (len(centres), 3))).astype(np.float32)
    class_ids = rng.integers(0, 3, count)

    found = assign(*(torch.from_numpy(values) for values in (boxes, class_ids, predicted, log_score, centres, strides)))

    assert dict(zip(found.cells.tolist(), found.objects.tolist(), strict=True)) == plain_assign(
        boxes, class_ids, predicted, log_score, centres, strides
    )
    for cell, owner, overlap in zip(found.cells.tolist(), found.objects.tolist(), found.overlap.tolist(), strict=True):
        assert overlap == pytest.approx(plain_iou(boxes[owner], predicted[cell]), abs=1e-5)


def test_no_object_gets_no_cell() -> None:
    centres = torch.from_numpy(cell_centres((64, 64)))
    nothing = assign(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(84, 4), torch.zeros(84, 2), centres, torch.ones(84))
    assert [len(part) for part in nothing] == [0, 0, 0]


def test_an_object_outside_of_all_cells_gets_none() -> None:
    centres = torch.from_numpy(cell_centres((64, 64)))
    far = torch.tensor([[900.0, 900.0, 910.0, 910.0]])
    found = assign(far, torch.zeros(1, dtype=torch.int64), torch.zeros(84, 4), torch.zeros(84, 2), centres, torch.ones(84))
    assert len(found.cells) == 0


@given(st.integers(0, 100_000))
@settings(max_examples=25)
def test_overlaps_agree_with_their_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 50, (2, 5, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 40, (2, 5, 2))], axis=2).astype(np.float32)
    first, second = (torch.from_numpy(part) for part in boxes)
    plain = np.array([[plain_iou(one, other) for other in boxes[1]] for one in boxes[0]])
    assert pairwise_iou(first, second).numpy() == pytest.approx(plain, abs=1e-5)
    for index, (a, b) in enumerate(zip(boxes[0], boxes[1], strict=True)):
        hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
        union = ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) / (1 + plain[index, index])
        expected = plain[index, index] - (hull - union) / hull
        assert float(generalised_iou(first, second)[index]) == pytest.approx(expected, abs=1e-4)
