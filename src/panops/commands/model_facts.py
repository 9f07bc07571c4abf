"""What `panops models` tells of a model, and how it tells a fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from panops.domain.errors import PanopsError
from panops.domain.manifest import ModelManifest
from panops.models.store import StoredModel


@contextmanager
def sentences() -> Iterator[None]:
    """An expected fault is one sentence on standard error and exit code 1."""
    try:
        yield
    except PanopsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def summary(manifest: ModelManifest, model: StoredModel | None) -> dict[str, Any]:
    """What stands in a list of models.

    Args:
        manifest: What is known of the model.
        model: The model, or None when it is not here.
    """
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
