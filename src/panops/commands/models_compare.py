"""`panops models compare`: how far a shadow agrees with the version in use."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from panops.commands.model_facts import sentences
from panops.commands.options import HomeOption, JsonOption
from panops.domain.errors import ModelNotFound
from panops.models.agreement import CameraAgreement, ClassCounts, Pair, all_agreements, median_score
from panops.models.store import ModelStore
from panops.storage.home import Home

_HEAD = ("camera", "class", "both", "only active", "only shadow", "agree", "score active", "score shadow")


def compare(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    all_pairs: Annotated[bool, typer.Option("--all", help="Every pair of versions that was ever compared, not only the last one.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """How far a shadow agreed with the version in use on live cameras, by camera and class: boxes that both have, or one alone."""
    with sentences():
        store = ModelStore(Home(home).models)
        if not store.is_installed(name):
            raise ModelNotFound(f"model {name!r} is not installed; there are: {', '.join(store.names()) or 'none'}")
        found = all_agreements(store.folder / name)
        if not found:
            raise ModelNotFound(
                f"nothing was compared for {name!r} yet: let a version look on with `panops models shadow {name} VERSION` while cameras run"
            )
        pairs = list(found) if all_pairs else list(found)[-1:]
        if as_json:
            typer.echo(json.dumps({"name": name, "pairs": [_record(pair, found[pair]) for pair in pairs]}, indent=2))
            return
        console = Console()
        for pair in pairs:
            _print(console, name, pair, found[pair])


def _record(pair: Pair, cameras: Sequence[CameraAgreement]) -> dict[str, Any]:
    rows = [{**camera.record(), "since": _time(camera.since_s), "until": _time(camera.until_s)} for camera in cameras]
    return {"active": pair.active, "shadow": pair.shadow, "sha256": list(pair.sha256), "cameras": rows}


def _print(console: Console, name: str, pair: Pair, cameras: Sequence[CameraAgreement]) -> None:
    looked = [camera for camera in cameras if camera.looks]
    looks = sum(camera.looks for camera in looked)
    console.print(f"[bold]{name}@{pair.active}[/bold] in use, [bold]{name}@{pair.shadow}[/bold] looking on", highlight=False)
    if looked:
        span = f"{_time(min(camera.since_s for camera in looked))} to {_time(max(camera.until_s for camera in looked))}"
        active_ms, shadow_ms = (sum(times) / looks for times in zip(*((one.active_ms, one.shadow_ms) for one in looked), strict=True))
        behind = sum(camera.behind for camera in cameras)
        left_out = f"; {behind} more were left out, because there was no time for them" if behind else ""
        console.print(f"{looks} frames, {span}{left_out}; {active_ms:.1f} ms a frame beside {shadow_ms:.1f} ms", highlight=False)
    table = Table(box=None, pad_edge=False)
    for title in _HEAD:
        table.add_column(title, justify="left" if title in ("camera", "class") else "right", no_wrap=title not in ("camera", "class"))
    for camera in cameras:
        for label, counts in camera.classes.items():
            table.add_row(camera.camera_id, label, *_cells(counts))
    total = _sum([counts for camera in cameras for counts in camera.classes.values()])
    if table.row_count > 1:
        table.add_row("all", "", *_cells(total), style="bold")
    console.print(table)
    for problem in dict.fromkeys(camera.problem for camera in cameras if camera.problem):
        console.print(f"The shadow was switched off: {problem}", style="yellow", highlight=False, markup=False)


def _cells(counts: ClassCounts) -> tuple[str, ...]:
    scores = (median_score(counts.active_scores), median_score(counts.shadow_scores))
    shown = [f"{value:.2f}" if not math.isnan(value) else "-" for value in scores]
    agree = f"{100 * counts.agreement:.0f} %" if not math.isnan(counts.agreement) else "-"
    return str(counts.both), str(counts.only_active), str(counts.only_shadow), agree, *shown


def _sum(parts: Sequence[ClassCounts]) -> ClassCounts:
    total = ClassCounts()
    for part in parts:
        total.both += part.both
        total.only_active += part.only_active
        total.only_shadow += part.only_shadow
        total.active_scores += part.active_scores
        total.shadow_scores += part.shadow_scores
    return total


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00") + " UTC"
