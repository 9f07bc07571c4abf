"""`panops evaluate compliance`: how often it is right what is said of hats and vests, and how often nothing is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

import panops
from panops.commands.closer import Closer
from panops.commands.compliance_films import KNOWN, judge_film
from panops.commands.compliance_pictures import judge_pictures
from panops.commands.evaluate_facts import data_title
from panops.commands.evaluate_model import at_size, find_model
from panops.commands.options import HomeOption
from panops.config.rule_schema import ComplianceConfig
from panops.config.schema import SecondaryConfig
from panops.datasets.opening import open_dataset
from panops.domain.errors import PanopsError, SourceCorrupt
from panops.evaluation.compliance_score import ItemScore, Judged, by_height, by_item
from panops.inference.open_backend import open_backend
from panops.models.store import ModelStore, StoredModel
from panops.pipeline.detectors import DetectorPool
from panops.simulation.picture_set import SCENES
from panops.storage.home import Home
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task

_COLUMNS = ("people", "no person", "not seen", "right", "-P", "-R", "-Rf", "+P", "+R", "+Rf")
_CAPTION = "- without it, + with it; P precision, R recall, Rf recall of those in whom a person was seen; not seen: nothing is said"


def evaluate_compliance(
    model: Annotated[str, typer.Argument(help="The detector, such as ppe.")] = "ppe",
    data: Annotated[Path | None, typer.Option(help="Labelled pictures of people and items: a COCO .json, a YOLO or VOC folder.")] = None,
    split: Annotated[str, typer.Option(help="Which split of the data; all of it where it is not given.")] = "",
    source: Annotated[str, typer.Option(help="Only pictures of this source of the data.")] = "",
    films: Annotated[int, typer.Option(min=0, help="So many films of the simulated site, scene after scene.")] = 0,
    seconds: Annotated[float, typer.Option(min=10, help="How long each film is.")] = 60.0,
    size: Annotated[str, typer.Option(help="Size of the simulated pictures.")] = "640x360",
    seed: Annotated[int, typer.Option(help="Seed of the first film.")] = 1,
    workers: Annotated[float, typer.Option(min=0, max=1, help="Share of the simulated walkers dressed for a building site.")] = 0.5,
    required: Annotated[str, typer.Option(help="The items, by names that the rule knows.")] = "hardhat,vest",
    min_score: Annotated[float, typer.Option(min=0.01, max=1.0, help="As a camera's min_score.")] = 0.35,
    share: Annotated[float, typer.Option(min=0.51, max=1.0, help="As the rule's share: so much of the votes decides.")] = 0.7,
    least_px: Annotated[int, typer.Option("--least-height", min=0, help="Only people at least so high, px of the network's input.")] = 0,
    network: Annotated[
        int | None, typer.Option("--input", min=32, max=4096, help="Side of the network's input, px; its own if left out.")
    ] = None,
    secondary: Annotated[str, typer.Option(help="A second model that looks at each person enlarged, such as ppe_close.")] = "",
    parts: Annotated[str, typer.Option(help="Classifiers that look at a part of each person, such as head=ppe_head,torso=ppe_torso.")] = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every figure as JSON.")] = None,
    home: HomeOption = None,
) -> None:
    """Precision and recall of what the rule `compliance` says of each person, and how often it says that nothing is to be seen.

    On labelled pictures each one is shown for as long as it takes to decide; on films of the simulated site the whole way of a camera runs.
    """
    if data is None and not films:
        raise typer.BadParameter("expected pictures (--data) or films of the simulated site (--films), got neither")
    items = [name.strip() for name in required.split(",") if name.strip()]
    try:
        rule = ComplianceConfig.model_validate({"id": "wear", "kind": "compliance", "required": items, "share": share})
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"].removeprefix("Value error, "), param_hint="--required") from error
    console = Console()
    found: dict[str, Any] = {}
    store = ModelStore(Home(home).models)
    with ExitStack() as stack:
        sized = stack.enter_context(at_size(find_model(model, store), (network, network) if network else None))
        closer = _closer(secondary, parts, store, stack) if secondary or parts else None
        if data is not None:
            rows, title = _pictures(sized, data, split, source, rule, min_score, closer, console)
            found["pictures"] = _told(console, title, _high(rows, least_px))
        if films:
            rows, mixed = _films(sized, films, seconds, size, seed, workers, items, min_score, closer, console)
            found["films"] = {
                **_told(console, f"simulated site, {films} films of {seconds:g} s", _high(rows, least_px)),
                "tracks_of_nobody_or_several": mixed,
            }
    if json_file is not None:
        facts = {
            "panops": panops.__version__,
            "evaluation": "compliance",
            "model": model,
            "secondary": secondary or None,
            "parts": parts or None,
            "input_wh": sized.manifest.input_size_wh,
            "min_score": min_score,
            "share": share,
            "least_height_px": least_px,
        }
        try:
            json_file.write_text(json.dumps({**facts, **found}, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise PanopsError(f"cannot write {json_file}: {error.strerror}") from error


def _pictures(
    model: StoredModel,
    data: Path,
    split: str,
    source: str,
    rule: ComplianceConfig,
    min_score: float,
    closer: Closer | None,
    console: Console,
) -> tuple[list[Judged], str]:
    dataset = open_dataset(data, split).dataset
    if source:
        dataset = replace(dataset, pictures=tuple(one for one in dataset.pictures if one.source == source))
    with _progress(console) as progress:
        task = progress.add_task("pictures", total=len(dataset))
        rows = judge_pictures(
            model,
            dataset,
            rule.required,
            min_score,
            rule.window_s,
            rule.share,
            lambda done, _: progress.update(task, completed=done),
            closer,
        )
    if not rows:
        raise SourceCorrupt(f"{data}: expected pictures in which people and what they wear are labelled, found none")
    return rows, data_title(data, split) + (f", {source}" if source else "")


def _films(
    model: StoredModel,
    films: int,
    seconds: float,
    size: str,
    seed: int,
    workers: float,
    items: Sequence[str],
    min_score: float,
    closer: Closer | None,
    console: Console,
) -> tuple[list[Judged], int]:
    rows: list[Judged] = []
    mixed = 0
    wanted = [name for name in items if name in KNOWN]
    if not wanted:
        raise typer.BadParameter(f"the simulated site has only: {', '.join(KNOWN)}", param_hint="--required")
    with closing(_detector(model)) as detector, _progress(console) as progress:
        task = progress.add_task("films", total=films)
        for number in range(films):
            scene = SCENES[number % len(SCENES)]
            address = f"sim://{scene}?seed={seed + number}&activity=12&workers={workers:g}&rate_fps=5&size={size}"
            more, more_mixed = judge_film(address, seconds, detector, model.manifest.input_size_wh, {"required": wanted}, min_score, closer)
            rows, mixed = rows + more, mixed + more_mixed
            progress.update(task, advance=1)
    return rows, mixed


def _high(rows: Sequence[Judged], least_px: int) -> list[Judged]:
    return [row for row in rows if row.height_px >= least_px]


def _closer(secondary: str, parts: str, store: ModelStore, stack: ExitStack) -> Closer:
    """What looks at single people, with its models."""
    named = dict(one.strip().partition("=")[::2] for one in parts.split(",") if one.strip())
    try:
        config = SecondaryConfig.model_validate({"model": secondary, "parts": named})
    except ValidationError as error:
        raise typer.BadParameter(
            f"expected a part of the body and a model for each, such as head=ppe_head,torso=ppe_torso, got {parts!r}", param_hint="--parts"
        ) from error
    pool = DetectorPool(store)
    stack.callback(pool.close)
    opened = {name: pool.open(find_model(name, store)) for name in config.models}
    closer = Closer(config, opened.__getitem__)
    closer.looks(())  # what is wrong with them is said before anything is looked at
    return closer


def _detector(model: StoredModel) -> ModelDetector:
    return ModelDetector(model.manifest, open_task(model.manifest), open_backend(model.path))


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def _told(console: Console, title: str, rows: Sequence[Judged]) -> dict[str, Any]:
    """Print the figures, and give them for JSON."""
    items, bands = by_item(rows), by_height(rows)
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=_CAPTION, caption_justify="left")
    table.add_column("item, height", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for item, score in items.items():
        _add(table, item, score)
        for band, scores in bands.items():
            if item in scores:
                _add(table, f"  {band}", scores[item])
    console.print(table)
    return {
        "items": {item: score.record() for item, score in items.items()},
        "heights_px": {band: {item: score.record() for item, score in scores.items()} for band, scores in bands.items()},
    }


def _add(table: Table, name: str, score: ItemScore) -> None:
    sorts = ((one.precision, one.recall, one.recall_of_found) for one in (score.absent, score.present))
    shares = (score.right_of_decided, *chain.from_iterable(sorts))
    counts = (score.people, score.not_found, score.not_visible)
    table.add_row(name, *map(str, counts), *("-" if share is None else f"{share:.2f}" for share in shares))
