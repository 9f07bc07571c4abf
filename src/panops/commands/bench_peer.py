"""The peer of `panops bench cameras` and `capacity`: its model, how it is run, and both detectors' AP on the same pictures."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from panops.bench.peer import MODEL, PeerSettings, check_peer
from panops.domain.errors import PluginError
from panops.models.default import likely_default
from panops.models.store import ModelStore
from panops.storage.home import Home

PeerOption = Annotated[
    bool, typer.Option("--peer", help="Measure the usual loop on the same cameras, too: a thread a camera, OpenCV, onnxruntime, a tracker.")
]
PeerThreadsOption = Annotated[
    str, typer.Option(help="Threads of the peer's sessions: a number, `default` for as they come, `both` for `default` and 1.")
]


def peers_of(wanted: bool, threads: str, home: Path | None) -> list[PeerSettings]:
    """The ways in which the peer is run; none where it is not wanted.

    Raises:
        typer.BadParameter: `threads` is no such thing.
        PluginError: A package of the peer is not installed.
        ModelError: Its model can not be had.
    """
    if not wanted:
        return []
    counts = {"default": [0], "both": [0, 1]}.get(threads) or ([int(threads)] if threads.isdigit() and 1 <= int(threads) <= 64 else [])
    if not counts:
        raise typer.BadParameter(f"expected default, both or a number from 1 to 64; got {threads!r}", param_hint="--peer-threads")
    check_peer()
    model = ModelStore(Home(home).models).ensure(MODEL, allow_network=True)
    return [PeerSettings(model.path, count) for count in counts]


def accuracy(model: str, data: Path, beside: bool, home: Path | None) -> dict[str, Any]:
    """AP of the product's detector on labelled pictures, and of the peer's where it is wanted, by `panops evaluate detector`.

    Args:
        model: The product's detector; its own choice where it is empty.
        data: Labelled pictures.
        beside: Whether the peer's is wanted.
        home: Where installed models are.

    Returns:
        For each model its mean AP and AP50, and those of each class, from 0 to 1.

    Raises:
        PanopsError: The data or a model cannot be used.
        PluginError: What evaluation needs is not installed.
    """
    try:
        from panops.commands.evaluate_detector import measure  # noqa: PLC0415 - from the extra [train]
    except ModuleNotFoundError as error:
        raise PluginError(f"--data needs {error.name}, which is not installed; install it with: pip install 'panops[train]'") from error
    name = model or likely_default(ModelStore(Home(home).models))
    with tempfile.TemporaryDirectory(prefix="panops-bench-") as folder:
        figures = Path(folder) / "figures.json"
        measure(name, data, beside=MODEL if beside else "", json_file=figures, home=home)
        told = json.loads(figures.read_text(encoding="utf-8"))
    return {
        "data": {key: told["data"][key] for key in ("path", "pictures", "boxes", "fingerprint")},
        "models": [
            {"name": one["name"], "ap": one["overall"]["ap"], "ap50": one["overall"]["ap50"],
             "classes": {label: {"ap": row["ap"], "ap50": row["ap50"], "boxes": row["boxes"]} for label, row in one["classes"].items()}}
            for one in told["models"]
        ],
    }  # fmt: skip
