"""`panops models card`: what a version is for and not for, what it was made from, and how well it does."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from panops.commands.model_facts import sentences
from panops.commands.options import HomeOption, JsonOption
from panops.domain.errors import PanopsError
from panops.models.card import model_card
from panops.models.card_text import as_markdown, as_page
from panops.models.parentage import parent_papers
from panops.models.provenance import Provenance
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore
from panops.storage.home import Home


def card(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    version: Annotated[str, typer.Argument(help="Which version; the one in use where it is not said.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write a page instead.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the Markdown to a file.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """The model card of a version, made from its manifest, its papers and its figures: as Markdown, as a page, or as JSON."""
    with sentences():
        store = ModelStore(Home(home).models)
        model = store.get(f"{name}@{version}" if version else name)
        papers = store.papers(model)
        blocks = model_card(model, papers, parent_papers(store, papers))
        if html is not None:
            _write(html, as_page(blocks))
        if out is not None:
            _write(out, as_markdown(blocks))
        if as_json:
            typer.echo(json.dumps(_record(model, papers), indent=2))
        elif html is None and out is None:
            typer.echo(as_markdown(blocks), nl=False)


def _record(model: StoredModel, papers: Provenance) -> dict[str, Any]:
    manifest = {**asdict(model.manifest), "preprocessing": dict(model.manifest.preprocessing)}
    return {"version": model.version, "builtin": model.builtin, "manifest": manifest, "provenance": asdict(papers)}


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PanopsError(f"cannot write {path}: {error.strerror}") from error
