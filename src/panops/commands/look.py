"""`panops look`: what a model sees in pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from panops.commands.options import HomeOption, JsonOption
from panops.datasets.whole_file import write_whole
from panops.domain.errors import PanopsError
from panops.models.default import likely_default
from panops.models.store import ModelStore
from panops.pipeline.open_models import OpenModels
from panops.pipeline.picture_answer import PictureAnswer, look_at
from panops.pipeline.sent_picture import PictureRefused, read_sent_picture
from panops.storage.home import Home

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_MOST_LINES = 20


def look(
    pictures: Annotated[list[Path], typer.Argument(help="Pictures, or folders of them: JPEG, PNG or WebP.")],
    model: Annotated[str, typer.Option(help="NAME or NAME@VERSION of any model with a task; panops models list names them.")] = "",
    out: Annotated[Path | None, typer.Option(help="A folder for the pictures with what was seen drawn on them.")] = None,
    min_score: Annotated[float, typer.Option(min=0.0, max=1.0, help="What is below is not told.")] = 0.3,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at pictures with one model: objects, faces, poses, or what each part shows; told, and drawn with --out.

    A picture that cannot be read is named and passed over, and the exit status is 1.
    """
    files = _files(pictures)
    names = _names(files)
    if out is not None:
        _check_out(out, files, names)
    store = ModelStore(Home(home).models)
    models = OpenModels(store)
    console = Console(stderr=as_json)
    told: list[dict[str, Any]] = []
    failed = 0
    try:
        opened = models.get(store.get(model or likely_default(store)).reference)
        for file, name in zip(files, names, strict=True):
            try:
                seen = look_at(opened, read_sent_picture(memoryview(file.read_bytes())), min_score)
            except (PictureRefused, OSError) as error:
                failed += 1
                console.print(f"{file}: {error}", style="red", soft_wrap=True, highlight=False, markup=False)
                continue
            content = {"file": str(file), **seen.content()}
            told.append(content)
            if not as_json:
                _tell(console, content)
            if out is not None:
                _draw(out / f"{name}.jpg", seen)
    finally:
        models.close()
    if as_json:
        typer.echo(json.dumps({"pictures": told}, indent=2))
    if out is not None and told:
        console.print(f"drawn: {out}", style="dim", soft_wrap=True)
    if failed:
        raise PanopsError(f"{failed} of {len(files)} pictures could not be looked at")


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
        elif path.is_file():
            files.append(path)
        else:
            raise PanopsError(f"expected a picture or a folder, got {path}, which is not there")
    if not files:
        raise PanopsError(f"expected pictures (JPEG, PNG, WebP), found none in {', '.join(map(str, paths))}")
    return files


def _names(files: Sequence[Path]) -> list[str]:
    """A name each for what is drawn: the file's, with a number where it is taken."""
    names: list[str] = []
    for file in files:
        name, number = file.stem, 1
        while name in names:
            number += 1
            name = f"{file.stem}-{number}"
        names.append(name)
    return names


def _check_out(out: Path, files: Sequence[Path], names: Sequence[str]) -> None:
    """What is drawn must not lie where a picture is that it was made from."""
    if out.exists() and not out.is_dir():
        raise typer.BadParameter(f"expected a folder, got the file {out}", param_hint="--out")
    given = {file.resolve() for file in files}
    taken = next((name for name in names if (out / f"{name}.jpg").resolve() in given), None)
    if taken is not None:
        message = f"{out / taken}.jpg is one of the pictures and would be written over; take another folder"
        raise typer.BadParameter(message, param_hint="--out")


def _draw(path: Path, seen: PictureAnswer) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, seen.drawn()[1])
    except OSError as error:
        raise PanopsError(f"cannot write {path}: {error.strerror}") from error


def _tell(console: Console, content: dict[str, Any]) -> None:
    width, height = content["size_wh"]
    head = f"{content['file']}: {width}x{height}, {content['model']} {content['version']}, {content['inference_ms']:.1f} ms"
    console.print(head, soft_wrap=True, highlight=False, markup=False)
    rows = content.get("classes") or content.get("scores") or content.get("detections", [])
    for row in rows[:_MOST_LINES]:
        console.print(f"  {_line(row)}", soft_wrap=True, highlight=False, markup=False)
    if len(rows) > _MOST_LINES:
        console.print(f"  and {len(rows) - _MOST_LINES} more", style="dim", highlight=False)
    if not rows:
        console.print("  nothing", style="dim")


def _line(row: dict[str, Any]) -> str:
    if "share" in row:
        return f"{row['class']}  {row['share']:.1%}"
    if "xyxy" not in row:
        return f"{row['class']}  {row['score']:.2f}"
    left, top, right, bottom = row["xyxy"]
    points = f", {len(row['keypoints'])} points" if "keypoints" in row else ""
    return f"{row['class']}  {row['score']:.2f}  {left:.0f},{top:.0f} to {right:.0f},{bottom:.0f}{points}"
