from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from panops.simulation.scene import Parts, Scene
from panops.simulation.sites import site
from panops.simulation.weather import LensFaults

MakeScene = Callable[..., Scene]
QUIET = Parts(actors=False, shadows=False, air=False)


def test_night_is_dark_and_noisy(scene_of: MakeScene) -> None:
    day, night = scene_of("yard", activity=0.0), scene_of("yard", weather="night", activity=0.0)
    assert night.render(5, QUIET).mean() < 0.7 * day.render(5, QUIET).mean()
    noise = night.render(5).astype(float) - night.render(5, QUIET)
    assert 2 < noise.std() < 8
    assert (night.render(5) != night.render(6)).mean() > 0.5


def test_infrared_has_no_colours(scene_of: MakeScene) -> None:
    picture = scene_of("fence", weather="night", activity=8.0).render(300).astype(int)
    assert np.abs(picture - picture.mean(axis=2, keepdims=True)).max() <= 2


def test_rain_falls_outdoors_only(scene_of: MakeScene) -> None:
    def streaks(name: str) -> float:
        scene = scene_of(name, weather="rain", activity=0.0)
        return float(np.percentile(scene.render(9).astype(int) - scene.render(9, QUIET), 99))

    assert streaks("yard") > 15
    assert streaks("room") < 10


def test_leaves_move_more_in_the_wind(scene_of: MakeScene) -> None:
    def moved(weather: str) -> float:
        scene = scene_of("gate", weather=weather, activity=0.0)
        patch = scene._backdrop.patches[0]
        return float(np.abs(patch.frames[0].astype(int) - patch.frames[len(patch.frames) // 3]).mean())

    assert moved("wind") > 1.3 * moved("clear") > 0.5


def test_clouds_drift_over_the_ground(scene_of: MakeScene) -> None:
    scene = scene_of("fence", weather="wind", activity=0.0)
    levels = [float(scene.render(frame, QUIET)[150:].mean()) for frame in range(0, 1500, 60)]
    assert np.ptp(levels) > 4


@pytest.mark.parametrize(("name", "weather"), [("yard", "clear"), ("room", "clear"), ("gate", "wind")])
def test_the_exposure_jumps_now_and_then_and_comes_back(name: str, weather: str) -> None:
    faults = LensFaults(2, site(name), weather, (640, 360))  # type: ignore[arg-type]  # a literal by the table
    levels = np.array([faults.exposure(tick / 5) for tick in range(30 * 300)])
    assert (np.abs(levels - 1) < 0.02).mean() > 0.8
    assert np.ptp(levels) > 0.2
    assert levels[:140].min() == levels[:140].max() == 1.0  # the first half minute is quiet


def test_an_insect_sits_on_the_lens_now_and_then() -> None:
    faults = LensFaults(1, site("yard"), "night", (640, 360))
    touched = 0
    for tick in range(1200):
        picture = np.zeros((360, 640, 3), np.uint8)
        faults.insect(picture, tick / 2)
        touched += int(picture.any())
    assert 10 < touched < 600
