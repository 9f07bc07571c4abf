"""What `panops train` says at its end."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from panops.commands.train_finish import MEASURED, weights_of
from panops.training.recipe import Recipe
from panops.training.session import Outcome
from panops.training.trainer import HEADLINE


def tell(
    outcome: Outcome, recipe: Recipe, folder: Path, console: Console, deployed: dict[str, Any], *, before: bool, as_json: bool
) -> None:
    """How it ended, and what to do now.

    Args:
        outcome: How it ended.
        recipe: What was trained.
        folder: The training's.
        console: Where it is told.
        deployed: Of `finish`; empty without.
        before: It had ended before this command was given: nothing was trained now.
        as_json: JSON on standard output, too.
    """
    progress = outcome.progress
    if as_json:
        typer.echo(json.dumps({**_record(outcome, recipe, folder), "finished_before": before, **deployed}, indent=2))
    if not outcome.finished:
        again = f"panops train {_word(folder / 'recipe.yaml')} --out {_word(folder)}"
        _say(console, f"saved at step {progress.step:,} of {recipe.steps:,}; go on with: {again}")
        return
    if before:
        _say(console, "this training was finished already: nothing was trained now")
    if progress.step < recipe.steps:
        _say(console, f"stopped at step {progress.step:,}: no better figure in {recipe.patience} evaluations")
    if not outcome.best:
        _say(console, f"done: {folder}/last.pt; nothing was measured, since the recipe has no data.val")
    else:
        figures = ", ".join(f"{label} {outcome.best[label]:.3f}" for label in recipe.classes if label in outcome.best)
        _say(console, f"done: best AP50 {outcome.headline:.3f} at step {outcome.best_step:,} ({figures}): {folder}/best.pt")
        _say(console, f"curves: {folder}/report.html")
    if "model" in deployed:
        _say(console, f"to use it: panops models add {_word(folder / 'model')}")
        if "report" in deployed:
            sets = f"--data {_word(folder / MEASURED)} --calibration {_word(recipe.data.train[0])}"
            _say(console, f"in 8 bits: panops export {_word(folder / 'model')} --format int8 {sets} --out {_word(folder / 'model-int8')}")
    if "report" in deployed:
        _say(console, f"as cameras will run it, with thresholds and the worst pictures: {deployed['report']}")
    if before:
        _tell_how_to_go_on(outcome, recipe, folder, console)


def _tell_how_to_go_on(outcome: Outcome, recipe: Recipe, folder: Path, console: Console) -> None:
    weights = weights_of(folder)
    if outcome.progress.step < recipe.steps:
        _say(console, f"to go on where it stopped: raise patience in the recipe, now {recipe.patience}, and give the same command")
    another = f"panops train --model {_word(weights)} --data DATA --out ANOTHER_FOLDER"
    _say(console, f"to train longer from its weights: {another}; or a recipe with start: {weights}")
    _say(console, "to train it anew: the same command with --restart")


def _word(path: object) -> str:
    """A path as it is typed in a shell."""
    return shlex.quote(str(path))


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)


def _record(outcome: Outcome, recipe: Recipe, folder: Path) -> dict[str, Any]:
    figures = {name: value for name, value in outcome.best.items() if name != HEADLINE}
    return {
        "name": recipe.name,
        "folder": str(folder),
        "finished": outcome.finished,
        "step": outcome.progress.step,
        "steps": recipe.steps,
        "resumed_at": outcome.resumed_at,
        "skipped_steps": outcome.progress.skipped,
        "best_step": outcome.best_step,
        "headline": None if math.isnan(outcome.headline) else outcome.headline,
        "AP50": figures,
        "problems": len(outcome.problems),
        "unreadable": outcome.unreadable,
    }
