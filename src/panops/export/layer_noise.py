"""Which layers suffer from 8 bits: each convolution alone is quantised, all others stay float, and the rows are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from panops.export.equalising import open_session
from panops.export.quantising import quantised_layers

# Cells of a picture that are compared: where the float model sees most. The many empty ones say nothing of detections.
_BEST_CELLS = 100
# Operators that pass 8-bit values on as they are.
_PASSING = frozenset({"Concat", "MaxPool", "Resize"})


@dataclass(frozen=True, slots=True)
class LayerNoise:
    """What quantising one convolution does to the rows.

    Attributes:
        layer: The convolution's name.
        signal_to_noise_db: 10 log10 of the rows' power over that of their error; below 20 dB it shows in the detections.
    """

    layer: str
    signal_to_noise_db: float

    def record(self) -> dict[str, str | float]:
        """For JSON."""
        return {**asdict(self), "signal_to_noise_db": round(self.signal_to_noise_db, 1)}


def layer_noise(
    model: onnx.ModelProto,
    quantised: onnx.ModelProto,
    tensors: Sequence[Mapping[str, NDArray[Any]]],
    progress: Callable[[int, int], None] | None = None,
) -> list[LayerNoise]:
    """How much each quantised convolution hurts.

    Args:
        model: The float model that `quantised` was made from, equalised as it was.
        quantised: From `quantising.quantised`.
        tensors: A few inputs of `model`, as float32.
        progress: Told how many layers of how many are done.

    Returns:
        Worst first.
    """
    session = open_session(model)
    wanted = [session.run(None, dict(inputs))[0][0] for inputs in tensors]
    best = [np.argsort(-_best_score(rows))[:_BEST_CELLS] for rows in wanted]
    power = float(np.mean([np.square(rows[cells]).sum() for rows, cells in zip(wanted, best, strict=True)]))
    layers = quantised_layers(quantised)
    found = []
    for index, layer in enumerate(layers):
        probe = open_session(_only(layer, model, quantised))
        errors = []
        for inputs, rows, cells in zip(tensors, wanted, best, strict=True):
            got = probe.run(None, dict(inputs))[0][0]
            errors.append(np.square((got - rows)[cells]).sum())
        found.append(LayerNoise(layer, 10.0 * float(np.log10(power / max(float(np.mean(errors)), 1e-12)))))
        if progress is not None:
            progress(index + 1, len(layers))
    return sorted(found, key=lambda entry: entry.signal_to_noise_db)


def _best_score(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) the best class's score of each row (N, 5 + C)."""
    return np.asarray(rows[:, 4] * rows[:, 5:].max(axis=1), np.float32)


def _only(layer: str, model: onnx.ModelProto, quantised: onnx.ModelProto) -> onnx.ModelProto:
    """The float model with this one convolution's input and weights quantised as in `quantised`."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    graph = probe.graph
    produced = {node.output[0]: node for node in quantised.graph.node}
    values = {tensor.name: tensor for tensor in quantised.graph.initializer}
    position = next(index for index, node in enumerate(graph.node) if node.name == layer)
    conv = graph.node[position]
    source = next(node for node in quantised.graph.node if node.name == layer)
    added: list[onnx.NodeProto] = []
    conv.input[0] = _rounded(source.input[0], produced, added)
    weight = produced[source.input[1]]
    conv.input[1] = _dequantised(weight, f"{layer}.rounded", list(weight.input), added)
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*rest[:position], *added, *rest[position:]])
    names = {name for node in added for name in node.input if name in values}
    have = {tensor.name for tensor in graph.initializer}
    graph.initializer.extend(values[name] for name in sorted(names - have))
    return probe


def _rounded(name: str, produced: Mapping[str, onnx.NodeProto], added: list[onnx.NodeProto]) -> str:
    """The tensor as the quantised model sees it, made from the float model's tensors; `added` gets the nodes for it."""
    node = produced.get(name)
    if node is None:
        return name
    if node.op_type == "DequantizeLinear":
        quantiser = produced.get(node.input[0])
        if quantiser is None:
            return str(node.input[0])  # the picture, whose values are levels already
        rounded = f"{name}.rounded"
        levels = f"{name}.levels"
        if not any(entry.output[0] == levels for entry in added):
            copy = onnx.helper.make_node("QuantizeLinear", list(quantiser.input), [levels])
            copy.attribute.extend(quantiser.attribute)
            added.append(copy)
            _dequantised(node, rounded, [levels, *node.input[1:]], added)
        return rounded
    if node.op_type not in _PASSING:
        return name
    copied = onnx.NodeProto()
    copied.CopyFrom(node)
    copied.name = f"{node.name}.rounded"
    copied.input[:] = [_rounded(entry, produced, added) if entry else entry for entry in node.input]
    copied.output[:] = [f"{name}.rounded"]
    if not any(entry.output[0] == copied.output[0] for entry in added):
        added.append(copied)
    return str(copied.output[0])


def _dequantised(node: onnx.NodeProto, output: str, inputs: list[str], added: list[onnx.NodeProto]) -> str:
    copy = onnx.helper.make_node("DequantizeLinear", inputs, [output])
    copy.attribute.extend(node.attribute)
    added.append(copy)
    return output
