from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from panops.domain.errors import ModelUnsupported
from panops.export.graph_rewrites import freed_sizes
from panops.export.quantising import quantised
from panops.export.tflite_graph import operator_counts, tflite_bytes
from panops.inference.backends.litert_backend import LiteRtBackend
from panops.inference.backends.openvino_backend import OpenVinoBackend
from tests.unit.export.conftest import Rows

Inputs = list[dict[str, np.ndarray]]


def _run(backend: type, path: Path, picture: np.ndarray, **options: str) -> np.ndarray:
    """Rows for a picture given as NCHW."""
    opened = backend(path, **options)
    try:
        (rows,) = opened.infer({"pictures": np.ascontiguousarray(picture.transpose(0, 2, 3, 1))}).values()
    finally:
        opened.close()
    return np.asarray(rows)


def test_float32_computes_the_same(traced: onnx.ModelProto, noise: Inputs, run_onnx: Rows, tmp_path: Path) -> None:
    path = tmp_path / "float32.tflite"
    path.write_bytes(tflite_bytes(traced, "float32"))
    for inputs in noise[:3]:
        expected = run_onnx(traced, inputs)
        np.testing.assert_allclose(_run(LiteRtBackend, path, inputs["pictures"]), expected, atol=1e-4)
        np.testing.assert_allclose(_run(OpenVinoBackend, path, inputs["pictures"], precision="f32"), expected, atol=1e-4)


def test_float16_halves_the_file_and_is_near(traced: onnx.ModelProto, noise: Inputs, run_onnx: Rows, tmp_path: Path) -> None:
    whole, half = tflite_bytes(traced, "float32"), tflite_bytes(traced, "float16")
    weights = sum(len(tensor.raw_data) for tensor in traced.graph.initializer)
    assert len(whole) - len(half) > 0.3 * weights
    path = tmp_path / "float16.tflite"
    path.write_bytes(half)
    np.testing.assert_allclose(_run(LiteRtBackend, path, noise[0]["pictures"]), run_onnx(traced, noise[0]), atol=0.02)


def test_8_bits_are_those_of_the_onnx_file(traced: onnx.ModelProto, noise: Inputs, run_onnx: Rows, tmp_path: Path) -> None:
    rounded = quantised(traced, noise)
    data = tflite_bytes(rounded)
    path = tmp_path / "int8.tflite"
    path.write_bytes(data)
    for inputs in noise[:3]:
        levels = {"pictures": inputs["pictures"].astype(np.uint8)}
        got = _run(LiteRtBackend, path, levels["pictures"])
        # Rounding of ties and of scaling differs between runtimes; a step of the last activations is about 0.05.
        assert np.abs(got - run_onnx(rounded, levels)).max() < 0.15
    counts = operator_counts(data)
    # Two levels of three outputs read floats: one conversion a level.
    assert counts["CONV_2D"] + counts["DEPTHWISE_CONV_2D"] == 14
    assert counts["DEQUANTIZE"] == 2 + 12


def test_the_operators_are_the_fewest(traced: onnx.ModelProto) -> None:
    counts = dict(operator_counts(tflite_bytes(traced, "float32")))
    assert "RELU" not in counts
    assert "TRANSPOSE" not in counts
    # TFLite pads even sizes at stride 2 on the other side.
    assert counts["PAD"] == 3


def test_the_output_keeps_its_name(traced: onnx.ModelProto, tmp_path: Path) -> None:
    path = tmp_path / "named.tflite"
    path.write_bytes(tflite_bytes(traced))
    backend = LiteRtBackend(path)
    assert [(spec.name, spec.shape) for spec in backend.outputs] == [("rows", (1, 80, 7))]
    assert [(spec.name, spec.shape) for spec in backend.inputs] == [("pictures", (1, 64, 64, 3))]
    backend.close()


def test_what_it_does_not_know_is_named(traced: onnx.ModelProto) -> None:
    with pytest.raises(ModelUnsupported, match="without --dynamic"):
        tflite_bytes(freed_sizes(traced))
    strange = onnx.ModelProto()
    strange.CopyFrom(traced)
    next(node for node in strange.graph.node if node.op_type == "Sigmoid").op_type = "HardSwish"
    with pytest.raises(ModelUnsupported, match="got HardSwish"):
        tflite_bytes(strange)
