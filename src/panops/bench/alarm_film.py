"""Films for the bench of false alarms: what a camera shows, and when somebody was really there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import CameraConfig
from panops.domain.boxes import area, intersection, iou
from panops.domain.clock import Clock
from panops.domain.errors import PanopsError
from panops.domain.packets import Packet, StreamInfo
from panops.domain.protocols import Source
from panops.ingest.registry import open_source
from panops.simulation.scene import Scene
from panops.simulation.source import SimulatedSource

# Somebody counts who is so well seen, and so tall; others are neither a true alarm nor, where they raise one, a false one.
LEAST_VISIBLE = 0.25
LEAST_HEIGHT = 1 / 15
# Whoever rides is a person, too, but the truth calls it a cycle.
_RIDERS = ("bicycle", "motorcycle")
# A box that shares so much with somebody's is an alarm about them.
_SAME = 0.1
_GAP_S = 1.0


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody was there, from `start_s` to `end_s` of the film."""

    start_s: float
    end_s: float


class AlarmFilm:
    """A film with its truth.

    Args:
        name: What it is called in the table.
        camera: The camera's settings.
        seconds: How much of it is looked at, s.
        visits: When somebody is there, of a real clip; None for a simulated scene, which knows by itself.
    """

    def __init__(self, name: str, camera: CameraConfig, seconds: float, visits: list[Visit] | None = None) -> None:
        self.name = name
        self.camera = camera
        self.seconds = seconds
        self._visits = visits
        self._scene: Scene | None = None
        self._boxes: dict[int, NDArray[np.float32]] = {}

    @classmethod
    def simulated(cls, scene: str, weather: str, seed: int, activity: float, check_fps: float, seconds: float) -> AlarmFilm:
        """A scene of the simulator."""
        address = f"sim://{scene}?seed={seed}&activity={activity:g}&weather={weather}&rate_fps={check_fps:g}"
        camera = CameraConfig.model_validate({"source": address, "check_fps": check_fps, "min_score": 0.01, "sleep": "never"})
        return cls(f"{scene}, {weather}", camera, seconds)

    @classmethod
    def clip(cls, path: Path, check_fps: float) -> AlarmFilm:
        """A real clip; `NAME.visits.json` beside it lists `[start_s, end_s]` of who comes. Without that file nobody does.

        Raises:
            PanopsError: The list cannot be read.
        """
        camera = CameraConfig.model_validate({"source": str(path.absolute()), "check_fps": check_fps, "min_score": 0.01, "sleep": "never"})
        listed = path.with_name(f"{path.name}.visits.json")
        visits: list[Visit] = []
        if listed.exists():
            try:
                visits = [Visit(float(start), float(end)) for start, end in json.loads(listed.read_text(encoding="utf-8"))]
            except (OSError, ValueError, TypeError) as error:
                raise PanopsError(f"expected a list of [start, end] in seconds in {listed}, got something else: {error}") from error
        return cls(path.stem, camera, 86400.0, visits)

    def open(self, clock: Clock) -> tuple[Source, StreamInfo]:
        """Begin it."""
        source: Any = (
            SimulatedSource("film", self.camera, clock, realtime=False)
            if self._visits is None
            else open_source("film", self.camera, clock, realtime=False)
        )
        info = source.open()
        self._scene = source.scene if self._visits is None else None
        return source, info

    def packets(self, source: Source) -> Iterator[Packet]:
        """Its packets, as far as it is looked at."""
        while (packet := source.read()) is not None and packet.pts_s < self.seconds:
            yield packet

    def visits(self, seconds: float) -> list[Visit]:
        """Who should raise an alarm in so much of it: everybody who is seen for a second at least, but for the very first moments."""
        if self._visits is not None:
            return [visit for visit in self._visits if visit.start_s < seconds]
        scene = self._known_scene()
        last: dict[int, Visit] = {}
        found: list[Visit] = []
        for frame in range(int(seconds * scene.config.rate_fps)):
            truth = scene.truth(frame)
            heights = (truth.xyxy[:, 3] - truth.xyxy[:, 1]) / scene.config.size_wh[1]
            for row, name in enumerate(truth.class_name):
                if name != "person" or truth.visible[row] < LEAST_VISIBLE or heights[row] < LEAST_HEIGHT:
                    continue
                track = int(truth.track_id[row])
                visit = last.get(track)
                if visit is not None and truth.time_s - visit.end_s <= _GAP_S:
                    last[track] = Visit(visit.start_s, truth.time_s)
                else:
                    found += [visit] if visit is not None else []
                    last[track] = Visit(truth.time_s, truth.time_s)
        found += last.values()
        long = [visit for visit in found if visit.end_s - visit.start_s >= _GAP_S and visit.start_s > _GAP_S]
        return sorted(long, key=lambda visit: visit.start_s)

    def is_about_somebody(self, time_s: float, xyxy: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which boxes (N, 4), px, show a person at `time_s`; of a real clip all do while somebody is there."""
        if self._visits is not None:
            there = any(visit.start_s - 1 <= time_s <= visit.end_s + 1 for visit in self._visits)
            return np.full(len(xyxy), there)
        people = self._people(time_s)
        if not len(people) or not len(xyxy):
            return np.zeros(len(xyxy), dtype=np.bool_)
        boxes = np.asarray(xyxy, dtype=np.float32)
        inside = intersection(boxes, people) / np.maximum(area(boxes), 1e-6)[:, None]
        close = (iou(boxes, people) >= _SAME) | (inside >= 0.5)
        return np.asarray(close.any(axis=1), dtype=np.bool_)

    def _people(self, time_s: float) -> NDArray[np.float32]:
        scene = self._known_scene()
        frame = round(time_s * scene.config.rate_fps)
        if frame not in self._boxes:
            if len(self._boxes) > 64:
                self._boxes.clear()
            truth = scene.truth(frame)
            rows = [row for row, name in enumerate(truth.class_name) if name == "person" or name in _RIDERS]
            self._boxes[frame] = truth.xyxy[rows].astype(np.float32)
        return self._boxes[frame]

    def _known_scene(self) -> Scene:
        if self._scene is None:
            raise RuntimeError("the film was not opened")
        return self._scene
