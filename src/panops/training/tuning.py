"""Looking for good settings: short trainings with the same trainer, chosen by Optuna's TPE, kept in SQLite, gone on with after any end.

A trial's folder is named after its settings, so that a trial which was killed goes on from its own last checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from panops.domain.errors import ConfigError, ConfigProblem, PanopsError
from panops.training.folder_lock import FolderLock
from panops.training.recipe import Recipe, TuneRange, recipe_from, write_recipe
from panops.training.session import Watcher, run_training
from panops.training.trainer import HEADLINE, TrainingLost

# Trials before a bad one is broken off, and evaluations of each that are always made.
_UNPRUNED_TRIALS, _UNPRUNED_EVALUATIONS = 4, 1
_EVALUATIONS = 4
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial.

    Attributes:
        number: From 0.
        settings: By their path.
        value: Its headline; NaN when it failed.
        curve: (step, headline) of each evaluation.
        state: `complete`, `pruned`, or another word of Optuna's.
    """

    number: int
    settings: Mapping[str, Any]
    value: float
    curve: list[tuple[int, float]]
    state: str


@dataclass(frozen=True, slots=True)
class TuneOutcome:
    """What a study knows.

    Attributes:
        trials: All that were done, in order.
        best: The best one; None while there is none.
        importance: What mattered, by setting; adds up to 1. Empty with fewer than three complete trials.
        finished: Whether all wanted trials were done.
    """

    trials: list[TrialResult]
    best: TrialResult | None
    importance: Mapping[str, float]
    finished: bool


class TuneWatcher(Watcher):
    """Is told of trials, too."""

    def trial(self, number: int, trials: int, settings: Mapping[str, Any]) -> None:
        """A trial begins."""

    def trial_done(self, outcome: TuneOutcome) -> None:
        """A trial is done."""


def check_space(recipe: Recipe, origin: str = "recipe") -> None:
    """See whether every setting of `tune` exists and takes all that it may get.

    Raises:
        ConfigError: All that is wrong with it.
    """
    if not recipe.tune:
        example = "tune: {learning_rate: {low: 2.0e-4, high: 5.0e-3, log: true}, augment.mosaic: {choices: [0, 0.5, 1]}}"
        raise ConfigError(origin, [ConfigProblem("tune", f"expected settings to look for, for example {example}")])
    problems: dict[str, ConfigProblem] = {}
    for name, space in recipe.tune.items():
        for value in _samples(recipe, name, space):
            try:
                with_settings(recipe, {name: value})
            except ConfigError as error:
                message = error.problems[0].message
                problems[name] = ConfigProblem(f"tune.{name}", f"{message} (for {value!r})")
                break
    if problems:
        raise ConfigError(origin, list(problems.values()))


def with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with other values at dotted paths, checked.

    Raises:
        ConfigError: A setting does not exist or does not take its value.
    """
    values = recipe.model_dump(mode="json")
    for path, value in settings.items():
        place: Any = values
        *parents, name = path.split(".")
        for parent in parents:
            place = place.get(parent) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise ConfigError("recipe", [ConfigProblem(path, "no such setting in this recipe")])
        place[name] = value
    return recipe_from(values, "recipe", Path())


def short(recipe: Recipe, pictures: int) -> Recipe:
    """A trial's recipe: so many pictures, measured a few times, with the rate's warming and the average scaled to it."""
    share = min(1.0, pictures / recipe.pictures)
    steps = -(-pictures // recipe.batch)
    return with_settings(
        recipe,
        {
            "pictures": pictures,
            "warm_pictures": round(recipe.warm_pictures * share),
            "average_decay": min(recipe.average_decay, round(1 - 10 / max(20, steps), 5)),
            "evaluate_every": max(recipe.batch, pictures // _EVALUATIONS),
            "save_every": max(recipe.batch, pictures // 8),
            "patience": 0,
        },
    )


class Tuning:
    """A study in a folder.

    Args:
        recipe: With a `tune` section.
        folder: For `study.db`, `best.yaml` and the trials.
        pictures: How many pictures a trial shows.

    Raises:
        ConfigError: The `tune` section is wrong.
        PanopsError: The folder holds another study.
    """

    def __init__(self, recipe: Recipe, folder: Path, pictures: int) -> None:
        check_space(recipe)
        if not recipe.data.val:
            raise ConfigError("recipe", [ConfigProblem("data.val", "expected pictures to measure the trials on")])
        self._recipe = recipe
        self._base = short(recipe, pictures)
        self._folder = folder
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PanopsError(f"cannot write to {folder}: {error.strerror}") from error
        try:
            self._study = optuna.create_study(
                study_name="panops",
                storage=f"sqlite:///{(folder / 'study.db').resolve()}",
                load_if_exists=True,
                direction="maximize",
                sampler=optuna.samplers.TPESampler(seed=recipe.seed, n_startup_trials=6),
                pruner=optuna.pruners.MedianPruner(_UNPRUNED_TRIALS, _UNPRUNED_EVALUATIONS),
            )
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            raise PanopsError(
                f"{folder / 'study.db'}: expected a study, but it is damaged or cannot be used; give another --out"
            ) from error
        self._check_same()

    def run(self, trials: int, device: torch.device, threads: int, watcher: TuneWatcher | None = None) -> TuneOutcome:
        """Do trials until the study has `trials` of them, those of earlier runs counted.

        Raises:
            PanopsError: Another process is at this study.
        """
        with FolderLock(self._folder):
            return self._run(trials, device, threads, watcher or TuneWatcher())

    def _run(self, trials: int, device: torch.device, threads: int, watcher: TuneWatcher) -> TuneOutcome:
        self._take_up_broken_off()
        done = self._count()
        if done:
            # Each run draws other numbers than the one before.
            self._study.sampler = optuna.samplers.TPESampler(seed=self._recipe.seed + done, n_startup_trials=6)
        while self._count() < trials and not watcher.stop():
            trial = self._study.ask()
            settings = {name: _asked(trial, name, space, self._recipe) for name, space in self._recipe.tune.items()}
            watcher.trial(self._count(), trials, settings)
            self._one(trial, settings, device, threads, watcher)
            watcher.trial_done(self.outcome(trials))
        return self.outcome(trials)

    def outcome(self, trials: int) -> TuneOutcome:
        """What is known so far; writes `best.yaml`."""
        results = [_result(trial) for trial in self._study.get_trials(deepcopy=False) if trial.state in _DONE]
        complete = [result for result in results if result.state == "complete" and not math.isnan(result.value)]
        best = max(complete, key=lambda result: result.value, default=None)
        if best is not None:
            write_recipe(with_settings(self._recipe, {**best.settings, "tune": {}}), self._folder / "best.yaml")
        return TuneOutcome(results, best, self._importance(len(complete)), len(results) >= trials)

    def _importance(self, complete: int) -> Mapping[str, float]:
        if complete < 3 or len(self._recipe.tune) < 2:
            return {}
        try:
            return dict(get_param_importances(self._study, evaluator=PedAnovaImportanceEvaluator()))
        except (ValueError, RuntimeError):  # all trials alike say nothing
            return {}

    def _count(self) -> int:
        return sum(trial.state in _DONE for trial in self._study.get_trials(deepcopy=False))

    def _one(self, trial: Trial, settings: Mapping[str, Any], device: torch.device, threads: int, watcher: TuneWatcher) -> None:
        recipe = with_settings(self._base, settings)
        inside = _Inside(trial, watcher, max(1, recipe.evaluate_every // recipe.batch))
        try:
            outcome = run_training(recipe, self._folder / "trials" / _folder_name(settings), device, threads, inside)
        except TrainingLost as error:
            # A rate too high, say: a bad trial like others, and the study goes on.
            watcher.say(str(error))
            self._study.tell(trial, state=TrialState.PRUNED)
            return
        if inside.pruned:
            self._study.tell(trial, state=TrialState.PRUNED)
        elif outcome.finished and not math.isnan(outcome.headline):
            self._study.tell(trial, outcome.headline)
        elif outcome.finished:
            raise PanopsError("expected a figure to compare trials by, but data.val has no box of any class that is measured")
        # One that was stopped stays as it is and is taken up by the next run.

    def _take_up_broken_off(self) -> None:
        """Trials that a kill left running begin again with their settings, and go on from their checkpoints."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)
            if set(trial.params) == set(self._recipe.tune):
                self._study.enqueue_trial(trial.params)

    def _check_same(self) -> None:
        fields = self._base.model_dump(mode="json", exclude={"name"})
        now = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
        before = self._study.user_attrs.get("recipe")
        if before not in (None, now):
            raise PanopsError(f"{self._folder}: expected the study of this recipe, got one of another; give another --out")
        self._study.set_user_attr("recipe", now)


class _Inside(Watcher):
    """Watches a trial's training: Optuna hears of each evaluation and may end it."""

    def __init__(self, trial: Trial, outer: TuneWatcher, steps_an_evaluation: int) -> None:
        self._trial = trial
        self._outer = outer
        self._steps = steps_an_evaluation
        self._step = 0
        self.pruned = False

    def say(self, text: str) -> None:
        self._outer.say(text)

    def stepped(self, figures: Any) -> None:
        self._step = figures.step
        self._outer.stepped(figures)

    def measuring(self, done: int, count: int) -> None:
        self._outer.measuring(done, count)

    def measured(self, figures: Mapping[str, float]) -> None:
        value = figures[HEADLINE]
        number = round(self._step / self._steps)
        if not math.isnan(value):
            self._trial.report(value, number)
            self.pruned = self._trial.should_prune()
        self._outer.measured(figures)

    def stop(self) -> bool:
        return self.pruned or self._outer.stop()


def _asked(trial: Trial, name: str, space: TuneRange, recipe: Recipe) -> Any:
    if space.choices:
        # Optuna stores only plain values; a list goes by its JSON.
        words = [json.dumps(choice) for choice in space.choices]
        return json.loads(str(trial.suggest_categorical(name, words)))
    low, high = space.low or 0.0, space.high or 0.0
    if _is_whole(recipe, name, low):
        return trial.suggest_int(name, int(low), int(high), log=space.log)
    return trial.suggest_float(name, low, high, log=space.log)


def _is_whole(recipe: Recipe, name: str, value: float) -> bool:
    """Whether a setting takes whole numbers only. The ends of its range do not tell: weights are looked for between 2 and 6, too."""
    taken: Any = with_settings(recipe, {name: value}).model_dump()
    for key in name.split("."):
        taken = taken[key]
    return isinstance(taken, int)


def _samples(recipe: Recipe, name: str, space: TuneRange) -> Iterator[Any]:
    """Values that show whether a setting takes all of its space; ask for the next one only if the one before was taken."""
    if space.choices:
        yield from space.choices
        return
    ends = [int(value) if value.is_integer() else value for value in (space.low or 0.0, space.high or 0.0)]
    yield from ends
    if _is_whole(recipe, name, ends[0]):
        yield int(ends[0]) + 1  # a side takes only multiples of 32, say


def _result(trial: FrozenTrial) -> TrialResult:
    curve = sorted(trial.intermediate_values.items())
    settings = {name: json.loads(value) if isinstance(value, str) else value for name, value in trial.params.items()}
    value = trial.value if trial.value is not None else curve[-1][1] if curve else float("nan")
    return TrialResult(trial.number, settings, value, curve, trial.state.name.lower())


def _folder_name(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
