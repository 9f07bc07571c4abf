"""YOLOX-like detectors: one output with a row for each cell of each stride: box, objectness (or none), a score for each class.

Z. Ge et al., YOLOX: Exceeding YOLO Series in 2021, https://arxiv.org/abs/2107.08430. Two heads: `yolox` for raw outputs (offsets within
the cell, logarithms of sizes, as the official ONNX export writes them) and `yolox_decoded` for boxes that are already in px of the input
(`--decode_in_inference`). A row has 5 + C columns with an objectness score, or 4 + C where each class's score holds it already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import cxcywh_to_xyxy
from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.region import Region
from panops.vision.candidates import FloatArray, IndexArray, KeepSettings, best_indices, keep
from panops.vision.grid_cells import SizedPictures, grid_cells
from panops.vision.letterbox import Letterbox
from panops.vision.preprocess import Preprocessing

_STRIDE_SETS = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32), (8, 16))
# exp(12) cells are more than any input has; without a bound a damaged weight would overflow to infinity.
_LARGEST_LOG_SIZE = 12.0


class DetectYolox:
    """The task `detection` with a YOLOX-like model. For one thread: the input tensor is re-used from frame to frame.

    Args:
        manifest: The model.
        settings: What is reported.
    """

    for_task: ClassVar[str] = "detection"
    decoded: ClassVar[bool] = False

    def __init__(self, manifest: ModelManifest, settings: KeepSettings | None = None) -> None:
        how = Preprocessing.of(manifest)
        self._name = manifest.name
        self._class_count = len(manifest.classes)
        self._settings = settings or KeepSettings()
        self._pictures = SizedPictures(how)
        self._cells = {how.size_wh: {} if self.decoded else _cells(how.size_wh)}
        # A decoded file has its own size's cells inside; a stretched picture has another shape at another size.
        self.any_size = not self.decoded and how.pad is not None

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """The model's input (valid until the next call) and the way back to the frame."""
        return self._pictures.whole(frame)

    def prepare_region(self, frame: Frame, region: Region) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """As `prepare`, of a part of the picture at the size of input that the region names; only with `any_size`."""
        if region.input_wh not in self._cells:
            self._cells[region.input_wh] = _cells(region.input_wh)
        return self._pictures.part(frame, region)

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: Letterbox) -> Detections:
        """The detections in px of the frame, best first.

        Raises:
            ModelUnsupported: The output's shape fits neither the input size nor the number of classes.
        """
        rows = self._rows(outputs)
        index, score, class_id = self._scored(rows)
        boxes = rows[index, :4]
        if not self.decoded:
            boxes = self._decode(boxes, index, len(rows), context.input_wh)
        finite = np.isfinite(boxes).all(axis=1)
        if not finite.all():
            boxes, score, class_id = boxes[finite], score[finite], class_id[finite]
        return keep(cxcywh_to_xyxy(boxes), score, class_id, context, self._settings)

    def _rows(self, outputs: Mapping[str, NDArray[Any]]) -> FloatArray:
        """The output as (N, 4 or 5 + C)."""
        widths = (self._class_count + 5, self._class_count + 4)
        arrays = list(outputs.values())
        if len(arrays) == 1 and arrays[0].ndim == 3 and len(arrays[0]) == 1:
            rows: FloatArray = arrays[0][0]
            if rows.shape[1] not in widths and rows.shape[0] in widths:
                rows = rows.T
            if rows.shape[1] in widths:
                return rows
        got = ", ".join(str(array.shape) for array in arrays)
        raise ModelUnsupported(
            f"{self._name}: expected one output (1, N, {widths[0]}) or (1, N, {widths[1]}) for {self._class_count} classes, got {got}"
        )

    def _scored(self, rows: FloatArray) -> tuple[IndexArray, FloatArray, IndexArray]:
        """Row indices, scores and classes of what reaches the lowest score."""
        if rows.shape[1] == self._class_count + 4:
            class_id = np.argmax(rows[:, 4:], axis=1)
            score = rows[np.arange(len(rows)), 4 + class_id]
            index = best_indices(score, self._settings)
            return index, score[index], class_id[index]
        # Objectness bounds the product, so most rows need not be looked at further.
        some = np.flatnonzero(rows[:, 4] >= self._settings.min_score)
        classes = rows[some, 5:]
        class_id = np.argmax(classes, axis=1) if len(some) else np.zeros(0, np.int64)
        score = classes[np.arange(len(some)), class_id] * rows[some, 4]
        index = best_indices(score, self._settings)
        return some[index], score[index], class_id[index]

    def _decode(self, boxes: FloatArray, index: IndexArray, count: int, input_wh: tuple[int, int]) -> FloatArray:
        """Raw boxes (K, 4) of the rows `index` as centre and size in px of the input."""
        cells = self._cells[input_wh].get(count)
        if cells is None:
            expected = " or ".join(str(rows) for rows in self._cells[input_wh])
            raise ModelUnsupported(
                f"{self._name}: expected {expected} rows for this input size, got {count}; is the output decoded already?"
            )
        offset, stride = cells[index, :2], cells[index, 2:]
        centre = (boxes[:, :2] + offset) * stride
        size = np.exp(np.minimum(boxes[:, 2:], _LARGEST_LOG_SIZE)) * stride
        return np.concatenate([centre, size], axis=1)


class DetectYoloxDecoded(DetectYolox):
    """A YOLOX-like model whose boxes are centre and size in px of the input."""

    decoded: ClassVar[bool] = True


def _cells(size_wh: tuple[int, int]) -> dict[int, FloatArray]:
    """For each usual set of strides, by its number of rows: x, y and stride (N, 3) of every row's cell."""
    found: dict[int, FloatArray] = {}
    for strides in _STRIDE_SETS:
        cells = grid_cells(size_wh, strides)
        found.setdefault(len(cells), cells)
    return found
