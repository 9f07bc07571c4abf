"""Looking for settings: the space is checked, the study goes on after a stop, and the report tells what mattered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs panops[train]")
pytest.importorskip("optuna", reason="needs panops[train]")
pytest.importorskip("pycocotools", reason="needs panops[train]")

import torch

from panops.domain.errors import ConfigError, PanopsError
from panops.training.folder_lock import FolderLock
from panops.training.recipe import read_recipe
from panops.training.trainer import Trainer, TrainingLost
from panops.training.tune_report import tune_page, write_tune_report
from panops.training.tuning import TrialResult, TuneOutcome, TuneWatcher, Tuning, check_space, short, with_settings

from .small_data import tiny_recipe

CPU = torch.device("cpu")
SPACE = {
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "augment.mosaic": {"choices": [0.0, 0.5]},
    "augment.zoom": {"choices": [[0.7, 1.8], [1.0, 1.0]]},
}


class Stops(TuneWatcher):
    """Asks for a stop after so many steps of all trials."""

    def __init__(self, steps: int = 10**9) -> None:
        self._left = steps
        self.settings: list[Mapping[str, Any]] = []

    def trial(self, number: int, trials: int, settings: Mapping[str, Any]) -> None:
        self.settings.append(settings)

    def stepped(self, figures: Any) -> None:
        self._left -= 1

    def stop(self) -> bool:
        return self._left <= 0


def test_a_study_that_was_stopped_takes_its_trial_up_again_and_ends(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, tune=SPACE)
    first = Stops(steps=3)
    outcome = Tuning(recipe, tmp_path / "study", 16).run(2, CPU, 1, first)
    assert not outcome.finished
    assert not outcome.trials
    second = Stops()
    outcome = Tuning(recipe, tmp_path / "study", 16).run(2, CPU, 1, second)
    assert outcome.finished
    assert second.settings[0] == first.settings[0]
    assert len(outcome.trials) == 2
    assert outcome.best is not None
    best = read_recipe(tmp_path / "study" / "best.yaml")
    assert best == with_settings(recipe, {**outcome.best.settings, "tune": {}})
    assert best.pictures == recipe.pictures
    assert Tuning(recipe, tmp_path / "study", 16).run(2, CPU, 1, Stops(0)).finished  # nothing is left to do
    with pytest.raises(PanopsError, match="the study of this recipe"):
        Tuning(tiny_recipe(tmp_path, tune=SPACE, seed=5), tmp_path / "study", 16)


def test_all_that_is_wrong_with_the_space_is_told(tmp_path: Path) -> None:
    space = {
        "learning_rat": {"low": 1e-4, "high": 1e-2},
        "augment.mosaic": {"low": 0.5, "high": 2.0},
        "distil.features": {"low": 0.0, "high": 1.0},
        "batch": {"choices": [4, "many"]},
        "augment.zoom": {"choices": [[0.7, 1.8]]},
        "input_px": {"low": 64, "high": 128},
        "seed": {"low": 0, "high": 1},
    }
    with pytest.raises(ConfigError) as caught:
        check_space(tiny_recipe(tmp_path, tune=space))
    told = {problem.field: problem.message for problem in caught.value.problems}
    assert set(told) == {"tune.learning_rat", "tune.augment.mosaic", "tune.distil.features", "tune.batch", "tune.input_px"}
    assert "did you mean 'learning_rate'" in told["tune.learning_rat"]
    assert "at most 1" in told["tune.augment.mosaic"]
    assert told["tune.input_px"] == "expected a multiple of 32, got 65 (for 65)"
    with pytest.raises(ConfigError, match="expected settings to look for, for example"):
        check_space(tiny_recipe(tmp_path))
    with pytest.raises(ConfigError, match="pictures to measure the trials on"):
        Tuning(tiny_recipe(tmp_path, tune=SPACE, data={"train": ["train.json"]}), tmp_path / "study", 16)


def test_a_trial_is_the_recipe_made_short(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, pictures=10_000, warm_pictures=1_000, batch=16, patience=3)
    made = short(recipe, 1_000)
    assert (made.pictures, made.warm_pictures, made.evaluate_every, made.patience) == (1_000, 100, 250, 0)
    assert made.average_decay < recipe.average_decay
    assert made.augment == recipe.augment


def test_the_page_tells_history_importance_and_every_trial(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, tune=SPACE)
    trials = [
        TrialResult(0, {"learning_rate": 1e-3, "augment.mosaic": 0.5}, 0.31, [(1, 0.2), (2, 0.31)], "complete"),
        TrialResult(1, {"learning_rate": 9e-3, "augment.mosaic": 0.0}, 0.05, [(1, 0.05)], "pruned"),
    ]
    page = tune_page(recipe, TuneOutcome(trials, trials[0], {"learning_rate": 0.8, "augment.mosaic": 0.2}, finished=False), 5)
    assert "2 of 5 trials" in page
    assert "80%" in page
    assert "pruned" in page
    assert "http-equiv" in page
    empty = tune_page(recipe, TuneOutcome([], None, {}, finished=False), 5)
    assert "No trial is complete yet" in empty
    write_tune_report(tmp_path, recipe, TuneOutcome(trials, trials[0], {}, finished=True), 2)
    assert "http-equiv" not in (tmp_path / "report.html").read_text()


def test_a_trial_whose_loss_is_no_number_is_a_bad_one_and_the_study_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny_recipe(tmp_path, tune={"learning_rate": {"choices": [1e-3, 2e-3]}})
    true_step, calls = Trainer.step, []

    def step(trainer: Trainer, *batch: Any) -> dict[str, float]:
        if not calls:
            calls.append(trainer)
            raise TrainingLost("the loss is not a number")
        return true_step(trainer, *batch)

    monkeypatch.setattr(Trainer, "step", step)
    outcome = Tuning(recipe, tmp_path / "study", 8).run(2, CPU, 1)
    assert [trial.state for trial in outcome.trials] == ["pruned", "complete"]
    assert outcome.finished
    write_tune_report(tmp_path / "study", recipe, outcome, 2)


def test_a_damaged_study_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.db").write_bytes(b"garbage" * 100)
    with pytest.raises(PanopsError, match=r"study\.db: expected a study"):
        Tuning(tiny_recipe(tmp_path, tune=SPACE), tmp_path / "study", 8)


def test_whole_numbers_are_asked_for_where_the_setting_takes_no_others(tmp_path: Path) -> None:
    """Whatever the ends are: weights between 2 and 6 have fractions, a seed between 0 and 1 has none."""
    space = {"box_weight": (2, 6), "batch": (2, 6), "seed": (0, 1), "data.source_weights.drawn": (1, 4)}
    recipe = tiny_recipe(tmp_path, tune={name: {"low": low, "high": high} for name, (low, high) in space.items()})
    watcher = Stops(steps=1)
    Tuning(recipe, tmp_path / "study", 8).run(1, CPU, 1, watcher)
    (asked,) = watcher.settings
    assert {name: type(value) for name, value in asked.items()} == {
        "box_weight": float,
        "batch": int,
        "seed": int,
        "data.source_weights.drawn": float,
    }
    assert asked["box_weight"] % 1


def test_two_processes_do_not_share_a_study(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, tune={"box_weight": {"low": 2, "high": 6}})
    tuning, watcher = Tuning(recipe, tmp_path / "study", 8), Stops(steps=1)
    with FolderLock(tmp_path / "study"), pytest.raises(PanopsError, match="another training is running"):
        tuning.run(1, CPU, 1, watcher)
    assert not watcher.settings
    tuning.run(1, CPU, 1, watcher)
    assert len(watcher.settings) == 1
