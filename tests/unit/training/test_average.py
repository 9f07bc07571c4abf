"""The averaged weights."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch
from torch import nn

from panops.training.average import WeightAverage


def test_follows_as_the_formula_says() -> None:
    network = nn.BatchNorm1d(1)
    average = WeightAverage(network, decay=0.9, warm_steps=5.0)
    expected = 1.0
    for step in range(1, 8):
        with torch.no_grad():
            network.weight.fill_(step)
        network.num_batches_tracked += 1
        average.update()
        keep = 0.9 * (1 - math.exp(-step / 5.0))
        expected = keep * expected + (1 - keep) * step
        assert float(average.state["weight"]) == pytest.approx(expected, rel=1e-5)
    assert int(average.state["num_batches_tracked"]) == 7  # counters are copied


def test_goes_on_exactly_from_a_checkpoint() -> None:
    network = nn.Linear(3, 3)
    whole = WeightAverage(network, 0.99, 10.0)
    whole.update()
    resumed = WeightAverage(nn.Linear(3, 3), 0.99, 10.0)
    resumed.load(whole.state, whole.steps)
    resumed._network = network
    with torch.no_grad():
        network.weight.mul_(2.0)
    whole.update()
    resumed.update()
    assert all(torch.equal(whole.state[key], resumed.state[key]) for key in whole.state)
