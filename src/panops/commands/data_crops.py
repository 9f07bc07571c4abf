"""`panops data crops`: every object of a class as a picture of its own, to teach a network that looks at one at a time."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from panops.commands.data_sets import PathsArgument, need_class, need_empty, need_source, open_paths, picture_bar, split_of, writing
from panops.commands.data_tables import print_table
from panops.commands.options import JsonOption
from panops.datasets.coco import write_coco
from panops.datasets.cropping import CropSettings, cut_crops
from panops.datasets.part_cropping import PartSettings, cut_parts
from panops.domain.body_parts import BodyPart
from panops.domain.errors import PanopsError
from panops.domain.labels import DetectionSet

_LABELS = "crops.json"


def crops(
    paths: PathsArgument,
    out: Annotated[Path, typer.Option(help=f"The folder for {_LABELS} and images/; it must be empty or new.")],
    around: Annotated[str, typer.Option(help="The class whose objects are cut out.")] = "person",
    class_name: Annotated[
        list[str], typer.Option("--class", help="What stays labelled in the crops; may be given several times. All others without it.")
    ] = [],  # noqa: B006 - typer's way
    least_px: Annotated[int, typer.Option("--least", min=2, help="Objects with a shorter longer side are left out, px.")] = 24,
    longest_px: Annotated[int, typer.Option("--longest", min=32, help="Larger crops are scaled down to this side, px.")] = 320,
    part: Annotated[
        BodyPart | None,
        typer.Option(help="Only this part of each person, a folder for each class and `unseen`: for `panops train classifier`."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only pictures of this source.")] = None,
    split: Annotated[str, typer.Option(help="Only this split.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Cut every object of a class out as a picture of its own, with what is labelled on it.

    Around each is the room that a camera's `secondary` model is shown. What was not looked for in a picture stays unknown in its crops, and
    pictures in which none of the classes was looked for give none.
    """
    need_empty(out)
    opened = open_paths(paths)
    dataset = split_of(opened, split)
    for name in (around, *class_name):
        need_class(dataset, name)
    if source is not None:
        need_source(dataset, source)
        dataset = dataset.where(lambda one: one.source == source)
    classes = tuple(dict.fromkeys(class_name)) or tuple(name for name in dataset.classes if name != around)
    if part is not None:
        _parts(dataset, PartSettings(around, classes, part, least_px, longest_px), out, as_json=as_json)
        return
    settings = CropSettings(around, classes, least_px, longest_px)
    with writing(out), picture_bar(len(dataset), shown=not as_json) as progress:
        cut = cut_crops(dataset, settings, out / "images", progress)
        if not len(cut.dataset):
            raise PanopsError(
                f"expected objects of the class {around} of at least {least_px} px in pictures "
                f"in which {' or '.join(classes)} was looked for; there are none"
            )
        write_coco(cut.dataset, out / _LABELS)
    boxes = Counter(classes[index] for one in cut.dataset.pictures for index in one.class_id[~one.crowd].tolist())
    looked_for = {name: sum(bool(one.labelled[index]) for one in cut.dataset.pictures) for index, name in enumerate(classes)}
    if as_json:
        record = {
            "labels": str(out / _LABELS),
            "crops": len(cut.dataset),
            "boxes": dict(boxes),
            "looked_for": looked_for,
            "too_small": cut.too_small,
            "unlabelled": cut.unlabelled,
            "unreadable": cut.unreadable,
        }
        typer.echo(json.dumps(record, indent=2))
        return
    console = Console()
    rows = [[name, f"{boxes[name]:,}", f"{looked_for[name]:,}"] for name in classes]
    print_table(console, f"Around each {around}", ("class", "boxes", "looked for in"), rows)
    for count, why in (
        (cut.too_small, f"objects were left out: smaller than {least_px} px"),
        (cut.unlabelled, "objects were left out: none of the classes was looked for in their pictures"),
        (cut.unreadable, "pictures were left out: they cannot be decoded, or have another size than their labels say"),
    ):
        if count:
            console.print(f"{count:,} {why}.")
    if line := opened.problem_line():
        console.print(line)
    console.print(Text(f"wrote {out / _LABELS}: {len(cut.dataset):,} crops"))


def _parts(dataset: DetectionSet, settings: PartSettings, out: Path, *, as_json: bool) -> None:
    """The same for one part of each person."""
    with writing(out), picture_bar(len(dataset), shown=not as_json) as progress:
        cut = cut_parts(dataset, settings, out, progress)
        if sum(bool(count) for count in cut.counts.values()) < 2:
            raise PanopsError(
                f"expected objects of the class {settings.around} of at least {settings.least_px} px, with and without "
                f"{' or '.join(settings.classes)} on the {settings.part}; all that was found is {dict(cut.counts) or 'nothing'}"
            )
    left_out = {"unclear": cut.unclear, "too_small": cut.too_small, "unlabelled": cut.unlabelled, "unreadable": cut.unreadable}
    if as_json:
        typer.echo(json.dumps({"crops": cut.counts, "of_nobody_labelled": cut.alone, **left_out}, indent=2))
        return
    console = Console()
    print_table(
        console, f"The {settings.part} of each {settings.around}", ("class", "crops"), [[n, f"{c:,}"] for n, c in cut.counts.items()]
    )
    for count, why in (
        (cut.unclear, "people were left out: several of the classes on them, or one that may be somebody else's"),
        (cut.alone, "crops are of a thing by itself, where it is not clear whose it is"),
        (cut.too_small, f"people were left out: smaller than {settings.least_px} px"),
        (cut.unlabelled, "people were left out: one of the classes was not looked for in their pictures"),
        (cut.unreadable, "pictures were left out: they cannot be decoded, or have another size than their labels say"),
    ):
        if count:
            console.print(Text(f"{count:,} {why}."))
