"""How fast one thread multiplies 8-bit numbers at best, and how many multiplications a network needs: what it leaves unused.

The peak is measured, not looked up: a data sheet's figure knows neither the clock of the moment nor what a virtual machine gets. It is that
of the same library on the layers that suit it best, wide 3x3 convolutions that fit the second-level cache.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.domain.protocols import TensorSpec
from panops.inference.backends.openvino_backend import openvino
from panops.inference.tensors import telling_line

# Channels, side and layers: 151 million multiplications a layer, of 147 kB of weights and 131 kB of pixels.
_CHANNELS, _SIDE_PX, _LAYERS = 128, 32, 4
_WEIGHTED = frozenset({"Convolution", "GroupConvolution", "MatMul"})


class Int8Peak:
    """A `domain.protocols.Backend` of nothing but the work that the processor does best.

    Args:
        threads: Threads of the session.
    """

    def __init__(self, threads: int = 1) -> None:
        options = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
        model = _wide_convolutions()
        self.multiply_adds = _multiply_adds(model)
        self._request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()
        self.inputs = (TensorSpec("pixels", (1, _CHANNELS, _SIDE_PX, _SIDE_PX), np.dtype(np.float32)),)
        self.outputs = (TensorSpec("out", self.inputs[0].shape, np.dtype(np.float32)),)

    def example(self) -> dict[str, NDArray[Any]]:
        """What to feed it."""
        return {"pixels": np.random.default_rng(0).uniform(0.0, 1.0, self.inputs[0].shape).astype(np.float32)}

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run it once."""
        results = self._request.infer({0: inputs["pixels"]}, share_inputs=True, share_outputs=False)
        return {"out": results[0]}

    def close(self) -> None:
        """Nothing but memory to give back."""


def multiply_adds(path: Path) -> int:
    """Multiplications with an addition that one picture costs a network: its convolutions and matrix products.

    Args:
        path: A file that OpenVINO reads, with a fixed input size.

    Raises:
        ModelUnsupported: OpenVINO does not read it, or a size in it is not fixed.
    """
    try:
        return _multiply_adds(openvino.Core().read_model(str(path)))
    except ModelUnsupported:
        raise
    except Exception as error:  # as the backend: the binding raises RuntimeError, and now and then others
        raise ModelUnsupported(f"the work in {path.name} cannot be counted: {telling_line(error)}") from error


def _multiply_adds(model: Any) -> int:
    return sum(_of_node(node) for node in model.get_ops() if node.get_type_name() in _WEIGHTED)


def _of_node(node: Any) -> int:
    """Each output number is a sum over as many products as a filter (or a row) has weights."""
    shapes = [node.output(0).get_partial_shape(), node.input(0).get_partial_shape(), node.input(1).get_partial_shape()]
    if any(shape.is_dynamic for shape in shapes):
        raise ModelUnsupported(f"expected fixed sizes to count the work, and {node.get_friendly_name()} has none")
    made, _, weights = ([int(size) for size in shape.to_shape()] for shape in shapes)
    if node.get_type_name() == "MatMul":
        transposed = bool(node.get_attributes().get("transpose_b", False))
        return math.prod(made) * (weights[-1] if transposed else weights[-2])
    # Filters are (out, in, ...) and, in groups, (groups, out, in, ...).
    first = 1 if node.get_type_name() == "Convolution" else 2
    return math.prod(made) * math.prod(weights[first:])


def _wide_convolutions() -> Any:
    """Convolutions of 8-bit pixels with 8-bit weights, as the quantised graph of any other network."""
    ops, rng = openvino.opset13, np.random.default_rng(0)
    pixels = ops.parameter([1, _CHANNELS, _SIDE_PX, _SIDE_PX], np.float32, name="pixels")
    flow: Any = pixels
    for _ in range(_LAYERS):
        flow = ops.fake_quantize(flow, *(np.float32(edge) for edge in (0.0, 1.0, 0.0, 1.0)), 256)
        whole = rng.integers(64, 128, (_CHANNELS, _CHANNELS, 3, 3)).astype(np.float32)
        # The sums stay within what the next layer takes.
        edge = np.float32(1.0 / (_CHANNELS * 9))
        weights = ops.fake_quantize(ops.constant(whole / 127 * edge), *(np.float32(side) for side in (-edge, edge, -edge, edge)), 255)
        flow = ops.relu(ops.convolution(flow, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
    return openvino.Model([ops.result(flow)], [pixels], "int8 peak")
