"""Segmentation models that give one class a pixel, or a score a class and pixel: DeepLab and its like.

L.-C. Chen et al., Encoder-Decoder with Atrous Separable Convolution (DeepLabv3+), 2018, https://arxiv.org/abs/1802.02611. The head
`class_map` reads one output: (1, H, W) whole numbers, (1, H, W, C) or (1, C, H, W) scores for the manifest's C classes; of two classes also
(1, H, W, 1) or (1, 1, H, W), how surely a pixel is of the second, 0..1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.class_map import ClassMap
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.vision.letterbox import Letterbox
from panops.vision.preprocess import InputPicture, Preprocessing

# Of two classes the second one is told from so much on.
_SURE = 0.5


class SegmentClasses:
    """The task `segmentation`: what each part of a picture shows. For one thread: the input tensor is re-used.

    Args:
        manifest: The model.

    Raises:
        ModelUnsupported: There are more classes than a byte holds, or only one.
    """

    def __init__(self, manifest: ModelManifest) -> None:
        self._name = manifest.name
        self._class_count = len(manifest.classes)
        if not 2 <= self._class_count <= 256:
            raise ModelUnsupported(f"{manifest.name}: expected 2 to 256 classes, got {self._class_count}")
        how = Preprocessing.of(manifest)
        self._input_name = how.input_name
        self._picture = InputPicture(how)

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """The model's input (valid until the next call) and the way back to the frame."""
        tensor, box = self._picture.fill(frame)
        return {self._input_name: tensor}, box

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: Letterbox) -> ClassMap:
        """The map of the whole picture, without what was padded.

        Raises:
            ModelUnsupported: The output is no map, or a class is beyond the manifest's list.
        """
        classes = self._classes(outputs)
        height, width = classes.shape
        if context.scaled_wh != context.input_wh:
            x, y = width / context.input_wh[0], height / context.input_wh[1]
            left, top = round(context.offset_xy[0] * x), round(context.offset_xy[1] * y)
            right, bottom = round(left + context.scaled_wh[0] * x), round(top + context.scaled_wh[1] * y)
            classes = classes[top : max(bottom, top + 1), left : max(right, left + 1)]
        largest = int(classes.max(initial=0))
        if largest >= self._class_count or classes.min(initial=0) < 0:
            raise ModelUnsupported(f"{self._name}: found class {largest}, but its manifest lists {self._class_count} classes")
        return ClassMap(np.ascontiguousarray(classes, np.uint8), context.source_wh)

    def _classes(self, outputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """(H, W) class ids of the input picture."""
        arrays = list(outputs.values())
        if len(arrays) == 1 and len(arrays[0]) == 1:
            array: NDArray[Any] = arrays[0][0]
            if array.ndim == 2 and np.issubdtype(array.dtype, np.integer):
                return array
            if array.ndim == 3 and array.shape[2] == self._class_count:
                return np.asarray(array.argmax(axis=2))
            if array.ndim == 3 and array.shape[0] == self._class_count:
                return np.asarray(array.argmax(axis=0))
            if array.ndim == 3 and self._class_count == 2 and 1 in (array.shape[0], array.shape[2]) and array.dtype.kind == "f":
                return np.asarray((array[..., 0] if array.shape[2] == 1 else array[0]) >= _SURE, np.uint8)
        got = ", ".join(f"{array.dtype} {array.shape}" for array in arrays)
        count = self._class_count
        raise ModelUnsupported(
            f"{self._name}: expected whole numbers (1, H, W), or scores (1, H, W, {count}) or (1, {count}, H, W), got {got}"
        )
