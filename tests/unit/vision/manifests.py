"""Manifests and frames for the tests of this folder."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind


def manifest(head: str = "yolox", size_wh: tuple[int, int] = (64, 32), classes: int = 3, **preprocessing: Any) -> ModelManifest:
    return ModelManifest(
        name="m",
        task="detection",
        head=head,
        version="1",
        licence="Apache-2.0",
        source=ModelSource(SourceKind.FILE, "m.onnx"),
        file_name="m.onnx",
        sha256="0" * 64,
        input_size_wh=size_wh,
        classes=tuple(f"class{index}" for index in range(classes)),
        preprocessing=preprocessing,
    )


class StillPixels:
    """A still picture, scaled by area as a decoder's scaler would."""

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._rgb = rgb
        self._luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)

    @property
    def size_wh(self) -> tuple[int, int]:
        return self._rgb.shape[1], self._rgb.shape[0]

    def luma(self) -> NDArray[np.uint8]:
        return self._luma

    def rgb(self, size_wh: tuple[int, int] | None = None, crop_xyxy: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        left, top, right, bottom = crop_xyxy or (0, 0, *self.size_wh)
        part = self._rgb[top:bottom, left:right]
        if size_wh is None:
            return part.copy()
        return np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


class LumaPixels:
    """A picture that has brightness only."""

    def __init__(self, luma: NDArray[np.uint8]) -> None:
        self._luma = luma

    @property
    def size_wh(self) -> tuple[int, int]:
        return self._luma.shape[1], self._luma.shape[0]

    def luma(self) -> NDArray[np.uint8]:
        return self._luma

    def rgb(self, size_wh: tuple[int, int] | None = None, crop_xyxy: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        raise AssertionError("this detector looks at brightness only")


def frame(rgb: NDArray[np.uint8], camera_id: str = "cam") -> Frame:
    return Frame(camera_id, 0, 0.0, 0.0, StillPixels(rgb))


def luma_frame(luma: NDArray[np.uint8], time_s: float, camera_id: str = "cam") -> Frame:
    return Frame(camera_id, round(time_s * 1000), time_s, time_s, LumaPixels(luma))
