"""What `panops bench cameras` and `capacity` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from panops.bench.capacity import BUSY_SHARE
from panops.bench.film_shelf import Film
from panops.bench.measure import LoadSettings
from panops.bench.record import percentiles_ms, stage_ms
from panops.bench.tally import RunTally
from panops.bench.verdict import judge
from panops.pipeline.latency import LatencyHistogram

_MIB = 2**20


def print_runs(console: Console, settings: LoadSettings, runs: Sequence[RunTally], films: Sequence[Film]) -> None:
    """A column for each run, the verdicts, and what else the machine did."""
    shape = settings.shape
    width, height = shape.size_wh
    moved = sum(film.figures.share.moved for film in films) / len(films)
    kbps = sum(film.figures.kbps for film in films) / len(films)
    title = (
        f"{settings.cameras} cameras, {width}x{height} at {shape.rate_fps:g}/s, {kbps:.0f} kbit/s; {shape.check_fps:g} checks/s, "
        f"{100 * moved:.0f} % with motion; {runs[0].seconds:.0f} s"
    )
    console.print(title, highlight=False, soft_wrap=True)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for run in runs:
        table.add_column(run.name, justify="right", overflow="fold")
    columns = [{**_checks(run), **_cost(run)} for run in runs]
    for row in columns[0]:
        if any(column.get(row) for column in columns):
            table.add_row(row[1], *(column.get(row, "") for column in columns))
    console.print(table)
    for run in runs:
        console.print(f"{run.name}: {judge(run, shape.rate_fps).words}", highlight=False, soft_wrap=True)
    for run in runs:
        console.print(f"{run.name}, {around(run)}", highlight=False, soft_wrap=True)


# Section and words of a row -> its cell; some words stand in two sections.
_Cells = dict[tuple[str, str], str]


def _section(name: str, rows: Mapping[str, str]) -> _Cells:
    return {(name, words): cell for words, cell in rows.items()}


def _checks(run: RunTally) -> _Cells:
    seconds, worst = run.seconds, run.worst
    causes = ", ".join(f"{cause} {number}" for cause, number in run.dropped.most_common())
    told = {
        "cameras held": f"{sum(camera.held for camera in run.cameras)} of {len(run.cameras)}",
        "pictures offered, received a second": _pair(
            sum(camera.offered for camera in run.cameras) / seconds, sum(camera.received for camera in run.cameras) / seconds
        ),
        "checks done": f"{100 * run.done_share:.1f} %",
        "  of the worst camera": f"{100 * worst.share:.1f} %" if worst else "",
        "checks that the detector saw": f"{100 * run.detector_share:.1f} %",
        "given up": f"{100 * run.dropped_share:.2f} %" + (f" ({causes})" if causes else ""),
        "capture to check, p50 p95 p99 ms": _latency(run.check_latency),
    }
    if run.api is not None:
        told |= {
            "  of what was slept through": _latency(run.woken_latency) if run.woken_latency.count else "",
            "capture to stored event, ms": _latency(run.event_latency),
            "  of what was slept through, ms": _latency(run.woken_event_latency) if run.woken_event_latency.count else "",
            "events stored": str(run.events),
            "cameras asleep": f"{run.asleep:.1f}" if run.asleep else "",
            "cameras moved between processes": str(run.moved) if run.moved else "",
            "relief, the most": f"{100 * run.relief:.0f} %" if run.relief else "",
            "API, p95 ms": f"{1000 * run.api.p95_s:.0f}" + (f", {run.api.failed} failed" if run.api.failed else ""),
        }
    return _section("checks", told)


def _cost(run: RunTally) -> _Cells:
    used = {"CPU cores": f"{run.all_cores:.3f}", "CPU ms a camera-second": f"{run.cpu_ms_a_camera_s:.1f}"}
    if run.stages_s:
        used |= {f"  {stage}": f"{value:.2f}" for stage, value in stage_ms(run).items() if value >= 0.005}
    memory = {
        "memory MiB": f"{run.all_memory_bytes / _MIB:.0f}",
        "  a camera": f"{run.all_memory_bytes / _MIB / max(1, len(run.cameras)):.1f}",
    }
    if len(run.memory_bytes) > 1:
        memory |= {f"  {name}": f"{value / _MIB:.0f}" for name, value in run.memory_bytes.items()}
    return {**_section("cpu", used), **_section("memory", memory)}


def around(run: RunTally) -> str:
    """What else the machine did, so that a reader sees whether it was free."""
    around_it = run.surroundings
    told = (
        f"meanwhile, of {around_it.machine} cores: load server {around_it.load_server:.3f}, bench {around_it.bench:.3f}, "
        f"others {around_it.others:.2f}"
    )
    if around_it.stolen >= 0.005:
        told += f", taken by the host {around_it.stolen:.2f}"
    if around_it.others + around_it.stolen > BUSY_SHARE * around_it.machine:
        told += "; the machine was not free, so these are the figures of a busy machine"
    return told


def _latency(latency: LatencyHistogram) -> str:
    if not latency.count:
        return "none"
    return " ".join(f"{value:.0f}" for value in percentiles_ms(latency).values())


def _pair(first: float, second: float) -> str:
    return f"{first:.1f}, {second:.1f}"
