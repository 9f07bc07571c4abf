"""MobileNetV2's published weights out of a quantised TFLite file, put into our network.

The file holds each convolution with its batch normalisation folded in, weights in 8 bits and biases in 32. Its operators stand in the order
in which a picture meets them, which is that of `ClassifierNetwork.units`, so nothing depends on names.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.export.tflite_reader import TfliteFile, TfliteOperator, read_tflite
from panops.training.mobilenet import BLACK, ClassifierNetwork, ClassifierShape, ConvUnit

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def load_tflite(network: ClassifierNetwork, path: Path, *, head: bool = False) -> None:
    """Fill a network with a file's weights.

    Args:
        network: Of the file's width.
        path: A MobileNetV2 classifier in TFLite, such as mobilenet_v2_1.0_224_quant.tflite.
        head: Take the file's classes over, too; else the head stays as it is.

    Raises:
        ModelNotFound: There is no such file.
        ModelUnsupported: It is another network, or of another width or number of classes.
    """
    file = read_tflite(path)
    found = [operator for operator in file.operators if operator.kind in _CONVOLUTIONS]
    units = list(network.units())
    if len(found) != len(units) + 1:
        raise ModelUnsupported(
            f"{path.name}: expected MobileNetV2 with {len(units) + 1} convolutions to start from, got a network with {len(found)}"
        )
    for unit, operator in zip(units, found, strict=False):
        _fill(unit, *_weights(file, operator), path.name)
    if head:
        weight, bias = _weights(file, found[-1])
        if weight.shape != tuple(network.head.weight.shape):
            raise ModelUnsupported(f"{path.name}: expected {len(network.shape.classes)} classes, got {len(weight)}")
        with torch.no_grad():
            network.head.weight.copy_(torch.from_numpy(weight))
            network.head.bias.copy_(torch.from_numpy(bias))  # type: ignore[union-attr]  # it has one


def published_network(path: Path, class_count: int, border: float = BLACK) -> ClassifierNetwork:
    """The network of a file with the classes that it has, in evaluation mode: what proves that its weights are read rightly.

    Raises:
        ModelUnsupported: As `load_tflite`.
    """
    network = ClassifierNetwork(ClassifierShape(tuple(map(str, range(class_count)))), border)
    load_tflite(network, path, head=True)
    return network.eval()


def _weights(file: TfliteFile, operator: TfliteOperator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A convolution's weight as torch has it, (O, I, kh, kw), and its bias (O,)."""
    weight, bias = (file.tensors[index].real() for index in operator.inputs[1:3])
    # (O, kh, kw, I), and for a depthwise one (1, kh, kw, O).
    turned = weight.transpose(3, 0, 1, 2) if operator.kind == "DEPTHWISE_CONV_2D" else weight.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(turned), bias


def _fill(unit: ConvUnit, weight: NDArray[np.float32], bias: NDArray[np.float32], name: str) -> None:
    wanted = tuple(unit.conv.weight.shape)
    if weight.shape != wanted:
        raise ModelUnsupported(f"{name}: expected MobileNetV2 with a convolution of {wanted}, got {weight.shape}")
    norm = unit.norm
    with torch.no_grad():
        unit.conv.weight.copy_(torch.from_numpy(weight))
        norm.reset_running_stats()
        # 1 * x + bias.
        norm.weight.fill_((1.0 + norm.eps) ** 0.5)
        norm.bias.copy_(torch.from_numpy(bias))
