"""`panops data show`: a contact sheet with boxes drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import typer

from panops.commands.data_sets import PathsArgument, need_class, need_source, open_paths, split_of, writing
from panops.datasets.contact_sheet import chosen, contact_sheet
from panops.datasets.whole_file import write_whole
from panops.domain.errors import PanopsError

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def show(
    paths: PathsArgument,
    out: Annotated[Path, typer.Option(help="The picture to write: .jpg, .png or .webp.")] = Path("contact-sheet.jpg"),
    count: Annotated[int, typer.Option(min=1, max=400, help="How many pictures.")] = 24,
    class_name: Annotated[str, typer.Option("--class", help="Only pictures with a box of this class.")] = "",
    source: Annotated[str | None, typer.Option(help="Only pictures of this source.")] = None,
    split: Annotated[str, typer.Option(help="Only this split.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Another number draws other pictures.")] = 0,
    columns: Annotated[int, typer.Option(min=1, max=20, help="Pictures side by side.")] = 6,
    tile: Annotated[int, typer.Option(min=64, max=1024, help="Side of each picture, px.")] = 320,
) -> None:
    """Draw pictures by chance, with their boxes and names, as one picture: what labels really say.

    Under each picture stands its file, its group, and which classes were looked for in it.
    """
    if out.suffix.lower() not in _SUFFIXES:
        raise typer.BadParameter(f"expected a name that ends in .jpg, .png or .webp, got {out}", param_hint="--out")
    opened = open_paths(paths)
    dataset = split_of(opened, split)
    if class_name:
        need_class(dataset, class_name)
    if source is not None:
        need_source(dataset, source)
    picked = chosen(dataset, count, seed, class_name, source)
    if not len(picked):
        raise PanopsError("expected pictures to show; none fits --class and --source")
    sheet = contact_sheet(picked, columns, tile)
    with writing(out):
        write_whole(out, cv2.imencode(out.suffix.lower(), sheet)[1].tobytes())
    typer.echo(f"wrote {out}: {len(picked)} of {len(dataset):,} pictures, {picked.box_count:,} boxes")
