from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from manifests import frame, manifest
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.domain.protocols import TensorSpec
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task


class OneCarBackend:
    """Answers with one box in cell (2, 1) of stride 8, of class 1; counts what it is asked."""

    def __init__(self, name: str = "images", shape: tuple[int, ...] = (1, 3, 32, 64), inputs: int = 1) -> None:
        self.inputs = tuple(TensorSpec(name, shape, np.dtype(np.float32)) for _ in range(inputs))
        self.outputs = (TensorSpec("output", (1, 42, 8), np.dtype(np.float32)),)
        self.asked: list[list[str]] = []
        self.closed = 0

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self.asked.append(list(inputs))
        rows = np.zeros((1, 42, 8), np.float32)
        rows[0, 8 + 2] = [0.5, 0.5, np.log(2), 0, 1, 0, 0.9, 0]
        return {"output": rows}

    def close(self) -> None:
        self.closed += 1


def test_task_and_backend_make_a_detector() -> None:
    model, backend = manifest(letterbox=114), OneCarBackend()
    detector = ModelDetector(model, open_task(model), backend)
    found = detector.detect(frame(np.zeros((64, 128, 3), np.uint8)))
    np.testing.assert_allclose(found.xyxy, [[24, 16, 56, 32]], atol=1e-3)
    assert [detector.classes[index] for index in found.class_id] == ["class1"]
    assert backend.asked == [["images"]]
    detector.forget("cam")
    detector.close()
    assert backend.closed == 1


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (OneCarBackend(name="image"), "names the input 'images', its file 'image'"),
        (OneCarBackend(shape=(1, 3, 64, 64)), r"says input \(1, 3, 32, 64\), its file \(1, 3, 64, 64\)"),
        (OneCarBackend(shape=(1, 32, 64, 3)), r"says input \(1, 3, 32, 64\), its file \(1, 32, 64, 3\)"),
        (OneCarBackend(shape=(3, 32, 64)), "says input"),
        (OneCarBackend(inputs=2), "one input, got 2"),
    ],
)
def test_a_file_that_does_not_fit_its_manifest_is_found_at_start(backend: OneCarBackend, words: str) -> None:
    model = manifest(input="images")
    with pytest.raises(ModelUnsupported, match=words):
        ModelDetector(model, open_task(model), backend)


def test_sizes_that_vary_fit_any_manifest() -> None:
    model = manifest()
    ModelDetector(model, open_task(model), OneCarBackend(shape=(-1, 3, -1, -1)))
