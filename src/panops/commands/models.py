"""`panops models`: what there is, get it, look at it, remove it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from panops.domain.errors import ModelError, PanopsError
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.inference.open_backend import open_backend
from panops.models.checksum import sha256_of
from panops.models.default import MOTION
from panops.models.manifest_file import is_model_name, read_manifest
from panops.models.store import ModelStore, StoredModel
from panops.storage.home import Home
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task

models_app = typer.Typer(help="Detectors: list, add, show and remove models.", no_args_is_help=True)

HomeOption = Annotated[Path | None, typer.Option(help="Where everything is kept; $PANOPS_HOME, else your data folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@models_app.command("list")
def list_models(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the models that are installed, come with panops, or can be added by name."""
    with _sentences():
        store = _store(home)
        here = {model.manifest.name: model for model in store.list()}
        known = {**{name: entry.manifest for name, entry in store.catalogue.models.items()}, **{n: m.manifest for n, m in here.items()}}
        rows = [_summary(known[name], here.get(name)) for name in sorted(known)]
        if as_json:
            typer.echo(json.dumps({"models": rows}, indent=2))
            return
        table = Table(title="Models", caption=f"{MOTION} needs no model: it finds whatever moves.", title_justify="left")
        for column in ("name", "state", "task", "input", "licence", "accuracy", "classes"):
            table.add_column(column, no_wrap=column in ("name", "state"), overflow="fold")
        for row in rows:
            accuracy = ", ".join(f"{name} {value:g}" for name, value in row["accuracy"].items())
            size = "x".join(map(str, row["input_size_wh"]))
            table.add_row(row["name"], row["state"], row["task"], size, row["licence"], accuracy, _few(row["classes"]))
        Console().print(table)


@models_app.command()
def add(
    what: Annotated[str, typer.Argument(help="A catalogue name, a manifest or its folder, a model file, or its https address.")],
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
    """Get a model, check its sha256, and see whether it runs here."""
    with _sentences():
        store = _store(home)
        passport = read_manifest(manifest) if manifest else None
        if passport is None and head:
            passport = _described(Path(what), name, head, classes, licence, preprocessing)
        console = Console(stderr=True)
        with _bar(console, what) as progress:
            model = store.add(what, manifest=passport, allow_network=not offline, replace_installed=replace_installed, progress=progress)
        trouble = _try(model)
        if as_json:
            typer.echo(json.dumps({**_summary(model.manifest, model), "path": str(model.path), "trouble": trouble}, indent=2))
            return
        typer.echo(f"{model.manifest.name} is installed (licence {model.manifest.licence}, sha256 checked): {model.path}")
        if model.manifest.not_for:
            typer.echo(f"It is not for {model.manifest.not_for}.")
        if trouble:
            typer.echo(f"But it cannot run here: {trouble}", err=True)


@models_app.command()
def show(name: Annotated[str, typer.Argument(help="A model's name.")], home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show everything that is known of a model, and check its file."""
    with _sentences():
        store = _store(home)
        installed = store.is_installed(name)
        entry = store.catalogue.models.get(name)
        model = store.get(name) if installed or entry is None else None
        passport = model.manifest if model else entry.manifest if entry else None
        if passport is None:  # `get` has raised already
            return
        facts = _facts(passport, model)
        if as_json:
            typer.echo(json.dumps(facts, indent=2))
            return
        table = Table(show_header=False, box=None)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for key, value in facts.items():
            table.add_row(key.replace("_", " "), _text(value))
        Console().print(table)


@models_app.command()
def remove(name: Annotated[str, typer.Argument(help="A model's name.")], home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Delete an installed model."""
    with _sentences():
        _store(home).remove(name)
        typer.echo(json.dumps({"removed": name}) if as_json else f"{name} is removed.")


def _store(home: Path | None) -> ModelStore:
    return ModelStore(Home(home).models)


@contextmanager
def _sentences() -> Iterator[None]:
    """An expected fault is one sentence on standard error and exit code 1."""
    try:
        yield
    except PanopsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


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


def _try(model: StoredModel) -> str:
    """Empty when the model loads and its outputs for a grey picture make sense, else what is wrong."""
    grey = Frame("check", 0, 0.0, 0.0, ArrayPixels(np.full((360, 640, 3), 114, np.uint8)))
    try:
        detector = ModelDetector(model.manifest, open_task(model.manifest), open_backend(model.path))
        detector.detect(grey)
        detector.close()
    except PanopsError as error:
        return str(error)
    return ""


def _summary(manifest: ModelManifest, model: StoredModel | None) -> dict[str, Any]:
    state = "available" if model is None else "built in" if model.builtin else "installed"
    return {
        "name": manifest.name,
        "state": state,
        "task": manifest.task,
        "head": manifest.head,
        "input_size_wh": list(manifest.input_size_wh),
        "classes": list(manifest.classes),
        "licence": manifest.licence,
        "accuracy": dict(manifest.accuracy),
    }


def _facts(manifest: ModelManifest, model: StoredModel | None) -> dict[str, Any]:
    source = {"kind": str(manifest.source.kind), "location": manifest.source.location, "member": manifest.source.member}
    return {
        **_summary(manifest, model),
        "version": manifest.version,
        "credit": manifest.credit,
        "not_for": manifest.not_for,
        "preprocessing": dict(manifest.preprocessing),
        "sha256": manifest.sha256,
        "source": {key: value for key, value in source.items() if value},
        "path": str(model.path) if model else "",
        "trouble": _try(model) if model else "",
    }


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])} ... ({len(names)})"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items()) or "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value) or "-"
