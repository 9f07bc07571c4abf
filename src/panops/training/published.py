"""Weights in ONNX files that a training may start from: published YOLOX networks, and our own exported ones, FP32 or INT8.

Such a file holds convolutions with their batch normalisation folded in. In INT8 files the weights stand behind a DequantizeLinear and are
taken as the numbers it gives. Our own files name each convolution after its module and do the first stage's space-to-depth inside a
strided convolution; published files have neither and are read in the order of computation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import ConfigError, ModelNotFound, ModelUnsupported
from panops.models.manifest_file import read_manifest
from panops.training.network import ActivationName, SizeName

if TYPE_CHECKING:
    import onnx

# Channels after the first convolution.
_SIZES: dict[int, SizeName] = {16: "nano", 24: "tiny", 32: "small"}
_OTHER_ACTIVATIONS = ("LeakyRelu", "HardSwish", "HardSigmoid", "Mish", "Gelu", "Elu", "PRelu", "Clip")
# The row and column at which each of the four blocks of a space-to-depth begins, in the order of their channels.
_BLOCKS = ((0, 0), (1, 0), (0, 1), (1, 1))


@dataclass(frozen=True, slots=True)
class Folded:
    """One convolution of a file: weight (O, I, kh, kw) and bias (O,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    name: str = ""


@dataclass(frozen=True, slots=True)
class PublishedNetwork:
    """What an ONNX file says of its network.

    Attributes:
        convolutions: In the order of the file.
        activation: Which it was trained with.
        size: How wide it is.
        classes: Class names, from the manifest beside the file; empty when there is none.
    """

    convolutions: list[Folded]
    activation: ActivationName
    size: SizeName
    classes: tuple[str, ...]


def read_published(path: Path) -> PublishedNetwork:
    """Read an ONNX file to start from.

    Raises:
        ModelNotFound: There is no such file.
        ModelUnsupported: It is no ONNX file, or not of a network that can be started from.
    """
    convolutions, graph = _convolutions(path)
    if not convolutions:
        raise ModelUnsupported(f"{path}: expected a YOLOX network to start from, got one without convolutions")
    first = convolutions[0]
    size = _SIZES.get(len(first.weight))
    if size is None:
        known = ", ".join(f"{count} for {name}" for count, name in _SIZES.items())
        raise ModelUnsupported(f"{path}: expected a YOLOX ({known} channels after the first convolution), got {len(first.weight)}")
    return PublishedNetwork(convolutions, _activation(path, graph), size, classes_beside(path))


def read_folded(path: Path) -> list[Folded]:
    """Every convolution of an ONNX file, in the order of computation.

    Raises:
        ModelNotFound: There is no such file.
        ModelUnsupported: It is no ONNX file, or a convolution has no constant weight and bias.
    """
    return _convolutions(path)[0]


def classes_beside(path: Path) -> tuple[str, ...]:
    """The class names in the `manifest.yaml` beside a model's file; empty when it has none."""
    try:
        manifest = read_manifest(path.parent / "manifest.yaml")
    except (ConfigError, ModelNotFound, OSError):
        return ()
    return manifest.classes if manifest.file_name == path.name else ()


def _convolutions(path: Path) -> tuple[list[Folded], onnx.GraphProto]:
    import onnx  # noqa: PLC0415  # only here, and heavy

    if not path.is_file():
        raise ModelNotFound(f"{path}: expected an ONNX file to start from, there is no such file")
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # onnx raises protobuf's errors, which have no common root
        raise ModelUnsupported(f"{path}: expected an ONNX file to start from, but it cannot be read ({type(error).__name__})") from error
    if any(node.op_type == "BatchNormalization" for node in graph.node):
        raise ModelUnsupported(f"{path}: expected a file exported for inference, got one whose batch normalisation is not folded")
    constants = _Constants(graph)
    found = []
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        weight = constants.value(node.input[1])
        bias = constants.bias(node, 0 if weight is None else len(weight))
        if weight is None or bias is None:
            raise ModelUnsupported(f"{path}: expected convolutions with constant weight and bias, got {node.name} without")
        found.append(Folded(_over_blocks(weight.astype(np.float32)), bias.astype(np.float32), node.name))
    return found, graph


def _over_blocks(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """A first convolution over px (O, 3, 6, 6) with stride 2 as one over blocks of 2x2 px (O, 12, 3, 3); others as they are."""
    if weight.shape[1:] != (3, 6, 6):
        return weight
    return np.concatenate([weight[:, :, row::2, column::2] for row, column in _BLOCKS], axis=1)


def _activation(path: Path, graph: onnx.GraphProto) -> ActivationName:
    """SiLU where a sigmoid is multiplied with its own input; ReLU where nothing else is found (INT8 files may fold it into the range)."""
    gates = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Sigmoid"}
    producer = {node.output[0]: node for node in graph.node}

    def origin(name: str) -> str:
        while name in producer and producer[name].op_type in ("QuantizeLinear", "DequantizeLinear", "Identity"):
            name = producer[name].input[0]
        return name

    for node in graph.node:
        if node.op_type == "Swish":
            return "silu"
        if node.op_type == "Mul":
            first, second = (origin(name) for name in node.input[:2])
            if any(gate in gates and origin(gates[gate]) == other for gate, other in ((first, second), (second, first))):
                return "silu"
    others = sorted({node.op_type for node in graph.node} & set(_OTHER_ACTIVATIONS))
    if others and not any(node.op_type == "Relu" for node in graph.node):
        raise ModelUnsupported(f"{path}: expected a network with ReLU or SiLU to start from, got {', '.join(others)}")
    return "relu"


class _Constants:
    """Values of a graph that no input has a say in: initializers, and what (de)quantisation makes of them."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        from onnx import numpy_helper  # noqa: PLC0415  # as above

        self._values: dict[str, NDArray[Any]] = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._producer = {name: node for node in graph.node for name in node.output}
        self._users: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self._users.setdefault(name, []).append(node)

    def bias(self, conv: onnx.NodeProto, outputs: int) -> NDArray[Any] | None:
        """A convolution's bias (outputs,): its third input, or what is added to it next, or zeros; None where it is no constant."""
        if len(conv.input) > 2 and conv.input[2]:
            return self.value(conv.input[2])
        users = self._users.get(conv.output[0], [])
        if len(users) == 1 and users[0].op_type == "Add":
            for name in users[0].input:
                added = self.value(name)
                if added is not None and added.size == outputs:
                    return added.reshape(-1)
        return np.zeros(outputs, np.float32)

    def value(self, name: str) -> NDArray[Any] | None:
        """The value; None where it depends on an input."""
        if name in self._values or not name:
            return self._values.get(name)
        node = self._producer.get(name)
        if node is None or node.op_type not in ("DequantizeLinear", "QuantizeLinear", "Identity", "Constant"):
            return None
        made = self._made(node)
        if made is not None:
            self._values[name] = made
        return made

    def _made(self, node: onnx.NodeProto) -> NDArray[Any] | None:
        from onnx import helper, numpy_helper  # noqa: PLC0415  # as above

        attributes: Mapping[str, Any] = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        if node.op_type == "Constant":
            return numpy_helper.to_array(attributes["value"]) if "value" in attributes else None
        source = self.value(node.input[0])
        if source is None or node.op_type == "Identity":
            return source
        scale = self.value(node.input[1])
        zero = self.value(node.input[2]) if len(node.input) > 2 and node.input[2] else np.zeros((), np.int8)
        if scale is None or zero is None:
            return None
        # One scale for all, given as a list of one, or one a channel.
        shape: list[int] = []
        if scale.size > 1:
            shape = [1] * source.ndim
            shape[int(attributes.get("axis", 1)) if source.ndim > 1 else 0] = -1
        wide_scale, wide_zero = scale.reshape(shape), zero.astype(np.float32).reshape(shape if zero.size > 1 else [])
        if node.op_type == "DequantizeLinear":
            return np.asarray((source.astype(np.float32) - wide_zero) * wide_scale)
        limits = np.iinfo(zero.dtype)
        return np.asarray(np.clip(np.rint(source / wide_scale) + wide_zero, limits.min, limits.max).astype(zero.dtype))
