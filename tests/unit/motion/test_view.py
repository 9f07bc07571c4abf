"""The watch over a camera's view: simulated scenes that are covered, turned and blurred, and films in which nothing of that happens."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from panops.config.health_schema import HealthConfig
from panops.config.schema import SimulationConfig
from panops.motion.view import LOOK_S, ViewFinding, ViewKind, ViewWatch
from panops.motion.view_memory import ViewMemory
from panops.simulation.scene import Scene

Luma = NDArray[np.uint8]
LEARNING = 45
SCENES = [("street", "rain"), ("gate", "night"), ("room", "clear")]


@cache
def film(scene: str, weather: str) -> tuple[Luma, ...]:
    """Three and a half minutes of a busy scene, a picture every two seconds."""
    made = Scene(SimulationConfig(scene=scene, weather=weather, seed=5, activity=3.0, rate_fps=1 / LOOK_S))
    return tuple(cv2.cvtColor(made.render(index), cv2.COLOR_RGB2GRAY) for index in range(LEARNING + 60))


@cache
def _learnt(scene: str, weather: str) -> ViewWatch:
    watch = ViewWatch(HealthConfig())
    for number, luma in enumerate(film(scene, weather)[:LEARNING]):
        assert watch.look(luma, number * LOOK_S) is None
    assert watch.is_well
    return watch


def learnt(scene: str, weather: str, config: HealthConfig | None = None) -> ViewWatch:
    watch = copy.deepcopy(_learnt(scene, weather))
    watch._config = config or HealthConfig()
    return watch


def looks(watch: ViewWatch, pictures: Iterable[Luma], from_s: float = LEARNING * LOOK_S) -> list[ViewFinding | None]:
    return [watch.look(luma, from_s + number * LOOK_S) for number, luma in enumerate(pictures)]


def told(found: Sequence[ViewFinding | None]) -> tuple[str, float]:
    """What was told first, and after how long, s; ("", infinity) for nothing."""
    for number, finding in enumerate(found):
        if finding is not None:
            return str(finding.kind), number * LOOK_S
    return "", float("inf")


def moved(luma: Luma, right: float = 0.0, down: float = 0.0, turned: float = 0.0) -> Luma:
    height, width = luma.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turned, 1.0) + np.array([[0, 0, right], [0, 0, down]])
    return np.asarray(cv2.warpAffine(luma, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), dtype=np.uint8)


def noise(shape: tuple[int, ...], mean: float, sigma: float = 2.0) -> Luma:
    return np.asarray(np.clip(np.random.default_rng(1).normal(mean, sigma, shape), 0, 255), dtype=np.uint8)


def with_hand(luma: Luma) -> Luma:
    """A hand so near that it has no edges, light around it."""
    height, width = luma.shape
    glow = 30 + np.linspace(0, 70, width)[None] + np.linspace(0, 20, height)[:, None]
    return np.clip(glow + np.random.default_rng(2).normal(0, 2, luma.shape), 0, 255).astype(np.uint8)


def with_truck(luma: Luma, share: float) -> Luma:
    """A plain truck with a stripe, letters and wheels over so much of the picture."""
    picture = luma.copy()
    height, width = luma.shape
    top = int(height * (1 - share))
    picture[top:, 8 : width - 8] = 170
    picture[top + 20 : top + 26, 8 : width - 8] = 60
    picture[-60:, 60:150] = picture[-60:, width - 200 : width - 90] = 30
    cv2.putText(picture, "CARGO", (150, top + 140), cv2.FONT_HERSHEY_SIMPLEX, 3, (60,), 8)
    return picture


TAMPERED: dict[str, tuple[Callable[[Luma], Luma], ViewKind, float]] = {
    "5 px to the right": (lambda luma: moved(luma, 5, 2), ViewKind.MOVED, 34),
    "10 px down": (lambda luma: moved(luma, 0, 10), ViewKind.MOVED, 34),
    "20 px": (lambda luma: moved(luma, -20, 8), ViewKind.MOVED, 34),
    "40 px": (lambda luma: moved(luma, 40, 16), ViewKind.MOVED, 34),
    "turned by 3 degrees": (lambda luma: moved(luma, turned=3), ViewKind.MOVED, 40),
    "turned by 8 degrees": (lambda luma: moved(luma, turned=-8), ViewKind.MOVED, 40),
    "black": (lambda luma: noise(luma.shape, 8), ViewKind.COVERED, 26),
    "white paint": (lambda luma: noise(luma.shape, 210), ViewKind.COVERED, 26),
    "a hand": (with_hand, ViewKind.COVERED, 26),
    "out of focus": (lambda luma: cv2.GaussianBlur(luma, (0, 0), 5), ViewKind.OUT_OF_FOCUS, 80),
    "far out of focus": (lambda luma: cv2.GaussianBlur(luma, (0, 0), 9), ViewKind.OUT_OF_FOCUS, 80),
}


@pytest.mark.parametrize("name", TAMPERED)
@pytest.mark.parametrize(("scene", "weather"), SCENES)
def test_what_is_done_to_a_camera_is_told_and_ends(scene: str, weather: str, name: str) -> None:
    change, kind, within_s = TAMPERED[name]
    rest, watch = film(scene, weather)[LEARNING:], learnt(scene, weather)
    looked = 40 if kind is ViewKind.OUT_OF_FOCUS else 22
    found = looks(watch, map(change, rest[:looked]))
    assert told(found)[0] == kind
    assert told(found)[1] <= within_s
    assert found[-1] is not None
    assert found[-1].kind is kind
    assert found[-1].since_s <= LEARNING * LOOK_S + 12
    assert looks(watch, rest[40:], (LEARNING + looked) * LOOK_S)[-1] is None


def test_a_shift_is_measured() -> None:
    rest, watch = film("yard", "clear")[LEARNING:], learnt("yard", "clear")
    finding = looks(watch, (moved(luma, 20, -12) for luma in rest[:25]))[-1]
    assert finding is not None
    assert finding.shift == (pytest.approx(20 / 640, abs=0.003), pytest.approx(-12 / 360, abs=0.006))


HARMLESS: dict[str, Callable[[Luma], Luma]] = {
    "as it is": lambda luma: luma,
    "half as bright": lambda luma: (luma * 0.5).astype(np.uint8),
    "hardly any light": lambda luma: np.clip(luma * 0.15 + np.random.default_rng(3).normal(0, 1, luma.shape), 0, 255).astype(np.uint8),
    "overexposed": lambda luma: np.clip(luma * 1.8, 0, 255).astype(np.uint8),
    "gamma": lambda luma: (255 * (luma / 255.0) ** 0.5).astype(np.uint8),
    "infrared": lambda luma: 255 - luma,
    "more noise": lambda luma: np.clip(luma + np.random.default_rng(4).normal(0, 8, luma.shape), 0, 255).astype(np.uint8),
    "a poor encoder": lambda luma: cv2.imdecode(cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, 15])[1], cv2.IMREAD_GRAYSCALE),
}


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize(("scene", "weather"), SCENES)
def test_light_weather_and_encoders_are_no_tampering(scene: str, weather: str, name: str) -> None:
    found = looks(learnt(scene, weather), map(HARMLESS[name], film(scene, weather)[LEARNING:-20]))
    assert told(found)[0] == ""


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_a_truck_that_stands_in_front_for_a_minute_covers_nothing(share: float) -> None:
    watch, rest = learnt("gate", "night"), film("gate", "night")[LEARNING:]
    assert told(looks(watch, [*(with_truck(luma, share) for luma in rest[:30]), *rest[30:]]))[0] == ""


@pytest.mark.parametrize(("before", "after"), [("clear", "night"), ("night", "clear")])
def test_when_the_camera_turns_to_night_and_back_nothing_has_moved(before: str, after: str) -> None:
    watch = learnt("gate", before)
    assert told(looks(watch, film("gate", after)))[0] == ""


def test_a_cover_over_most_of_the_lens_is_told_later() -> None:
    def partly(luma: Luma) -> Luma:
        picture = luma.copy()
        picture[:, : int(0.75 * luma.shape[1])] = noise((luma.shape[0], int(0.75 * luma.shape[1])), 15)
        return picture

    rest, watch = film("yard", "clear")[LEARNING:], learnt("yard", "clear")
    kind, after_s = told(looks(watch, map(partly, [*rest, *rest, *rest])))
    assert kind == ViewKind.COVERED
    assert 285 <= after_s < 330


def test_a_view_that_is_turned_far_away_is_told_after_two_minutes() -> None:
    kind, after_s = told(looks(learnt("yard", "clear"), [*film("street", "rain"), *film("street", "rain")]))
    assert kind == ViewKind.MOVED
    assert 110 <= after_s < 150


def test_a_moved_view_that_stays_is_the_view() -> None:
    config = HealthConfig(relearn_s=120)
    rest, watch = film("yard", "clear")[LEARNING:], learnt("yard", "clear", config)
    found = looks(watch, (moved(luma, 30, 10) for luma in [*rest, *rest, *rest]))
    assert watch.relearnt == 1
    assert found[-1] is None
    back = looks(watch, [*rest, *rest], (LEARNING + 3 * len(rest)) * LOOK_S)
    assert told(back)[0] == ViewKind.MOVED


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (HealthConfig(covered_s=0), "black"),
        (HealthConfig(covered_when_dark=False), "black"),
        (HealthConfig(moved_s=0), "20 px"),
        (HealthConfig(focus_s=0), "far out of focus"),
    ],
)
def test_each_of_them_can_be_switched_off(config: HealthConfig, name: str) -> None:
    rest, watch = film("yard", "clear")[LEARNING:], learnt("yard", "clear", config)
    assert told(looks(watch, map(TAMPERED[name][0], rest)))[0] == ""


def test_a_camera_that_sways_has_not_moved() -> None:
    rest, watch = film("yard", "clear")[LEARNING:], learnt("yard", "clear")
    sway = (moved(luma, 6 * np.sin(number), 3 * np.cos(1.7 * number)) for number, luma in enumerate(rest))
    assert told(looks(watch, sway))[0] == ""


def test_nothing_is_judged_before_it_is_learnt() -> None:
    watch = ViewWatch(HealthConfig())
    looks(watch, film("yard", "clear")[:20], 0.0)
    assert not watch.is_learnt
    assert told(looks(watch, (noise((360, 640), 10) for _ in range(8)), 40.0))[0] == ""


def test_a_view_without_edges_is_never_judged() -> None:
    watch = ViewWatch(HealthConfig())
    assert told(looks(watch, (noise((360, 640), 90) for _ in range(60)), 0.0))[0] == ""
    assert told(looks(watch, (noise((360, 640), 10) for _ in range(60)), 120.0))[0] == ""


def test_a_look_is_due_every_two_seconds_and_when_time_goes_back() -> None:
    watch = ViewWatch(HealthConfig())
    assert watch.due(5.0)
    watch.look(film("yard", "clear")[0], 5.0)
    assert [watch.due(at_s) for at_s in (5.0, 6.9, 7.0, 900.0, 4.9)] == [False, False, True, True, True]


def test_the_memory_outlasts_a_restart() -> None:
    before = learnt("fence", "wind")
    blob = before.memory.to_bytes()
    assert len(blob) < 40_000
    watch = ViewWatch(HealthConfig(), ViewMemory.from_bytes(blob))
    assert watch.is_learnt
    rest = film("fence", "wind")[LEARNING:]
    assert told(looks(watch, rest[:30]))[0] == ""
    again = ViewWatch(HealthConfig(), ViewMemory.from_bytes(blob))
    assert told(looks(again, (moved(luma, 20, 8) for luma in rest[:30])))[0] == ViewKind.MOVED


@pytest.mark.parametrize(
    "damage", [lambda blob: b"", lambda blob: b"nothing of the kind", lambda blob: blob[: len(blob) // 2], lambda blob: blob * 99]
)
def test_a_damaged_memory_is_refused_in_one_sentence(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match="expected a learnt view"):
        ViewMemory.from_bytes(damage(learnt("fence", "wind").memory.to_bytes()))


def pictures_of(path: Path, seconds: float) -> Iterable[tuple[float, Luma]]:
    """A film again and again, as a camera with `loop: true` has it."""
    offset_s = last_s = 0.0
    while offset_s < seconds:
        with av.open(str(path)) as container:
            for picture in container.decode(video=0):
                last_s = picture.time or 0.0
                yield offset_s + last_s, picture.to_ndarray(format="gray")
        offset_s += last_s + 0.1


@pytest.mark.parametrize("name", ["dvrscan_issue53_brightness_change.avi", "dvrscan_traffic_camera.mp4", "mp_pose_segmentation.mp4"])
def test_real_films_give_no_event(name: str, shared_data: Path) -> None:
    watch = ViewWatch(HealthConfig())
    for time_s, luma in pictures_of(shared_data / "videos" / name, 100.0):
        if watch.due(time_s):
            assert watch.look(luma, time_s) is None
    assert watch.is_learnt
