"""Each fault by a drawn face that has it and nothing else; how the limits were found: benchmarks/faces.py."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from manifests import frame
from numpy.typing import NDArray

from panops.domain.faces import FaceFault
from panops.vision.face_alignment import TEMPLATE
from panops.vision.face_quality import FaceMeasures, judge, measure_faces

GOOD = FaceMeasures(eyes_px=60, turn=0.05, sharpness=0.5, brightness=130, white=0.0, black=0.0, outside=0.0)


def drawn(scale: float = 1.5, shift: tuple[float, float] = (60, 50), light: float = 1.0) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A picture of 320x280 with the detail of skin and hair everywhere, and the points of a face in it."""
    dice = np.random.default_rng(3)
    detail = sum(cv2.resize(dice.normal(0, 14, (280 // step, 320 // step)), (320, 280)) for step in (1, 2, 4, 8, 16, 24))
    grey = np.clip((130 + np.asarray(detail)) * light, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2), (TEMPLATE * scale + shift).astype(np.float32)


def measured(rgb: NDArray[np.uint8], points: NDArray[np.float32]) -> FaceMeasures:
    return measure_faces(frame(rgb), points[None])[0]


def test_a_good_face_has_no_fault() -> None:
    found = measured(*drawn())
    assert found.eyes_px == pytest.approx(52.9, abs=0.1)
    assert found.turn < 0.02
    assert found.outside == 0
    verdict = judge(found)
    assert verdict.fault is None
    assert verdict.quality > 0.9


def turned(points: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """The nose moved aside by a share of the eyes' distance, the eyes nearer to each other, as perspective has it."""
    moved = points.copy()
    apart = moved[1, 0] - moved[0, 0]
    moved[2, 0] += share * apart
    return moved


FAULTS = {
    FaceFault.SMALL: (lambda rgb, points: (rgb, points * np.float32(0.25))),
    FaceFault.TURNED: (lambda rgb, points: (rgb, turned(points, 0.8))),
    FaceFault.BLURRED: (lambda rgb, points: (np.asarray(cv2.GaussianBlur(rgb, (0, 0), 4.0), np.uint8), points)),
    FaceFault.DARK: (lambda rgb, points: ((rgb * 0.1).astype(np.uint8), points)),
    FaceFault.BRIGHT: (lambda rgb, points: (np.clip(rgb * 3.0, 0, 255).astype(np.uint8), points)),
    FaceFault.CUT_OFF: (lambda rgb, points: (rgb, points - np.float32([105, 0]))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault(fault: FaceFault) -> None:
    verdict = judge(measured(*FAULTS[fault](*drawn())))
    assert verdict.fault is fault
    assert verdict.quality == 0.0


def test_measures_do_not_depend_on_how_a_face_is_turned_in_the_picture() -> None:
    rgb, points = drawn(1.2)
    upright = measured(rgb, points)
    side = np.ascontiguousarray(np.rot90(rgb, -1))
    lying = np.stack([rgb.shape[0] - 1 - points[:, 1], points[:, 0]], axis=1)
    found = measured(side, lying)
    assert found.eyes_px == pytest.approx(upright.eyes_px, rel=1e-3)
    assert found.turn == pytest.approx(upright.turn, abs=1e-3)
    assert found.brightness == pytest.approx(upright.brightness, abs=1.0)
    assert found.sharpness == pytest.approx(upright.sharpness, rel=0.1)


WORSE = [("eyes_px", 20), ("turn", 0.4), ("sharpness", 0.2), ("brightness", 30), ("brightness", 215), ("white", 0.3), ("outside", 0.1)]


@pytest.mark.parametrize(("name", "value"), WORSE)
def test_what_is_worse_is_worth_less(name: str, value: float) -> None:
    best = judge(GOOD)
    worse = judge(FaceMeasures(**{**{key: getattr(GOOD, key) for key in FaceMeasures.__slots__}, name: value}))
    assert best.quality == 1.0
    assert worse.fault is None
    assert 0 < worse.quality < 0.9


def test_no_faces() -> None:
    assert measure_faces(frame(np.zeros((8, 8, 3), np.uint8)), np.zeros((0, 5, 2), np.float32)) == []
