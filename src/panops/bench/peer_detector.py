"""YOLOX-nano on onnxruntime as people write it who use no framework: letterbox, one session, decode, suppression by OpenCV."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

_SIDE = 416
_STRIDES = (8, 16, 32)
_GREY = 114
_PERSON = 0


class PeerDetector:
    """Finds people. Shared by all threads: an onnxruntime session may be run by many at once.

    Args:
        path: `yolox_nano_416.onnx` with its raw output (1, 3549, 85).
        threads: Threads of the session; 0 leaves everything as onnxruntime has it, threads that spin included.
        min_score: Weaker ones are not reported.
        iou_threshold: Of two boxes that overlap more than this the weaker one goes.
    """

    def __init__(self, path: str, threads: int, min_score: float = 0.35, iou_threshold: float = 0.45) -> None:
        """Open the session."""
        options = onnxruntime.SessionOptions()
        if threads:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._min_score = min_score
        self._iou_threshold = iou_threshold
        grids = []
        for stride in _STRIDES:
            y, x = np.mgrid[0 : _SIDE // stride, 0 : _SIDE // stride]
            grids.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], axis=1))
        self._grid = np.concatenate(grids).astype(np.float32)

    def detect(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes (N, 4) as x1, y1, x2, y2 in px and scores (N,) of the people in a BGR picture (H, W, 3)."""
        height, width = image.shape[:2]
        ratio = min(_SIDE / height, _SIDE / width)
        padded = np.full((_SIDE, _SIDE, 3), _GREY, np.uint8)
        size_wh = int(width * ratio), int(height * ratio)
        padded[: size_wh[1], : size_wh[0]] = cv2.resize(image, size_wh, interpolation=cv2.INTER_LINEAR)
        tensor = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], np.float32)
        rows = self._session.run(None, {self._input: tensor})[0][0]
        score = rows[:, 4] * rows[:, 5 + _PERSON]
        found = np.flatnonzero(score >= self._min_score)
        if not len(found):
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        grid, rows, score = self._grid[found], rows[found], score[found]
        centre = (rows[:, :2] + grid[:, :2]) * grid[:, 2:]
        size = np.exp(rows[:, 2:4]) * grid[:, 2:]
        corner = centre - size / 2
        kept = np.asarray(
            cv2.dnn.NMSBoxes(np.concatenate([corner, size], axis=1).tolist(), score.tolist(), self._min_score, self._iou_threshold),
            np.int64,
        ).ravel()
        boxes = np.concatenate([corner, corner + size], axis=1)[kept] / ratio
        return boxes.astype(np.float32), score[kept].astype(np.float32)
