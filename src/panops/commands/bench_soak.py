"""`panops bench soak`: hours of cameras that come and go, and what the product holds meanwhile."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from panops.bench.measure import LoadSettings
from panops.bench.soak import SoakTally, soak
from panops.commands.bench_films import (
    ALL_SCENES,
    FpsOption,
    ModelOption,
    SleepOption,
    models_of,
    ready_films,
    scenes_of,
    shape_of,
    sleep_of,
)
from panops.commands.bench_results import write_json
from panops.commands.evaluate_facts import versions
from panops.commands.machine import machine
from panops.commands.options import HomeOption
from panops.domain.errors import PanopsError

_PACKAGES = ("panops", "numpy", "av", "openvino")


def bench_soak(
    cameras: Annotated[int, typer.Option(min=2, max=500, help="How many cameras.")] = 16,
    minutes: Annotated[float, typer.Option(min=0.2, max=10_000.0, help="How long.")] = 60.0,
    every: Annotated[float, typer.Option(min=0.2, max=600.0, help="Something happens to a camera so often, s.")] = 3.0,
    fps: FpsOption = 5.0,
    activity: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the checks at which something moves.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Which of many bad days.")] = 0,
    model: ModelOption = "",
    sleep: SleepOption = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    home: HomeOption = None,
) -> None:
    """Remove, add, cut, silence and freeze cameras all the time, and watch memory, threads and open files of the whole product.

    Exit code 1 when memory grows by more than 1 MiB an hour after the first fifth (runs of 25 minutes and more tell), when something is
    left open, or when a camera does not come back.
    """
    console = Console()
    shape = shape_of("640x360", fps, fps, 2.0, 60.0)
    settings = LoadSettings(cameras, shape, 60.0 * minutes, 10.0, "rtsp", model, sleep_of(sleep))
    models = models_of(home, model)
    wait = console.status("...") if console.is_terminal else nullcontext()
    with wait as status:
        told = status.update if status is not None else lambda _: None
        films = ready_films(home, None, activity, shape, scenes_of(ALL_SCENES), told)
        tally = soak(settings, films, every, seed, told, models=models)
    _print(console, tally)
    if json_file is not None:
        write_json(json_file, _record(tally, settings, every))
    if tally.faults:
        raise PanopsError("the soak found: " + "; ".join(tally.faults))


def _print(console: Console, tally: SoakTally) -> None:
    done = ", ".join(f"{count} x {what}" for what, count in sorted(tally.churned.items()))
    table = Table(title=f"{tally.cameras} cameras; {done}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("", "before", "at the end", "growth"):
        table.add_column(column, justify="left" if not column else "right")
    first, last = tally.first, tally.last
    growth = f"{tally.mib_per_h:+.2f} an hour" if tally.is_long_enough else f"{last.all_mib - first.all_mib:+.0f}"
    table.add_row("memory, MiB", f"{first.all_mib:.0f}", f"{last.all_mib:.0f}", growth)
    table.add_row("threads", str(first.threads), str(last.threads), f"{last.threads - first.threads:+d}")
    table.add_row("open files", str(first.files), str(last.files), f"{last.files - first.files:+d}")
    table.add_row("cameras live", str(first.live), str(tally.back), "")
    console.print(table)
    if not tally.faults:
        found = "nothing leaked" if tally.is_long_enough else "no leap of memory; a run this short cannot tell a slow leak"
        console.print(f"{found}, every camera came back", style="green")


def _record(tally: SoakTally, settings: LoadSettings, every_s: float) -> dict[str, Any]:
    names = sorted({name for sample in tally.samples for name in sample.memory_bytes})
    return {
        "bench": "soak",
        "machine": machine(),
        "versions": versions(_PACKAGES),
        "settings": {"cameras": settings.cameras, "fps": settings.shape.rate_fps, "seconds": settings.seconds, "every_s": every_s},
        "churned": dict(tally.churned),
        "faults": tally.faults,
        "mib_per_h": round(tally.mib_per_h, 3) if tally.is_long_enough else None,
        "cameras_back": tally.back,
        "restarts": tally.restarts,
        "threads": {"before": tally.first.threads, "at_the_end": tally.last.threads},
        "files": {"before": tally.first.files, "at_the_end": tally.last.files},
        "samples": {
            "at_s": [round(sample.at_s) for sample in tally.samples],
            **{
                f"{name.replace(' ', '_')}_mib": [round(sample.memory_bytes.get(name, 0) / 2**20, 1) for sample in tally.samples]
                for name in names
            },
            "threads": [sample.threads for sample in tally.samples],
            "files": [sample.files for sample in tally.samples],
            "live": [sample.live for sample in tally.samples],
        },
    }
