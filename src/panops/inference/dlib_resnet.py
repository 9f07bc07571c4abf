"""dlib's network for faces as an ONNX file, made of the weights that its author published.

D. E. King, High Quality Face Recognition with Deep Metric Learning, 2017, http://blog.dlib.net; the network is K. He et al., Deep Residual
Learning for Image Recognition, 2016, https://arxiv.org/abs/1512.03385, with 29 layers. dlib's own file holds layers in the order they are
run, each as its name and its numbers; only names with weights are looked for here, and nothing of dlib is needed.

Faces go in as RGB, (value - mean) / 256, in planes: `faces` (N, 3, 150, 150) float32; the mean is in the catalogue. Out comes `embedding`
(N, 128), of which the distance tells people apart. dlib's vectors all lie on one side of zero, so that strangers have a cosine of .8: what
comes out here is moved by the mean of many strangers' (`CENTRE`), which changes no distance and brings strangers' cosines to around 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.inference.dlib_centre import CENTRE
from panops.inference.onnx_writer import OnnxWriter
from panops.inference.tensors import Unreadable

DIMENSIONS = 128
SIDE_PX = 150
_KIND = "dlib's network for faces"
# Channels of each block of two convolutions, and whether it halves the picture.
_BLOCKS = (
    *((32, False),) * 3,
    *((64, True), (64, False), (64, False), (64, False)),
    *((128, True), (128, False), (128, False)),
    *((256, True), (256, False), (256, False)),
    (256, True),
)
_STEM = 32
_CONVOLUTION, _AFFINE, _DENSE = "con_4", "affine_", "fc_2"
_TENSOR_VERSION = 2
# Of the file made of the published weights, whose own sum is in the catalogue.
ONNX_SHA256 = "029e2a177ed2463eee45246fe0b4d0ecc4ff27e202b0896fb2420ef98caf0e54"


def dlib_resnet_onnx(name: str, content: bytes, centre: NDArray[np.float32] | None = None) -> bytes:
    """The network as an ONNX file. The same weights give the same bytes on every machine.

    Args:
        name: The file's name, for messages.
        content: Of dlib's file (`dlib_face_recognition_resnet_model_v1.dat`).
        centre: (128,) what is taken off the vectors; `CENTRE` when None.

    Raises:
        Unreadable: It is damaged, or the weights are not that network's.
    """
    return _Builder(name, content).built(CENTRE if centre is None else centre)


class _Builder:
    """The network on its way; weights are taken one by one, and none may be left."""

    def __init__(self, name: str, content: bytes) -> None:
        self._name = name
        self._weights = _weights(name, content)
        self._writer = OnnxWriter("dlib_faces")
        self._count = 0

    def built(self, centre: NDArray[np.float32]) -> bytes:
        writer, side = self._writer, (SIDE_PX - 7) // 2 + 1
        tensor = writer.node("Relu", [self._convolution("faces", 3, _STEM, 7, stride=2)], "stem")
        tensor = writer.node("MaxPool", [tensor], "pooled", kernel_shape=[3, 3], strides=[2, 2])
        side, channels = (side - 3) // 2 + 1, _STEM
        for width, halves in _BLOCKS:
            tensor = self._block(tensor, side, channels, width, halves=halves)
            side, channels = side // 2 if halves else side, width
        tensor = writer.node("GlobalAveragePool", [tensor], "mean")
        tensor = writer.node("Flatten", [tensor], "flat", axis=1)
        dense = writer.weight("dense", self._taken(_DENSE, channels * DIMENSIONS).reshape(channels, DIMENSIONS))
        tensor = writer.node("Gemm", [tensor, dense, writer.weight("centre", -centre)], "embedding")
        if next(self._weights, None) is not None:
            raise self._refusal("it has more layers")
        return writer.content({"faces": ("batch", 3, SIDE_PX, SIDE_PX)}, {"embedding": ("batch", DIMENSIONS)})

    def _block(self, tensor: str, side: int, channels: int, width: int, *, halves: bool) -> str:
        """Two convolutions beside a way around them. What is smaller of the two is filled up with zeros, as dlib does."""
        writer, number = self._writer, self._count
        first = writer.node("Relu", [self._convolution(tensor, channels, width, 3, stride=2 if halves else 1)], f"block{number}")
        found = self._convolution(first, width, width, 3)
        around = tensor
        if halves:
            around = writer.node("AveragePool", [tensor], f"half{number}", kernel_shape=[2, 2], strides=[2, 2])
            around = self._filled(around, width - channels, 0)
            found = self._filled(found, 0, side // 2 - ((side - 3) // 2 + 1))
        return writer.node("Relu", [writer.node("Add", [found, around], f"sum{number}")], f"out{number}")

    def _filled(self, tensor: str, channels: int, px: int) -> str:
        if not channels and not px:
            return tensor
        ends = self._writer.whole_numbers(f"{tensor}_ends", [0, 0, 0, 0, 0, channels, px, px])
        return self._writer.node("Pad", [tensor, ends], f"{tensor}_filled")

    def _convolution(self, tensor: str, channels: int, width: int, kernel: int, stride: int = 1) -> str:
        """A convolution and dlib's affine layer behind it, as one convolution."""
        self._count += 1
        weights = self._taken(_CONVOLUTION, width * (channels * kernel**2 + 1))
        filters, bias = weights[:-width].reshape(width, channels, kernel, kernel), weights[-width:]
        gamma, beta = np.split(self._taken(_AFFINE, 2 * width), 2)
        name, edge = f"conv{self._count}", 0 if stride > 1 else kernel // 2
        inputs = [
            tensor,
            self._writer.weight(f"{name}.weight", filters * gamma[:, None, None, None]),
            self._writer.weight(f"{name}.bias", bias * gamma + beta),
        ]
        return self._writer.node("Conv", inputs, name, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[edge] * 4)

    def _taken(self, kind: str, count: int) -> NDArray[np.float32]:
        found, weights = next(self._weights, ("", np.zeros(0, np.float32)))
        if found != kind or len(weights) != count:
            raise self._refusal(f"expected {kind} of {count} numbers, got {found or 'its end'} of {len(weights)}")
        if not np.isfinite(weights).all():
            raise self._refusal(f"a layer {kind} holds numbers that are none")
        return weights

    def _refusal(self, reason: str) -> Unreadable:
        return Unreadable(self._name, _KIND, reason)


def _weights(name: str, content: bytes) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The layers that have weights, in the order they are run: name and numbers."""
    marks = {kind: _word(kind) for kind in (_CONVOLUTION, _AFFINE, _DENSE)}
    at = 0
    while True:
        found = [(place, kind) for kind, mark in marks.items() if (place := content.find(mark, at)) >= 0]
        if not found:
            return
        place, kind = min(found)
        at = place + len(marks[kind])
        if kind == _DENSE:
            _, at = _number(name, content, at)  # how many come out, and go in
            _, at = _number(name, content, at)
        array, at = _tensor(name, content, at)
        yield kind, array


def _tensor(name: str, content: bytes, at: int) -> tuple[NDArray[np.float32], int]:
    """One of dlib's tensors and where it ends: version, four sizes, numbers as little-endian float32."""
    version, at = _number(name, content, at)
    count = 1
    for _ in range(4):
        size, at = _number(name, content, at)
        count *= size
    end = at + 4 * count
    if version != _TENSOR_VERSION or count < 1 or end > len(content):
        raise Unreadable(name, _KIND, "a layer's numbers are cut off or of another version")
    array: NDArray[Any] = np.frombuffer(content, "<f4", count, at)
    return array.astype(np.float32), end


def _number(name: str, content: bytes, at: int) -> tuple[int, int]:
    """A whole number as dlib writes it, and where it ends: how many bytes it has, then those, the lowest first."""
    size = content[at] if at < len(content) else 0
    end = at + 1 + size
    if not 1 <= size <= 8 or end > len(content):
        raise Unreadable(name, _KIND, "a layer's size is cut off or no number")
    return int.from_bytes(content[at + 1 : end], "little"), end


def _word(text: str) -> bytes:
    return bytes([1, len(text)]) + text.encode()
