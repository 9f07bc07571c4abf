"""The page on a classifier's training: curves of accuracy, loss and rate; it renews itself while the training runs."""

from __future__ import annotations

from html import escape
from pathlib import Path

from panops.training.classifier_recipe import ClassifierRecipe, recipe_text
from panops.training.classifier_trainer import HEADLINE, ClassifierProgress
from panops.training.curves import Curve, chart
from panops.training.history import History
from panops.training.report_style import STYLE

_RENEW_S = 10
_CHARTS = {"loss": "Loss", "right": "Share right while learning", "rate": "Learning rate", "gradient": "Norm of the gradient"}
_CHARTS |= {"pictures_per_s": "Pictures a second"}
_STATES = {
    "running": ("is running", "live"),
    "finished": ("is finished", "good"),
    "stopped": ("was stopped and can go on", "calm"),
    "broken off": ("broke off; it goes on from its last checkpoint", "bad"),
}


def write_classifier_report(folder: Path, recipe: ClassifierRecipe, progress: ClassifierProgress, status: str) -> None:
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
    half_made.write_text(_page(History(folder / "history.jsonl"), recipe, progress, status), encoding="utf-8")
    half_made.replace(folder / "report.html")


def _page(history: History, recipe: ClassifierRecipe, progress: ClassifierProgress, status: str) -> str:
    lines = list(history.lines())
    held = [(line["step"], line["evaluation"]) for line in lines if "evaluation" in line]
    steps = [line for line in lines if "evaluation" not in line]
    words, kind = _STATES[status]
    renew = f'<meta http-equiv="refresh" content="{_RENEW_S}">' if status == "running" else ""
    done = min(1.0, progress.step / progress.steps) if progress.steps else 1.0
    figures = [
        chart("Accuracy on the part held back", [_curve(held, HEADLINE)], end=progress.steps),
        chart("Loss there", [_curve(held, "loss")], low=0.0, end=progress.steps),
    ]
    drawn = [
        chart(title, [Curve("", [(line["step"], line[name]) for line in steps if line.get(name) is not None])], end=progress.steps)
        for name, title in _CHARTS.items()
        if any(line.get(name) is not None for line in steps)
    ]
    written = recipe_text(recipe.model_dump(mode="json"))
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
        f"{renew}<title>{escape(recipe.name)}: training</title><style>{STYLE}</style></head><body><main>",
        f'<h1>{escape(recipe.name)}</h1><p class="state {kind}">The training {words}: step {progress.step:,} of {progress.steps:,}.</p>',
        f'<div class="bar" role="progressbar" aria-valuenow="{done * 100:.0f}" aria-valuemin="0" aria-valuemax="100">',
        f'<span style="width:{done * 100:.1f}%"></span></div>',
        f'<section><h2>Accuracy</h2><div class="charts">{"".join(figures) if held else "Not measured yet."}</div></section>',
        f'<section><h2>Losses and speed</h2><div class="charts small">{"".join(drawn)}</div></section>',
        f"<section><details><summary>The recipe</summary><pre>{escape(written)}</pre></details></section>",
    ]
    return "".join([*parts, "</main></body></html>\n"])


def _curve(held: list[tuple[int, dict[str, float]]], name: str) -> Curve:
    return Curve("", [(step, figures[name]) for step, figures in held if figures.get(name) is not None])
