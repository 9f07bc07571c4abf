"""The page on a training: curves of its losses, rate and figures, drawn from `history.jsonl`; it renews itself while the training runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from panops.training.curves import Curve, chart, spark
from panops.training.history import History
from panops.training.recipe import Recipe
from panops.training.report_style import STYLE
from panops.training.trainer import HEADLINE, Progress

_RENEW_S = 10
# Names in the history -> what people read; every name that is not here is a loss.
_CHARTS = {
    "score": "Score loss",
    "box": "Box loss (1 - GIoU)",
    "distil": "Distillation loss",
    "rate": "Learning rate",
    "gradient": "Norm of the gradient",
    "cells": "Cells that learn an object",
    "pictures_per_s": "Pictures a second",
}
_STATES = {
    "running": ("is running", "live"),
    "finished": ("is finished", "good"),
    "stopped": ("was stopped and can go on", "calm"),
    "broken off": ("broke off; it goes on from its last checkpoint", "bad"),
}


@dataclass(frozen=True, slots=True)
class _Past:
    """The history, split by kind of line."""

    steps: list[Mapping[str, Any]]
    evaluations: list[tuple[int, Mapping[str, Any]]]

    def curve(self, name: str) -> Curve:
        return Curve("", [(line["step"], line[name]) for line in self.steps if line.get(name) is not None])

    def figure(self, name: str, label: str = "") -> Curve:
        return Curve(label, [(step, figures[name]) for step, figures in self.evaluations if figures.get(name) is not None])


def write_report(folder: Path, recipe: Recipe, progress: Progress, status: str) -> None:
    """Write `report.html`; readers see the old page or the new one.

    Args:
        folder: The training's.
        recipe: What is trained.
        progress: Where it is.
        status: `running`, `finished`, `stopped` or `broken off`.

    Raises:
        OSError: The folder cannot be written to.
    """
    half_made = folder / ".report.html.part"
    half_made.write_text(report_page(list(History(folder / "history.jsonl").lines()), recipe, progress, status), encoding="utf-8")
    half_made.replace(folder / "report.html")


def report_page(lines: Sequence[Mapping[str, Any]], recipe: Recipe, progress: Progress, status: str) -> str:
    """The whole page from the history's lines."""
    past = _Past(
        [line for line in lines if "evaluation" not in line], [(line["step"], line["evaluation"]) for line in lines if "evaluation" in line]
    )
    renew = f'<meta http-equiv="refresh" content="{_RENEW_S}">' if status == "running" else ""
    words, kind = _STATES[status]
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"{renew}<title>{escape(recipe.name)}: training</title><style>{STYLE}</style></head><body><main>"
    )
    done = min(1.0, progress.step / recipe.steps)
    top = (
        f'<h1>{escape(recipe.name)}</h1><p class="state {kind}">The training {words}: step {progress.step:,} of {recipe.steps:,}, '
        f"{progress.step * recipe.batch:,} of {recipe.steps * recipe.batch:,} pictures shown.</p>"
        f'<div class="bar" role="progressbar" aria-valuenow="{done * 100:.0f}" aria-valuemin="0" aria-valuemax="100">'
        f'<span style="width:{done * 100:.1f}%"></span></div>'
    )
    parts = [head, top, _facts(past, recipe, progress), _figures(past, recipe), _losses(past, recipe), _recipe(recipe)]
    return "".join([*parts, "</main></body></html>\n"])


def _facts(past: _Past, recipe: Recipe, progress: Progress) -> str:
    facts = []
    best = past.figure(HEADLINE).best()
    if best is not None:
        facts.append(("best AP50", f"{best[1]:.3f}", f"at step {best[0]:,}"))
    if past.evaluations and past.evaluations[-1][1].get(HEADLINE) is not None:
        facts.append(("latest AP50", f"{past.evaluations[-1][1][HEADLINE]:.3f}", f"at step {past.evaluations[-1][0]:,}"))
    speed = past.curve("pictures_per_s").points
    if speed:
        left_s = (recipe.steps - progress.step) * recipe.batch / max(1e-6, speed[-1][1])
        facts.append(("speed", f"{speed[-1][1]:.1f}/s", f"about {_duration(left_s)} left" if left_s else "pictures"))
    facts.append(("network", f"{recipe.size}, {recipe.activation}", f"{len(recipe.classes)} classes, {recipe.input_px} px"))
    if progress.skipped:
        facts.append(("skipped steps", str(progress.skipped), "their loss was no number"))
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>" for name, value, note in facts
    )
    return f'<dl class="facts">{cells}</dl>'


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min" if minutes else f"{seconds:.0f} s"


def _figures(past: _Past, recipe: Recipe) -> str:
    if not past.evaluations:
        return '<section><h2>Accuracy</h2><p class="quiet">Not measured yet.</p></section>'
    classes = [name for name in recipe.classes if past.figure(name).points]
    what = "mean of the chosen pairs" if recipe.measure else "mean over sources and classes"
    curves = [past.figure(name, name) for name in classes]
    charts = chart(f"AP50, {what}", [past.figure(HEADLINE)], low=0.0) + (chart("AP50 by class", curves, low=0.0) if len(curves) > 1 else "")
    return f'<section><h2>Accuracy on the validation pictures</h2><div class="charts">{charts}</div>{_table(past, recipe)}</section>'


def _table(past: _Past, recipe: Recipe) -> str:
    names = sorted({name for _, figures in past.evaluations for name in figures} - {HEADLINE}, key=lambda name: _order(name, recipe))
    rows = []
    for name in names:
        curve = past.figure(name)
        if not curve.points:
            continue
        source, _, label = name.rpartition("/")
        best = curve.best() or (0, 0.0)
        mark = " *" if name in recipe.measure else ""
        rows.append(
            f'<tr><th scope="row">{escape(label)}{mark}</th><td>{escape(source) or "all"}</td><td class="n">{curve.points[-1][1]:.3f}</td>'
            f'<td class="n">{best[1]:.3f}</td><td class="n at">{best[0]:,}</td><td>{spark(curve)}</td></tr>'
        )
    note = '<p class="quiet">* is part of the figure that decides which checkpoint is the best.</p>' if recipe.measure else ""
    head = (
        '<tr><th>class</th><th>source</th><th class="n">latest</th><th class="n">best</th><th class="n at">at step</th><th>curve</th></tr>'
    )
    return f'<div class="wide"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>{note}'


def _order(name: str, recipe: Recipe) -> tuple[int, str]:
    source, _, label = name.rpartition("/")
    return (recipe.classes.index(label) if label in recipe.classes else len(recipe.classes), source)


def _losses(past: _Past, recipe: Recipe) -> str:
    if not past.steps:
        return ""
    names = list(dict.fromkeys([*_CHARTS, *(name for line in past.steps for name in line if name != "step")]))
    drawn = [(name, past.curve(name)) for name in names]
    charts = "".join(chart(_CHARTS.get(name, name), [curve], end=recipe.steps) for name, curve in drawn if curve.points)
    return f'<section><h2>Losses and speed</h2><div class="charts small">{charts}</div></section>'


def _recipe(recipe: Recipe) -> str:
    values = recipe.model_dump(mode="json", exclude={"tune"})
    rows = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(_said(value))}</td></tr>' for name, value in _flat(values))
    return f'<section><details><summary>The recipe</summary><div class="wide"><table>{rows}</table></div></details></section>'


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, value in values.items():
        found += _flat(value, f"{before}{name}.") if isinstance(value, Mapping) and value else [(f"{before}{name}", value)]
    return found


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in (None, {}) else str(value)
