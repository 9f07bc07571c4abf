"""Whether a face is a living one, or a print or a screen held before the camera: two small networks look at it with what is around it.

minivision-ai/Silent-Face-Anti-Spoofing, 2020: one sees 2.7 times the face's box, one 4 times, for the edge of a sheet or a telephone tells
more than the face. What both say is averaged. Networks: `inference.minifasnet`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.protocols import Backend

LIVENESS = "liveness"
"""The task of such models."""

WIDE = "wide"
"""What the network of the wider view is in the `needs` of the other."""

_SIDE_PX = 80
_NEAR_SCALE, _WIDE_SCALE = 2.7, 4.0
_LIVE, _KINDS = 1, 3


class FaceLiveness:
    """Both networks. For one thread at a time.

    Args:
        near: Of the nearer view; `close` closes both.
        wide: Of the wider view.

    Raises:
        ModelUnsupported: A file is not such a network.
    """

    def __init__(self, near: Backend, wide: Backend) -> None:
        for backend in (near, wide):
            shape = backend.inputs[0].shape if len(backend.inputs) == 1 else ()
            if shape[1:] != (3, _SIDE_PX, _SIDE_PX) or [spec.name for spec in backend.outputs] != ["kind"]:
                raise ModelUnsupported(f"expected a network of MiniFASNet with one input of 80x80 px, got {shape}")
        self._views = ((near, _NEAR_SCALE), (wide, _WIDE_SCALE))

    def kinds(self, frame: Frame, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3) float32: how surely each face is a print, alive, a replay; each row sums to 1.

        Args:
            frame: The picture.
            xyxy: (N, 4) boxes of faces, px of the picture, as YuNet draws them: forehead to chin.

        Raises:
            ModelError: A model failed.
        """
        rows = np.zeros((len(xyxy), _KINDS), np.float32)
        for row, box in enumerate(np.asarray(xyxy, np.float64)):
            for backend, scale in self._views:
                seen = _view(frame, box, scale).transpose(2, 0, 1)[None].astype(np.float32)
                rows[row] += backend.infer({backend.inputs[0].name: seen})["kind"][0] / len(self._views)
        return rows

    def live(self, frame: Frame, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N,) float32: how surely each face is alive, 0..1; see `kinds`."""
        return self.kinds(frame, xyxy)[:, _LIVE]

    def close(self) -> None:
        """Free the models. Safe to call twice."""
        for backend, _ in self._views:
            backend.close()


def _view(frame: Frame, box: NDArray[np.float64], scale: float) -> NDArray[np.uint8]:
    """(80, 80, 3) uint8 BGR: the box made so much larger, moved or made smaller where it would reach out of the picture."""
    size = np.array(frame.size_wh, np.float64)
    extent = np.maximum(box[2:] - box[:2], 1.0)
    reach = extent * min(scale, float(((size - 1) / extent).min()))
    low = np.clip((box[:2] + box[2:] - reach) / 2, 0, np.maximum(size - 1 - reach, 0))
    left, top = (int(edge) for edge in low)
    right, bottom = (int(edge) + 1 for edge in np.minimum(low + reach, size - 1))
    seen = frame.pixels.rgb(None, (left, top, max(right, left + 1), max(bottom, top + 1)))
    return np.asarray(cv2.resize(seen, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_LINEAR)[:, :, ::-1], np.uint8)
