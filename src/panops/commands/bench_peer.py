"""The peer of `panops bench cameras` and `capacity`: its model, how it is run, and both detectors' AP on the same pictures."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from panops.bench.peer import MODEL, PeerSettings, check_peer
from panops.domain.errors import PanopsError
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
        The data, and for each model its mean AP and AP50, and those of each class, from 0 to 1.

    Raises:
        PanopsError: The data or a model cannot be used, or what evaluation needs is not installed.
    """
    names = [model or likely_default(ModelStore(Home(home).models)), *([MODEL] if beside else [])]
    told = [_evaluated(name, data, home) for name in dict.fromkeys(names)]
    return {
        "data": {key: told[0]["data"][key] for key in ("path", "pictures", "boxes", "fingerprint")},
        "models": [_accuracy_of(one["models"][0]) for one in told],
    }


def _evaluated(name: str, data: Path, home: Path | None) -> dict[str, Any]:
    """A model's figures; in a process of its own, as cameras have one model loaded."""
    with tempfile.TemporaryDirectory(prefix="panops-bench-") as folder:
        figures = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "panops.cli", "evaluate", "detector", name, "--data", str(data), "--json", str(figures)]
        command += ["--home", str(home)] if home is not None else []
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603  # our own
        if done.returncode:
            said = done.stderr.strip().splitlines()
            why = said[-1].removeprefix("panops: ") if said else f"exit code {done.returncode}"
            raise PanopsError(f"{name} could not be evaluated on {data}: {why}")
        told: dict[str, Any] = json.loads(figures.read_text(encoding="utf-8"))
        return told


def _accuracy_of(one: dict[str, Any]) -> dict[str, Any]:
    classes = {label: {key: row[key] for key in ("AP", "AP50", "boxes")} for label, row in one["classes"].items()}
    return {"name": one["name"], "AP": one["overall"]["AP"], "AP50": one["overall"]["AP50"], "classes": classes}
