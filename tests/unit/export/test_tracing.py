from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
import torch

from panops.domain.errors import ModelUnsupported
from panops.export.graph_rewrites import freed_sizes
from panops.export.tracing import onnx_from_torch
from tests.unit.export.conftest import Patterns, Rows


def test_the_graph_computes_what_the_network_does(
    patterns: Patterns, traced: onnx.ModelProto, noise: list[dict[str, np.ndarray]], run_onnx: Rows
) -> None:
    for inputs in noise[:4]:
        with torch.no_grad():
            expected = patterns(torch.from_numpy(inputs["pictures"])).numpy()
        assert expected.shape == (1, 64 + 16, 7)
        np.testing.assert_allclose(run_onnx(traced, inputs), expected, atol=1e-4)


def test_only_what_is_needed_is_left(traced: onnx.ModelProto) -> None:
    kinds = Counter(node.op_type for node in traced.graph.node)
    # Six outputs and eight units; normalisation, slices, constants and identities are gone.
    assert kinds == {"Conv": 14, "Relu": 8, "Sigmoid": 4, "Concat": 5, "MaxPool": 3, "Reshape": 2, "Add": 1, "Resize": 1, "Transpose": 1}
    assert not traced.metadata_props
    assert not any(node.metadata_props or node.doc_string for node in traced.graph.node)


def test_layers_are_called_as_in_the_network(traced: onnx.ModelProto) -> None:
    convolutions = [node.name for node in traced.graph.node if node.op_type == "Conv"]
    assert convolutions[:3] == ["stem", "depthwise", "point"]
    assert "outs.1.2" in convolutions
    assert [value.name for value in traced.graph.input] == ["pictures"]
    assert [value.name for value in traced.graph.output] == ["rows"]


def test_the_same_network_gives_the_same_bytes(patterns: Patterns, traced: onnx.ModelProto) -> None:
    again = onnx_from_torch(patterns, (64, 64))
    assert again.SerializeToString(deterministic=True) == traced.SerializeToString(deterministic=True)


def test_freed_sizes_take_any_batch_and_size(patterns: Patterns, traced: onnx.ModelProto, run_onnx: Rows) -> None:
    free = freed_sizes(traced)
    pictures = torch.rand(2, 3, 96, 32) * 255
    with torch.no_grad():
        expected = patterns(pictures).numpy()
    np.testing.assert_allclose(run_onnx(free, {"pictures": pictures.numpy()}), expected, atol=1e-4)
    assert traced.graph.input[0].type.tensor_type.shape.dim[2].dim_value == 64


@pytest.mark.parametrize("size_wh", [(0, 64), (64, 100), (16, 16)])
def test_sizes_that_are_no_multiples_of_32_are_refused(patterns: Patterns, size_wh: tuple[int, int]) -> None:
    with pytest.raises(ModelUnsupported, match="multiples of 32 px"):
        onnx_from_torch(patterns, size_wh)
