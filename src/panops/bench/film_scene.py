"""Makes films of the simulated site in which a wanted share of the checks passes the motion gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.bench.film_encoder import encode_film, yuv_of
from panops.bench.film_plan import Moment, plan_film
from panops.bench.film_shape import FilmShape
from panops.bench.gate_share import GateShare, film_lumas, gate_share
from panops.config.schema import MotionConfig, SimulationConfig
from panops.domain.geometry import Polygon
from panops.motion.gate import MotionGate
from panops.simulation.scene import Parts, Scene
from panops.simulation.weather import air

Picture = NDArray[np.uint8]
Points = tuple[tuple[float, float], ...]

SCENES = ("yard", "street", "room", "fence")
"""Those that films are made of: outdoors with trees and clouds, traffic, indoors."""

# So near is near enough; what remains is told.
_TOLERANCE = 0.02
_ATTEMPTS = 4
# The scene is looked at until it has this many times the pictures that should open the gate, or is so many times as long as the film.
_CHOICE = 1.3
_LONGEST = 6
# How finely plans are compared: busy pictures, as a share of the film.
_PLANS = 80
_NOBODY = Parts(actors=False, shadows=False, air=False)


@dataclass(frozen=True, slots=True)
class FilmFigures:
    """What a film came to be.

    Attributes:
        share: What passes the gate.
        kbps: Bit rate, kbit/s.
        zone: An area worth a rule, relative corners.
        line: A tripwire worth a rule, relative points.
    """

    share: GateShare
    kbps: float
    zone: Points
    line: Points


def make_scene_film(
    name: str, activity: float, shape: FilmShape, path: Path, told: Callable[[float], None] = lambda _: None, seed: int = 1
) -> FilmFigures:
    """Render and encode a film, look what passes the gate, and do it again with more or less going on until the share is near.

    Args:
        name: A scene of the simulated site.
        activity: Share of the checks that should pass the gate, 0..1.
        shape: Size, rate, keyframes, length.
        path: The mp4 file.
        told: Told how much of one attempt is done, 0..1.
        seed: Which of many.

    Returns:
        What it is like; its share is the one measured, wanted or not.
    """
    studio = _Studio(name, activity, shape, seed)
    target = activity
    best: tuple[float, GateShare, float] | None = None
    attempt = path.with_suffix(".part.mp4")
    moments: list[Moment] = []
    for _ in range(_ATTEMPTS):
        before, moments = moments, studio.moments(target)
        if moments == before:
            break
        kbps = encode_film(studio.pictures(moments, told), attempt, shape)
        share = gate_share(lambda: film_lumas(attempt), shape.rate_fps, shape.check_fps)
        off = share.moved - activity
        if best is None or abs(off) < best[0]:
            best = (abs(off), share, kbps)
            attempt.replace(path)
        if abs(off) <= _TOLERANCE:
            break
        target = float(np.clip(target - off, 0.0, 1.0))
    attempt.unlink(missing_ok=True)
    assert best is not None, "there is one attempt at least"  # noqa: S101  # for the type checker
    return FilmFigures(best[1], best[2], *_shapes(studio.scene))


class _Studio:
    """A scene, what of it opens the gate, and the pictures that were rendered of it already."""

    def __init__(self, name: str, activity: float, shape: FilmShape, seed: int) -> None:
        # In a livelier scene there is more to choose from; a quiet film of it shows no more than it should.
        settings = {"scene": name, "seed": seed, "activity": 3.0 + 9.0 * activity, "rate_fps": shape.rate_fps, "size_wh": shape.size_wh}
        self.scene = Scene(SimulationConfig.model_validate(settings))
        self._shape = shape
        self._seed = seed
        self._opens = self._opens_the_gate(min(1.0, _CHOICE * activity) * shape.pictures) if activity > 0 else np.zeros(1, np.bool_)
        self._rendered: dict[int, Picture] = {}

    def _opens_the_gate(self, wanted: float) -> NDArray[np.bool_]:
        """(F,) whether each frame of the scene would pass the gate, from its start until so many would, or it is long enough."""
        gate = MotionGate(MotionConfig())
        found: list[bool] = []
        while sum(found) < wanted and len(found) < _LONGEST * self._shape.pictures:
            luma = cv2.cvtColor(self.scene.render(len(found)), cv2.COLOR_RGB2GRAY)
            found.append(gate.look(np.asarray(luma, np.uint8), self.scene.time_s(len(found))).moved)
        return np.array(found, np.bool_)

    @property
    def most_busy(self) -> int:
        """How many busy pictures the film can have."""
        return min(self._shape.pictures, len(self._opens))

    def moments(self, target: float) -> list[Moment]:
        """The plan whose pictures open the gate about so often; of two that are as good, the one with less going on."""
        wanted = target * self._shape.pictures
        counts = np.unique(np.rint(np.linspace(0, self.most_busy, _PLANS + 1)).astype(int))
        plans = [plan_film(self._opens, self._shape.pictures, int(busy), self._shape.rate_fps, self._seed) for busy in counts]
        return min(plans, key=lambda plan: abs(sum(bool(self._opens[moment.frame_index]) for moment in plan if moment.moving) - wanted))

    def pictures(self, moments: list[Moment], told: Callable[[float], None]) -> Iterator[Picture]:
        """The film's pictures; where time stands still, one picture without anybody under the sensor's noise."""
        noise = air(self._shape.size_wh, 0.0, "clear", inside=False, infrared=False)
        held_index, held = -1, np.zeros((0, 0, 3), np.uint8)
        for number, moment in enumerate(moments):
            told(number / len(moments))
            if moment.moving:
                if moment.frame_index not in self._rendered:
                    self._rendered[moment.frame_index] = yuv_of(self.scene.render(moment.frame_index))
                yield self._rendered[moment.frame_index]
                continue
            if moment.frame_index != held_index:
                held_index, held = moment.frame_index, self.scene.render(moment.frame_index, _NOBODY)
            picture = held.copy()
            noise.apply(picture, number)
            yield yuv_of(picture)


def _shapes(scene: Scene) -> tuple[Points, Points]:
    """The scene's largest zone and its first line."""
    zone = max(scene.zones(), key=_area)
    return _points(zone.points), _points(scene.lines()[0].points)


def _area(zone: Polygon) -> float:
    x, y = zone.points[:, 0], zone.points[:, 1]
    return abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)))


def _points(points: NDArray[np.floating]) -> Points:
    return tuple((float(x), float(y)) for x, y in np.round(points, 5))
