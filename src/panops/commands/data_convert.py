"""`panops data convert`: a data set in another format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from panops.commands.data_sets import PathsArgument, need_empty, need_pictures, open_paths, writing
from panops.datasets.coco import write_coco
from panops.datasets.opening import same_classes
from panops.datasets.picture_placing import placed
from panops.datasets.sidecar import FILE_NAME
from panops.datasets.voc import write_voc
from panops.datasets.yolo import write_yolo
from panops.domain.errors import PanopsError
from panops.domain.labels import DetectionSet

Format = Literal["coco", "yolo", "voc"]


def convert(
    paths: PathsArgument,
    to: Annotated[Format, typer.Option("--to", help="The format to write.")],
    out: Annotated[Path, typer.Option(help="The folder to write to; it must be empty or new.")],
    pictures: Annotated[
        Literal["copy", "link", "leave"], typer.Option(help="Pictures: copy, link, or (COCO) leave where they are.")
    ] = "copy",
) -> None:
    """Write a data set as COCO, YOLO or Pascal VOC, with its splits.

    What YOLO and VOC cannot say - which classes were looked for, source, group, crowds - goes to `labelled.json` beside them; panops reads
    it again, other programs do not know it.
    """
    need_empty(out)
    if pictures == "leave" and to != "coco":
        raise PanopsError(f"--pictures leave: {to} needs the pictures in its own folders; choose copy or link")
    opened = open_paths(paths)
    need_pictures(opened.together("all"), paths)
    sets = same_classes({name: report.dataset for name, report in opened.reports.items()})
    with writing(out):
        _write(sets, to, out, pictures)
    typer.echo(f"wrote {sum(map(len, sets.values())):,} pictures, {sum(part.box_count for part in sets.values()):,} boxes to {out}")
    if (out / FILE_NAME).is_file():
        typer.echo(f"{to} cannot say which classes were looked for, nor source, group or crowds: that is in {out / FILE_NAME}")
        partial = sum(not picture.labelled.all() for part in sets.values() for picture in part.pictures)
        if partial:
            typer.echo(f"{partial:,} pictures are labelled in part; a program that does not read it takes the rest for background")
    if line := opened.problem_line():
        typer.echo(line)


def _write(sets: Mapping[str, DetectionSet], to: Format, out: Path, pictures: Literal["copy", "link", "leave"]) -> None:
    if to == "coco":
        for name, part in sets.items():
            write_coco(part if pictures == "leave" else placed(part, out / "images" / name, pictures), out / f"{name}.json")
    elif pictures != "leave":
        (write_yolo if to == "yolo" else write_voc)(sets, out, pictures)
