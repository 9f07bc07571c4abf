"""`panops models list`: what there is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from panops.commands.model_facts import sentences, summary, version_rows
from panops.commands.models_remote import remote_row
from panops.commands.options import HomeOption, JsonOption
from panops.commands.remote import AlsoUrlOption, CaFileOption, TokenFileOption, connect
from panops.domain.manifest import ModelManifest
from panops.models.default import MOTION
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore
from panops.storage.home import Home

# What a table shows, the widest first, and how many letters of the class names: a narrow terminal gets fewer columns, not broken words.
_LAYOUTS = (
    (("name", "state", "task", "input", "licence", "accuracy", "classes"), 50),
    (("name", "state", "task", "input", "licence", "accuracy", "classes"), 30),
    (("name", "state", "task", "input", "licence", "classes"), 20),
    (("name", "state", "input", "licence", "classes"), 20),
    (("name", "state", "input", "licence"), 0),
    (("name", "state", "licence"), 0),
    (("name", "state"), 0),
)


def list_models(
    home: HomeOption = None,
    url: AlsoUrlOption = "",
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the models that are installed, come with panops, or can be added by name."""
    if url:
        with connect(url, token_file, ca_file) as site:
            found = [remote_row(model) for model in site.models.all()]
        if as_json:
            typer.echo(json.dumps({"models": found}, indent=2))
        else:
            _print(Console(), found)
        return
    with sentences():
        store = ModelStore(Home(home).models)
        here = {model.manifest.name: model for model in store.list()}
        known = {**{name: entry.manifest for name, entry in store.catalogue.models.items()}, **{n: m.manifest for n, m in here.items()}}
        rows = [_row(store, known[name], here.get(name)) for name in sorted(known)]
        if as_json:
            typer.echo(json.dumps({"models": rows}, indent=2))
            return
        _print(Console(), [line for row in rows for line in _lines(row)])


def _row(store: ModelStore, manifest: ModelManifest, model: StoredModel | None) -> dict[str, Any]:
    """A model with its versions, the one in use first."""
    row = summary(manifest, model)
    if model is None:
        return {**row, "versions": []}
    shelf = store.shelf(manifest.name)
    versions = sorted(version_rows(store, shelf), key=lambda version: version["role"] != "active")
    every = shelf.state.shadow_every if shelf.shadow else None
    return {**row, "shadow": shelf.shadow, "shadow_every": every, "previous": shelf.state.previous, "versions": versions}


def _lines(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for a model, or for each of its versions where it has several."""
    if len(row["versions"]) < 2:
        return [row]
    lines = []
    for version in row["versions"]:
        state = "built in" if version["builtin"] else "installed"
        told = f"{state}, {version['role']}" if version["role"] else state
        lines.append(
            {**row, **version, "name": f"{row['name']}@{version['version']}", "state": "damaged" if "problem" in version else told}
        )
    return lines


def _print(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """The widest table that fits, each model on one line; where even the narrowest is too wide, plain lines."""
    for columns, class_letters in _LAYOUTS:
        table = _table(columns, rows, class_letters)
        if Measurement.get(console, console.options.update(max_width=10_000), table).maximum <= console.width:
            console.print(table)
            break
    else:
        for row in rows:
            console.print(f"{row['name']} ({row['state']})", soft_wrap=True, highlight=False, markup=False)
    console.print("\npanops models show NAME tells more, panops models add NAME gets one.", style="dim", highlight=False)
    console.print(f"{MOTION} needs no model: it finds whatever moves.", style="dim", highlight=False)


def _table(columns: Sequence[str], rows: Sequence[dict[str, Any]], class_letters: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_cell(column, row, class_letters)) for column in columns))
    return table


def _cell(column: str, row: dict[str, Any], class_letters: int) -> str:
    if column == "input":
        return "x".join(map(str, row["input_size_wh"]))
    if column == "accuracy":
        figures = [f"{name} {value:g}" for name, value in row["accuracy"].items()]
        return f"{figures[0]} ..." if len(figures) > 1 else "".join(figures)
    if column == "classes":
        return _few(row["classes"], class_letters)
    return str(row[column])


def _few(names: Sequence[str], letters: int) -> str:
    """All names where they fit into so many letters, else the first ones and how many there are."""
    whole = ", ".join(names)
    if len(whole) <= letters:
        return whole
    end = f" ... ({len(names)})"
    shown = next((part for part in (", ".join(names[:count]) for count in range(len(names), 0, -1)) if len(part + end) <= letters), "")
    return (shown + end).strip()
