"""`panops bench capacity`: how many cameras this machine carries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from panops.bench.capacity import CapacityCurve, CapacitySettings, Run, find_capacity
from panops.bench.capacity_advice import advice, headline
from panops.bench.capacity_page import capacity_page
from panops.bench.film_shelf import Film
from panops.bench.measure import LoadSettings, measure_product
from panops.bench.peer import PeerSettings, measure_peer
from panops.bench.record import record_load
from panops.bench.tally import RunTally
from panops.commands.bench_cameras import PACKAGES
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
from panops.commands.bench_results import write_json, write_text
from panops.commands.evaluate_facts import versions
from panops.commands.machine import machine
from panops.commands.options import HomeOption

Told = Callable[[str], None]
ACTIVITIES = (0.0, 0.25, 0.5)


def bench_capacity(
    activity: Annotated[list[float] | None, typer.Option(min=0.0, max=1.0, help="A curve for each; 0, 0.25 and 0.5 otherwise.")] = None,
    fps: FpsOption = 5.0,
    check_fps: CheckFpsOption = 5.0,
    duration: Annotated[float, typer.Option(min=1.0, max=3600.0, help="How long each run is measured, s.")] = 15.0,
    confirm: Annotated[float, typer.Option(min=1.0, max=86400.0, help="How long the run is measured that confirms a limit, s.")] = 60.0,
    warm_up: Annotated[float, typer.Option(min=0.0, max=3600.0, help="How long everything runs before each, s.")] = 20.0,
    first: Annotated[int, typer.Option(min=1, max=2000, help="How many cameras to begin with.")] = 4,
    most: Annotated[int, typer.Option(min=1, max=2000, help="Never more cameras than these.")] = 400,
    size: SizeOption = "640x360",
    gop: GopOption = 2.0,
    films: FilmsOption = None,
    scenes: ScenesOption = ALL_SCENES,
    film_seconds: FilmSecondsOption = 60.0,
    model: ModelOption = "",
    sleep: SleepOption = "",
    peer: PeerOption = False,
    peer_threads: PeerThreadsOption = "1",
    data: Annotated[Path | None, typer.Option(help="Labelled pictures: AP of the detectors stands beside their cost.")] = None,
    report: Annotated[Path, typer.Option(help="The page with the curves.")] = Path("capacity.html"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    home: HomeOption = None,
) -> None:
    """Find how many cameras this machine carries, and write a page with a curve: what a buyer wants to know.

    The limit is found by doubling and halving with short runs of the whole product, and confirmed by a longer one; for each activity that
    is about ten runs, ten to fifteen minutes, and half of that for each peer; `--activity 0.25` alone answers the usual question.
    Leave the machine alone meanwhile. Page and JSON are written after each curve. Every figure: docs/performance.md.
    """
    console = Console()
    shape = shape_of(size, fps, check_fps, gop, film_seconds)
    load = LoadSettings(first, shape, duration, warm_up, "rtsp", model, sleep_of(sleep))
    settings = CapacitySettings(load, confirm, most)
    models, peers, chosen = models_of(home, model), peers_of(peer, peer_threads, home), scenes_of(scenes)
    activities: Sequence[float | None] = [None] if films is not None else list(dict.fromkeys(activity or ACTIVITIES))
    curves: list[CapacityCurve] = []
    wait = console.status("...") if console.is_terminal else nullcontext()
    with wait as status:
        told: Told = status.update if status is not None else lambda _: None

        def ours(load: LoadSettings, shown: Sequence[Film]) -> RunTally:
            return measure_product(load, shown, models, told)

        for busy in activities:
            shown = ready_films(home, films, busy or 0.0, shape, chosen, told)
            curves.append(find_capacity("panops", busy, shown, settings, ours, _teller(console, "panops", busy)))
            _write(report, json_file, settings, curves, None)
        # The loop looks at everything alike, so one activity says it all: the one in the middle.
        middle = curves[len(curves) // 2]
        for one in peers:
            curves.append(_peer_curve(one, middle, settings, told, _teller(console, one.name, middle.activity)))
            _write(report, json_file, settings, curves, None)
    console.print(headline(curves), highlight=False, soft_wrap=True)
    for words in advice(curves):
        console.print(f"- {words}", highlight=False, soft_wrap=True)
    detectors = accuracy(model, data, bool(peers), home) if data is not None else None
    _write(report, json_file, settings, curves, detectors)
    console.print(f"the page: {report}", highlight=False, soft_wrap=True)


def _peer_curve(
    peer: PeerSettings, beside: CapacityCurve, settings: CapacitySettings, told: Told, each: Callable[[Run], None]
) -> CapacityCurve:
    def measure(load: LoadSettings, shown: Sequence[Film]) -> RunTally:
        return measure_peer(load, shown, peer, told)

    return find_capacity(peer.name, beside.activity, beside.films, settings, measure, each)


def _teller(console: Console, name: str, activity: float | None) -> Callable[[Run], None]:
    """Prints a line for each run: what is found out over minutes should be seen to come."""
    busy = "own recordings" if activity is None else f"activity {activity:g}"

    def tell(run: Run) -> None:
        tally = run.tally
        if run.failed:
            console.print(f"{name}, {busy}, {len(tally.cameras)} cameras: {run.verdict.words}", highlight=False, soft_wrap=True)
            return
        words = run.verdict.words if not run.held else "held" + (", confirmed" if run.confirms else "")
        if run.held and tally.sleep_words:
            words += f", {tally.sleep_words}"
        figures = f"{tally.all_cores:.2f} cores, {tally.cpu_ms_a_camera_s:.1f} ms a camera-second, p95 {run.p95_ms:.0f} ms"
        if tally.woken_latency.count:
            figures += f", {run.woken_p95_ms:.0f} ms of what was slept through"
        busy_machine = f"; others used {tally.surroundings.others:.2f} cores" if run.disturbed else ""
        console.print(f"{name}, {busy}, {len(tally.cameras)} cameras: {figures}; {words}{busy_machine}", highlight=False, soft_wrap=True)

    return tell


def _write(
    report: Path, json_file: Path | None, settings: CapacitySettings, curves: Sequence[CapacityCurve], detectors: dict[str, Any] | None
) -> None:
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    here, packages = machine(), versions(PACKAGES)
    load = {**record_load(settings.load), "confirm_s": settings.confirm_s, "most": settings.most}
    facts: dict[str, Any] = {"when": measured_at, **here, "versions": packages, "settings": load}
    if detectors is not None:
        facts["AP of the detectors"] = {one["name"]: {"AP": one["AP"], "AP50": one["AP50"]} for one in detectors["models"]}
        facts["on"] = detectors["data"]
    write_text(report, capacity_page(curves, facts))
    if json_file is not None:
        content = {"bench": "capacity", "measured_at": measured_at, "settings": load, "curves": [curve.record() for curve in curves]}
        more = {"detectors": detectors} if detectors is not None else {}
        write_json(json_file, {**content, **more, "machine": here, "versions": packages})
