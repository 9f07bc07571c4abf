"""Every figure equals that of the real TrackEval: on random tables, and on MOT17 where the shared data is there.

TrackEval is the reference of MOTChallenge (MIT). It reads files, so the tables are written as its folders; boxes are written with all
their digits.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panops.evaluation.comparison import MOT15, MOT17, MotRules, compare, scored_frames
from panops.evaluation.mot_files import MotTable, read_sequence
from panops.evaluation.tracking_score import TrackingScore, combine, score, track_detections
from panops.tracking.tracker import BatchTracker

from .tables import random_pair, table

Cases = dict[str, tuple[MotTable, MotTable, int]]


def trackeval_figures(folder: Path, cases: Cases, benchmark: str) -> dict[str, dict[str, float]]:
    """TrackEval's figures of each case (truth, tracks, frames) and of all together."""
    with contextlib.redirect_stdout(io.StringIO()):  # it tells which of its optional packages are missing
        trackeval = pytest.importorskip("trackeval", reason="TrackEval is not installed: pip install --no-deps trackeval")
    results = folder / "trackers" / "ours" / "data"
    results.mkdir(parents=True)
    for name, (truth, tracks, _) in cases.items():
        (folder / "gt" / name / "gt").mkdir(parents=True)
        _write(folder / "gt" / name / "gt" / "gt.txt", truth)
        _write(results / f"{name}.txt", _as_pedestrians(tracks))
    quiet = {"PRINT_CONFIG": False}
    options = {
        "GT_FOLDER": str(folder / "gt"),
        "TRACKERS_FOLDER": str(folder / "trackers"),
        "TRACKERS_TO_EVAL": ["ours"],
        "SEQ_INFO": {name: frames for name, (_, _, frames) in cases.items()},
        "SKIP_SPLIT_FOL": True,
        "BENCHMARK": benchmark,
        **quiet,
    }
    evaluator_options = {
        "PRINT_RESULTS": False,
        "OUTPUT_SUMMARY": False,
        "OUTPUT_DETAILED": False,
        "OUTPUT_EMPTY_CLASSES": False,
        "PLOT_CURVES": False,
        "TIME_PROGRESS": False,
        "BREAK_ON_ERROR": True,
        **quiet,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        data = trackeval.datasets.MotChallenge2DBox(options)
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
        found, _ = trackeval.Evaluator(evaluator_options).evaluate([data], metrics)
    by_case = found["MotChallenge2DBox"]["ours"]
    return {name: _flat(parts["pedestrian"]) for name, parts in by_case.items()}


def _flat(parts: dict[str, dict[str, Any]]) -> dict[str, float]:
    return {name: float(np.mean(value)) for metric in ("HOTA", "CLEAR", "Identity") for name, value in parts[metric].items()}


def _as_pedestrians(tracks: MotTable) -> MotTable:
    return MotTable(tracks.frame, tracks.track_id, tracks.xywh, tracks.score, np.ones(len(tracks), np.int64))


def _write(path: Path, rows: MotTable) -> None:
    columns = [rows.frame, rows.track_id, rows.xywh, rows.score, rows.class_id, np.ones(len(rows))]
    np.savetxt(path, np.column_stack(columns), delimiter=",", fmt="%.17g")


def check(folder: Path, cases: Cases, rules: MotRules, benchmark: str) -> None:
    theirs = trackeval_figures(folder, cases, benchmark)
    ours: dict[str, TrackingScore] = {
        name: score(compare(truth, tracks, np.arange(1, frames + 1), rules)) for name, (truth, tracks, frames) in cases.items()
    }
    ours["COMBINED_SEQ"] = combine(list(ours.values()))
    for name, part in ours.items():
        figures = part.figures()
        expected = {key: theirs[name][key] for key in figures}
        assert figures == pytest.approx(expected, rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize(("rules", "benchmark"), [(MOT17, "MOT17"), (MOT15, "MOT15")], ids=["MOT17", "MOT15"])
def test_random_tables(tmp_path: Path, rules: MotRules, benchmark: str) -> None:
    cases: Cases = {f"seq{seed}": (*random_pair(seed), 30) for seed in range(6)}
    box = (10.0, 10.0, 40.0, 80.0)
    cases["nothing-found"] = (table([(1, 1, *box), (2, 1, *box)]), table([(3, 1, *box)]), 3)
    cases["nothing-there"] = (table([(1, 1, *box)], [0.0]), table([(1, 1, *box), (2, 1, *box)]), 3)
    # Exactly half overlapping, and equally good for two: thresholds and ties.
    cases["ties"] = (
        table([(1, 1, 0, 0, 10, 10), (2, 1, 0, 0, 10, 10), (2, 2, 10, 0, 10, 10)]),
        table([(1, 1, 0, 0, 10, 5), (2, 1, 5, 0, 10, 10), (2, 2, 0, 0, 10, 20)]),
        2,
    )
    check(tmp_path, cases, rules, benchmark)


@pytest.mark.parametrize("fps", [None, 5.0], ids=["native", "5 fps"])
def test_mot17(tmp_path: Path, shared_data: Path, fps: float | None) -> None:
    cases: Cases = {}
    for name in ("MOT17-05", "MOT17-09"):
        sequence = read_sequence(shared_data / "mot" / "MOT17" / name)
        frames = scored_frames(sequence.info.length, sequence.info.rate_fps, fps, second_half=True)
        tracks = track_detections(BatchTracker(), name, sequence.detections, frames, sequence.info.rate_fps)
        # TrackEval wants frames 1, 2, 3 ...
        truth = sequence.truth.select(np.isin(sequence.truth.frame, frames))
        cases[name] = (_renumbered(truth, frames), _renumbered(tracks, frames), len(frames))
    check(tmp_path, cases, MOT17, "MOT17")


def _renumbered(rows: MotTable, frames: np.ndarray) -> MotTable:
    return MotTable(np.searchsorted(frames, rows.frame) + 1, rows.track_id, rows.xywh, rows.score, rows.class_id)
