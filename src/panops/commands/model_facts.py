"""What `panops models` tells of a model, and how it tells a fault."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import typer

from panops.domain.errors import ModelError, PanopsError
from panops.domain.manifest import ModelManifest
from panops.models.shelf import Shelf, StoredModel
from panops.models.state import Change
from panops.models.store import ModelStore

TAKES_EFFECT = "Cameras that run take it over within seconds; nothing needs to be restarted."


@contextmanager
def sentences() -> Iterator[None]:
    """An expected fault is one sentence on standard error and exit code 1."""
    try:
        yield
    except PanopsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def who() -> str:
    """The user, for a model's history."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return "unknown"


def summary(manifest: ModelManifest, model: StoredModel | None) -> dict[str, Any]:
    """What stands in a list of models.

    Args:
        manifest: What is known of the model.
        model: The model, or None when it is not here.
    """
    state = "available" if model is None else "built in" if model.builtin else "installed"
    return {
        "name": manifest.name,
        "version": model.version if model is not None else manifest.version,
        "state": state,
        "task": manifest.task,
        "head": manifest.head,
        "input_size_wh": list(manifest.input_size_wh),
        "classes": list(manifest.classes),
        "licence": manifest.licence,
        "accuracy": dict(manifest.accuracy),
    }


def version_rows(store: ModelStore, shelf: Shelf) -> list[dict[str, Any]]:
    """Every version of a model with its part: `active`, `shadow`, `previous` or none; a damaged one with its problem.

    Args:
        store: Where it is; checksums are not looked at.
        shelf: The model.
    """
    roles = {shelf.state.previous: "previous", shelf.shadow: "shadow", shelf.active_or_none: "active"}
    rows = []
    for version, place in shelf.places.items():
        row: dict[str, Any] = {"version": version, "role": roles.get(version, ""), "builtin": place.builtin}
        try:
            model = shelf.read(version)
            row |= {"licence": model.manifest.licence, "accuracy": dict(model.manifest.accuracy), "sha256": model.manifest.sha256}
            row["classes"] = list(model.manifest.classes)
        except ModelError as error:
            row["problem"] = str(error)
        rows.append(row)
    return rows


def change_record(change: Change) -> dict[str, Any]:
    """One line of a model's history, for JSON."""
    at = datetime.fromtimestamp(change.at_s, UTC).isoformat(timespec="seconds")
    return {"at": at, "who": change.who, "what": change.what, "from": change.before, "to": change.after, "why": change.why}


def state_record(name: str, shelf: Shelf) -> dict[str, Any]:
    """Which versions are used, for JSON, with the latest change."""
    state = shelf.state
    latest = change_record(state.history[-1]) if state.history else None
    every = state.shadow_every if shelf.shadow else None
    parts = {"active": shelf.active_or_none, "shadow": shelf.shadow, "shadow_every": every, "previous": state.previous}
    return {"name": name, **parts, "versions": list(shelf.places), "change": latest}
