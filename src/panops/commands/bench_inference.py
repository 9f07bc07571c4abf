"""`panops bench inference`: what models cost on this machine, on every backend, in one run."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from panops.commands.bench_inference_contest import FULL_PRECISION, Contender, Ratio, contenders, contest, ratios
from panops.commands.evaluate_facts import model_facts, versions
from panops.commands.evaluate_model import at_size, find_model, told_apart
from panops.commands.machine import machine
from panops.commands.options import HomeOption
from panops.domain.errors import ModelNotFound, PanopsError
from panops.inference.registry import BACKENDS
from panops.models.store import ModelStore, StoredModel
from panops.storage.home import Home

if TYPE_CHECKING:
    from panops.commands.bench_inference_peak import PeakRunner

logger = logging.getLogger(__name__)


def bench_inference(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Names, manifests or their folders, or files with a manifest beside; all installed otherwise."),
    ] = None,
    size: Annotated[int | None, typer.Option(min=32, max=4096, help="Side of the network's input, px; each its own otherwise.")] = None,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads of each session.")] = 1,
    seconds: Annotated[float, typer.Option(min=0.1, max=600.0, help="How long each model runs on each backend.")] = 5.0,
    backend: Annotated[list[str] | None, typer.Option(help="Only this one; may be given again.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    home: HomeOption = None,
) -> None:
    """Images a second of each model on each backend, in turns, so that ratios are fair on a busy machine; INT8 beside FP32.

    Only the network is timed, one picture at a time; `panops evaluate detector` also times what comes before and after it.
    CPU time counts on a machine that does other things: "images a CPU second" is what one free core would do.
    """
    console = Console()
    only = tuple(dict.fromkeys(backend or ()))
    _check_backends(only)
    chosen = _chosen(models or [], ModelStore(Home(home).models))
    with ExitStack() as stack:
        sized = [stack.enter_context(at_size(model, (size, size) if size else None)) for model in chosen.values()]
        found: list[Contender] = []
        for called, model in zip(chosen, sized, strict=True):
            more = contenders(model, threads, only, logger.warning, called)
            for contender in more:
                stack.callback(contender.backend.close)
            found += more
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(f"{len(found)} in turns", total=1.0)
            peak = _peak(threads) if any(one.int8 for one in found) else None
            runners = [*found, *([peak.runner] if peak else [])]
            rounds = contest(runners, seconds, lambda share: progress.update(task, completed=share))
        if peak is not None:
            peak.share_out(found)  # while copies that were made for another size are still there
    compared = ratios(found)
    _print(console, found, compared, rounds, threads)
    if peak is not None:
        console.print(f"INT8 peak of a thread: {peak.giga_ops:.0f} GOP/s (OpenVINO, wide convolutions, in the same turns)", highlight=False)
    if json_file is not None:
        # The files as they are: a copy that was made for another size is gone by now.
        _write(json_file, _record(found, compared, chosen, threads, seconds, peak))


def _peak(threads: int) -> PeakRunner | None:
    """The processor's best, where OpenVINO is installed, with which it is measured."""
    try:
        from panops.commands.bench_inference_peak import PeakRunner  # noqa: PLC0415  # OpenVINO does not exist everywhere
    except ImportError as error:
        logger.warning("no share of the INT8 peak: %s", error)
        return None
    return PeakRunner(threads)


def _check_backends(only: Sequence[str]) -> None:
    known = [*BACKENDS.names(), FULL_PRECISION]
    for name in only:
        if name not in known:
            raise typer.BadParameter(f"expected one of {', '.join(known)}; got {name!r}", param_hint="--backend")


def _chosen(names: Sequence[str], store: ModelStore) -> dict[str, StoredModel]:
    """The models, by what they are called in the table."""
    if names:
        typed = list(dict.fromkeys(names))
        models = [find_model(name, store) for name in typed]
        return dict(zip(told_apart(models, typed), models, strict=True))
    found = [store.get(model.manifest.name) for model in store.list() if model.manifest.task == "detection"]
    if not found:
        raise ModelNotFound("expected a model to measure, and none is installed; name one, or get one with: panops models add yolox_nano")
    return {model.manifest.name: model for model in found}


def _print(console: Console, found: Sequence[Contender], compared: Sequence[Ratio], rounds: int, threads: int) -> None:
    title = f"batch 1, {threads} thread{'s' if threads > 1 else ''} a session, {rounds} rounds in turns"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("model", overflow="fold", min_width=14)
    table.add_column("input", no_wrap=True)
    table.add_column("backend", no_wrap=True)
    for name in ("images a\nCPU second", "CPU\nms", "p50 p95\nms", "INT8\npeak"):
        table.add_column(name, justify="right")
    last = ""
    for contender in found:
        one = contender.record()
        name = contender.name + (" (INT8)" if contender.int8 else "")
        table.add_row(
            "" if name == last else name,
            "x".join(map(str, one["input_size_wh"])),
            one["backend"],
            f"{one['images_per_cpu_s']:.0f}",
            f"{one['cpu_ms']:.2f}",
            f"{one['ms_p50']:.2f} {one['ms_p95']:.2f}",
            "" if contender.peak_share is None else f"{contender.peak_share:.0%}",
        )
        last = name
    console.print(table)
    for ratio in compared:
        console.print(f"{ratio.int8} on {ratio.backend}: {ratio.cpu:.2f}x {ratio.other} on {ratio.other_backend}", highlight=False)


def _record(
    found: Sequence[Contender],
    compared: Sequence[Ratio],
    chosen: Mapping[str, StoredModel],
    threads: int,
    seconds: float,
    peak: PeakRunner | None,
) -> dict[str, Any]:
    return {
        "bench": "inference",
        "settings": {"threads": threads, "seconds": seconds, "batch": 1},
        "models": {called: model_facts(model) for called, model in chosen.items()},
        "results": [contender.record() for contender in found],
        "int8_peak_gops": None if peak is None else round(peak.giga_ops, 1),
        "ratios": [asdict(ratio) for ratio in compared],
        "machine": {**machine(), "load_1min": os.getloadavg()[0] if hasattr(os, "getloadavg") else None},
        "versions": versions(("panops", "numpy", "openvino", "onnxruntime", "ai-edge-litert")),
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise PanopsError(f"cannot write {path}: {error.strerror}") from error
