"""YuNet: faces with five points each, at three strides.

W. Wu, H. Peng, S. Yu, YuNet: A Tiny Millisecond-level Face Detector, Machine Intelligence Research 20 (2023). Twelve outputs, for each
stride of 8, 16 and 32 `cls` (1, N, 1), `obj` (1, N, 1), `bbox` (1, N, 4) and `kps` (1, N, 10): offsets within the cell and logarithms of
sizes, as YOLOX has them, and x, y of right eye, left eye, nose, right and left corner of the mouth, in cells from the row's own.
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
from panops.vision.candidates import FloatArray, IndexArray, KeepSettings, best_indices, class_wise_nms
from panops.vision.grid_cells import SizedPictures, grid_cells
from panops.vision.letterbox import Letterbox
from panops.vision.preprocess import Preprocessing

POINTS = 5
_STRIDES = (8, 16, 32)
_LARGEST_LOG_SIZE = 12.0
# Below it YuNet sees faces in foliage; its authors evaluate from .02 on and use .6 to .9.
_DEFAULTS = KeepSettings(min_score=0.5, iou_threshold=0.3)


class FacesYuNet:
    """The task `faces` with YuNet. For one thread: the input tensor is re-used from frame to frame.

    Args:
        manifest: The model; its input's sides are multiples of 32 px.
        settings: What is reported.

    Raises:
        ModelUnsupported: The input's size does not fit the strides.
    """

    for_task: ClassVar[str] = "faces"

    def __init__(self, manifest: ModelManifest, settings: KeepSettings | None = None) -> None:
        how = Preprocessing.of(manifest)
        if how.size_wh[0] % _STRIDES[-1] or how.size_wh[1] % _STRIDES[-1]:
            raise ModelUnsupported(f"{manifest.name}: expected an input whose sides are multiples of 32 px, got {how.size_wh}")
        self._name = manifest.name
        self._settings = settings or _DEFAULTS
        self._pictures = SizedPictures(how)
        self._cells: dict[tuple[int, int], FloatArray] = {}
        self.any_size = how.pad is not None

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """The model's input (valid until the next call) and the way back to the frame."""
        return self._pictures.whole(frame)

    def prepare_region(self, frame: Frame, region: Region) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """As `prepare`, of a part of the picture at the size of input that the region names; only with `any_size`."""
        return self._pictures.part(frame, region)

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: Letterbox) -> Detections:
        """The faces with `keypoints` (N, 5, 3) in px of the frame, best first; a point's score is its face's.

        Raises:
            ModelUnsupported: An output is missing, or does not fit the input's size.
        """
        if context.input_wh not in self._cells:
            self._cells[context.input_wh] = grid_cells(context.input_wh, _STRIDES)
        cells = self._cells[context.input_wh]
        joined = {kind: self._joined(outputs, kind, width, context.input_wh) for kind, width in _WIDTHS.items()}
        # Both are trained as probabilities; quantised files leave 0..1 by a hair.
        score = np.sqrt(np.clip(joined["cls"][:, 0], 0.0, 1.0) * np.clip(joined["obj"][:, 0], 0.0, 1.0))
        index = best_indices(score, self._settings)
        stride = cells[index, 2:]
        boxes = joined["bbox"][index]
        size = np.exp(np.minimum(boxes[:, 2:], _LARGEST_LOG_SIZE)) * stride
        xyxy = cxcywh_to_xyxy(np.concatenate([(boxes[:, :2] + cells[index, :2]) * stride, size], axis=1).astype(np.float32))
        points = (joined["kps"][index].reshape(-1, POINTS, 2) + cells[index, None, :2]) * stride[:, None]
        finite = np.isfinite(xyxy).all(axis=1) & np.isfinite(points).all(axis=(1, 2))
        return self._kept(xyxy[finite], score[index][finite], points[finite].astype(np.float32), context)

    def _kept(self, xyxy: FloatArray, score: FloatArray, points: FloatArray, context: Letterbox) -> Detections:
        rows: IndexArray = class_wise_nms(xyxy, score, np.zeros(len(xyxy), np.int64), self._settings.iou_threshold)
        rows = rows[np.argsort(-score[rows], kind="stable")][: self._settings.most]
        framed = context.clip(context.inverse(xyxy[rows]))
        xy = context.inverse_points(points[rows])
        sure = np.repeat(score[rows, None, None], POINTS, axis=1)
        keypoints = np.concatenate([xy, sure], axis=2).astype(np.float32)
        inside = (framed[:, 2] > framed[:, 0]) & (framed[:, 3] > framed[:, 1])
        found = Detections(framed.astype(np.float32), score[rows].astype(np.float32), np.zeros(len(rows), np.int64), keypoints)
        return found if inside.all() else found.select(inside)

    def _joined(self, outputs: Mapping[str, NDArray[Any]], kind: str, width: int, input_wh: tuple[int, int]) -> FloatArray:
        """The three strides' rows (N, width) of one kind of output."""
        parts = []
        for stride in _STRIDES:
            name = f"{kind}_{stride}"
            shape = (1, (input_wh[0] // stride) * (input_wh[1] // stride), width)
            array = outputs.get(name)
            if array is None or array.shape != shape:
                got = "nothing" if array is None else str(array.shape)
                raise ModelUnsupported(f"{self._name}: expected the output {name} to be {shape}, got {got}")
            parts.append(np.asarray(array[0], np.float32))
        return np.concatenate(parts)


_WIDTHS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 2 * POINTS}
