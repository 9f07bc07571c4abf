"""Rules about postures on films of the simulated site: who raised their hands, waved, climbed, lay or fell, and of whom that was told.

Run it as `python -m benchmarks.postures --models street,general`; it needs `panops models add movenet_lightning`, and what `--models`
names. The films go through decoder, detector, tracker, pose model and rules, as a camera's do, and the truth says who did what. With
`--climbs` that share of those who do something climbs up or jumps instead. `--truth 0.02` asks what the rules alone are worth.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from panops.config.load import parse_site
from panops.domain.clock import SystemClock
from panops.domain.events import Event
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks, TrackState
from panops.models.store import ModelStore
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.followed import followed_classes
from panops.pipeline.track_looks import TrackLooks
from panops.rules.build import build_rules
from panops.rules.engine import RuleEngine
from panops.simulation.scene import Scene
from panops.simulation.sim_address import simulation_of
from panops.simulation.source import SimulatedSource
from panops.simulation.truth import SceneTruth, postures
from panops.storage.home import Home
from panops.tracking.tracker import BatchTracker

_SITE = """
cameras:
  film:
    source: "sim://{scene}?seed={seed}&activity={activity}&deeds=1&climbs={climbs}&rate_fps=5&size={size}"
    pose: {{refresh_s: REFRESH_S}}
    min_score: MIN_SCORE
    sleep: never
rules:
  - {{id: up, kind: hands_up, after_s: 1}}
  - {{id: fell, kind: fall, after_s: 2}}
  - {{id: down, kind: lying, after_s: 2}}
  - {{id: waves, kind: waving}}
  - {{id: climbs, kind: climbing}}
"""
# What a rule should tell, and what an event of it may be about without being false.
_WANTED = {"hands_up": ("hands_up",), "fall": ("lying",), "lying": ("lying",), "waving": ("waving",), "climbing": ("climbing",)}
_FITS = {
    "hands_up": ("hands_up", "waving", "climbing"),
    "fall": ("falling", "lying"),
    "lying": ("falling", "lying"),
    "waving": ("waving",),
    "climbing": ("climbing",),
}
# Whoever held a posture for so long should be told of: the rule's own time, and a look or two.
_LEAST_S = {"hands_up": 2.0, "fall": 3.5, "lying": 3.5, "waving": 3.0, "climbing": 5.0}
_LEAST_VISIBLE = 0.7
_RATE_FPS = 5.0


@dataclass(slots=True)
class _Film:
    """A film's truth at each check, and its events by id."""

    truths: list[SceneTruth] = field(default_factory=list)
    events: dict[str, Event] = field(default_factory=dict)


def _play(scene: str, detector: Detector, pool: DetectorPool, asked: argparse.Namespace) -> _Film:
    text = _SITE.format(scene=scene, seed=asked.seed, activity=asked.activity, size=asked.size, climbs=asked.climbs)
    text = text.replace("MIN_SCORE", str(asked.min_score)).replace("REFRESH_S", str(asked.refresh_s))
    site = parse_site(text, environ={})
    config, clock, film = site.cameras["film"], SystemClock(), _Film()
    source = SimulatedSource("film", config, clock, realtime=False)
    info = source.open()
    scene_truth = source.scene
    if scene_truth is None:
        raise RuntimeError("the film was not opened")

    def make_rules(size_wh: tuple[int, int], first_sequence: int) -> RuleEngine:
        return RuleEngine("film", build_rules(site, "film", detector.classes, size_wh, None, wall_clock=False), 1, first_sequence)

    loop = CameraLoop("film", config, detector, make_rules, followed_classes(site.camera_rules("film"), detector.classes), clock)
    loop.looks = TrackLooks.of(config, pool.get, detector.classes, lambda: detector)
    if loop.looks.trouble:
        sys.exit(loop.looks.trouble)
    analyst = Analyst(BatchTracker(), {"film": loop})
    analyst.begin(loop)
    try:
        while (packet := source.read()) is not None and packet.pts_s < asked.seconds:
            for frame in loop.frames([packet], info):
                film.truths.append(scene_truth.truth(round(frame.pts_s * _RATE_FPS)))
                check = loop.consider(frame)
                for outcome in analyst.round([check]) if check is not None else ():
                    film.events.update((event.event_id, event) for event in outcome.events)
        film.events.update((event.event_id, event) for event in loop.finish())
    finally:
        source.close()
    return film


def _told_by_truth(scene: str, asked: argparse.Namespace) -> _Film:
    """The same with the truth's boxes and joints of whoever is seen well, blurred by chance, in place of all models."""
    width, height = map(int, asked.size.split("x"))
    text = _SITE.format(scene=scene, seed=asked.seed, activity=asked.activity, size=asked.size, climbs=asked.climbs)
    site = parse_site(text.replace("MIN_SCORE", "0").replace("REFRESH_S", str(asked.refresh_s)), environ={})
    film, chance = _Film(), np.random.default_rng(asked.seed)
    shown = Scene(simulation_of(site.cameras["film"]))
    engine = RuleEngine("film", build_rules(site, "film", ("person",), (width, height), None, wall_clock=False), 1, 0)
    looks_s: dict[int, float] = {}
    for number in range(round(asked.seconds * _RATE_FPS)):
        truth = shown.truth(number)
        film.truths.append(truth)
        rows = np.flatnonzero((np.array(truth.class_name) == "person") & (truth.visible >= 0.5))
        tall = (truth.xyxy[rows, 3] - truth.xyxy[rows, 1])[:, None]
        boxes = truth.xyxy[rows] + chance.normal(0, asked.truth, (len(rows), 4)) * tall
        points = truth.keypoints[rows].reshape(-1, 17, 3).astype(np.float32)
        points[:, :, :2] += chance.normal(0, asked.truth, (len(rows), 17, 2)) * tall[:, :, None]
        for index, track_id in enumerate(truth.track_id[rows].tolist()):
            if truth.time_s - looks_s.get(track_id, -1.0) < 0.75 * asked.refresh_s:
                points[index] = np.nan
            else:
                looks_s[track_id] = truth.time_s
        at = np.full(len(rows), truth.time_s)
        tracks = Tracks(
            "film", truth.time_s, truth.track_id[rows].astype(np.int64), np.clip(boxes, 0, [width, height] * 2).astype(np.float32),
            np.ones(len(rows), np.float32), np.zeros(len(rows), np.int64), np.full(len(rows), TrackState.CONFIRMED.value, np.int64), at, at,
            np.arange(len(rows)), points,
        )  # fmt: skip
        film.events.update((event.event_id, event) for event in engine.update(tracks))
    film.events.update((event.event_id, event) for event in engine.finish(asked.seconds))
    return film


def _overlaps(event: Event, truth: SceneTruth, row: int, size_wh: tuple[int, int]) -> bool:
    """Whether an event's box and somebody's share anything."""
    if event.incident.box is None:
        return False
    left, top, right, bottom = np.array(event.incident.box) * np.array([*size_wh, *size_wh])
    x1, y1, x2, y2 = truth.xyxy[row]
    return bool(left < x2 and right > x1 and top < y2 and bottom > y1)


def _count(film: _Film, size_wh: tuple[int, int]) -> dict[str, Counter[str]]:
    """By rule: who should be told of, who was, all events, and those about nobody who did it."""
    counts = {kind: Counter[str](wanted=0, told=0, events=0, false=0) for kind in _WANTED}
    for event in film.events.values():
        kind, incident = event.incident.kind, event.incident
        until_s = incident.updated_at_s if incident.ended_at_s is None else incident.ended_at_s
        during = [truth for truth in film.truths if incident.started_at_s <= truth.time_s <= until_s]
        those = ((truth, row) for truth in during for row in range(len(truth)) if truth.posture[row] in _FITS[kind])
        fits = any(_overlaps(event, truth, row, size_wh) for truth, row in those)
        counts[kind]["events"] += 1
        counts[kind]["false"] += not fits
    for kind, wanted in _WANTED.items():
        for stay in postures(film.truths, None, wanted, _LEAST_S[kind], min_visible=_LEAST_VISIBLE):
            during = [truth for truth in film.truths if stay.start_s <= truth.time_s <= stay.end_s]
            rows = [(truth, int(np.flatnonzero(truth.track_id == stay.track_id)[0])) for truth in during if stay.track_id in truth.track_id]
            counts[kind]["wanted"] += 1
            counts[kind]["told"] += any(
                event.incident.kind == kind
                and event.incident.started_at_s <= truth.time_s <= (event.incident.ended_at_s or event.incident.updated_at_s)
                and _overlaps(event, truth, row, size_wh)
                for event in film.events.values()
                for truth, row in rows
            )
    return counts


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="street", help="detectors, with commas")
    parser.add_argument("--scenes", default="yard,gate,room,fence")
    parser.add_argument("--seconds", type=float, default=300.0, help="of each scene")
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--activity", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--climbs", type=float, default=0.0, help="of those who do something, who climbs or jumps")
    parser.add_argument("--refresh-s", type=float, default=0.4, help="joints are looked for so often")
    parser.add_argument("--truth", type=float, default=None, help="no models: the truth, blurred by so many heights of the person")
    parser.add_argument("--min-score", type=float, default=0.35)
    parser.add_argument("--home", type=Path, default=None)
    asked = parser.parse_args(words)
    width, height = map(int, asked.size.split("x"))
    pool = DetectorPool(ModelStore(Home(asked.home).models), patient=True)
    models = asked.models.split(",") if asked.truth is None else ["truth"]
    figures: dict[str, Any] = {}
    for model in models:
        total = {kind: Counter[str](wanted=0, told=0, events=0, false=0) for kind in _WANTED}
        for scene in asked.scenes.split(","):
            print(f"{model}, {scene} ...", file=sys.stderr, flush=True)
            film = _play(scene, pool.get(model), pool, asked) if asked.truth is None else _told_by_truth(scene, asked)
            for kind, counted in _count(film, (width, height)).items():
                total[kind].update(counted)
        figures[model] = {kind: dict(counted) for kind, counted in total.items()}
    shape = {name: str(value) for name, value in vars(asked).items() if name not in ("home", "models")}
    print(json.dumps({"bench": "postures", "machine": describe(), "settings": shape, "models": figures}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
