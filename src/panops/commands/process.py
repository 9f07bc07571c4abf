"""`panops process`: the live pipeline on a file."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from panops.config.load import load_site, problems_of
from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.clock import SystemClock
from panops.domain.errors import ConfigError, ConfigProblem, PanopsError
from panops.ingest.registry import open_source
from panops.models.default import default_model
from panops.models.store import ModelStore
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.face_models import FaceModels
from panops.pipeline.followed import also_followed, followed_classes
from panops.pipeline.map_looks import MapLooks, MapModels, MapsInPlace
from panops.pipeline.process_file import ANNOTATED, ProcessJob, ProcessResult, process_file
from panops.pipeline.secondary import SecondaryLooks
from panops.pipeline.track_looks import TrackLooks
from panops.rules.build import build_rules, check_rules
from panops.rules.engine import RuleEngine
from panops.rules.scene import ANY_CLASS, MOVING_CLASS
from panops.storage.home import Home
from panops.tracking.tracker import BatchTracker
from panops.verify.build import build_chain

_PERSON = "person"


def process(
    video: Annotated[Path, typer.Argument(help="A video file.")],
    out: Annotated[Path, typer.Option(help="Folder for events.jsonl, tracks.txt and summary.json.")],
    site: Annotated[Path | None, typer.Option(help="A site file whose zones and rules apply.")] = None,
    camera: Annotated[str, typer.Option(help="Which camera of the site file the video stands for.")] = "",
    model: Annotated[str, typer.Option(help="Detector; the camera's, else the best that is there.")] = "",
    classes: Annotated[
        str, typer.Option(help="Without a site file: who raises an event, with commas, or any; persons where the model knows them.")
    ] = "",
    annotate: Annotated[bool, typer.Option("--annotate", help="Also write annotated.mp4 with boxes drawn.")] = False,
    home: Annotated[Path | None, typer.Option(help="Where models are kept; $PANOPS_HOME, else your data folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON, for machines.")] = False,
) -> None:
    """Run a video file through the same pipeline as live cameras, as fast as it goes.

    Without a site file the whole picture is one intrusion zone for persons, or for what --classes names; nobody else is tracked. The same
    file gives the same results, byte for byte.
    """
    console = Console(stderr=as_json)
    if video.is_dir():
        raise typer.BadParameter(f"expected a video file, got the folder {video}; name one of the files in it", param_hint="VIDEO")
    camera_id, settings = _camera_for(video, site, camera, _asked(classes, site) or [_PERSON])
    config = settings.cameras[camera_id]
    store = ModelStore(Home(home).models)
    name = model or config.model or settings.model or _default(store, console)
    # One file has the whole machine to itself, unlike a shard, whose sessions use one thread each.
    detectors = DetectorPool(store, threads=len(os.sched_getaffinity(0)), patient=True)
    detector = detectors.get(name)
    if site is None:
        asked = _asked(classes, site) or _alarming(detector.classes)
        camera_id, settings = _camera_for(video, site, camera, asked)
        console.print(f"events: {', '.join(asked)}, anywhere in the picture; --classes names others", style="dim")
    secondary, trouble = SecondaryLooks.of(config, detectors.part, detector.classes)
    seen = tuple(detector.classes) if secondary is None else secondary.classes
    looks = TrackLooks.of(config, detectors.part, seen, lambda: detector, FaceModels(store))
    maps = MapLooks.of(config, MapsInPlace(MapModels(store, threads=len(os.sched_getaffinity(0)))))
    covering = None if maps is None else maps.classes
    blindness = "" if maps is None else maps.trouble
    problems = [*check_rules(settings, camera_id, seen, covering), *looks.rule_problems(settings, camera_id)]
    for problem in filter(None, (trouble, looks.trouble, blindness, *problems)):
        console.print(f"note: {problem}", style="yellow")
    clock = SystemClock()
    _make_folder(out)
    source = open_source(camera_id, config, clock, realtime=False)

    def make_rules(size_wh: tuple[int, int], first_sequence: int) -> RuleEngine:
        # Media seconds are no time of day: schedules say nothing here.
        rules = build_rules(settings, camera_id, seen, size_wh, None, wall_clock=False)
        return RuleEngine(camera_id, rules, epoch=1, first_sequence=first_sequence)

    # In media time, whatever the hour; nobody has said anything of a file's events.
    chain = build_chain(settings.verify, seen, UTC, [rule.id for rule in settings.rules if not rule.verify])
    for note in chain.problems if chain is not None else ():
        console.print(f"note: {note}", style="yellow")
    followed = followed_classes(settings.camera_rules(camera_id), seen, also_followed(config))
    job = ProcessJob(
        camera_id,
        config,
        source,
        detector,
        name,
        make_rules,
        followed,
        BatchTracker(),
        out,
        annotate,
        chain,
        secondary,
        looks,
        None if blindness else maps,
    )
    began_s = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[events]} events"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(video.name, total=None, events=0)
        result = process_file(job, clock, lambda done, total, events: progress.update(task, completed=done, total=total, events=events))
    _report(console, result, out, time.monotonic() - began_s)
    if not annotate and (out / ANNOTATED).exists():
        console.print(
            f"note: {out / ANNOTATED} is not of this run; panops did not make it and left it as it is", style="yellow", soft_wrap=True
        )
    if as_json:
        typer.echo(json.dumps(json.loads((out / "summary.json").read_text(encoding="utf-8"))))
    if result.problem:
        raise PanopsError(f"{video}: {result.problem}; the results up to there are in {out}")


def _asked(classes: str, site: Path | None) -> list[str]:
    """The classes that --classes names; empty where it was left away."""
    if classes and site:
        raise typer.BadParameter("a site file has its own rules: leave --classes or --site away", param_hint="--classes")
    return [name.strip() for name in classes.split(",") if name.strip()]


def _default(store: ModelStore, console: Console) -> str:
    """The detector where none is named. Never fetched here: the same file gives the same results, with a network or without."""
    chosen = default_model(store, allow_network=False)
    console.print(chosen.note, style="dim")
    return chosen.name


def _alarming(classes: Sequence[str]) -> list[str]:
    """Who raises an event where nobody was named: persons, or whatever a model of one's own knows instead."""
    return [_PERSON] if {_PERSON, MOVING_CLASS} & set(classes) else [ANY_CLASS]


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise PanopsError(f"cannot write to {out}: expected a folder, got a file; choose another place with --out") from error
    except OSError as error:
        raise PanopsError(f"cannot write to {out}: {error.strerror}") from error


def _camera_for(video: Path, site: Path | None, camera: str, classes: list[str]) -> tuple[str, SiteConfig]:
    """The camera that the video stands for, in a site of its own; without a site file `classes` are what raises an event.

    Raises:
        ConfigError: The site file is wrong or has no such camera, or the camera's name is none.
    """
    # As an absolute path it is a file whatever its name: `clip:1.mp4` has no scheme.
    source = str(video.expanduser().absolute())
    if site is None:
        camera_id = camera or "video"
        rules = [{"id": "anyone", "kind": "intrusion", "cameras": [camera_id], "classes": classes}]
        try:
            return camera_id, SiteConfig.model_validate({"cameras": {camera_id: {"source": source}}, "rules": rules})
        except ValidationError as error:
            raise ConfigError(f"camera {camera_id!r}", [*problems_of(error)]) from error
    loaded = load_site(site)
    camera_id = camera or (next(iter(loaded.cameras)) if len(loaded.cameras) == 1 else "")
    if camera_id not in loaded.cameras:
        known = ", ".join(loaded.cameras) or "none"
        wrong = f"there is no camera {camera!r}: " if camera else ""
        raise ConfigError(str(site), [ConfigProblem("cameras", f"{wrong}name one of its cameras with --camera; there are: {known}")])
    try:
        replaced = CameraConfig.model_validate({**loaded.cameras[camera_id].plain(), "source": source, "loop": False})
    except ValidationError as error:
        raise ConfigError(str(site), [*problems_of(error, prefix=("cameras", camera_id))]) from error
    return camera_id, loaded.model_copy(update={"cameras": {**loaded.cameras, camera_id: replaced}})


def _report(console: Console, result: ProcessResult, out: Path, took_s: float) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("event", "rule", "class", "zone", "from", "to", "score"):
        table.add_column(title)
    for event in result.events:
        incident = event.incident
        ended = f"{incident.ended_at_s:.1f} s" if incident.ended_at_s is not None else "open"
        table.add_row(
            event.event_id,
            event.rule_id,
            incident.class_name,
            incident.zone,
            f"{incident.started_at_s:.1f} s",
            ended,
            f"{incident.score:.2f}",
        )
    if result.events:
        console.print(table)
    speed = result.duration_s / took_s if took_s > 0 else 0.0
    console.print(
        f"{len(result.events)} events, {result.frames} frames, {result.checks} looked at, {result.analysed} through the detector; "
        f"{result.duration_s:.1f} s of video in {took_s:.1f} s ({speed:.0f}x real time); results in {out}"
    )
