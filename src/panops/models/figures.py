"""What `panops evaluate detector --json` or `classifier --json` measured, as it is kept with a version and read for its card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from panops.domain.errors import ConfigError, ConfigProblem

# What these commands call themselves in their JSON.
EVALUATIONS = ("detection", "classification")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def figures_name(text: str) -> str:
    """The name under which figures are kept, from a file's stem: other characters become `-`."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:63]
    return cleaned or "data"


def is_figures_name(text: str) -> bool:
    """Whether figures may have this name, which is also that of their file without its suffix."""
    return _NAME.fullmatch(text) is not None


def checked_figures(record: Mapping[str, Any], sha256: str, origin: str) -> dict[str, Any]:
    """An evaluation fit to be kept with the version whose file has this digest: folders of the machine it ran on are left out.

    Args:
        record: The JSON.
        sha256: Of the version's file.
        origin: The file's name, for messages.

    Raises:
        ConfigError: It is no evaluation of a detector or a classifier, or of another file.
    """
    models = record.get("models")
    if record.get("evaluation") not in EVALUATIONS or not isinstance(models, list) or not isinstance(record.get("data"), Mapping):
        raise ConfigError(
            origin,
            [ConfigProblem("", "expected what `panops evaluate detector --json` writes, or that of classifier, got other JSON")],
        )
    if own_figures(record, sha256) is None:
        measured = ", ".join(f"{model.get('name')} ({str(model.get('sha256'))[:12]})" for model in models if isinstance(model, Mapping))
        problem = ConfigProblem("models", f"expected figures of the file with sha256 {sha256[:12]}..., got those of {measured or 'none'}")
        raise ConfigError(origin, [problem])
    data = dict(record["data"])
    path = str(data.get("path", ""))
    data["path"] = PureWindowsPath(path).name if "\\" in path else PurePosixPath(path).name
    return {**record, "data": data}


def own_figures(record: Mapping[str, Any], sha256: str) -> Mapping[str, Any] | None:
    """The part of an evaluation that is about the file with this digest, or None."""
    return next((model for model in _models(record) if model.get("sha256") == sha256), None)


def other_figures(record: Mapping[str, Any], sha256: str) -> Mapping[str, Any] | None:
    """The model that was measured beside it in the same run, or None."""
    return next((model for model in _models(record) if model.get("sha256") != sha256), None)


def fingerprint_of(record: Mapping[str, Any]) -> str:
    """The fingerprint of the data that was measured on, or empty."""
    data = record.get("data")
    return str(data.get("fingerprint", "")) if isinstance(data, Mapping) else ""


def _models(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    models = record.get("models")
    return [model for model in models if isinstance(model, Mapping)] if isinstance(models, list) else []
