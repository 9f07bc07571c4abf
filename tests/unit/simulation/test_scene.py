from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from panops.simulation.scene import Parts, Scene
from panops.simulation.sites import SCENES
from panops.simulation.sprite_cache import SHARED
from tests.unit.simulation.conftest import settings

MakeScene = Callable[..., Scene]
BARE = Parts(actors=True, shadows=False, air=False)
EMPTY = Parts(actors=False, shadows=False, air=False)


def digest(scene: Scene, frames: list[int]) -> list[str]:
    return [hashlib.sha256(scene.render(frame).tobytes()).hexdigest() for frame in frames]


def test_a_picture_is_rgb_of_the_size_asked_for(scene_of: MakeScene) -> None:
    picture = scene_of().render(40)
    assert picture.shape == (270, 480, 3)
    assert picture.dtype == np.uint8
    assert 40 < picture.mean() < 200


@pytest.mark.parametrize(("name", "weather"), [("yard", "clear"), ("gate", "wind"), ("street", "rain"), ("fence", "night")])
def test_frames_are_the_same_in_any_order(scene_of: MakeScene, name: str, weather: str) -> None:
    frames = [31, 32, 33, 250, 251, 1200]
    forward = digest(scene_of(name, weather=weather), frames)
    again = Scene(settings(name, weather=weather))
    backward = digest(again, frames[::-1])[::-1]
    assert forward == backward


def test_frames_do_not_depend_on_the_sprites_that_are_cached(scene_of: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scene_of()
    warm = digest(scene, [120, 121])
    monkeypatch.setattr(SHARED, "_limit", 1)  # nothing stays
    assert digest(scene, [121, 120])[::-1] == warm


def test_another_process_renders_the_same_bytes() -> None:
    small = settings(size_wh=(160, 96))
    code = (
        "import hashlib, sys; from panops.config.schema import SimulationConfig; from panops.simulation.scene import Scene; "
        f"s = Scene(SimulationConfig.model_validate_json({small.model_dump_json()!r})); "
        "print(hashlib.sha256(s.render(77).tobytes()).hexdigest())"
    )
    environ = {"PYTHONHASHSEED": "12345", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(Scene(small), [77])[0]


def test_another_seed_gives_another_film(scene_of: MakeScene) -> None:
    first, second = scene_of(), scene_of(seed=4)
    assert [first.truth(frame).track_id.tolist() for frame in range(0, 900, 60)] != [
        second.truth(frame).track_id.tolist() for frame in range(0, 900, 60)
    ]
    assert digest(first, [100]) != digest(second, [100])


def test_scenes_of_one_kind_share_their_backdrop(scene_of: MakeScene) -> None:
    assert scene_of()._backdrop is scene_of(seed=4)._backdrop
    assert scene_of()._backdrop is not scene_of(weather="night")._backdrop


@pytest.mark.parametrize("name", SCENES)
def test_memory_stays_small(scene_of: MakeScene, name: str) -> None:
    assert scene_of(name).size_bytes < 15e6
    assert SHARED.size_bytes < 13e6


def box_of_difference(first: np.ndarray, second: np.ndarray) -> tuple[int, int, int, int] | None:
    changed = np.abs(first.astype(int) - second.astype(int)).max(axis=2) > 4
    rows, columns = np.nonzero(changed.any(axis=1))[0], np.nonzero(changed.any(axis=0))[0]
    return None if len(rows) == 0 else (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


@pytest.mark.parametrize(("name", "weather"), [(name, "clear") for name in SCENES] + [("street", "night"), ("gate", "rain")])
def test_boxes_are_where_the_pixels_are(scene_of: MakeScene, name: str, weather: str) -> None:
    scene = scene_of(name, weather=weather, activity=2.5)
    checked = 0
    for frame in range(0, 1500, 23):
        truth = scene.truth(frame)
        moving = [row for row in range(len(truth)) if truth.track_id[row] < 1 << 40]
        if not moving or (scene.config.scene == "gate" and truth.class_name[moving[0]] in ("car", "truck", "bus")):
            continue  # the boom moves for vehicles, and is nobody
        difference = box_of_difference(scene.render(frame, BARE), scene.render(frame, EMPTY))
        low = truth.xyxy[moving, :2].min(axis=0)
        high = truth.xyxy[moving, 2:].max(axis=0)
        if difference is None:
            assert truth.visible[moving].max() < 0.5
            continue
        left, top, right, bottom = difference
        assert left >= low[0] - 3
        assert top >= low[1] - 3
        assert right <= high[0] + 3
        assert bottom <= high[1] + 3
        if len(moving) == 1 and truth.visible[moving[0]] > 0.97:
            width, height = high - low
            assert right - left >= 0.8 * width - 1
            assert bottom - top >= 0.8 * height - 1
            checked += 1
    assert checked >= 5


def test_hidden_parts_do_not_count_as_visible(scene_of: MakeScene) -> None:
    scene = scene_of("room", activity=8.0)
    shares = np.concatenate([scene.truth(frame).visible for frame in range(0, 1200, 7)])
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert (shares < 0.5).any()  # behind the doorway's wall or the counter
    assert (shares > 0.95).any()


def test_truth_is_clipped_relative_and_named_after_coco(scene_of: MakeScene) -> None:
    names: set[str] = set()
    for scene in (scene_of("street", activity=15.0), scene_of("fence")):
        for frame in range(0, 900, 11):
            truth = scene.truth(frame)
            names |= set(truth.class_name)
            assert len(set(truth.track_id.tolist())) == len(truth)
            assert (truth.xyxy >= 0).all()
            assert (truth.xyxy[:, 2] <= 480).all()
            assert (truth.xyxy[:, 3] <= 270).all()
            assert (truth.ground >= 0).all()
            assert (truth.ground <= 1).all()
            assert not truth.xyxy.flags.writeable
    assert {"person", "car", "cat"} <= names
    assert names <= {"person", "car", "truck", "bus", "bicycle", "motorcycle", "cat", "bird"}


@pytest.mark.parametrize("name", SCENES)
def test_zones_and_lines_of_a_site_lie_in_its_picture(scene_of: MakeScene, name: str) -> None:
    scene = scene_of(name)
    zones, lines = scene.zones(), scene.lines()
    assert zones
    assert lines
    for shape in (*zones, *lines):
        assert (shape.points >= 0).all()
        assert (shape.points <= 1).all()
        assert np.ptp(shape.points, axis=0).max() > 0.05


def test_an_empty_site_shows_nobody(scene_of: MakeScene) -> None:
    scene = scene_of("fence", activity=0.0)
    assert all(len(scene.truth(frame)) == 0 for frame in range(0, 600, 50))
