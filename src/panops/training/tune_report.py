"""The page on a study: how the trials went, what mattered, and the best recipe."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import Any

from panops.training.curves import Curve, chart, spark
from panops.training.recipe import Recipe
from panops.training.report_style import STYLE
from panops.training.tuning import TrialResult, TuneOutcome


def write_tune_report(folder: Path, recipe: Recipe, outcome: TuneOutcome, trials: int) -> None:
    """Write `report.html` into the study's folder.

    Raises:
        OSError: The folder cannot be written to.
    """
    half_made = folder / ".report.html.part"
    half_made.write_text(tune_page(recipe, outcome, trials), encoding="utf-8")
    half_made.replace(folder / "report.html")


def tune_page(recipe: Recipe, outcome: TuneOutcome, trials: int) -> str:
    """The whole page."""
    done = len(outcome.trials)
    renew = "" if outcome.finished else '<meta http-equiv="refresh" content="20">'
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"{renew}<title>{escape(recipe.name)}: tuning</title><style>{STYLE}</style></head><body><main>"
    )
    state = ("is finished", "good") if outcome.finished else ("is running", "live")
    top = (
        f'<h1>{escape(recipe.name)}: tuning</h1><p class="state {state[1]}">The study {state[0]}: {done} of {trials} trials.</p>'
        f'<div class="bar"><span style="width:{100 * min(1.0, done / max(1, trials)):.1f}%"></span></div>'
    )
    return "".join([head, top, _best(outcome), _history(outcome), _importance(outcome), _table(recipe, outcome), "</main></body></html>\n"])


def _best(outcome: TuneOutcome) -> str:
    if outcome.best is None:
        return '<p class="quiet">No trial is complete yet.</p>'
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(_said(value))}</dd></div>" for name, value in outcome.best.settings.items())
    note = f"<small>trial {outcome.best.number}; best.yaml is its recipe</small>"
    figure = f"<div><dt>best AP50</dt><dd>{outcome.best.value:.3f}{note}</dd></div>"
    return f'<section><h2>The best settings</h2><dl class="facts">{figure}{cells}</dl></section>'


def _history(outcome: TuneOutcome) -> str:
    tried = [(index, trial.value) for index, trial in enumerate(outcome.trials, 1) if not math.isnan(trial.value)]
    if not tried:
        return ""
    best, highest = [], -1.0
    for (index, value), trial in zip(tried, (one for one in outcome.trials if not math.isnan(one.value)), strict=True):
        highest = max(highest, value if trial.state == "complete" else -1.0)
        if highest >= 0:
            best.append((index, highest))
    drawn = chart("AP50 by trial", [Curve("each trial", tried), Curve("best so far", best)], unit="trial")
    return f'<section><h2>History</h2><div class="charts">{drawn}</div></section>'


def _importance(outcome: TuneOutcome) -> str:
    if not outcome.importance:
        return '<section><h2>What mattered</h2><p class="quiet">Told from three complete trials of two settings on.</p></section>'
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="n">{share:.0%}</td>'
        f'<td style="width:60%"><div class="bar"><span style="width:{100 * share:.1f}%"></span></div></td></tr>'
        for name, share in sorted(outcome.importance.items(), key=lambda item: -item[1])
    )
    note = "How much each setting tells the best fifth of the trials from the rest (PED-ANOVA); few trials say little."
    return f'<section><h2>What mattered</h2><p class="quiet">{note}</p><div class="wide"><table>{rows}</table></div></section>'


def _table(recipe: Recipe, outcome: TuneOutcome) -> str:
    names = list(recipe.tune)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = "".join(_row(trial, names) for trial in sorted(outcome.trials, key=_rank))
    columns = f'<tr><th>trial</th><th class="n">AP50</th><th>state</th>{head}<th>curve</th></tr>'
    return f'<section><h2>All trials</h2><div class="wide"><table><thead>{columns}</thead><tbody>{rows}</tbody></table></div></section>'


def _rank(trial: TrialResult) -> tuple[bool, float]:
    return trial.state != "complete", -trial.value if not math.isnan(trial.value) else 1.0


def _row(trial: TrialResult, names: list[str]) -> str:
    cells = "".join(f"<td>{escape(_said(trial.settings.get(name)))}</td>" for name in names)
    value = "-" if math.isnan(trial.value) else f"{trial.value:.3f}"
    line = spark(Curve("", trial.curve)) if trial.curve else ""
    return f'<tr><th scope="row">{trial.number}</th><td class="n">{value}</td><td>{escape(trial.state)}</td>{cells}<td>{line}</td></tr>'


def _said(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
