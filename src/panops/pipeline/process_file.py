"""`panops process`: the live pipeline on a file, as fast as it goes, with the same result every time."""

from __future__ import annotations

import json
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import av
import av.error
import cv2
import numpy as np
from numpy.typing import NDArray

import panops
from panops.config.schema import CameraConfig
from panops.domain.clock import Clock
from panops.domain.errors import PanopsError, SourceError
from panops.domain.events import Event, EventPhase
from panops.domain.frame import Frame
from panops.domain.packets import Packet, StreamInfo
from panops.domain.protocols import Detector, Source, Tracker
from panops.domain.tracks import Tracks
from panops.pipeline.analyst import Analyst
from panops.pipeline.annotate import draw_places, draw_tracks
from panops.pipeline.camera_loop import CameraLoop, MakeRules
from panops.pipeline.check import Check
from panops.pipeline.film_damage import FilmDamage
from panops.pipeline.map_looks import MapLooks
from panops.pipeline.secondary import SecondaryLooks
from panops.pipeline.track_looks import TrackLooks
from panops.verify.chain import Chain

# Decoded frames that may wait for the detector: enough to keep both cores busy, few enough to stay small.
_AHEAD = 32
# Results bear their names once they are whole; before that, and after a failure for as long as they cannot be deleted, with this suffix.
_PARTIAL = ".partial"
ANNOTATED = "annotated.mp4"
# Stands in every annotated video, so that a later run without one knows the old one for its own and takes it away.
_MADE_BY = "made by panops process"


@dataclass(frozen=True, slots=True)
class ProcessJob:
    """What to process and where results go.

    Attributes:
        camera_id: The name that stands in the events.
        camera: Its settings.
        source: The file, not yet open.
        detector: The detector.
        model: The detector's name.
        make_rules: Makes the camera's rules; see `CameraLoop`.
        followed: Which of the detector's classes are followed; see `followed_classes`.
        tracker: A fresh tracker.
        folder: Where the results are written; it exists.
        annotate: Whether to write a video with boxes.
        chain: What looks for false alarms; None where nothing does.
        secondary: Looks at single objects with a second model; None where the camera has none.
        looks: Closer looks at the people it follows.
        maps: Looks at the whole picture; None where the camera has none.
    """

    camera_id: str
    camera: CameraConfig
    source: Source
    detector: Detector
    model: str
    make_rules: MakeRules
    followed: NDArray[np.bool_]
    tracker: Tracker
    folder: Path
    annotate: bool = False
    chain: Chain | None = None
    secondary: SecondaryLooks | None = None
    looks: TrackLooks = field(default_factory=TrackLooks)
    maps: MapLooks | None = None


@dataclass(slots=True)
class ProcessResult:
    """What came of it. `problem` is empty when the file was read to its end."""

    events: list[Event] = field(default_factory=list)
    frames: int = 0
    checks: int = 0
    analysed: int = 0
    tracks: set[int] = field(default_factory=set)
    duration_s: float = 0.0
    problem: str = ""
    size_wh: tuple[int, int] = (0, 0)


def process_file(job: ProcessJob, clock: Clock, on_progress: Callable[[float, float | None, int], None]) -> ProcessResult:
    """Run a file through the pipeline and write `events.jsonl`, `tracks.txt`, `summary.json` and, if wanted, `annotated.mp4`.

    Results of an earlier run in the folder are replaced: an annotated video of that run goes, too, and one that panops did not make stays.
    Damage in the middle of the file ends the reading there: what came before is kept, and `problem` says what happened.

    Args:
        job: What to do.
        clock: For measuring only; the results do not depend on it.
        on_progress: Called now and then with media seconds done, the file's length in s if known, and events so far.

    Raises:
        SourceError: The file cannot be opened at all.
        ModelError: The model fails.
        PanopsError: The results cannot be written; nothing half written is left, and results of an earlier run are as they were.
    """
    cv2.setNumThreads(1)  # as in a shard: tiny calls, and the second core belongs to the decoder
    info = job.source.open()
    loop = CameraLoop(
        job.camera_id, job.camera, job.detector, job.make_rules, job.followed, clock, chain=job.chain, secondary=job.secondary
    )
    loop.looks, loop.maps = job.looks, job.maps
    analyst = Analyst(job.tracker, {job.camera_id: loop})
    analyst.begin(loop)
    results = _ResultFiles(job.folder, ["tracks.txt", "events.jsonl", *([ANNOTATED] if job.annotate else []), "summary.json"])
    with ExitStack() as whole:
        whole.callback(job.source.close)
        whole.enter_context(results)
        return _run(job, info, loop, analyst, results, on_progress)


def _run(
    job: ProcessJob,
    info: StreamInfo,
    loop: CameraLoop,
    analyst: Analyst,
    results: _ResultFiles,
    on_progress: Callable[[float, float | None, int], None],
) -> ProcessResult:
    result, damage = ProcessResult(size_wh=info.size_wh), FilmDamage(info)
    latest: dict[str, Event] = {}
    with ExitStack() as stack:
        tracks_file = stack.enter_context(results.partial("tracks.txt").open("w", encoding="ascii"))
        video = stack.enter_context(_AnnotatedVideo(results.partial(ANNOTATED), info, job)) if job.annotate else None
        for frame, check in _read_ahead(job.source, loop, info, result):
            if check is not None:
                for outcome in analyst.round([check]):
                    _write_tracks(tracks_file, frame, outcome.tracks)
                    result.tracks.update(int(track_id) for track_id in outcome.tracks.track_id)
                    latest.update({event.event_id: event for event in outcome.events})
            if video is not None:
                names = {track_id: opinion.name for track_id, opinion in job.looks.opinions().items()}
                video.write(frame, loop.tracks, loop.classes, names)
            damage.see(frame.pts_s)
            result.duration_s = frame.pts_s
            if frame.sequence % 64 == 0:
                on_progress(frame.pts_s, info.duration_s, len(latest))
    latest.update({event.event_id: event for event in loop.finish()})
    result.events = list(latest.values())
    result.frames, result.checks, result.analysed = loop.counters.decoded, loop.counters.checks, loop.counters.analysed
    result.problem = result.problem or damage.finding(sum(loop.undecodable.values()))
    if loop.counters.detector_errors:
        result.problem = f"the detector failed on {loop.counters.detector_errors} frames: {loop.problem}"
    if job.secondary is not None and job.secondary.problem:
        result.problem = result.problem or f"the secondary model {' or '.join(job.secondary.models)} failed: {job.secondary.problem}"
    result.problem = result.problem or job.looks.problem
    if job.maps is not None:
        result.problem = result.problem or job.maps.trouble
    _write_events(results.partial("events.jsonl"), result.events)
    summary = json.dumps(_summary(job, info, result), indent=2, sort_keys=True)
    results.partial("summary.json").write_text(summary + "\n", encoding="utf-8")
    results.keep()
    on_progress(result.duration_s, info.duration_s, len(latest))
    return result


def event_record(event: Event) -> dict[str, Any]:
    """An event as one line of `events.jsonl`; times are media seconds."""
    incident = event.incident
    return {
        "event_id": event.event_id,
        "camera_id": event.camera_id,
        "rule_id": event.rule_id,
        "kind": incident.kind,
        "class_name": incident.class_name,
        "zone": incident.zone,
        "track_ids": list(incident.track_ids),
        "score": round(incident.score, 4),
        "started_at_s": round(incident.started_at_s, 3),
        "ended_at_s": None if incident.ended_at_s is None else round(incident.ended_at_s, 3),
        "details": dict(incident.details),
        "suppressed_by": "" if event.verdict is None else event.verdict.suppressed_by,
    }


def _read_ahead(source: Source, loop: CameraLoop, info: StreamInfo, result: ProcessResult) -> Iterator[tuple[Frame, Check | None]]:
    """Decode on a thread of its own, in order, at most `_AHEAD` frames before the analysis."""
    line: queue.Queue[tuple[Frame, Check | None] | BaseException | None] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def put(item: tuple[Frame, Check | None] | BaseException | None) -> None:
        while not stop.is_set():
            try:
                line.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def decode() -> None:
        try:
            for frame in loop.frames(_packets(source, result), info):
                put((frame, loop.consider(frame)))
            for frame in loop.flush():
                put((frame, loop.consider(frame)))
            put(None)
        except Exception as error:  # raised again where the caller can see it
            put(error)

    thread = threading.Thread(target=decode, name="decode", daemon=True)
    thread.start()
    try:
        while (item := line.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def _packets(source: Source, result: ProcessResult) -> Iterator[Packet]:
    while True:
        try:
            packet = source.read()
        except SourceError as error:
            result.problem = str(error)
            return
        if packet is None:
            return
        yield packet


def _write_tracks(file: TextIO, frame: Frame, tracks: Tracks) -> None:
    """MOT rows: frame (from 1), id, left, top, width, height, score, -1, -1, -1."""
    for track_id, box, score in zip(tracks.track_id, tracks.xyxy, tracks.score, strict=True):
        left, top, right, bottom = (float(edge) for edge in box)
        position = f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"
        file.write(f"{frame.sequence + 1},{int(track_id)},{position},{float(score):.4f},-1,-1,-1\n")


def _write_events(path: Path, events: list[Event]) -> None:
    lines = [json.dumps(event_record(event), sort_keys=False, allow_nan=False) for event in events]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _summary(job: ProcessJob, info: StreamInfo, result: ProcessResult) -> dict[str, Any]:
    believed = [event for event in result.events if not event.is_suppressed]
    kinds = Counter(event.incident.kind for event in believed)
    return {
        "panops": panops.__version__,
        "camera_id": job.camera_id,
        "model": job.model,
        "codec": info.codec,
        "size_wh": list(result.size_wh),
        "duration_s": round(result.duration_s, 3),
        "frames_decoded": result.frames,
        "checks": result.checks,
        "frames_analysed": result.analysed,
        "tracks": len(result.tracks),
        "events": len(believed),
        "events_suppressed": len(result.events) - len(believed),
        "events_by_kind": dict(sorted(kinds.items())),
        "events_open_at_end": sum(event.phase is not EventPhase.END for event in believed),
        "complete": not result.problem,
        "problem": result.problem,
    }


class _ResultFiles:
    """The files of one run: all of them appear at its end, or none."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._folder = folder
        self._names = names

    def partial(self, name: str) -> Path:
        """Where a file is written until it is whole."""
        return self._folder / f"{name}{_PARTIAL}"

    def keep(self) -> None:
        """All of them are whole; what an earlier run left beside them is not of this one."""
        for name in self._names:
            self.partial(name).replace(self._folder / name)
        old = self._folder / ANNOTATED
        if ANNOTATED not in self._names and _is_ours(old):
            old.unlink()

    def __enter__(self) -> _ResultFiles:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        left = [name for name in self._names if not _removed(self.partial(name))]
        if isinstance(error, (OSError, av.error.FFmpegError)):
            cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
            leftovers = f"; half written and left there: {', '.join(name + _PARTIAL for name in left)}" if left else ""
            raise PanopsError(f"cannot write the results to {self._folder}: {cause}{leftovers}") from error


def _is_ours(video: Path) -> bool:
    """Whether `panops process` made this file."""
    try:
        with av.open(str(video)) as container:
            return container.metadata.get("comment") == _MADE_BY
    except (OSError, av.error.FFmpegError):
        return False


def _removed(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


class _AnnotatedVideo:
    """Writes every decoded frame with the boxes of the latest check."""

    def __init__(self, path: Path, info: StreamInfo, job: ProcessJob) -> None:
        self._path = path
        self._job = job
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"})
        self._container.metadata["comment"] = _MADE_BY
        rate = max(1, round(info.rate_fps or 25))
        self._stream = self._container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "23", "threads": "1"})
        self._stream.width, self._stream.height = (edge // 2 * 2 for edge in info.size_wh)
        self._stream.pix_fmt = "yuv420p"
        self._last = -1

    def __enter__(self) -> _AnnotatedVideo:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        try:
            # After an error nothing more may be written: a second try at a header that failed crashes inside FFmpeg.
            for packet in self._stream.encode(None) if kind is None else ():
                self._container.mux(packet)
        finally:
            self._container.close()

    def write(self, frame: Frame, tracks: Tracks | None, classes: tuple[str, ...], names: Mapping[int, str]) -> None:
        """Draw and encode one frame."""
        image = frame.pixels.rgb((self._stream.width, self._stream.height))
        draw_places(image, self._job.camera)
        if tracks is not None:
            draw_tracks(image, tracks, classes, names=names)
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        # Timestamps in the stream's own unit; two frames never share one, whatever the source says.
        self._last = max(self._last + 1, round(frame.pts_s * float(self._stream.average_rate or 25)))
        picture.pts = self._last
        for packet in self._stream.encode(picture):
            self._container.mux(packet)
