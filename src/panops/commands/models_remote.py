"""What the model commands say of a running panops that they asked over its API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Detail = Mapping[str, Any]
"""One model as the API tells of it."""


def remote_state(model: Detail) -> dict[str, Any]:
    """Which versions are used there, as `state_record` tells it of this machine's store."""
    parts = {name: model[name] for name in ("name", "active", "shadow", "shadow_every", "previous")}
    history = model["history"]
    return {**parts, "versions": [one["version"] for one in model["versions"]], "change": _change(history[0]) if history else None}


def remote_row(model: Detail) -> dict[str, Any]:
    """A line of the list of models, as `summary` tells it of this machine's store."""
    state = "built in" if model["builtin"] and model["state"] == "installed" else model["state"]
    return {**model, "state": state}


def _change(change: Mapping[str, Any]) -> dict[str, Any]:
    at = datetime.fromtimestamp(change["at_s"], UTC).isoformat(timespec="seconds")
    return {"at": at, "who": change["who"], "what": change["what"], "from": change["before"], "to": change["after"], "why": change["why"]}
