"""Counts false alarms: every film is looked at once, and every way of turning detections into alarms is tried on the same looks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from panops.bench.alarm_film import AlarmFilm
from panops.bench.alarm_lane import Key, Lane, LaneTally, Way
from panops.bench.kept_tallies import KeptTallies
from panops.domain.clock import Clock
from panops.domain.protocols import Detector, Observation
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.look_again import look_again
from panops.rules.engine import RuleEngine
from panops.tracking.tracker import BatchTracker


@dataclass(frozen=True, slots=True)
class FalseAlarmSettings:
    """What is tried.

    Attributes:
        ways: The rows of the table.
        min_scores: Thresholds, each tried with every way.
        wanted: The class that alarms; `moving` where the detector knows nothing else.
    """

    ways: Sequence[Way]
    min_scores: Sequence[float]
    wanted: str = "person"


def count_false_alarms(
    films: Sequence[AlarmFilm],
    detector: Detector,
    settings: FalseAlarmSettings,
    clock: Clock,
    on_progress: Callable[[str, float], None],
    kept: KeptTallies | None = None,
) -> dict[Key, LaneTally]:
    """Look at all films.

    Args:
        films: What is looked at.
        detector: What looks, at every check, at the whole picture: the motion gate could only hide alarms.
        settings: What is tried.
        clock: For the cameras.
        on_progress: Told now and then which film it is and how many of its seconds are done.
        kept: Films that were looked at before are taken from here, and those that are looked at now are put there.
    """
    whole: dict[Key, LaneTally] = {(way, score): LaneTally() for way in settings.ways for score in settings.min_scores}
    for film in films:
        tallies = kept.get(film) if kept is not None else None
        if tallies is None:
            tallies = {key: LaneTally() for key in whole}
            _look_at(film, detector, settings, clock, tallies, on_progress)
            detector.forget("film")
            if kept is not None:
                kept.put(film, tallies)
        for key, tally in tallies.items():
            whole[key].add(tally)
    return whole


def _look_at(
    film: AlarmFilm,
    detector: Detector,
    settings: FalseAlarmSettings,
    clock: Clock,
    tallies: dict[Key, LaneTally],
    on_progress: Callable[[str, float], None],
) -> None:
    source, info = film.open(clock)
    loop = CameraLoop("film", film.camera, detector, lambda _, first: RuleEngine("film", [], 1, first), np.ones(1, np.bool_), clock)
    tracker = BatchTracker()
    for score in settings.min_scores:
        tracker.describe(f"{score}", detector.classes, score)
    lanes = [
        Lane(
            way,
            film,
            score,
            info.size_wh,
            detector.classes,
            settings.wanted,
            lambda frame, box, name: look_again(detector, frame, box, name),
        )
        for way, score in tallies
    ]
    wanted = detector.classes.index(settings.wanted)
    seconds, told_s = 0.0, time.monotonic()
    try:
        for packet in film.packets(source):
            for frame in loop.frames([packet], info):
                check = loop.consider(frame)
                if check is None:
                    continue
                seconds = frame.captured_at_s
                found = detector.detect(frame)
                found = found.select(found.class_id == wanted)
                about = film.is_about_somebody(seconds, found.xyxy)
                results = tracker.update([Observation(f"{score}", seconds, found) for score in settings.min_scores])
                tracked = dict(zip(settings.min_scores, results, strict=True))
                somebody = {score: film.is_about_somebody(seconds, tracks.xyxy) for score, tracks in tracked.items()}
                for lane in lanes:
                    lane.see(frame, found, tracked[lane.min_score], about=about, tracks_about=somebody[lane.min_score])
            if time.monotonic() - told_s > 1.0:
                told_s = time.monotonic()
                on_progress(film.name, seconds)
        visits = film.visits(seconds)
        for lane in lanes:
            lane.finish(seconds, visits, tallies[(lane.way, lane.min_score)])
    finally:
        source.close()
