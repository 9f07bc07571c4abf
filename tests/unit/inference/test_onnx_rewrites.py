"""Graphs made fit for a GPU, run here on the CPU: they compute what they did before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, load, numpy_helper

from panops.inference.onnx_rewrites import floated, freed_batch, is_quantised, symmetric
from panops.testing.tiny_onnx import Node, Tensor, write_onnx

STREET = Path(__file__).resolve().parents[3] / "src" / "panops" / "models" / "builtin" / "street" / "street.onnx"
DICE = np.random.default_rng(0)


def run(model: ModelProto, array: NDArray[Any], *, literal: bool = False) -> NDArray[np.float32]:
    """The model's first output; `literal` computes every node as it is written, in floats between the levels."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    if literal:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (first, *_) = session.run(None, {session.get_inputs()[0].name: array})
    return np.asarray(first, np.float32)


def quantised(*, zero: int = 0, byte_input: bool = False, scale: float = 1 / 50) -> ModelProto:
    """ReLU of a 1x1 convolution, its output in levels, and a second convolution on those: the shape of an exported network."""
    weight = np.array([[3, -2, 1], [5, 4, -3]], np.int8).reshape(2, 3, 1, 1)
    constants: dict[str, NDArray[Any]] = {
        "w1": weight,
        "w1s": np.array([0.1, 0.2], np.float32),
        "w1z": np.zeros(2, np.int8),
        "w2": np.array([[1, 4]], np.int8).reshape(1, 2, 1, 1),
        "w2s": np.array(0.05, np.float32),
        "w2z": np.array(0, np.int8),
        "s": np.array(scale, np.float32),
        "z": np.array(zero, np.uint8),
        "one": np.array(1.0, np.float32),
        "zero8": np.array(0, np.uint8),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["w1", "w1s", "w1z"], ["w1f"], axis=0),
        helper.make_node("Conv", ["pixels" if byte_input else "x", "w1f"], ["c1"]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("QuantizeLinear", ["r1", "s", "z"], ["q1"]),
        helper.make_node("DequantizeLinear", ["q1", "s", "z"], ["d1"]),
        helper.make_node("Concat", ["d1", "d1"], ["both"], axis=2),
        helper.make_node("DequantizeLinear", ["w2", "w2s", "w2z"], ["w2f"]),
        helper.make_node("Conv", ["both", "w2f"], ["y"]),
    ]
    if byte_input:
        nodes.insert(0, helper.make_node("DequantizeLinear", ["x", "one", "zero8"], ["pixels"]))
    kind = TensorProto.UINT8 if byte_input else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 8, 4])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    return model


def on_levels(user: str) -> ModelProto:
    """A network where `user` takes levels as they are, next to a DequantizeLinear of the same levels."""
    constants: dict[str, NDArray[Any]] = {
        "s": np.array(1 / 20, np.float32),
        "z": np.array(0, np.uint8),
        "w": np.array([[3, -2, 1]], np.int8).reshape(1, 3, 1, 1),
        "ws": np.array(0.1, np.float32),
        "wz": np.array(0, np.int8),
    }
    if user == "MaxPool":
        node = helper.make_node("MaxPool", ["q"], ["p"], kernel_shape=[1, 1])
    else:
        node = helper.make_node("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "s", "z"], ["p"])
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node,
        helper.make_node("DequantizeLinear", ["p", "s", "z"], ["pf"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("QuantizeLinear", ["d", "s", "z"], ["q2"]),
        helper.make_node("DequantizeLinear", ["q2", "s", "z"], ["d2"]),
        helper.make_node("Add", ["pf", "d2"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 4, 4]) for name in ("x", "y")]
    graph = helper.make_graph(
        nodes, "g", values[:1], values[1:], [numpy_helper.from_array(array, name) for name, array in constants.items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    return model


def computed_scale(model: ModelProto) -> ModelProto:
    """The same model whose scale `s` comes from a node."""
    (scale,) = [tensor for tensor in model.graph.initializer if tensor.name == "s"]
    scale.name = "s0"
    model.graph.node.insert(0, helper.make_node("Abs", ["s0"], ["s"]))
    return model


def kinds(model: ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


# --- the batch ------------------------------------------------------------------------------------------------------------------


def test_a_built_in_model_takes_any_batch() -> None:
    model = freed_batch(load(str(STREET)))
    pictures = DICE.integers(0, 255, (3, 3, 416, 416), np.uint8)
    together = run(model, pictures)
    assert together.shape == (3, 3549, 11)
    np.testing.assert_allclose(together[2], run(model, pictures[2:])[0], atol=1e-4)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


@pytest.mark.parametrize("name", ["yolox_nano_416.onnx", "ultralight_slim-320.onnx"])
def test_models_of_others_take_any_batch(shared_data: Path, name: str) -> None:
    model = freed_batch(load(str(shared_data / "models" / name)))
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim[1:]]
    pictures = DICE.random((2, *shape), np.float32)
    np.testing.assert_allclose(run(model, pictures)[1], run(model, pictures[1:])[0], atol=1e-3)


def test_a_free_batch_and_another_fixed_one_stay_as_they_are(tmp_path: Path) -> None:
    for batch in (-1, 4):
        path = write_onnx(tmp_path / "m.onnx", [Node("Relu", ["x"], ["y"])], [Tensor("x", (batch, 4))], [Tensor("y", (batch, 4))])
        model = load(str(path))
        assert freed_batch(model) is model


def test_the_file_s_own_model_is_not_changed() -> None:
    model = quantised()
    before = model.SerializeToString(deterministic=True)
    for rewrite in (freed_batch, symmetric, floated):
        rewrite(model)
    assert model.SerializeToString(deterministic=True) == before


# --- levels for TensorRT ----------------------------------------------------------------------------------------------------------


def test_levels_become_signed_ones_around_zero() -> None:
    changed = symmetric(quantised())
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in changed.graph.initializer}
    for node in changed.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            zero = constants[node.input[2]]
            assert zero.dtype == np.int8
            assert not zero.any()
    np.testing.assert_allclose(constants["s.symmetric"], (1 / 50) * 255 / 127)


@pytest.mark.parametrize("byte_input", [False, True])
def test_they_hold_the_same_range_with_one_bit_less(byte_input: bool) -> None:
    model = quantised(byte_input=byte_input)
    if byte_input:
        array: NDArray[Any] = DICE.integers(0, 6, (1, 3, 4, 4)).astype(np.uint8)
    else:
        array = DICE.random((1, 3, 4, 4), np.float32) * 6
    before, after = run(model, array, literal=True), run(symmetric(model), array, literal=True)
    # Two steps of the coarser levels, through the second layer's weights; a range cut in half would be off by far more.
    assert np.abs(before - after).max() <= 0.05 * (4 + 1) * (1 / 50) * 255 / 127
    assert np.abs(before).max() > 0.05 * 4 * 127 / 50  # the upper half of the range is in use


def test_a_byte_input_is_read_as_floats_and_its_layer_keeps_its_precision() -> None:
    changed = symmetric(quantised(byte_input=True))
    assert kinds(changed)[0] == "Cast"
    producers = {node.output[0]: node.op_type for node in changed.graph.node}
    first, second = [node for node in changed.graph.node if node.op_type == "Conv"]
    assert first.input[1] not in producers  # a constant
    assert producers[second.input[1]] == "DequantizeLinear"  # after a concatenation, which only moves levels


def test_a_zero_elsewhere_cannot_be_mended() -> None:
    with pytest.raises(ValueError, match="zero of 'r1' is not 0"):
        symmetric(quantised(zero=128))


def test_a_built_in_model_keeps_its_layers_in_levels() -> None:
    model = load(str(STREET))
    changed = symmetric(model)
    assert kinds(changed).count("QuantizeLinear") == kinds(model).count("QuantizeLinear")
    # The picture's own, and the weights of the first layer.
    assert kinds(changed).count("DequantizeLinear") == kinds(model).count("DequantizeLinear") - 2
    assert is_quantised(changed)


# --- floats for CUDA --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("byte_input", [False, True])
def test_without_levels_the_network_is_the_same_but_for_their_rounding(byte_input: bool) -> None:
    model = quantised(byte_input=byte_input, scale=1 / 20)  # wide enough that nothing is cut off
    changed = floated(model)
    assert not is_quantised(changed)
    array: NDArray[Any] = DICE.integers(0, 6, (1, 3, 4, 4)).astype(np.uint8) if byte_input else DICE.random((1, 3, 4, 4), np.float32) * 6
    np.testing.assert_allclose(run(changed, array), run(model, array, literal=True), atol=0.05 * (4 + 1) * (1 / 20))


@pytest.mark.parametrize("user", ["QLinearConv", "MaxPool"])
def test_levels_that_an_operator_takes_as_they_are_stay(user: str) -> None:
    model = on_levels(user)
    changed = floated(model)
    assert kinds(changed) == ["QuantizeLinear", user, "DequantizeLinear", "Add"]
    array = DICE.random((1, 3, 4, 4), np.float32) * 6
    np.testing.assert_allclose(run(changed, array), run(model, array, literal=True), atol=1 / 20)


def test_levels_that_a_branch_uses_stay() -> None:
    model = quantised()
    (last,) = [node for node in model.graph.node if node.output[0] == "y"]
    last.output[0] = "c2"
    branch = helper.make_graph(
        [helper.make_node("Relu", ["d1"], ["r"])], "b", [], [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)]
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(helper.make_node("If", ["yes"], ["branched"], then_branch=branch, else_branch=branch))
    model.graph.node.append(helper.make_node("Concat", ["c2", "branched"], ["y"], axis=1))
    assert floated(model) is model


def test_a_scale_that_is_computed_is_told() -> None:
    """TensorRT's scales have to be stretched; CUDA's flow needs none, but for the weights."""
    with pytest.raises(ValueError, match="the scale of 'r1' is computed"):
        symmetric(computed_scale(quantised()))
    assert not is_quantised(floated(computed_scale(quantised(scale=1 / 20))))
    weights = quantised()
    (node,) = [node for node in weights.graph.node if node.output[0] == "w1f"]
    node.input[1] = "nowhere"
    with pytest.raises(ValueError, match="the scale of 'w1' is computed"):
        floated(weights)


def test_an_operator_on_levels_is_nothing_for_tensorrt() -> None:
    with pytest.raises(ValueError, match="QLinearConv computes on levels itself"):
        symmetric(on_levels("QLinearConv"))


def test_a_graph_that_keeps_no_rules_is_told() -> None:
    model = quantised()
    del model.opset_import[:]
    with pytest.raises(ValueError, match="its graph is not valid"):
        floated(model)


def test_a_float_model_stays_one(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "m.onnx", [Node("Relu", ["x"], ["y"])], [Tensor("x", (1, 4))], [Tensor("y", (1, 4))])
    model = load(str(path))
    assert not is_quantised(model)
    assert kinds(floated(model)) == kinds(symmetric(model)) == ["Relu"]
