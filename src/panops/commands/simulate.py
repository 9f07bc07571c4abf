"""`panops simulate`: a simulated scene on disk, with its truth."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from panops.config.schema import SimulationConfig
from panops.domain.errors import ConfigError, ConfigProblem, PanopsError
from panops.simulation.recording import record


def simulate(
    scene: Annotated[str, typer.Argument(help="yard, street, gate, room or fence.")],
    out: Annotated[Path, typer.Option(help="Folder for video.mp4, truth.coco.json, gt.txt and events.json.")],
    seconds: Annotated[float, typer.Option(min=0.1, max=86400, help="How long.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Which of many scripts; the same seed gives the same bytes.")] = 0,
    weather: Annotated[str, typer.Option(help="clear, wind, rain or night.")] = "clear",
    activity: Annotated[float, typer.Option(help="About how many walkers and vehicles a minute, 0..20.")] = 4.0,
    deeds: Annotated[float, typer.Option(help="Share of the walkers who raise their hands, bend down, fall or the like, 0..1.")] = 0.0,
    size: Annotated[str, typer.Option(help="Picture size as WIDTHxHEIGHT, even numbers.")] = "640x360",
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 10.0,
    start: Annotated[float, typer.Option(help="Scene time to begin at, s.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON, for machines.")] = False,
) -> None:
    """Render a simulated scene with exact boxes, tracks and events."""
    config = _settings(scene, seed, weather, activity, deeds, size, fps)
    console = Console(stderr=as_json)
    began_s = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} frames"),
        TimeRemainingColumn(),
    )
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(scene, total=max(1, round(seconds * fps)))
            done = record(
                config, seconds, out, start_s=start, on_frame=lambda count, total: progress.update(task, completed=count, total=total)
            )
    except OSError as error:
        raise PanopsError(f"cannot write to {out}: {error.strerror or error}") from error
    took_s = time.monotonic() - began_s
    if as_json:
        summary = {
            "folder": str(done.folder),
            "frames": done.frames,
            "objects": done.objects,
            "tracks": done.tracks,
            "events": done.events,
            "video_bytes": done.video_bytes,
            "seconds": done.frames / fps,
            "took_s": round(took_s, 3),
        }
        typer.echo(json.dumps(summary))
        return
    console.print(
        f"{done.folder}: {done.frames} frames, {done.tracks} objects in {done.objects} boxes, {done.events} events; took {took_s:.1f} s"
    )


def _settings(scene: str, seed: int, weather: str, activity: float, deeds: float, size: str, fps: float) -> SimulationConfig:
    """The checked settings.

    Raises:
        ConfigError: One or more are wrong; all of them are named.
    """
    problems = []
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    if match is None:
        problems.append(ConfigProblem("--size", f"expected WIDTHxHEIGHT such as 640x360, got {size!r}"))
    size_wh = (int(match[1]), int(match[2])) if match else (640, 360)
    values = {
        "scene": scene,
        "seed": seed,
        "weather": weather,
        "activity": activity,
        "deeds": deeds,
        "rate_fps": fps,
        "size_wh": size_wh,
    }
    try:
        config = SimulationConfig.model_validate(values)
    except ValidationError as error:
        problems += [
            ConfigProblem(".".join(str(part) for part in one["loc"]), f"{one['msg']}, got {one['input']!r}") for one in error.errors()
        ]
    if problems:
        raise ConfigError("panops simulate", problems)
    return config
