"""`panops evaluate tracking`: figures by the metrics that others use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

import panops
from panops.domain.errors import PanopsError, SourceCorrupt
from panops.evaluation.comparison import MOT15, MOT17, MOT20, MotRules, compare, scored_frames
from panops.evaluation.mot_files import MotSequence, find_sequences, read_sequence, read_table, write_table
from panops.evaluation.tracking_score import TrackingScore, combine, score, track_detections
from panops.tracking.settings import TrackerSettings
from panops.tracking.tracker import BatchTracker

_RULES: dict[str, MotRules] = {"mot15": MOT15, "mot17": MOT17, "mot20": MOT20}
_SHARES = ("HOTA", "DetA", "AssA", "MOTA", "IDF1")
_COUNTS = ("IDSW", "Frag", "MT", "ML")
# From this rate on the settings for full-rate video are the better ones (docs/tracking.md).
_FULL_RATE_FPS = 12.0


def evaluate_tracking(
    folder: Annotated[
        Path, typer.Argument(help="A MOT sequence, or a folder of them: seqinfo.ini, gt.txt, det.txt (or gt/gt.txt, det/det.txt).")
    ],
    fps: Annotated[float | None, typer.Option(min=0.1, help="Look only so often a second; every frame where it is not given.")] = None,
    half: Annotated[Literal["whole", "second"], typer.Option(help="Score whole sequences, or only second halves.")] = "whole",
    rules: Annotated[Literal["mot15", "mot17", "mot20"], typer.Option(help="Which ground truth counts.")] = "mot17",
    results: Annotated[Path | None, typer.Option(help="Score NAME.txt in this folder instead of running the tracker.")] = None,
    tracks: Annotated[Path | None, typer.Option(help="Write the tracker's results here, NAME.txt for each sequence.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
) -> None:
    """HOTA, MOTA and IDF1 of the tracker on MOTChallenge folders.

    It tracks their recorded detections. The numbers equal TrackEval's. Below 12 frames/s the tracker's default settings are used, from
    there on those for full-rate video.
    """
    scores: dict[str, TrackingScore] = {}
    for path in find_sequences(folder):
        sequence = read_sequence(path)
        scores[path.name] = _score_sequence(path.name, sequence, fps, half == "second", _RULES[rules], results, tracks)
    if len(scores) > 1:
        scores["COMBINED"] = combine(list(scores.values()))
    _print(scores, f"{folder.name}: {half} sequences, {f'{fps:g} frames/s' if fps else 'every frame'}")
    if json_file is not None:
        figures = {name: part.figures() for name, part in scores.items()}
        text = json.dumps({"panops": panops.__version__, "fps": fps, "half": half, "rules": rules, "sequences": figures}, indent=2)
        try:
            json_file.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise PanopsError(f"cannot write {json_file}: {error.strerror}") from error


def _score_sequence(
    name: str,
    sequence: MotSequence,
    fps: float | None,
    second_half: bool,
    rules: MotRules,
    results: Path | None,
    tracks: Path | None,
) -> TrackingScore:
    info = sequence.info
    frames = scored_frames(info.length, info.rate_fps, fps, second_half=second_half)
    if results is not None:
        found = read_table(results / f"{name}.txt")
    else:
        rate_fps = min(info.rate_fps, fps or info.rate_fps)
        settings = TrackerSettings.full_rate() if rate_fps >= _FULL_RATE_FPS else TrackerSettings()
        found = track_detections(BatchTracker(settings), name, sequence.detections, frames, info.rate_fps)
    if tracks is not None:
        try:
            tracks.mkdir(parents=True, exist_ok=True)
            write_table(tracks / f"{name}.txt", found)
        except OSError as error:
            raise PanopsError(f"cannot write to {tracks}: {error.strerror}") from error
    try:
        return score(compare(sequence.truth, found, frames, rules))
    except ValueError as error:
        raise SourceCorrupt(f"{name}: {error}") from error


def _print(scores: dict[str, TrackingScore], title: str) -> None:
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("sequence", overflow="fold", min_width=12)
    for name in (*_SHARES, *_COUNTS):
        table.add_column(name, justify="right", no_wrap=True)
    for sequence, part in scores.items():
        figures = part.figures()
        shares = [f"{100 * figures[name]:.1f}" for name in _SHARES]
        table.add_row(Text(sequence), *shares, *(f"{figures[name]:.0f}" for name in _COUNTS))
    Console().print(table)
