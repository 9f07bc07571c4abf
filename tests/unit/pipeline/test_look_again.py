from __future__ import annotations

import numpy as np
import pytest

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import ArrayPixels, Frame
from panops.pipeline.look_again import look_again

PICTURE = np.zeros((360, 640, 3), np.uint8)
PICTURE[100:200, 300:340] = (200, 40, 40)
FRAME = Frame("gate", 7, 1.0, 1.0, ArrayPixels(PICTURE))
BOX = (300 / 640, 100 / 360, 340 / 640, 200 / 360)


class RedFinder:
    """Finds what is red, in px of the picture that it is shown."""

    classes = ("car", "person")

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    def detect(self, frame: Frame) -> Detections:
        self.shown.append(frame.size_wh)
        rows, columns = np.nonzero(frame.image[..., 0] > 100)
        if not len(rows):
            return Detections.empty()
        box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
        return Detections(box, np.array([0.7], np.float32), np.array([1]))

    def forget(self, camera_id: str) -> None:
        pass


def test_only_the_surroundings_are_shown_and_what_is_there_is_found() -> None:
    finder = RedFinder()
    assert look_again(finder, FRAME, BOX, "person") == pytest.approx(0.7)
    ((width, height),) = finder.shown
    assert 100 < width < 640 * 0.6
    assert 100 < height <= 360


@pytest.mark.parametrize(
    ("box", "class_name", "expected"),
    [
        pytest.param((0.0, 0.0, 0.05, 0.2), "person", 0.0, id="nothing there"),
        pytest.param((310 / 640, 190 / 360, 330 / 640, 230 / 360), "person", 0.0, id="it is elsewhere in what is shown"),
        pytest.param(BOX, "car", 0.0, id="it is something else"),
        pytest.param(BOX, "dog", None, id="the detector does not know such things"),
        pytest.param((0.0, 0.0, 1.0, 1.0), "person", 0.0, id="a box as large as the picture"),
        pytest.param((0.999, 0.999, 1.0, 1.0), "person", 0.0, id="a box at the edge"),
    ],
)
def test_what_does_not_fit_is_not_it(box: tuple[float, float, float, float], class_name: str, expected: float | None) -> None:
    assert look_again(RedFinder(), FRAME, box, class_name) == expected


def test_a_detector_that_fails_or_knows_only_what_moves_cannot_say() -> None:
    class Broken(RedFinder):
        def detect(self, frame: Frame) -> Detections:
            raise ModelUnsupported("no such shape")

    class Moving(RedFinder):
        classes = ("moving",)  # type: ignore[assignment]

    assert look_again(Broken(), FRAME, BOX, "person") is None
    assert look_again(Moving(), FRAME, BOX, "moving") is None
