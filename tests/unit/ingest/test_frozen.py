from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from panops.ingest.address import parse_address
from panops.ingest.decode import Decoder
from panops.ingest.file import FileSource
from panops.ingest.frozen import FrozenDetector
from panops.testing.films import encode, walking_square
from tests.unit.ingest.fakes import FakeClock

_SCENE = np.random.default_rng(0).integers(0, 256, (360, 640), dtype=np.uint8)


def _first_frozen_s(pictures: list[NDArray[np.uint8]], frozen_s: float = 60.0, step_s: float = 1.0) -> float | None:
    detector = FrozenDetector(frozen_s)
    for number, picture in enumerate(pictures):
        if detector.look(picture, 1000 + number * step_s):
            return number * step_s
    return None


def test_the_very_same_picture_for_too_long() -> None:
    assert _first_frozen_s([_SCENE] * 100) == 60.0


def test_zero_switches_it_off() -> None:
    assert _first_frozen_s([_SCENE] * 100, frozen_s=0) is None


def test_it_thaws_at_once() -> None:
    detector = FrozenDetector(10.0)
    assert [detector.look(_SCENE, float(number)) for number in range(13)][-1]
    moved = np.roll(_SCENE, 3, axis=1)
    assert not detector.look(moved, 13.0)
    assert detector.same_since_s == 13.0


def test_noise_of_one_level_is_alive() -> None:
    dice = np.random.default_rng(1)
    noisy = [_SCENE ^ dice.integers(0, 2, _SCENE.shape, dtype=np.uint8) for _ in range(100)]
    assert _first_frozen_s(noisy) is None


def test_still_blocks_between_keyframes_are_alive() -> None:
    # A quiet scene at a low bit rate: equal for 10 s, then a keyframe encodes one point in fifty a little differently.
    dice = np.random.default_rng(2)
    pictures = []
    for number in range(200):
        if number % 10 == 0:
            scene = _SCENE + (dice.random(_SCENE.shape) < 0.02).astype(np.uint8)
        pictures.append(scene)
    assert _first_frozen_s(pictures) is None


def test_a_written_clock_does_not_hide_a_frozen_picture() -> None:
    dice = np.random.default_rng(3)
    pictures = []
    for _ in range(100):
        picture = _SCENE.copy()
        picture[10:22, 560:590] = dice.integers(0, 2, (12, 30), dtype=np.uint8) * 255  # two digits of seconds
        pictures.append(picture)
    assert _first_frozen_s(pictures) == 60.0


def test_slow_change_adds_up() -> None:
    pictures = []
    for number in range(200):
        picture = _SCENE.copy()
        picture[:, : 1 + 2 * number] = 0  # a shadow that creeps by two columns a second
        pictures.append(picture)
    assert _first_frozen_s(pictures) is None


def test_two_looks_far_apart_prove_nothing() -> None:
    assert _first_frozen_s([_SCENE] * 10, step_s=50.0) is None


def test_a_change_of_size_is_a_change() -> None:
    detector = FrozenDetector(5.0)
    for number in range(20):
        picture = _SCENE if number % 4 else _SCENE[:180, :320]
        assert not detector.look(picture, float(number))


def _looks(path: Path, frozen_s: float) -> list[bool]:
    source = FileSource(parse_address(str(path)), FakeClock(), realtime=False)
    decoder, detector = Decoder("x", source.open()), FrozenDetector(frozen_s)
    looks = []
    while (packet := source.read()) is not None:
        looks += [detector.look(frame.luma, frame.pts_s) for frame in decoder.decode(packet)]
    source.close()
    return looks


def test_a_quiet_room_is_not_frozen(shared_data: Path) -> None:
    # Six visits, with a still and empty room in between; the camera's noise shows that it lives.
    assert not any(_looks(shared_data / "videos" / "intel_one-by-one-person-detection.mp4", 5.0))


@pytest.mark.parametrize("crf", [18, 30, 40])
def test_a_still_picture_encoded_again_and_again_is_frozen(crf: int, tmp_path: Path) -> None:
    scene = walking_square((160, 120), noise=40)(3)
    path = encode("libx264", (scene for _ in range(300)), tmp_path / "still.mp4", gop=25, options=_quality(crf))
    looks = _looks(path, 10.0)
    assert looks[-1]
    assert not any(looks[:100])


@pytest.mark.parametrize("crf", [18, 30, 40])
@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_a_still_scene_with_sensor_noise_is_not(crf: int, sigma: float, tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    scene = walking_square((160, 120), noise=40)(3).astype(np.float64)
    noisy = (np.clip(scene + dice.normal(0, sigma, scene.shape), 0, 255).astype(np.uint8) for _ in range(300))
    path = encode("libx264", noisy, tmp_path / "quiet.mp4", gop=25, options=_quality(crf))
    assert not any(_looks(path, 10.0))


def _quality(crf: int) -> dict[str, str]:
    return {"preset": "ultrafast", "tune": "zerolatency", "crf": str(crf), "x264-params": "scenecut=0:threads=1"}
