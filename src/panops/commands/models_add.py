"""`panops models add`: get a model, by name, from a file or from an address."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from panops.commands.model_facts import sentences, summary, who
from panops.commands.model_trial import trouble_with
from panops.commands.models_figures import read_figures
from panops.commands.options import HomeOption, JsonOption
from panops.domain.errors import ModelError
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.inference.open_backend import open_backend
from panops.models.checksum import sha256_of
from panops.models.manifest_file import is_model_name, read_manifest
from panops.models.store import ModelStore
from panops.storage.home import Home


def add(
    what: Annotated[
        str, typer.Argument(help="A catalogue name, a folder that `panops export` wrote, a manifest, a model file, or its https address.")
    ],
    as_name: Annotated[str, typer.Option("--as", help="What to call it: the name of a model that is here adds a version to it.")] = "",
    version: Annotated[str, typer.Option(help="What to call the version, instead of what its manifest says.")] = "",
    figures: Annotated[list[Path] | None, typer.Option(help="What `panops evaluate detector --json` wrote of it, for its card.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="The manifest of a file or address that brings none.")] = None,
    name: Annotated[str, typer.Option(help="For a file without a manifest: what to call it.")] = "",
    head: Annotated[str, typer.Option(help="For a file without a manifest: yolox, yolox_decoded, fastestdet or ssd.")] = "",
    classes: Annotated[str, typer.Option(help="For a file without a manifest: class names, separated by commas.")] = "",
    licence: Annotated[str, typer.Option(help="For a file without a manifest: SPDX identifier of the weights.")] = "",
    preprocessing: Annotated[str, typer.Option(help="For a file without a manifest: e.g. channels=bgr,letterbox=114.")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="Use mirrors and local files only.")] = False,
    replace_installed: Annotated[bool, typer.Option("--replace", help="Replace a model of that name.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Get a model, check its sha256, and see whether it runs here.

    The first version of a model is in use at once. A further one is not: let it look on with `panops models shadow`, look at
    `panops models compare`, and put it into use with `panops models promote`.
    """
    with sentences():
        store = ModelStore(Home(home).models)
        passport = read_manifest(manifest) if manifest else None
        if passport is None and head:
            passport = _described(Path(what), name, head, classes, licence, preprocessing)
        console = Console(stderr=True)
        with _bar(console, what) as progress:
            model = store.add(
                what,
                manifest=passport,
                name=as_name,
                version=version,
                allow_network=not offline,
                replace_installed=replace_installed,
                progress=progress,
                who=who(),
            )
        if figures:
            store.add_figures(model, read_figures(figures))
        trouble = trouble_with(model, store)
        active = store.shelf(model.manifest.name).active_or_none
        if as_json:
            told = {"path": str(model.path), "trouble": trouble, "active": active == model.version}
            typer.echo(json.dumps({**summary(model.manifest, model), **told}, indent=2))
            return
        named = model.manifest.name if active == model.version else model.reference
        typer.echo(f"{named} is installed (licence {model.manifest.licence}, sha256 checked): {model.path}")
        if model.manifest.not_for:
            typer.echo(f"It is not for {model.manifest.not_for}.")
        if trouble:
            typer.echo(f"But it cannot run here: {trouble}", err=True)
        elif active != model.version:
            called, new = model.manifest.name, model.version
            typer.echo(f"{called}@{active} stays in use. Let the new one look on: panops models shadow {called} {new}")
            typer.echo(f"Put it into use: panops models promote {called} {new}")


@contextmanager
def _bar(console: Console, what: str) -> Iterator[Callable[[int, int | None], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(Path(what).name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _described(path: Path, name: str, head: str, classes: str, licence: str, preprocessing: str) -> ModelManifest:
    """A manifest from the options and from what the file says of itself."""
    name = name or path.stem
    if not is_model_name(name):
        raise ModelError(f"{name!r} is no model name; say one with --name: letters, digits, _ and -, at most 63")
    class_names = tuple(part.strip() for part in classes.split(",") if part.strip())
    if not class_names or not licence:
        raise ModelError("a file without a manifest needs --head, --classes and --licence")
    backend = open_backend(path)
    try:
        spec = backend.inputs[0]
    finally:
        backend.close()
    if len(spec.shape) != 4 or min(spec.shape[1:]) < 1:
        raise ModelError(f"{path.name}: its input {spec.shape} is no picture of one size; write a manifest for it (docs/models.md)")
    layout = "nchw" if spec.shape[1] == 3 else "nhwc"
    height, width = spec.shape[2:] if layout == "nchw" else spec.shape[1:3]
    options: dict[str, Any] = {"input": spec.name, "layout": layout, "dtype": str(spec.dtype)}
    options.update(_options(preprocessing))
    source = ModelSource(SourceKind.FILE, str(path))
    return ModelManifest(name, "detection", head, "1", licence, source, path.name, sha256_of(path), (width, height), class_names, options)


def _options(text: str) -> dict[str, Any]:
    """`channels=bgr,letterbox=114` as a mapping; what reads as a number is one."""
    options: dict[str, Any] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals:
            raise ModelError(f"--preprocessing: expected key=value, got {part!r}")
        try:
            options[key.strip()] = float(value)
        except ValueError:
            options[key.strip()] = value.strip()
    return options
