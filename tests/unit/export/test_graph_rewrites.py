from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from panops.export.graph_rewrites import rewritten
from tests.unit.export.conftest import Rows

_BLOCKS = ((0, 0), (1, 0), (0, 1), (1, 1))


def _model(nodes: list[onnx.NodeProto], values: dict[str, np.ndarray], size: int, channels: int, rows: tuple[int, ...]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, size, size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, rows)],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    return model


def _space_to_depth(seed: int, order: Sequence[tuple[int, int]], step: int = 2, pads: int = 1, last: str = "y") -> onnx.ModelProto:
    """Slices, concatenation and a convolution over 12x12 px."""
    chance = np.random.default_rng(seed)
    values = {
        "end": np.array([99], np.int64),
        "rows": np.array([2], np.int64),
        "columns": np.array([3], np.int64),
        "step": np.array([step], np.int64),
        "0": np.array([0], np.int64),
        "1": np.array([1], np.int64),
        "w": chance.normal(size=(5, 12, 3, 3)).astype(np.float32),
        "b": chance.normal(size=5).astype(np.float32),
    }
    nodes = []
    for index, (row, column) in enumerate(order):
        nodes.append(helper.make_node("Slice", ["x", str(row), "end", "rows", "step"], [f"half{index}"]))
        nodes.append(helper.make_node("Slice", [f"half{index}", str(column), "end", "columns", "step"], [f"block{index}"]))
    nodes.append(helper.make_node("Concat", [f"block{index}" for index in range(4)], ["blocks"], axis=1))
    nodes.append(helper.make_node("Conv", ["blocks", "w", "b"], [last], kernel_shape=[3, 3], pads=[pads] * 4))
    side = 12 // step + 2 * pads - 2
    return _model(nodes, values, 12, 3, (1, 5, side, side))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(_BLOCKS))
def test_space_to_depth_in_any_order_becomes_one_convolution(run_onnx: Rows, seed: int, order: list[tuple[int, int]]) -> None:
    before = _space_to_depth(seed, order)
    after = rewritten(before)
    assert [node.op_type for node in after.graph.node] == ["Conv"]
    x = np.random.default_rng(seed + 1).random((1, 3, 12, 12), np.float32)
    np.testing.assert_allclose(run_onnx(after, {"pictures": x}), run_onnx(before, {"x": x}), atol=1e-5)


@pytest.mark.parametrize(("step", "pads"), [(3, 1), (2, 0)])
def test_what_only_looks_like_space_to_depth_is_left_alone(run_onnx: Rows, step: int, pads: int) -> None:
    before = _space_to_depth(0, _BLOCKS, step, pads)
    after = rewritten(before)
    assert [node.op_type for node in after.graph.node].count("Slice") == 8
    x = np.random.default_rng(1).random((1, 3, 12, 12), np.float32)
    np.testing.assert_array_equal(run_onnx(after, {"pictures": x}), run_onnx(before, {"x": x}))


@settings(max_examples=20, deadline=None)
@given(windows=st.lists(st.sampled_from([3, 5, 7, 9, 13]), min_size=2, max_size=4, unique=True), seed=st.integers(0, 99))
def test_growing_maxima_become_a_chain(run_onnx: Rows, windows: list[int], seed: int) -> None:
    nodes = [
        helper.make_node("MaxPool", ["x"], [f"m{window}"], kernel_shape=[window] * 2, pads=[window // 2] * 4, strides=[1, 1])
        for window in windows
    ]
    nodes.append(helper.make_node("Concat", [f"m{window}" for window in windows], ["y"], axis=1))
    before = _model(nodes, {}, 11, 2, (1, 2 * len(windows), 11, 11))
    after = rewritten(before)
    x = np.random.default_rng(seed).normal(size=(1, 2, 11, 11)).astype(np.float32)
    np.testing.assert_array_equal(run_onnx(after, {"pictures": x}), run_onnx(before, {"x": x}))
    onnx.checker.check_model(after)  # also in whatever order the windows stood
    pools = [node for node in after.graph.node if node.op_type == "MaxPool"]
    assert sum(node.input[0] == "pictures" for node in pools) == 1


def test_blocks_that_are_not_all_four_are_left_alone(run_onnx: Rows) -> None:
    before = _space_to_depth(0, ((0, 0), (1, 0), (0, 1), (0, 1)))
    after = rewritten(before)
    assert "Concat" in [node.op_type for node in after.graph.node]
    x = np.random.default_rng(1).random((1, 3, 12, 12), np.float32)
    np.testing.assert_array_equal(run_onnx(after, {"pictures": x}), run_onnx(before, {"x": x}))


def test_slices_that_end_early_are_left_alone(run_onnx: Rows) -> None:
    before = _space_to_depth(0, _BLOCKS)
    (end,) = (tensor for tensor in before.graph.initializer if tensor.name == "end")
    end.CopyFrom(numpy_helper.from_array(np.array([8], np.int64), "end"))
    for dim in before.graph.output[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = 4
    x = np.random.default_rng(1).random((1, 3, 12, 12), np.float32)
    np.testing.assert_array_equal(run_onnx(rewritten(before), {"pictures": x}), run_onnx(before, {"x": x}))


@pytest.mark.parametrize(("kernel", "dilations"), [(1, [1, 1]), (5, [1, 1]), (3, [2, 2])])
def test_other_convolutions_over_blocks_are_left_alone(run_onnx: Rows, kernel: int, dilations: list[int]) -> None:
    before = _space_to_depth(0, _BLOCKS)
    (weight,) = (tensor for tensor in before.graph.initializer if tensor.name == "w")
    values = np.random.default_rng(2).normal(size=(5, 12, kernel, kernel)).astype(np.float32)
    weight.CopyFrom(numpy_helper.from_array(values, "w"))
    conv = before.graph.node[-1]
    del conv.attribute[:]
    for name, value in (("kernel_shape", [kernel] * 2), ("pads", [1] * 4), ("dilations", dilations)):
        conv.attribute.append(helper.make_attribute(name, value))
    side = 6 + 2 - dilations[0] * (kernel - 1)
    for dim in before.graph.output[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = side
    x = np.random.default_rng(1).random((1, 3, 12, 12), np.float32)
    np.testing.assert_array_equal(run_onnx(rewritten(before), {"pictures": x}), run_onnx(before, {"x": x}))


def test_a_reshape_to_open_rows_stays_one(run_onnx: Rows) -> None:
    """(1, -1, 4), as others write it: two open sizes would be none."""
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    before = _model(nodes, {"shape": np.array([1, -1, 4], np.int64)}, 4, 2, (1, 8, 4))
    after = rewritten(before)
    onnx.checker.check_model(after, full_check=True)
    x = np.random.default_rng(1).random((1, 2, 4, 4), np.float32)
    np.testing.assert_array_equal(run_onnx(after, {"pictures": x}), run_onnx(before, {"x": x}))


def test_constants_that_nothing_reads_go() -> None:
    model = _space_to_depth(0, _BLOCKS)
    assert {tensor.name for tensor in rewritten(model).graph.initializer} == {"w.weight", "w.bias"}
