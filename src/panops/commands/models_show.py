"""`panops models show`: everything that is known of one."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from panops.commands.model_facts import change_record, sentences, summary, version_rows
from panops.commands.model_trial import trouble_with
from panops.commands.options import HomeOption, JsonOption
from panops.domain.manifest import ModelManifest
from panops.models.store import ModelStore, StoredModel
from panops.storage.home import Home

_SHOWN_CHANGES = 10


def show(
    name: Annotated[str, typer.Argument(help="A model's name, or NAME@VERSION.")], home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Show everything that is known of a model, and check its file.

    With NAME@VERSION: of that version. What it was made from and how well it does is told by `panops models card`.
    """
    with sentences():
        store = ModelStore(Home(home).models)
        installed = store.is_installed(name.partition("@")[0])
        entry = store.catalogue.models.get(name)
        model = store.get(name) if installed or entry is None else None
        passport = model.manifest if model else entry.manifest if entry else None
        if passport is None:  # `get` has raised already
            return
        facts = {**_facts(passport, model, store), **(_decided(store, name) if model else {})}
        if as_json:
            typer.echo(json.dumps(facts, indent=2))
            return
        table = Table(show_header=False, box=None)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for key, value in facts.items():
            if key == "history":
                continue
            table.add_row(key.replace("_", " "), _text(value))
        console = Console()
        console.print(table)
        for line in facts.get("history", [])[-_SHOWN_CHANGES:]:
            why = f": {line['why']}" if line["why"] else ""
            console.print(f"{line['at']} {line['who']} {line['what']} {line['from']} -> {line['to']}{why}", style="dim", markup=False)


def _facts(manifest: ModelManifest, model: StoredModel | None, store: ModelStore) -> dict[str, Any]:
    source = {"kind": str(manifest.source.kind), "location": manifest.source.location, "member": manifest.source.member}
    return {
        **summary(manifest, model),
        "credit": manifest.credit,
        "not_for": manifest.not_for,
        "preprocessing": dict(manifest.preprocessing),
        **({} if manifest.threshold is None else {"threshold": manifest.threshold}),
        "sha256": manifest.sha256,
        "source": {key: value for key, value in source.items() if value},
        "path": str(model.path) if model else "",
        "trouble": trouble_with(model, store) if model else "",
    }


def _decided(store: ModelStore, reference: str) -> dict[str, Any]:
    """The versions, which of them are used, and what was done so far."""
    name = reference.partition("@")[0]
    shelf = store.shelf(name)
    versions = [f"{row['version']} ({row['role']})" if row["role"] else row["version"] for row in version_rows(store, shelf)]
    return {"versions": versions, "history": [change_record(change) for change in shelf.state.history]}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items()) or "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value) or "-"
