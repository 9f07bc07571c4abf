"""`panops data pick`: few pictures out of many, to try something or to learn a new class from."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.console import Console
from rich.text import Text

from panops.commands.data_sets import PathsArgument, need_class, need_empty, need_source, open_paths, picture_bar, split_of, writing
from panops.commands.data_tables import print_table
from panops.commands.options import JsonOption
from panops.datasets.coco import write_coco
from panops.datasets.near_copies import NEAR_BITS
from panops.datasets.picking import Picking
from panops.datasets.picking import pick as pick_pictures
from panops.datasets.picture_placing import placed
from panops.datasets.statistics_charts import source_name
from panops.domain.errors import PanopsError
from panops.domain.labels import DetectionSet

_LABELS = "picked.json"


def pick(
    paths: PathsArgument,
    out: Annotated[Path, typer.Option(help=f"The folder for {_LABELS} and images/; it must be empty or new.")],
    count: Annotated[int, typer.Option(min=1, help="How many pictures that show the class.")] = 50,
    class_name: Annotated[
        list[str], typer.Option("--class", help="The class they show; may be given several times. Without it all classes by turns.")
    ] = [],  # noqa: B006 - typer's way
    without: Annotated[int, typer.Option(min=0, help="How many more in which the class was looked for and is not there.")] = 0,
    only_class: Annotated[bool, typer.Option("--only-class", help="Leave all other classes out of the labels.")] = False,
    source: Annotated[str | None, typer.Option(help="Only pictures of this source.")] = None,
    split: Annotated[str, typer.Option(help="Only this split.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Another number picks other pictures.")] = 0,
    pictures: Annotated[Literal["copy", "link"], typer.Option(help="Copy the pictures, or link them.")] = "copy",
    near_bits: Annotated[int, typer.Option(min=0, max=20, help="Bits of 64 by which near copies may differ.")] = NEAR_BITS,
    as_json: JsonOption = False,
) -> None:
    """Pick few pictures out of many, of a class or of all: spread over cameras and sources, no near copies.

    They are written as a COCO set of its own, with their labels as they are: what was not looked for in a picture stays unknown there.
    """
    if only_class and not class_name:
        raise typer.BadParameter("expected a --class beside it", param_hint="--only-class")
    need_empty(out)
    opened = open_paths(paths)
    dataset = split_of(opened, split)
    for name in class_name:
        need_class(dataset, name)
    if source is not None:
        need_source(dataset, source)
        dataset = dataset.where(lambda one: one.source == source)
    with picture_bar(count + without, shown=not as_json) as progress:
        picking = pick_pictures(dataset, count, classes=class_name, without=without, seed=seed, near_bits=near_bits, progress=progress)
    if not len(picking.dataset):
        raise PanopsError(f"expected pictures that show {_wanted(class_name)}; none can be used, `panops data check` says why")
    origin = [str(one.path) for one in picking.dataset.pictures]
    with writing(out):
        kept = picking.dataset.with_classes(tuple(dict.fromkeys(class_name)) if only_class else _known(picking.dataset))
        written = placed(kept, out / "images", pictures)
        write_coco(DetectionSet("picked", written.classes, written.pictures), out / _LABELS)
    if as_json:
        typer.echo(json.dumps(_record(picking, written, origin, out, asked=(count, without)), indent=2))
        return
    console = Console()
    _print(console, picking, written, class_name, asked=(count, without))
    if line := opened.problem_line():
        console.print(line)
    console.print(Text(f"wrote {out / _LABELS}: {len(written):,} pictures, {written.box_count:,} boxes"))


def _known(dataset: DetectionSet) -> tuple[str, ...]:
    """The classes that were looked for in one of the pictures at least, or have a box."""
    known = np.any([one.labelled for one in dataset.pictures], axis=0)
    known[np.concatenate([one.class_id for one in dataset.pictures])] = True
    return tuple(name for name, there in zip(dataset.classes, known.tolist(), strict=True) if there)


def _wanted(names: list[str]) -> str:
    return " or ".join(names) or "anything"


def _print(console: Console, picking: Picking, written: DetectionSet, names: list[str], *, asked: tuple[int, int]) -> None:
    wanted = _wanted(names)
    shown = Counter(written.classes[index] for one in written.pictures for index in set(one.class_id.tolist()))
    boxes = Counter(written.classes[index] for one in written.pictures for index in one.class_id.tolist())
    looked_for = np.sum([one.labelled for one in written.pictures], axis=0).tolist()
    rows = [[name, f"{shown[name]:,}", f"{boxes[name]:,}", f"{count:,}"] for name, count in zip(written.classes, looked_for, strict=True)]
    print_table(console, "What was picked", ("class", "pictures", "boxes", "looked for in"), rows)
    by_source = {
        source: [one for one in written.pictures if one.source == source] for source in sorted({one.source for one in written.pictures})
    }
    rows = [
        [source_name(source), f"{len(part):,}", f"{len({one.group or one.path.name for one in part}):,}"]
        for source, part in by_source.items()
    ]
    print_table(console, "", ("source", "pictures", "cameras or scenes"), rows)
    console.print(Text(f"{picking.showing:,} of {picking.fitting:,} pictures that show {wanted}."))
    if asked[1]:
        console.print(Text(f"{picking.without:,} of {picking.fitting_without:,} in which {wanted} was looked for and is not there."))
    for count, why in ((picking.near_copies, "nearly the same as a picked one"), (picking.unreadable, "they cannot be decoded")):
        if count:
            console.print(f"{count:,} pictures were passed over: {why}.")
    if picking.showing < asked[0] or picking.without < asked[1]:
        console.print(Text(f"Fewer than the {sum(asked):,} asked for: there are no more that fit.", "yellow"))


def _record(picking: Picking, written: DetectionSet, origin: list[str], out: Path, *, asked: tuple[int, int]) -> dict[str, Any]:
    return {
        "labels": str(out / _LABELS),
        "asked": {"showing": asked[0], "without": asked[1]},
        "showing": picking.showing,
        "without": picking.without,
        "fitting": picking.fitting,
        "fitting_without": picking.fitting_without,
        "near_copies": picking.near_copies,
        "unreadable": picking.unreadable,
        "classes": list(written.classes),
        "pictures": [
            {
                "file": str(one.path),
                "from": path,
                "source": one.source,
                "group": one.group,
                "boxes": dict(Counter(written.classes[index] for index in one.class_id.tolist())),
            }
            for one, path in zip(written.pictures, origin, strict=True)
        ],
    }
