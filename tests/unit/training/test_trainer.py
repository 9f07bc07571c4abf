"""The loop: rates, skipped steps, early stopping, and going on where it was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch

from panops.domain.errors import ModelUnsupported
from panops.training.batches import BatchStream
from panops.training.checkpoint import read_checkpoint
from panops.training.history import History
from panops.training.network import DetectorNetwork
from panops.training.prepare import prepare_data, prepare_network
from panops.training.recipe import Recipe
from panops.training.trainer import HEADLINE, StepFigures, Trainer, learning_rate

from .small_data import tiny_recipe

CPU = torch.device("cpu")


def trained(recipe: Recipe, folder: Path, figures: list[float] | None = None, stop_at: int = 0) -> tuple[Trainer, list[StepFigures]]:
    """A training from wherever `folder` is; `figures` are the headlines of its evaluations."""
    torch.set_num_threads(1)
    prepared = prepare_data(recipe)
    wanted = iter(figures or [])

    def evaluate(_: DetectorNetwork) -> Mapping[str, float]:
        return {HEADLINE: next(wanted)}

    trainer = Trainer(recipe, prepare_network(recipe, prepared), folder, CPU, evaluate=evaluate if figures is not None else None)
    trainer.resume()
    told: list[StepFigures] = []
    with BatchStream(recipe, prepared.chain, prepared.deck, trainer.progress.step) as batches:
        trainer.run(batches, told.append, lambda: bool(stop_at) and trainer.progress.step >= stop_at)
    return trainer, told


def weights(folder: Path) -> Mapping[str, torch.Tensor]:
    content = read_checkpoint(folder / "last.pt")
    return {f"{part}.{key}": value for part in ("model", "ema") for key, value in content[part].items()}


def test_the_rate_warms_up_and_falls_as_a_cosine(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, pictures=400, batch=4, warm_pictures=40, learning_rate=1e-3)
    rates = [learning_rate(recipe, step) for step in range(recipe.steps + 1)]
    highest = 1e-3 * math.sqrt(4 / 16)
    assert rates[:10] == sorted(rates[:10])
    assert rates[0] == pytest.approx(highest / 11)
    assert max(rates) == pytest.approx(highest)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(highest * (0.03 + 0.97 * 0.5))
    assert rates[100] == pytest.approx(highest * 0.03)


def test_training_makes_the_boxes_fit(tmp_path: Path) -> None:
    still = {"mosaic": 0, "zoom": [1, 1], "colour": 0, "contrast": 0, "codec": 0, "flip": False}
    recipe = tiny_recipe(tmp_path, count=4, pictures=80, learning_rate=1e-2, augment=still)
    _, told = trained(recipe, tmp_path / "out")
    boxes = [step.losses["box"] for step in told]
    assert len(told) == 20
    assert sum(boxes[-3:]) < 0.8 * sum(boxes[:3])


def test_stopped_and_gone_on_gives_the_same_weights(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, data={"train": ["train.json"]})
    trained(recipe, tmp_path / "whole")
    trained(recipe, tmp_path / "parts", stop_at=1)
    trained(recipe, tmp_path / "parts", stop_at=4)
    trained(recipe, tmp_path / "parts")
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(value, parts[key]) for key, value in whole.items())


def test_a_finished_training_stays_as_it_is(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, data={"train": ["train.json"]}, pictures=8)
    trained(recipe, tmp_path / "out")
    before = (tmp_path / "out" / "last.pt").read_bytes()
    _, told = trained(recipe, tmp_path / "out")
    assert not told
    assert (tmp_path / "out" / "last.pt").read_bytes() == before


def test_another_recipe_is_refused_and_its_difference_told(tmp_path: Path) -> None:
    trained(tiny_recipe(tmp_path, pictures=4), tmp_path / "out")
    with pytest.raises(ModelUnsupported, match=r"seed is 7, was 1.*--restart"):
        trained(tiny_recipe(tmp_path, pictures=4, seed=7), tmp_path / "out")


def test_stops_early_and_stays_stopped(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, pictures=80, evaluate_every=4, patience=2)
    trainer, told = trained(recipe, tmp_path / "out", [0.1, 0.3, 0.2, 0.3, 0.9])
    assert len(told) == 4
    assert trainer.finished
    assert trainer.progress.best == 0.3
    assert read_checkpoint(tmp_path / "out" / "best.pt")["progress"]["step"] == 2
    _, again = trained(recipe, tmp_path / "out", [])
    assert not again  # it used to train one step more each time it was started


def test_a_step_without_a_finite_loss_changes_nothing(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    prepared = prepare_data(recipe)
    network = prepare_network(recipe, prepared)
    trainer = Trainer(recipe, network, tmp_path / "out", CPU)
    with BatchStream(recipe, prepared.chain, prepared.deck, 0) as batches:
        pictures, targets = batches.next()
        trainer.step(pictures, targets)
        before = {key: value.clone() for key, value in network.state_dict().items()}
        average = {key: value.clone() for key, value in trainer.averaged.state.items()}
        hook = network.backbone.stem.register_forward_hook(lambda *_: torch.full((4, 16, 32, 32), float("nan")))
        figures = trainer.step(pictures, targets)
        hook.remove()
    assert not math.isfinite(figures["gradient"])
    assert trainer.progress.skipped == 1
    for key, parameter in network.named_parameters():
        assert torch.equal(parameter, before[key])
    # Statistics that the bad activations touched are finite again, and the average never saw them.
    assert all(bool(torch.isfinite(value).all()) for value in network.state_dict().values())
    assert all(torch.equal(value, average[key]) for key, value in trainer.averaged.state.items())
    with BatchStream(recipe, prepared.chain, prepared.deck, 2) as batches:
        assert math.isfinite(trainer.step(*batches.next())["score"])


def test_a_training_that_never_has_a_finite_loss_ends_with_advice(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, pictures=400)
    prepared = prepare_data(recipe)
    network = prepare_network(recipe, prepared)
    network.backbone.stem.register_forward_hook(lambda _module, _inputs, output: output * float("nan"))
    trainer = Trainer(recipe, network, tmp_path / "out", CPU)
    with BatchStream(recipe, prepared.chain, prepared.deck, 0) as batches, pytest.raises(ModelUnsupported, match="lower learning_rate"):
        trainer.run(batches)
    assert trainer.progress.skipped == 20


def test_the_history_forgets_what_will_be_done_again(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    for step in range(1, 61):
        history.step(step, {"score": float(step)}, 10.0)
    history.evaluation(60, {HEADLINE: float("nan")})
    with (tmp_path / "history.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 80, "sco')  # killed while writing
    lines = list(history.lines())
    assert [line["step"] for line in lines] == [20, 40, 60, 60]
    assert lines[0]["score"] == pytest.approx(10.5)
    assert lines[-1]["evaluation"] == {HEADLINE: None}
    history.cut(40)
    assert [line["step"] for line in history.lines()] == [20, 40]


def test_a_training_killed_before_its_first_checkpoint_leaves_no_figures_behind(tmp_path: Path) -> None:
    history = History(tmp_path / "out" / "history.jsonl")
    history.evaluation(2, {HEADLINE: 0.9})
    trained(tiny_recipe(tmp_path), tmp_path / "out", [0.1, 0.2])
    assert [line["evaluation"][HEADLINE] for line in history.lines() if "evaluation" in line] == [0.1, 0.2]


@pytest.mark.parametrize(("has", "type_of_maps"), [(False, torch.float32), (True, torch.bfloat16)])
def test_bfloat16_is_used_only_where_the_processor_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has: bool, type_of_maps: torch.dtype
) -> None:
    monkeypatch.setattr("panops.training.trainer.has_bfloat16", lambda _: has)
    recipe = tiny_recipe(tmp_path, precision="bf16")
    prepared = prepare_data(recipe)
    network = prepare_network(recipe, prepared)
    seen = []
    network.backbone.stem.register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    trainer = Trainer(recipe, network, tmp_path / "out", CPU)
    with BatchStream(recipe, prepared.chain, prepared.deck, 0) as batches:
        trainer.step(*batches.next())
    assert seen[-1] is type_of_maps
