from __future__ import annotations

from pathlib import Path

import pytest

from panops.domain.protocols import Backend
from panops.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panops.inference.tensors import MissingOperator
from panops.testing.backend_conformance import BackendConformance
from panops.testing.tiny_onnx import Node, Tensor, write_onnx


class TestOnnxRuntimeBackend(BackendConformance):
    def open(self, path: Path) -> Backend:
        return OnnxRuntimeBackend(path)


@pytest.mark.parametrize(
    ("node", "named"), [(Node("Nonsense", ["x"], ["y"]), "Nonsense"), (Node("Own", ["x"], ["y"], domain="my.ops"), "my.ops.Own")]
)
def test_an_unknown_operator_is_named(tmp_path: Path, node: Node, named: str) -> None:
    path = write_onnx(tmp_path / "m.onnx", [node], [Tensor("x", (1, 4))], [Tensor("y", (1, 4))])
    with pytest.raises(MissingOperator) as caught:
        OnnxRuntimeBackend(path)
    assert (caught.value.backend, caught.value.operator) == ("onnxruntime", named)
