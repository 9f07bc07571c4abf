"""`panops bench false-alarms`: how many alarms about nobody a camera raises in a day, and which step of the chain takes how many away."""

from __future__ import annotations

import statistics
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from panops.bench.alarm_film import AlarmFilm
from panops.bench.alarm_lane import LaneTally, Way, ladder
from panops.bench.false_alarms import FalseAlarmSettings, count_false_alarms
from panops.bench.kept_tallies import KeptTallies
from panops.commands.bench_results import write_json
from panops.commands.evaluate_facts import versions
from panops.commands.machine import machine
from panops.commands.options import HomeOption
from panops.domain.clock import SystemClock
from panops.domain.errors import PanopsError
from panops.models.store import ModelStore
from panops.pipeline.detectors import DetectorPool
from panops.storage.home import Home

SCENES = ("yard", "street", "gate", "room", "fence")
WEATHERS = ("clear", "wind", "rain", "night")
LEAST_RECALL = 0.99
_PACKAGES = ("panops", "numpy", "av", "openvino")
_MOVING = "moving"
_MOST_SHOWN = 20


def bench_false_alarms(
    minutes: Annotated[float, typer.Option(min=0.1, max=1440.0, help="How much of each scene in each weather.")] = 6.0,
    scenes: Annotated[str, typer.Option(help="Scenes of the simulator, with commas; empty for none.")] = ",".join(SCENES),
    weathers: Annotated[str, typer.Option(help="Weathers, with commas.")] = ",".join(WEATHERS),
    clip: Annotated[
        list[Path] | None, typer.Option(help="A real clip as well; CLIP.visits.json lists who comes, without it nobody does.")
    ] = None,
    activity: Annotated[float, typer.Option(min=0.0, max=20.0, help="About how many walkers and vehicles a minute.")] = 0.7,
    seed: Annotated[int, typer.Option(help="Which of many days.")] = 5,
    fps: Annotated[float, typer.Option(min=1.0, max=30.0, help="Checks a second.")] = 5.0,
    scores: Annotated[str, typer.Option(help="Values of min_score that are tried, with commas.")] = "0.15,0.25,0.35",
    model: Annotated[str, typer.Option(help="The detector.")] = "street",
    without: Annotated[
        bool, typer.Option("--without", help="Also the whole chain without each of its steps; takes twice as long.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(help="A folder for what came of each film: the same command goes on there after a stop.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    home: HomeOption = None,
) -> None:
    """Count false alarms per camera and day, for the detector alone, with tracks and dwell, and with each step of the chain.

    Each way is told at the highest min_score at which it still raises an alarm for 99 of 100 who come. In the table: false alarms, the same
    for one camera and day, true alarms that the chain lost, and the median of how long an alarm was held back, s.
    """
    films = [
        AlarmFilm.simulated(scene, weather, seed, activity, fps, 60.0 * minutes)
        for scene in _words(scenes, SCENES, "--scenes")
        for weather in _words(weathers, WEATHERS, "--weathers")
    ]
    for path in clip or []:
        if not path.is_file():
            raise PanopsError(f"expected a video file, got {path}, which is not there")
        films.append(AlarmFilm.clip(path, fps))
    if not films:
        raise PanopsError("nothing to look at: name --scenes or a --clip")
    pool = DetectorPool(ModelStore(Home(home).models), patient=True)
    detector = pool.get(model)
    wanted = _MOVING if _MOVING in detector.classes else "person"
    if wanted not in detector.classes:
        raise PanopsError(f"the model {model} knows no person; it knows {', '.join(detector.classes)}")
    settings = FalseAlarmSettings(ladder(without=without), _numbers(scores), wanted)
    kept = None
    if keep is not None:
        loaded = pool.loaded(model)
        file = "" if loaded is None or loaded.model is None else loaded.model.manifest.sha256
        kept = KeptTallies(keep, (model, file), settings.ways, settings.min_scores, wanted)
    console = Console()
    wait = console.status("...") if console.is_terminal else nullcontext()
    with wait as status:

        def tell(film: str, done_s: float) -> None:
            if status is not None:
                status.update(f"{film}: {done_s:.0f} s")

        tallies = count_false_alarms(films, detector, settings, SystemClock(), tell, kept)
    rows = [_row(way, {score: tallies[(way, score)] for score in settings.min_scores}) for way in settings.ways]
    console.print(_table(rows, model))
    if json_file is not None:
        shape = {"model": model, "minutes": minutes, "films": [film.name for film in films], "activity": activity, "seed": seed, "fps": fps}
        content = {"bench": "false-alarms", "machine": machine(), "versions": versions(_PACKAGES), "settings": shape, "ways": rows}
        write_json(json_file, content)


def _row(way: Way, by_score: dict[float, LaneTally]) -> dict[str, Any]:
    """A way at its operating point, and the curve behind it."""
    good = [score for score, tally in by_score.items() if tally.recall >= LEAST_RECALL]
    # Where no threshold finds enough of them, the one that finds most.
    point = max(good) if good else max(by_score, key=lambda score: (by_score[score].recall, score))
    tally = by_score[point]
    return {
        "way": way.name,
        "min_score": point,
        "hours": round(tally.seconds / 3600, 3),
        "visits": tally.visits,
        "recall": round(tally.recall, 4),
        "false_alarms": tally.false_alarms,
        "false_per_day": round(tally.false_per_day, 1),
        "suppressed_true": tally.suppressed_true,
        "held_median_s": round(statistics.median(tally.held_s), 2) if tally.held_s else 0.0,
        "false_by_film": dict(tally.false_by_film.most_common()),
        # Where they are few, somebody will want to look at them.
        "false_at": tally.false_at[:_MOST_SHOWN],
        "stopped_by": dict(tally.stopped_by.most_common()),
        "curve": [
            {"min_score": score, "recall": round(one.recall, 4), "false_per_day": round(one.false_per_day, 1)}
            for score, one in sorted(by_score.items())
        ],
    }


def _table(rows: list[dict[str, Any]], model: str) -> Table:
    first = rows[0]
    title = f"{model}: {first['hours']:.2f} h of cameras, somebody came {first['visits']} times"
    table = Table(
        "way", "min_score", "recall", "false alarms", "a camera and day", "true ones lost", "held, s", title=title, box=SIMPLE_HEAD
    )
    for row in rows:
        table.add_row(
            row["way"],
            f"{row['min_score']:g}",
            f"{row['recall']:.3f}",
            str(row["false_alarms"]),
            f"{row['false_per_day']:.1f}",
            str(row["suppressed_true"]),
            f"{row['held_median_s']:.1f}",
        )
    return table


def _words(text: str, known: tuple[str, ...], option: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in known]
    if unknown:
        raise typer.BadParameter(f"expected some of {', '.join(known)}, got {unknown[0]!r}", param_hint=option)
    return words


def _numbers(text: str) -> list[float]:
    try:
        numbers = sorted({float(word) for word in text.split(",")})
    except ValueError:
        numbers = []
    if not numbers or not all(0 < number < 1 for number in numbers):
        raise typer.BadParameter(f"expected numbers between 0 and 1, with commas, got {text!r}", param_hint="--scores")
    return numbers
