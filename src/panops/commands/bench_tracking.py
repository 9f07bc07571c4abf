"""`panops bench tracking`: what the tracker costs on this machine, beside a peer in the same run."""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

from panops.commands.machine import machine
from panops.domain.errors import PanopsError
from panops.domain.protocols import Observation
from panops.evaluation.comparison import MOT15, compare
from panops.evaluation.mot_files import MotTable
from panops.evaluation.synthetic_load import CameraLoad, LoadSettings, camera_load
from panops.evaluation.tracking_score import combine, score
from panops.tracking.tracker import BatchTracker

PEER = "trackers"
PEER_HINT = "pip install 'trackers>=2.6'"
# Ours takes a fraction of a second, which a busy machine can spoil: so many runs before the peer's long one, as many after it, and the
# median of them counts.
_REPEATS = 2
# HOTA is computed on so many cameras: enough for a figure that stands, without taking longer than the runs themselves.
_SCORED_CAMERAS = 20
# A tracker that is not within so much HOTA of its peer is not doing the same work, and its cost says nothing.
_QUALITY_MARGIN = 0.05

# Of one camera: frame number, track ids and boxes.
Rows = list[tuple[int, NDArray[Any], NDArray[Any]]]
Run = Callable[[LoadSettings, Sequence[CameraLoad]], tuple[float, list[Rows]]]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one tracker did.

    Attributes:
        name: Tracker and version.
        cpu_s: CPU time of the calling thread inside the tracker's calls, s.
        core_share: The same over the load's duration: the share of a core that live cameras would take.
        us_per_frame: CPU time a camera frame, microseconds.
        hota: 0..1, on the load's truth.
        idf1: 0..1.
        switches: Identity switches.
    """

    name: str
    cpu_s: float
    core_share: float
    us_per_frame: float
    hota: float
    idf1: float
    switches: int


def bench_tracking(
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    cameras: Annotated[int, typer.Option(min=1, max=5000)] = 200,
    objects: Annotated[int, typer.Option(min=1, max=500, help="Objects a camera shows on average.")] = 10,
    fps: Annotated[float, typer.Option(min=0.1, max=120.0, help="Frames a second of each camera.")] = 5.0,
    seconds: Annotated[float, typer.Option(min=1.0, max=3600.0, help="How long the load lasts, in its own time.")] = 30.0,
    seed: Annotated[int, typer.Option(min=0)] = 1,
) -> None:
    """Cost of the tracker on a made-up load, beside ByteTrack of the package `trackers`.

    Both get the same detections. CPU time of one thread is measured, not wall time, so a busy machine disturbs little.
    First both must do the job: HOTA on the load's truth is computed for both, and a run whose quality falls short of the peer's fails.
    """
    console = Console()
    settings = LoadSettings(cameras=cameras, objects=objects, fps=fps, seconds=seconds, seed=seed)
    loads = [camera_load(settings, index) for index in track(range(cameras), "making the load", console=console, transient=True)]
    runs = [_run_ours(settings, loads) for _ in range(_REPEATS)]
    peer = None
    try:
        run_peer = _open_peer()
    except ImportError as error:
        console.print(f"no comparison: the peer {PEER!r} cannot be imported ({error}); install it with: {PEER_HINT}", style="yellow")
    else:
        with console.status(f"running {PEER}, which takes a while"):
            peer = _figures(f"{PEER} {_version(PEER)} ByteTrack", settings, loads, [run_peer(settings, loads)])
        runs += [_run_ours(settings, loads) for _ in range(_REPEATS)]
    ours = _figures(f"panops {_version('panops')}", settings, loads, runs)
    _print(console, settings, loads, [ours] if peer is None else [ours, peer])
    if json_file is not None:
        _write(json_file, settings, ours, peer)
    if peer is not None and ours.hota < peer.hota - _QUALITY_MARGIN:
        raise PanopsError(
            f"expected HOTA of at least the peer's {peer.hota:.3f} less {_QUALITY_MARGIN}, got {ours.hota:.3f}: cost says nothing"
        )


def _figures(name: str, settings: LoadSettings, loads: Sequence[CameraLoad], runs: Sequence[tuple[float, list[Rows]]]) -> Figures:
    cpu_s, rows = float(np.median([cpu_s for cpu_s, _ in runs])), runs[0][1]
    scored = range(min(_SCORED_CAMERAS, len(loads)))
    frames = np.arange(1, settings.ticks + 1)
    parts = [score(compare(loads[camera].truth, _table(rows[camera]), frames, MOT15)) for camera in scored]
    figures = combine(parts).figures()
    return Figures(
        name,
        cpu_s,
        cpu_s / settings.seconds,
        1e6 * cpu_s / (len(loads) * settings.ticks),
        figures["HOTA"],
        figures["IDF1"],
        int(figures["IDSW"]),
    )


def _run_ours(settings: LoadSettings, loads: Sequence[CameraLoad]) -> tuple[float, list[Rows]]:
    tracker = BatchTracker()
    rows: list[Rows] = [[] for _ in loads]
    cpu_s = 0.0
    for tick in range(settings.ticks):
        time_s = (tick + 1) / settings.fps
        seen = [Observation(f"camera-{index}", time_s, load.detections[tick]) for index, load in enumerate(loads)]
        began = time.thread_time()
        result = tracker.update(seen)
        cpu_s += time.thread_time() - began
        for index, tracks in enumerate(result[:_SCORED_CAMERAS]):
            # Copies: views would keep every tick's arrays alive, which no live system does.
            rows[index].append((tick + 1, tracks.track_id.copy(), tracks.xyxy.copy()))
    return cpu_s, rows


def _open_peer() -> Run:
    """The peer's run. The only place that imports it.

    Raises:
        ImportError: It is not installed.
    """
    import supervision  # noqa: PLC0415  # a peer for measuring, never a dependency
    from trackers import ByteTrackTracker  # noqa: PLC0415  # the same

    def run(settings: LoadSettings, loads: Sequence[CameraLoad]) -> tuple[float, list[Rows]]:
        trackers = [ByteTrackTracker(frame_rate=settings.fps) for _ in loads]
        rows: list[Rows] = [[] for _ in loads]
        cpu_s = 0.0
        # Tick by tick over all cameras, as live cameras come.
        for tick in range(settings.ticks):
            for index, (tracker, load) in enumerate(zip(trackers, loads, strict=True)):
                seen = load.detections[tick]
                # Its own value type and arrays of its own: neither is part of what is timed.
                detections = supervision.Detections(xyxy=seen.xyxy.copy(), confidence=seen.score.copy(), class_id=seen.class_id.copy())
                began = time.thread_time()
                result = tracker.update(detections)
                cpu_s += time.thread_time() - began
                if index < _SCORED_CAMERAS:
                    named = result.tracker_id >= 0
                    rows[index].append((tick + 1, result.tracker_id[named], result.xyxy[named]))
        return cpu_s, rows

    return run


def _table(rows: Rows) -> MotTable:
    ids = np.concatenate([track_ids for _, track_ids, _ in rows]).astype(np.int64)
    xyxy = np.concatenate([boxes for _, _, boxes in rows]).astype(np.float64).reshape(-1, 4)
    frames = np.concatenate([np.full(len(track_ids), frame) for frame, track_ids, _ in rows])
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    return MotTable(frames, ids, xywh, np.ones(len(ids)), np.ones(len(ids), np.int64))


def _print(console: Console, settings: LoadSettings, loads: Sequence[CameraLoad], runs: Sequence[Figures]) -> None:
    per_frame = sum(len(seen) for load in loads for seen in load.detections) / (len(loads) * settings.ticks)
    title = f"{settings.cameras} cameras x {settings.fps:g} frames/s x {per_frame:.1f} detections, {settings.seconds:g} s"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("tracker", overflow="fold", min_width=10)
    for column in ("share of a core", "us a frame", "HOTA", "IDF1", "switches", "ratio"):
        table.add_column(column, justify="right")
    for run in runs:
        ratio = run.cpu_s / runs[0].cpu_s
        table.add_row(
            run.name,
            f"{run.core_share:.4f}",
            f"{run.us_per_frame:.1f}",
            f"{100 * run.hota:.1f}",
            f"{100 * run.idf1:.1f}",
            str(run.switches),
            f"{ratio:.1f}x",
        )
    console.print(table)


def _write(path: Path, settings: LoadSettings, ours: Figures, peer: Figures | None) -> None:
    content = {
        "bench": "tracking",
        "load": asdict(settings),
        "panops": asdict(ours),
        "peer": None if peer is None else asdict(peer),
        "ratio": None if peer is None else peer.cpu_s / ours.cpu_s,
        "scored_cameras": min(_SCORED_CAMERAS, settings.cameras),
        "machine": machine(),
        "versions": {name: _version(name) for name in ("panops", "numpy", "scipy", PEER, "supervision")},
    }
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise PanopsError(f"cannot write {path}: {error.strerror}") from error


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
