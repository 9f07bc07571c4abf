"""The three networks of MTCNN as ONNX files, made of the weights that PyTorch ports of it keep as state dicts.

K. Zhang et al., Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks, 2016,
https://arxiv.org/abs/1604.02878, figure 2; PReLU, ceiling pools and names of weights as in facenet-pytorch 2.6.0, whose weights are those
of the authors. ONNX, not OpenVINO's own format: that one holds the version it was written by, so its bytes differ from release to release,
and onnxruntime does not read it.

Pictures go in as RGB, (value - 127.5) / 128, in planes: `pictures` (N, 3, H, W) float32. Out come `face` (N, 2, ...), the probabilities of
no face and a face; `shift` (N, 4, ...), how far left, top, right and bottom are off in widths and heights of the box; and from O-net
`points` (N, 10), five x and five y in 0..1 of the box. P-net takes any height and width from 12 on and gives a map; the others any batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.inference.onnx_writer import Dims, OnnxWriter
from panops.inference.state_dict import read_state_dict
from panops.inference.tensors import Unreadable

_INPUT = "pictures"
_OUTPUTS = {"face": 2, "shift": 4, "points": 10}


@dataclass(frozen=True, slots=True)
class _Layer:
    """Convolution and PReLU, then maybe a maximum pool of stride 2 whose last window may reach over the edge.

    Attributes:
        channels: Of the output.
        kernel: Of the convolution, px.
        pool: Size of the pool's window, px; 0 for none.
    """

    channels: int
    kernel: int
    pool: int = 0


@dataclass(frozen=True, slots=True)
class _Network:
    """One network.

    Attributes:
        layers: `conv1` and so on.
        dense: Size of the dense layer after them; 0 where the network is made of convolutions only.
        side: What the last layer's map measures before the dense layer, px.
        heads: The weights of `face`, `shift` and `points`.
        side_px: Width and height of its input, px; 0 where they vary.
    """

    layers: tuple[_Layer, ...]
    dense: int
    side: int
    heads: tuple[str, ...]
    side_px: int


_NETWORKS = {
    "pnet": _Network((_Layer(10, 3, 2), _Layer(16, 3), _Layer(32, 3)), 0, 0, ("conv4_1", "conv4_2"), 0),
    "rnet": _Network((_Layer(28, 3, 3), _Layer(48, 3, 3), _Layer(64, 2)), 128, 3, ("dense5_1", "dense5_2"), 24),
    "onet": _Network(
        (_Layer(32, 3, 3), _Layer(64, 3, 3), _Layer(64, 3, 2), _Layer(128, 2)), 256, 3, ("dense6_1", "dense6_2", "dense6_3"), 48
    ),
}
# Of the files made from facenet-pytorch 2.6.0's weights, whose own sums are in the catalogue.
ONNX_SHA256: Mapping[str, str] = {
    "pnet": "98b224cfd2fd631f36d19170383c95cb2726e3083daf08e6656d8c21c1c1df1b",
    "rnet": "cb193de5ee6f55e21be09d3259e15f1e8975f97e25802aa507d3fe3cae115fe2",
    "onet": "208e58d6e5e1b9da55256380d9c8b206c214e07718096ef4709707429a577600",
}


def mtcnn_onnx(network: str, name: str, content: bytes) -> bytes:
    """One network as an ONNX file. The same weights give the same bytes on every machine.

    Args:
        network: `pnet`, `rnet` or `onet`.
        name: The state dict's file name, for messages.
        content: Of that file (`state_dict`).

    Raises:
        Unreadable: It is damaged, or the weights are not that network's.
        KeyError: There is no such network.
    """
    plan = _NETWORKS[network]
    return _Builder(plan, network, name, read_state_dict(name, content)).built()


class _Builder:
    """One network on its way; weights are taken out one by one, and none may be left."""

    def __init__(self, plan: _Network, network: str, name: str, weights: dict[str, NDArray[Any]]) -> None:
        self._plan = plan
        self._network = network
        self._name = name
        self._weights = weights
        self._writer = OnnxWriter(f"mtcnn_{network}")

    def built(self) -> bytes:
        plan, tensor, channels = self._plan, _INPUT, 3
        for index, layer in enumerate(plan.layers, 1):
            tensor = self._convolution(f"conv{index}", tensor, (layer.channels, channels, layer.kernel, layer.kernel))
            tensor = self._prelu(f"prelu{index}", tensor, (layer.channels, 1, 1))
            channels = layer.channels
            if layer.pool:
                window = {"kernel_shape": [layer.pool] * 2, "strides": [2, 2]}
                tensor = self._writer.node("MaxPool", [tensor], f"pool{index}", ceil_mode=1, **window)
        number = len(plan.layers) + 1
        if plan.dense:
            tensor = self._writer.node("Flatten", [tensor], "flat", axis=1)
            tensor = self._dense(f"dense{number}", tensor, (plan.dense, channels * plan.side**2), "", plan.side)
            tensor = self._prelu(f"prelu{number}", tensor, (plan.dense,))
            channels = plan.dense
        for head, (output, size) in zip(plan.heads, _OUTPUTS.items(), strict=False):
            self._head(head, output, tensor, (size, channels))
        if self._weights:
            raise self._refusal(f"{next(iter(self._weights))} belongs to no layer of it")
        dims: Dims = (plan.side_px, plan.side_px) if plan.dense else ("height", "width")
        mapped: Dims = () if plan.dense else ("rows", "columns")
        outputs = {output: ("batch", size, *mapped) for output, size in list(_OUTPUTS.items())[: len(plan.heads)]}
        return self._writer.content({_INPUT: ("batch", 3, *dims)}, outputs)

    def _head(self, name: str, output: str, tensor: str, shape: tuple[int, int]) -> None:
        raw = f"{output}_raw" if output == "face" else output
        if self._plan.dense:
            self._dense(name, tensor, shape, raw)
        else:
            self._convolution(name, tensor, (*shape, 1, 1), raw)
        if output == "face":
            self._writer.node("Softmax", [raw], output, axis=1)

    def _convolution(self, name: str, tensor: str, shape: tuple[int, ...], output: str = "") -> str:
        inputs = [tensor, self._weight(f"{name}.weight", shape), self._weight(f"{name}.bias", shape[:1])]
        return self._writer.node("Conv", inputs, output or name, kernel_shape=shape[2:])

    def _prelu(self, name: str, tensor: str, shape: tuple[int, ...]) -> str:
        slope = self._writer.weight(f"{name}.weight", self._taken(f"{name}.weight", shape[:1]).reshape(shape))
        return self._writer.node("PRelu", [tensor, slope], name)

    def _dense(self, name: str, tensor: str, shape: tuple[int, int], output: str = "", side: int = 0) -> str:
        weight = self._taken(f"{name}.weight", shape)
        if side:
            # The authors' tools kept maps as (width, height, channels): weights are put into our order, instead of each map into theirs.
            weight = weight.reshape(shape[0], side, side, -1).transpose(0, 3, 2, 1).reshape(shape)
        inputs = [tensor, self._writer.weight(f"{name}.weight", weight), self._weight(f"{name}.bias", shape[:1])]
        return self._writer.node("Gemm", inputs, output or name, transB=1)

    def _weight(self, name: str, shape: tuple[int, ...]) -> str:
        return self._writer.weight(name, self._taken(name, shape))

    def _taken(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        weight = self._weights.pop(name, None)
        if weight is None:
            raise self._refusal(f"{name} is missing")
        if weight.shape != shape or weight.dtype != np.float32:
            raise self._refusal(f"{name} is {weight.dtype} {weight.shape}; expected float32 {shape}")
        if not np.isfinite(weight).all():
            raise self._refusal(f"{name} holds numbers that are none")
        return weight

    def _refusal(self, reason: str) -> Unreadable:
        return Unreadable(self._name, f"MTCNN's {self._network}", reason)
