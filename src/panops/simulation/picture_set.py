"""Labelled pictures of simulated scenes, for training: many scripts, hours and weathers, a few frames of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import SimulationConfig
from panops.simulation.recording import WATCHED
from panops.simulation.scene import Scene
from panops.simulation.worn_labels import worn_labels

SCENES: tuple[str, ...] = get_args(SimulationConfig.model_fields["scene"].annotation)
WEATHERS: tuple[str, ...] = get_args(SimulationConfig.model_fields["weather"].annotation)
# Frames of one script that lie closer together look the same.
_APART_S = 7.0
_A_SCRIPT = 6
# Of what is hidden more than this nobody could say what it is.
_LEAST_VISIBLE = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedPicture:
    """One labelled frame.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        xyxy: (N, 4) float32, px.
        class_id: (N,) int64, an index into `WATCHED`, and after it `WORN`.
        crowd: (N,) bool: too hidden to be asked for, and not to be called background either.
        keypoints: (N, 17, 3) float32, COCO's points of people: x and y in px, and 1 where the point is seen, else 0; all 0 for the others.
        group: The script it comes from; a split must not part it.
        name: A file name without ending, different for each picture of a set.
    """

    image: NDArray[np.uint8]
    xyxy: NDArray[np.float32]
    class_id: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    keypoints: NDArray[np.float32]
    group: str
    name: str


def simulated_pictures(
    pictures: int,
    seed: int,
    scenes: Sequence[str] = SCENES,
    weathers: Sequence[str] = WEATHERS,
    size_wh: tuple[int, int] = (640, 360),
    activity: float = 8.0,
    workers: float = 0.0,
    *,
    deeds: float = 0.0,
    worn: bool = False,
) -> Iterator[SimulatedPicture]:
    """Labelled frames, scene after scene; the same arguments give the same pictures.

    Args:
        pictures: How many.
        seed: Where the scripts' own seeds begin.
        scenes: Which scenes, in turn.
        weathers: Which weathers, in turn; they go through before a scene comes again with another script.
        size_wh: Picture size, px.
        activity: How much goes on, as in a `sim://` address.
        workers: The share of walkers dressed for a building site, as there.
        deeds: The share of walkers who do something, as there.
        worn: Also label what people wear, as `WORN`.
    """
    asked = {"size_wh": size_wh, "activity": activity, "workers": workers, "deeds": deeds}
    return islice(_endless(seed, scenes, weathers, asked, worn=worn), pictures)


def _endless(seed: int, scenes: Sequence[str], weathers: Sequence[str], asked: dict[str, Any], *, worn: bool) -> Iterator[SimulatedPicture]:
    for number in count():
        scene_name = scenes[number % len(scenes)]
        # Its own step, so that every scene meets every weather.
        weather = weathers[(number // len(scenes)) % len(weathers)]
        script = seed * 10_000 + number
        config = SimulationConfig.model_validate({**asked, "scene": scene_name, "seed": script, "weather": weather})
        scene = Scene(config)
        rng = np.random.default_rng([seed, number])
        frame_index = -1
        for part in range(_A_SCRIPT):
            time_s = 20.0 + _APART_S * (part + rng.random())
            # The end of one part and the beginning of the next may be the same frame.
            frame_index = max(frame_index + 1, round(time_s * config.rate_fps))
            yield _picture(scene, config, frame_index, worn=worn)


def _picture(scene: Scene, config: SimulationConfig, frame_index: int, *, worn: bool) -> SimulatedPicture:
    truth = scene.truth(frame_index)
    watched = [row for row, name in enumerate(truth.class_name) if name in WATCHED]
    image = np.asarray(scene.render(frame_index), np.uint8)
    xyxy, crowd = truth.xyxy[watched], np.asarray(truth.visible[watched] < _LEAST_VISIBLE)
    keypoints = truth.keypoints[watched]
    class_id = np.array([WATCHED.index(truth.class_name[row]) for row in watched], np.int64)
    if worn:
        more = worn_labels(scene, frame_index, truth)
        xyxy, crowd = np.concatenate([xyxy, more.xyxy]), np.concatenate([crowd, more.crowd])
        class_id = np.concatenate([class_id, len(WATCHED) + more.class_id])
        keypoints = np.concatenate([keypoints, np.zeros((len(more.xyxy), *keypoints.shape[1:]), np.float32)])
    return SimulatedPicture(
        image=image,
        xyxy=xyxy,
        class_id=class_id,
        crowd=crowd,
        keypoints=keypoints,
        group=f"simulated:{config.scene}-{config.seed}",
        name=f"{config.scene}-{config.weather}-{config.seed}-{frame_index:05d}",
    )
