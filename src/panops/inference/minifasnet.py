"""The two networks of Minivision that tell a living face from a picture of one, as ONNX files.

minivision-ai/Silent-Face-Anti-Spoofing, 2020: MobileFaceNets (S. Chen et al., 2018, https://arxiv.org/abs/1804.07573) with pruned widths;
the one for the wider view has squeeze-and-excitation (J. Hu et al., 2018) at the end of each stage. Widths are read off the weights, and
batch normalisation is folded into the convolution before it. The same weights give the same bytes on every machine.

Faces go in as BGR, 0..255, in planes: `faces` (N, 3, 80, 80) float32; out comes `kind` (N, 3), the probabilities of print, live and replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.inference.onnx_writer import OnnxWriter
from panops.inference.state_dict import read_state_dict
from panops.inference.tensors import Unreadable

SIDE_PX = 80
_EPSILON = 1e-5
_KINDS = 3
# How many blocks follow each halving of the picture.
_STAGES = (("conv_23", "conv_3", 4), ("conv_34", "conv_4", 6), ("conv_45", "conv_5", 2))
_TRAINED_ON_SEVERAL = "module."
# Of the files made of the published weights, whose own sums are in the catalogue.
ONNX_SHA256: Mapping[str, str] = {
    "v2": "50c4a1e4747f25dcb8bc73e114ac023d2f437da01a6ae7c7a65b777825943f3d",
    "v1se": "801a744f8a8c7b693b344da6bd0992ab9c09860d5bf1218df5ec05a584f834f8",
}


def minifasnet_onnx(network: str, name: str, content: bytes) -> bytes:
    """One network as an ONNX file.

    Args:
        network: `v2` or `v1se`.
        name: The state dict's file name, for messages.
        content: Of that file (`state_dict`).

    Raises:
        Unreadable: It is damaged, or the weights are no such network's.
        KeyError: There is no such network.
    """
    if network not in ONNX_SHA256:
        raise KeyError(network)
    return _Builder(network, name, read_state_dict(name, content)).built()


class _Builder:
    """One network on its way; weights are taken out one by one, and none may be left."""

    def __init__(self, network: str, name: str, weights: Mapping[str, NDArray[Any]]) -> None:
        self._network = network
        self._name = name
        self._weights = {
            key.removeprefix(_TRAINED_ON_SEVERAL): value for key, value in weights.items() if not key.endswith("num_batches_tracked")
        }
        self._writer = OnnxWriter(f"minifasnet_{network}")

    def built(self) -> bytes:
        tensor = self._activated("conv1", "faces", stride=2, edge=1)
        tensor = self._activated("conv2_dw", tensor, edge=1)
        for halving, stage, blocks in _STAGES:
            tensor = self._block(halving, tensor, stride=2)
            for index in range(blocks):
                name = f"{stage}.model.{index}"
                found = self._attended(name, self._block(name, tensor))
                tensor = self._writer.node("Add", [tensor, found], f"{name}.out")
        tensor = self._convolution("conv_6_dw", self._activated("conv_6_sep", tensor))
        self._writer.node("Flatten", [tensor], "flat", axis=1)
        dense, narrow = self._taken("linear.weight", 2), self._taken("prob.weight", 2)
        scale, shift = self._normalisation("bn", len(dense))
        if narrow.shape != (_KINDS, len(dense)):
            raise self._refusal(f"expected {_KINDS} outputs of {len(dense)} numbers, got {narrow.shape}")
        hidden = [self._writer.weight("linear", dense * scale[:, None]), self._writer.weight("linear.bias", shift)]
        self._writer.node("Gemm", ["flat", *hidden], "hidden", transB=1)
        self._writer.node("Gemm", ["hidden", self._writer.weight("prob", narrow)], "raw", transB=1)
        self._writer.node("Softmax", ["raw"], "kind", axis=1)
        if self._weights:
            raise self._refusal(f"{next(iter(self._weights))} belongs to no layer of it")
        return self._writer.content({"faces": ("batch", 3, SIDE_PX, SIDE_PX)}, {"kind": ("batch", _KINDS)})

    def _block(self, name: str, tensor: str, stride: int = 1) -> str:
        """Widened, looked at channel by channel, and narrowed again."""
        wide = self._activated(f"{name}.conv", tensor)
        return self._convolution(f"{name}.project", self._activated(f"{name}.conv_dw", wide, stride=stride, edge=1))

    def _attended(self, name: str, tensor: str) -> str:
        """Each channel weighed by what the whole picture says of it, where the block has weights for that."""
        if f"{name}.se_module.fc1.weight" not in self._weights:
            return tensor
        mean = self._writer.node("GlobalAveragePool", [tensor], f"{name}.mean")
        few = self._convolution(f"{name}.se_module", mean, layer="fc1", normalised="bn1")
        few = self._writer.node("Relu", [few], f"{name}.few")
        many = self._convolution(f"{name}.se_module", few, layer="fc2", normalised="bn2")
        return self._writer.node("Mul", [tensor, self._writer.node("Sigmoid", [many], f"{name}.weigh")], f"{name}.weighed")

    def _activated(self, name: str, tensor: str, stride: int = 1, edge: int = 0) -> str:
        found = self._convolution(name, tensor, stride, edge)
        slope = self._taken(f"{name}.prelu.weight", 1)
        return self._writer.node("PRelu", [found, self._writer.weight(f"{name}.slope", slope.reshape(-1, 1, 1))], f"{name}.active")

    def _convolution(self, name: str, tensor: str, stride: int = 1, edge: int = 0, layer: str = "conv", normalised: str = "bn") -> str:
        weight = self._taken(f"{name}.{layer}.weight", 4)
        scale, shift = self._normalisation(f"{name}.{normalised}", len(weight))
        kernel, key = weight.shape[2:], f"{name}.{layer}"
        inputs = [
            tensor,
            self._writer.weight(f"{key}.weight", weight * scale[:, None, None, None]),
            self._writer.weight(f"{key}.bias", shift),
        ]
        group = len(weight) if weight.shape[1] == 1 else 1
        return self._writer.node("Conv", inputs, key, kernel_shape=kernel, strides=[stride] * 2, pads=[edge] * 4, group=group)

    def _normalisation(self, name: str, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(C,) scale and (C,) shift that batch normalisation comes to."""
        gamma, beta, mean, variance = (self._taken(f"{name}.{key}", 1) for key in ("weight", "bias", "running_mean", "running_var"))
        if not len(gamma) == len(beta) == len(mean) == len(variance) == count or (variance < 0).any():
            raise self._refusal(f"{name} does not fit {count} channels")
        scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + _EPSILON)
        return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)

    def _taken(self, name: str, axes: int) -> NDArray[np.float32]:
        weight = self._weights.pop(name, None)
        if weight is None:
            raise self._refusal(f"{name} is missing")
        if weight.ndim != axes or weight.dtype != np.float32 or not np.isfinite(weight).all():
            raise self._refusal(f"{name} is {weight.dtype} {weight.shape}; expected {axes} axes of float32 numbers")
        return weight

    def _refusal(self, reason: str) -> Unreadable:
        return Unreadable(self._name, f"MiniFASNet's {self._network}", reason)
