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
# So often the truth is asked who is there: often enough for visits of a second.
_VISIT_S = 0.4


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
        # What the truth says of a frame costs as much as to render it: what it said is noted.
        self._well_seen: dict[int, tuple[int, ...]] = {}

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

    @property
    def mark(self) -> str:
        """What tells it from other films: its settings, its length, and of a clip its size, its age and who comes."""
        source = self.camera.source.get_secret_value()
        parts = [source, f"{self.camera.check_fps:g}", f"{self.seconds:g}"]
        if self._visits is not None:
            file = Path(source).stat()
            parts += [str(file.st_size), str(file.st_mtime_ns), *(f"{visit.start_s:g}-{visit.end_s:g}" for visit in self._visits)]
        return " ".join(parts)

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
        rate_fps = scene.config.rate_fps
        for frame in range(0, int(seconds * rate_fps), max(1, round(rate_fps * _VISIT_S))):
            if frame not in self._well_seen:
                self._look_up(scene, frame)
            time_s = frame / rate_fps
            for track in self._well_seen[frame]:
                visit = last.get(track)
                if visit is not None and time_s - visit.end_s <= _GAP_S:
                    last[track] = Visit(visit.start_s, time_s)
                else:
                    found += [visit] if visit is not None else []
                    last[track] = Visit(time_s, time_s)
        found += last.values()
        long = [visit for visit in found if visit.end_s - visit.start_s >= _GAP_S and visit.start_s > _GAP_S]
        return sorted(long, key=lambda visit: visit.start_s)

    def is_about_somebody(self, time_s: float, xyxy: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which boxes (N, 4), px, show a person at `time_s`; of a real clip all do while somebody is there."""
        if self._visits is not None:
            there = any(visit.start_s - 1 <= time_s <= visit.end_s + 1 for visit in self._visits)
            return np.full(len(xyxy), there)
        if not len(xyxy):
            return np.zeros(0, dtype=np.bool_)
        people = self._people(time_s)
        if not len(people):
            return np.zeros(len(xyxy), dtype=np.bool_)
        boxes = np.asarray(xyxy, dtype=np.float32)
        inside = intersection(boxes, people) / np.maximum(area(boxes), 1e-6)[:, None]
        close = (iou(boxes, people) >= _SAME) | (inside >= 0.5)
        return np.asarray(close.any(axis=1), dtype=np.bool_)

    def _people(self, time_s: float) -> NDArray[np.float32]:
        scene = self._known_scene()
        frame = round(time_s * scene.config.rate_fps)
        if frame not in self._boxes:
            self._look_up(scene, frame)
        return self._boxes[frame]

    def _look_up(self, scene: Scene, frame: int) -> None:
        truth = scene.truth(frame)
        tall = (truth.xyxy[:, 3] - truth.xyxy[:, 1]) >= LEAST_HEIGHT * scene.config.size_wh[1]
        well = tall & (truth.visible >= LEAST_VISIBLE) & (np.asarray(truth.class_name) == "person")
        self._well_seen[frame] = tuple(truth.track_id[well].tolist())
        rows = [row for row, name in enumerate(truth.class_name) if name == "person" or name in _RIDERS]
        if len(self._boxes) > 64:
            self._boxes.clear()
        self._boxes[frame] = truth.xyxy[rows].astype(np.float32)

    def _known_scene(self) -> Scene:
        if self._scene is None:
            raise RuntimeError("the film was not opened")
        return self._scene
