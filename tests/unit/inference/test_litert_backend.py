from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("ai_edge_litert", reason="needs LiteRT: pip install 'panops[litert]'")

sys.path.insert(0, str(Path(__file__).parent))

import tiny_tflite

from panops.domain.protocols import Backend
from panops.inference.backends.litert_backend import LiteRtBackend
from panops.inference.backends.openvino_backend import OpenVinoBackend
from panops.inference.open_backend import open_backend
from panops.inference.tensors import MissingOperator
from panops.testing.backend_conformance import BIAS, SCALE, WEIGHT, BackendConformance


class _TfliteModels(BackendConformance):
    def arithmetic_model(self, path: Path) -> Path:
        return tiny_tflite.arithmetic(path.with_suffix(".tflite"))

    def picture_model(self, path: Path) -> Path:
        return tiny_tflite.convolution(path.with_suffix(".tflite"), WEIGHT, BIAS)

    def dynamic_model(self, path: Path) -> Path:
        return tiny_tflite.scaled(path.with_suffix(".tflite"), SCALE)


class TestLiteRtBackend(_TfliteModels):
    def open(self, path: Path) -> Backend:
        return LiteRtBackend(path)


class TestOpenVinoBackendWithTflite(_TfliteModels):
    def open(self, path: Path) -> Backend:
        return OpenVinoBackend(path, precision="f32")


del _TfliteModels, BackendConformance  # pytest would run the suites without a backend


@pytest.mark.parametrize("backend_class", [LiteRtBackend, OpenVinoBackend])
def test_a_custom_operator_that_nobody_has_is_named(tmp_path: Path, backend_class: type[LiteRtBackend]) -> None:
    path = tiny_tflite.custom(tmp_path / "custom.tflite", {"x": (1, 4), "y": (1, 4)})
    with pytest.raises(MissingOperator) as caught:
        backend_class(path)
    assert caught.value.operator == "NobodyHasThis"


def test_ssd_with_its_post_processing_opens_in_litert(shared_data: Path) -> None:
    backend = open_backend(shared_data / "models" / "ssd_mobilenet_v1_quant_300.tflite")
    assert isinstance(backend, LiteRtBackend)
    assert [spec.shape for spec in backend.outputs] == [(1, 10, 4), (1, 10), (1, 10), (1,)]
