"""The rounding of 8 bits against a plain reference, and a training that learns to live with it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn

from panops.training.batches import BatchStream
from panops.training.checkpoint import read_checkpoint
from panops.training.eight_bits import RoundingConv2d, round_to_eight_bits, rounded_values, rounded_weight
from panops.training.loss import detection_loss, grid_of, predicted_of
from panops.training.network import ConvUnit, DetectorNetwork, NetworkShape
from panops.training.prepare import prepare_data, prepare_network
from panops.training.recipe import differences
from panops.training.session import run_training

from .small_data import tiny_recipe
from .test_session import Note
from .test_trainer import trained

NUMBERS = st.floats(-1000, 1000, width=32)


def plain_values(values: np.ndarray) -> np.ndarray:
    """One number at a time, as ONNX's QuantizeLinear and DequantizeLinear do."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    scale = max((high - low) / 255, 1e-12)
    zero = round(-low / scale)
    return np.array([(min(255, max(0, round(float(one) / scale) + zero)) - zero) * scale for one in values.flat]).reshape(values.shape)


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(np.float32, (2, 3, 2, 2), elements=NUMBERS))
def test_values_are_rounded_to_256_levels_with_zero_among_them(values: np.ndarray) -> None:
    got = rounded_values(torch.from_numpy(values)).numpy()
    step = (max(0.0, float(values.max())) - min(0.0, float(values.min()))) / 255
    # A value half-way between two levels may go either way in float32.
    assert np.abs(got - plain_values(values)).max() <= step * 1.01 + 1e-9
    assert np.abs(got - values).max() <= step * 1.01 + 1e-9
    assert len(np.unique(got)) <= 256
    assert rounded_values(torch.zeros(1, 1, 2, 2)).abs().max() == 0


def test_a_quiet_channel_before_a_depthwise_convolution_keeps_its_levels() -> None:
    loud_and_quiet = torch.stack([torch.linspace(0, 100, 64), torch.linspace(0, 0.1, 64)]).reshape(1, 2, 8, 8)
    one_scale, own_scales = rounded_values(loud_and_quiet), rounded_values(loud_and_quiet, each_channel=True)
    assert one_scale[0, 1].abs().max() == 0
    assert (own_scales[0, 1] - loud_and_quiet[0, 1]).abs().max() <= 0.1 / 255 * 0.51
    assert torch.allclose(own_scales[0, 0], one_scale[0, 0])
    depthwise = RoundingConv2d(2, 2, 1, groups=2, bias=False)
    round_to_eight_bits(depthwise)
    torch.nn.init.ones_(depthwise.weight)
    assert torch.allclose(depthwise(loud_and_quiet), own_scales)


def test_each_output_channel_of_a_weight_has_its_own_scale() -> None:
    weight = torch.stack([torch.linspace(-1, 1, 9), torch.linspace(-100, 50, 9)]).reshape(2, 1, 3, 3)
    got = rounded_weight(weight)
    for own, was in zip(got, weight, strict=True):
        step = float(was.abs().max()) / 127
        assert (own - was).abs().max() <= step / 2 * 1.001
        assert torch.allclose((own / step).round() * step, own, rtol=1e-5)


def test_the_gradient_passes_as_if_nothing_were_rounded() -> None:
    convolution = RoundingConv2d(3, 4, 3, padding=1)
    picture = torch.randn(1, 3, 8, 8, requires_grad=True)
    assert round_to_eight_bits(convolution) == 1
    convolution(picture).sum().backward()
    got, weight_grad = picture.grad.clone(), convolution.weight.grad.clone()
    picture.grad = None
    convolution.zero_grad()
    round_to_eight_bits(convolution, on=False)
    convolution(picture).sum().backward()
    # Through the weights: those of the rounded convolution are a little off.
    assert torch.allclose(got, picture.grad, atol=0.05)
    assert torch.allclose(weight_grad, convolution.weight.grad, atol=0.05 * float(weight_grad.abs().max()))


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_all_convolutions_of_a_network_round_and_a_checkpoint_does_not_change(precision: str) -> None:
    torch.manual_seed(0)
    network = DetectorNetwork(NetworkShape("nano", ("red",))).eval()
    keys = list(network.state_dict())
    pictures = torch.rand(1, 3, 64, 64) * 255
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        plain = network.with_features(pictures)[1][0]
        count = round_to_eight_bits(network)
        rounded = network.with_features(pictures)[1][0]
        round_to_eight_bits(network, on=False)
        assert torch.equal(network.with_features(pictures)[1][0], plain)
    assert count == sum(isinstance(module, torch.nn.Conv2d) for module in network.modules())
    assert 0.001 < float((rounded - plain).float().abs().mean() / plain.float().abs().mean()) < 0.2
    assert list(network.state_dict()) == keys


def test_a_recipe_switches_it_on_and_its_checkpoints_are_of_another_training(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, eight_bits=True)
    rounding = [one for one in prepare_network(recipe, prepare_data(recipe)).modules() if isinstance(one, RoundingConv2d)]
    assert rounding
    assert all(one.eight_bits for one in rounding)
    assert differences(recipe, tiny_recipe(tmp_path).model_dump(mode="json")) == ["eight_bits is True, was False"]


def test_each_step_of_a_training_learns_from_the_rounded_network(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, pictures=4, eight_bits=True, data={"train": ["train.json"]})
    _, (step,) = trained(recipe, tmp_path / "out")
    prepared = prepare_data(recipe)
    network = prepare_network(recipe, prepared).train()
    with BatchStream(recipe, prepared.chain, prepared.deck, 0) as batches:
        pictures, targets = batches.next()
    score = {}
    for rounded in (False, True):
        round_to_eight_bits(network, on=rounded)
        levels = network(pictures.float().contiguous(memory_format=torch.channels_last))
        grid = grid_of(levels)
        score[rounded] = float(detection_loss(predicted_of(levels, grid), grid, targets).score.detach())
    # A value half-way between two levels may go either way; that moves the loss far less than the rounding itself.
    assert abs(step.losses["score"] - score[True]) < 0.1 * abs(score[True] - score[False])


@pytest.mark.parametrize("seed", [1, 2])
def test_a_training_with_rounding_makes_a_network_that_bears_it_better(seed: int) -> None:
    """In a small network, which learns something within seconds, and in which rounding harms much.

    Half of its channels are made 256 times as loud as the others, and the weights behind them smaller by as much: that changes nothing but
    what one scale for all leaves of the quiet ones.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    network = nn.Sequential(ConvUnit(3, 16, 3), ConvUnit(16, 16, 3, groups=16), ConvUnit(16, 16, 1), RoundingConv2d(16, 2, 1))
    _learn(network, 300, 1e-2, seed)
    loudness = 2.0 ** torch.tensor([4.0, -4.0] * 8)
    with torch.no_grad():
        network[1].norm.weight *= loudness
        network[1].norm.bias *= loudness
        network[2].conv.weight /= loudness[:, None, None]
    plain, rounding = deepcopy(network), deepcopy(network)
    round_to_eight_bits(rounding)
    for one in (plain, rounding):
        _learn(one, 200, 3e-3, seed + 100)
    round_to_eight_bits(plain)
    # Of twenty seeds the worst had a fifth; without the rounding in the loop both are the same.
    assert _error(rounding) < 0.4 * _error(plain)


def _edges_and_reds(pictures: torch.Tensor) -> torch.Tensor:
    """What the small network learns to see in (B, 3, H, W): (B, 2, H, W)."""
    grey = pictures.mean(1, keepdim=True)
    edges = (grey - nn.functional.avg_pool2d(grey, 3, 1, 1)).abs()
    return torch.cat([edges, (pictures[:, 2:] - pictures[:, :1]).clamp_min(0)], 1)


def _learn(network: nn.Module, steps: int, rate: float, seed: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    network.train()
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
        pictures = torch.rand(8, 3, 12, 12, generator=chance)
        optimiser.zero_grad()
        (network(pictures) - _edges_and_reds(pictures)).square().mean().backward()
        optimiser.step()


@torch.no_grad()
def _error(network: nn.Module) -> float:
    """Mean square on pictures it has not seen, relative to what is to be told apart: 1 is what a network that says always the same has."""
    pictures = torch.rand(64, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    wanted = _edges_and_reds(pictures)
    return float((network.eval()(pictures) - wanted).square().mean() / wanted.var())


def test_stopped_and_gone_on_it_rounds_as_before(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, eight_bits=True, pictures=24, save_every=8)
    run_training(recipe, tmp_path / "whole", torch.device("cpu"), 1)
    run_training(recipe, tmp_path / "twice", torch.device("cpu"), 1, Note(stop_at=2))
    assert read_checkpoint(tmp_path / "twice" / "last.pt")["progress"]["step"] < recipe.steps
    run_training(recipe, tmp_path / "twice", torch.device("cpu"), 1)
    whole, twice = (read_checkpoint(tmp_path / name / "last.pt")["model"] for name in ("whole", "twice"))
    assert all(torch.equal(whole[key], twice[key]) for key in whole)
