"""`panops bench cameras`: so many cameras on this machine, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from panops.bench.measure import LoadSettings, measure_product
from panops.bench.peer import measure_peer
from panops.bench.record import record_load, record_run
from panops.bench.tally import RunTally
from panops.commands.bench_cameras_table import print_runs
from panops.commands.bench_films import (
    ALL_SCENES,
    CheckFpsOption,
    FilmSecondsOption,
    FilmsOption,
    FpsOption,
    GopOption,
    ModelOption,
    ScenesOption,
    SizeOption,
    SleepOption,
    models_of,
    ready_films,
    scenes_of,
    shape_of,
    sleep_of,
)
from panops.commands.bench_peer import PeerOption, PeerThreadsOption, accuracy, peers_of
from panops.commands.bench_results import write_json
from panops.commands.evaluate_facts import versions
from panops.commands.machine import machine
from panops.commands.options import HomeOption

PACKAGES = ("panops", "numpy", "av", "openvino", "onnxruntime", "opencv-python-headless", "scipy", "trackers", "supervision")


def bench_cameras(
    count: Annotated[int, typer.Option(min=1, max=2000, help="How many cameras.")] = 12,
    fps: FpsOption = 5.0,
    check_fps: CheckFpsOption = 5.0,
    source: Annotated[str, typer.Option(help="rtsp: a real RTSP server on this machine; file: films on disk.")] = "rtsp",
    activity: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the checks at which something moves.")] = 0.25,
    duration: Annotated[float, typer.Option(min=1.0, max=86400.0, help="How long is measured, s.")] = 30.0,
    warm_up: Annotated[float, typer.Option(min=0.0, max=3600.0, help="How long everything runs before, s.")] = 10.0,
    size: SizeOption = "640x360",
    gop: GopOption = 2.0,
    films: FilmsOption = None,
    scenes: ScenesOption = ALL_SCENES,
    film_seconds: FilmSecondsOption = 60.0,
    model: ModelOption = "",
    sleep: SleepOption = "",
    peer: PeerOption = False,
    peer_threads: PeerThreadsOption = "both",
    data: Annotated[Path | None, typer.Option(help="Labelled pictures: AP of the detectors stands beside their cost.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    home: HomeOption = None,
) -> None:
    """Run the whole product on so many cameras and say what came of each: checks, latency, CPU, memory; beside a peer if you like.

    The cameras are real RTSP connections on this machine; what they show is made once and kept. Every figure: docs/performance.md.
    """
    console = Console()
    chosen = _source(source)
    if peer and chosen != "rtsp":
        raise typer.BadParameter("the peer reads RTSP cameras; leave --source out, or --peer", param_hint="--peer")
    shape = shape_of(size, fps, check_fps, gop, film_seconds)
    settings = LoadSettings(count, shape, duration, warm_up, chosen, model, sleep_of(sleep))
    models, peers = models_of(home, model), peers_of(peer, peer_threads, home)
    wait = console.status("...") if console.is_terminal else nullcontext()
    with wait as status:
        told = status.update if status is not None else lambda _: None
        shown = ready_films(home, films, activity, shape, scenes_of(scenes), told)
        runs: list[RunTally] = [measure_product(settings, shown, models, told)]
        runs += [measure_peer(settings, shown, one, told) for one in peers]
    print_runs(console, settings, runs, shown)
    detectors = accuracy(model, data, bool(peers), home) if data is not None else None
    if json_file is not None:
        load = {**record_load(settings), "activity": activity if films is None else None}
        write_json(json_file, _record(load, [film.record() for film in shown], runs, fps, detectors))


def _source(text: str) -> Literal["rtsp", "file"]:
    if text == "rtsp":
        return "rtsp"
    if text == "file":
        return "file"
    raise typer.BadParameter(f"expected rtsp or file; got {text!r}", param_hint="--source")


def _record(
    load: dict[str, Any], films: list[dict[str, Any]], runs: Sequence[RunTally], fps: float, detectors: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "bench": "cameras",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": load,
        "films": films,
        "panops": record_run(runs[0], fps),
        "peers": [record_run(run, fps) for run in runs[1:]],
        **({"detectors": detectors} if detectors is not None else {}),
        "machine": machine(),
        "versions": versions(PACKAGES),
    }
