from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from panops.domain.errors import ModelUnsupported
from panops.export.graph_rewrites import freed_sizes
from panops.export.quantising import quantised
from panops.export.tflite_graph import FloatType, _common_levels, operator_counts, tflite_bytes
from panops.export.tflite_writer import Levels, TfliteWriter
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


@pytest.mark.parametrize("float_type", ["float32", "float16"])
def test_every_buffer_begins_at_16_bytes(traced: onnx.ModelProto, float_type: FloatType) -> None:
    data = tflite_bytes(traced, float_type)
    model = TfliteWriter().schema.Model.GetRootAs(data, 0)
    places = []
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            places.append(buffer._tab.Vector(buffer._tab.Offset(4)))
    assert len(places) > 20
    assert {place % 16 for place in places} == {0}


def test_levels_for_a_concatenation_hold_every_part() -> None:
    """The coarsest part's own levels would cut a finer one that reaches further down."""
    parts = [Levels((0.1,), (-128,)), Levels((0.05,), (0,)), Levels((0.01,), (127,))]
    common = _common_levels(parts)
    for entry in parts:
        for end in (-128, 127):
            value = (end - entry.zero[0]) * entry.scale[0]
            level = round(value / common.scale[0]) + common.zero[0]
            assert -128 <= level <= 127
            assert (level - common.zero[0]) * common.scale[0] == pytest.approx(value, abs=common.scale[0])
    assert _common_levels([parts[0], parts[0]]) == parts[0]


def test_8_bit_parts_of_different_levels_are_joined_at_those_of_the_whole(run_onnx: Rows, tmp_path: Path) -> None:
    """Each part is rounded once, to the levels that the joined tensor has anyway, as ONNX does it."""
    pairs = [("a", 0.02, 100), ("b", 0.3, 3), ("joined", 0.25, 20)]
    values = {f"{name}.{what}": value for name, scale, zero in pairs for what, value in (("s", np.float32(scale)), ("z", np.uint8(zero)))}
    nodes = [
        helper.make_node("DequantizeLinear", ["pictures", "one", "nought"], ["pixels"], name="pixels"),
        *(
            node
            for name, _, _ in pairs[:2]
            for node in (
                helper.make_node("QuantizeLinear", ["pixels", f"{name}.s", f"{name}.z"], [f"{name}.q"], name=f"{name}.q"),
                helper.make_node("DequantizeLinear", [f"{name}.q", f"{name}.s", f"{name}.z"], [f"{name}.d"], name=f"{name}.d"),
            )
        ),
        helper.make_node("Concat", ["a.d", "b.d"], ["both"], name="both", axis=1),
        helper.make_node("QuantizeLinear", ["both", "joined.s", "joined.z"], ["joined.q"], name="joined.q"),
        helper.make_node("DequantizeLinear", ["joined.q", "joined.s", "joined.z"], ["joined.d"], name="joined.d"),
        helper.make_node("Reshape", ["joined.d", "shape"], ["flat"], name="flat"),
        helper.make_node("Transpose", ["flat"], ["rows"], name="rows", perm=[0, 2, 1]),
    ]
    values |= {"one": np.float32(1.0), "nought": np.uint8(0), "shape": np.array([0, 6, -1], np.int64)}
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("pictures", onnx.TensorProto.UINT8, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, [1, 64, 6])],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    path = tmp_path / "joined.tflite"
    path.write_bytes(tflite_bytes(model))
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, 8, 8), dtype=np.uint8)
    got = _run(LiteRtBackend, path, picture)
    wanted = run_onnx(model, {"pictures": picture})
    # Ties may be rounded either way: one level then, not two.
    assert np.abs(got - wanted).max() <= 0.25 + 1e-5
    assert (np.abs(got - wanted) > 1e-4).mean() < 0.1
