"""`panops tune`: looks for good settings of a recipe by many short trainings."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from panops.commands.options import JsonOption
from panops.commands.train_screen import LINE_EVERY_S, signals
from panops.training.recipe import Recipe, read_recipe
from panops.training.session import cpu_threads, device_named
from panops.training.trainer import HEADLINE, StepFigures
from panops.training.tune_report import write_tune_report
from panops.training.tuning import TuneOutcome, TuneWatcher, Tuning

_INTERRUPTED = 130


def tune(
    recipe: Annotated[Path, typer.Argument(help="A recipe with a `tune` section: which settings, between what.")],
    trials: Annotated[int, typer.Option(min=1, help="How many trials the study shall have in all.")] = 20,
    out: Annotated[Path | None, typer.Option(help="The study's folder; tuning/NAME when it is not given.")] = None,
    pictures: Annotated[int, typer.Option(min=0, help="Pictures a trial; 0 takes a tenth of the recipe's.")] = 0,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where it runs.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 takes all.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Look for good settings of a recipe by many short trainings, bad ones broken off; goes on where it was stopped.

    The folder gets study.db, report.html with what mattered, and best.yaml: the recipe with the best settings, to train in full.
    """
    made = read_recipe(recipe)
    folder = out or Path("tuning") / made.name
    console = Console(stderr=True)
    wanted = threading.Event()
    shown = pictures or max(made.batch * 4, made.pictures // 10)
    study = Tuning(made, folder, shown)
    with signals(wanted):
        outcome = study.run(trials, device_named(device), cpu_threads(threads), _Screen(made, folder, trials, console, wanted))
    write_tune_report(folder, made, outcome, trials)
    if as_json:
        typer.echo(json.dumps(_record(outcome), indent=2))
    _tell(outcome, folder, trials, console)
    if not outcome.finished:
        raise typer.Exit(_INTERRUPTED)


def _tell(outcome: TuneOutcome, folder: Path, trials: int, console: Console) -> None:
    done = f"{len(outcome.trials)} of {trials} trials"
    if outcome.best is None:
        console.print(f"{done}, none complete; the same command goes on")
        return
    settings = ", ".join(f"{name} {_said(value)}" for name, value in outcome.best.settings.items())
    console.print(f"{done}; best AP50 {outcome.best.value:.3f} with {settings}", highlight=False)
    for name, share in sorted(outcome.importance.items(), key=lambda item: -item[1]):
        console.print(f"  {name:<32} {share:.0%} of what mattered", highlight=False)
    console.print(f"train it in full: panops train {folder}/best.yaml; all trials: {folder}/report.html", highlight=False, soft_wrap=True)


def _said(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _record(outcome: TuneOutcome) -> dict[str, Any]:
    return {
        "finished": outcome.finished,
        "trials": [
            {
                "number": one.number,
                "state": one.state,
                "AP50": None if math.isnan(one.value) else one.value,
                "settings": dict(one.settings),
            }
            for one in outcome.trials
        ],
        "best": {"AP50": outcome.best.value, "settings": dict(outcome.best.settings)} if outcome.best else None,
        "importance": dict(outcome.importance),
    }


class _Screen(TuneWatcher):
    """Says a line for each trial and each of its evaluations."""

    def __init__(self, recipe: Recipe, folder: Path, trials: int, console: Console, wanted: threading.Event) -> None:
        self._recipe = recipe
        self._folder = folder
        self._trials = trials
        self._console = console
        self._wanted = wanted
        self._status = console.status("")
        self._told_s = -LINE_EVERY_S

    def trial(self, number: int, trials: int, settings: Mapping[str, Any]) -> None:
        words = ", ".join(f"{name} {_said(value)}" for name, value in settings.items())
        self._console.print(f"trial {number + 1} of {trials}: {words}", highlight=False)

    def stepped(self, figures: StepFigures) -> None:
        self._status.update(f"step {figures.step} of {figures.steps}, {figures.pictures_per_s:.0f} pictures/s")

    def measured(self, figures: Mapping[str, float]) -> None:
        self._console.print(f"  AP50 {figures[HEADLINE]:.3f}", highlight=False)

    def trial_done(self, outcome: TuneOutcome) -> None:
        write_tune_report(self._folder, self._recipe, outcome, self._trials)

    def stop(self) -> bool:
        return self._wanted.is_set()
