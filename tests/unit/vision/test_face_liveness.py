"""Both views of a face are cut out as Minivision cuts them. Real faces and prints: tests/unit/pipeline/test_face_reader.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import pytest
from manifests import frame

from panops.domain.errors import ModelUnsupported
from panops.domain.protocols import TensorSpec
from panops.vision.face_liveness import FaceLiveness


class Watching:
    """A network that keeps what it was shown."""

    def __init__(self, answer: tuple[float, float, float], side: int = 80) -> None:
        self.inputs = (TensorSpec("faces", (-1, 3, side, side), np.dtype(np.float32)),)
        self.outputs = (TensorSpec("kind", (-1, 3), np.dtype(np.float32)),)
        self.answer = answer
        self.shown: list[Any] = []
        self.closed = 0

    def infer(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        self.shown.append(inputs["faces"].copy())
        return {"kind": np.array([self.answer], np.float32)}

    def close(self) -> None:
        self.closed += 1


def plainly(rgb: np.ndarray[Any, Any], box: list[float], scale: float) -> np.ndarray[Any, Any]:
    """CropImage of Silent-Face-Anti-Spoofing, said anew: BGR, 0..255, in planes."""
    height, width = rgb.shape[:2]
    x, y, wide, high = box[0], box[1], box[2] - box[0], box[3] - box[1]
    scale = min((height - 1) / high, (width - 1) / wide, scale)
    left, top = x + wide / 2 - wide * scale / 2, y + high / 2 - high * scale / 2
    right, bottom = left + wide * scale, top + high * scale
    if left < 0:
        left, right = 0, right - left
    if top < 0:
        top, bottom = 0, bottom - top
    if right > width - 1:
        left, right = left - (right - width + 1), width - 1
    if bottom > height - 1:
        top, bottom = top - (bottom - height + 1), height - 1
    part = rgb[int(top) : int(bottom) + 1, int(left) : int(right) + 1, ::-1]
    return np.asarray(cv2.resize(np.ascontiguousarray(part), (80, 80)).transpose(2, 0, 1)[None], np.float32)


BOXES = {
    "in the middle": [150, 100, 190, 150],
    "at the left": [2, 100, 42, 150],
    "at the right and below": [280, 190, 318, 238],
    "larger than the picture allows": [60, 20, 240, 230],
    "all of the picture": [0, 0, 320, 240],
}


@pytest.mark.parametrize("where", BOXES)
def test_what_the_networks_see(where: str) -> None:
    dice = np.random.default_rng(1)
    rgb = np.kron(dice.integers(0, 256, (24, 32, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    near, wide = Watching((0.1, 0.8, 0.1)), Watching((0.5, 0.2, 0.3))
    liveness = FaceLiveness(near, wide)
    box = np.array([BOXES[where]], np.float32)
    kinds = liveness.kinds(frame(rgb), box)
    np.testing.assert_allclose(kinds, [[0.3, 0.5, 0.2]], atol=1e-6)
    np.testing.assert_allclose(liveness.live(frame(rgb), box), [0.5], atol=1e-6)
    for network, scale in ((near, 2.7), (wide, 4.0)):
        assert np.abs(network.shown[0] - plainly(rgb, BOXES[where], scale)).max() <= 2
    liveness.close()
    assert (near.closed, wide.closed) == (1, 1)


def test_no_faces() -> None:
    liveness = FaceLiveness(Watching((0, 1, 0)), Watching((0, 1, 0)))
    assert liveness.kinds(frame(np.zeros((9, 9, 3), np.uint8)), np.zeros((0, 4), np.float32)).shape == (0, 3)


def test_another_network_is_refused() -> None:
    with pytest.raises(ModelUnsupported, match="expected a network of MiniFASNet with one input of 80x80 px"):
        FaceLiveness(Watching((0, 1, 0)), Watching((0, 1, 0), side=112))
