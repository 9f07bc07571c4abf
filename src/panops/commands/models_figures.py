"""`panops models figures`: keep what was measured with the version that it was measured of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from panops.commands.model_facts import sentences
from panops.commands.options import HomeOption, JsonOption
from panops.models.figures import figures_name
from panops.models.provenance import read_json
from panops.models.store import ModelStore
from panops.storage.home import Home


def figures(
    name: Annotated[str, typer.Argument(help="A model's name, or NAME@VERSION.")],
    files: Annotated[list[Path], typer.Argument(help="What `panops evaluate detector --json FILE` wrote; one a data set.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep what `panops evaluate detector --json` measured with a version, for its card. Figures of another file are refused."""
    with sentences():
        store = ModelStore(Home(home).models)
        model = store.get(name)
        read = read_figures(files)
        store.add_figures(model, read)
        if as_json:
            typer.echo(json.dumps({"name": model.manifest.name, "version": model.version, "figures": sorted(read)}))
        else:
            card = f"panops models card {model.manifest.name} {model.version}"
            typer.echo(f"{model.reference} keeps figures on {', '.join(sorted(read))}; see: {card}")


def read_figures(files: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Evaluations by the names of their files.

    Raises:
        ConfigError: One cannot be read.
    """
    return {figures_name(path.stem): read_json(path) for path in files}
