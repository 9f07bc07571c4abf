"""From a `Frame` to a model's input tensor, as the manifest's `preprocessing` says.

Keys of `preprocessing` (all optional):

- `input`: the input tensor's name; a `ModelDetector` finds it out by itself where it is left away.
- `channels`: `rgb` (default) or `bgr`.
- `layout`: `nchw` (default) or `nhwc`.
- `dtype`: `float32` (default) or `uint8`; with `uint8`, `scale` and `mean` may not be given.
- `mean`, `scale`: a number, or one each channel in the order of `channels`: value = (pixel - mean) * scale; defaults 0 and 1.
- `letterbox`: the padding's pixel value, 0 to 255; left away, pictures are stretched to fill the input.
- `anchor`: where the picture lies in the padding: `top_left` (default) or `center`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.region import Region
from panops.vision.letterbox import Anchor, Letterbox

_KEYS = frozenset({"input", "channels", "layout", "dtype", "mean", "scale", "letterbox", "anchor"})


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """The checked form of a manifest's `preprocessing`; the module's text describes the fields.

    Attributes:
        input_name: The input tensor's name; empty when the manifest leaves it to the model's file.
        size_wh: The input's size, px.
        bgr: Whether the channels are blue, green, red.
        channels_first: NCHW instead of NHWC.
        dtype: float32 or uint8.
        mean: Three numbers in the channels' order.
        scale: Three numbers in the channels' order.
        pad: The padding's pixel value, or None for stretching.
        anchor: Where the picture lies in the padding.
    """

    input_name: str
    size_wh: tuple[int, int]
    bgr: bool
    channels_first: bool
    dtype: np.dtype[Any]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    pad: float | None
    anchor: Anchor

    @classmethod
    def of(cls, manifest: ModelManifest) -> Preprocessing:
        """Check a manifest's `preprocessing`.

        Raises:
            ModelUnsupported: A key is unknown or a value is out of range.
        """
        values = manifest.preprocessing
        unknown = sorted(set(values) - _KEYS)
        if unknown:
            raise ModelUnsupported(f"{manifest.name}: preprocessing knows {', '.join(sorted(_KEYS))}; got {', '.join(unknown)}")
        dtype = _choice(manifest, "dtype", ("float32", "uint8"))
        if dtype == "uint8" and ("mean" in values or "scale" in values):
            raise ModelUnsupported(f"{manifest.name}: preprocessing with dtype uint8 takes pixels as they are: leave mean and scale away")
        pad = values.get("letterbox")
        if pad is not None and not (isinstance(pad, int | float) and 0 <= pad <= 255):
            raise ModelUnsupported(f"{manifest.name}: preprocessing.letterbox is a pixel value from 0 to 255, got {pad!r}")
        return cls(
            input_name=str(values.get("input", "")),
            size_wh=manifest.input_size_wh,
            bgr=_choice(manifest, "channels", ("rgb", "bgr")) == "bgr",
            channels_first=_choice(manifest, "layout", ("nchw", "nhwc")) == "nchw",
            dtype=np.dtype(dtype),
            mean=_three(manifest, "mean", 0.0),
            scale=_three(manifest, "scale", 1.0),
            pad=None if pad is None else float(pad),
            anchor=_choice(manifest, "anchor", get_args(Anchor)),  # type: ignore[arg-type]  # one of Anchor's own words
        )


class InputPicture:
    """Fills the input tensor. Not for several threads: the tensor is re-used, and each `fill` overwrites what the last one gave.

    Args:
        preprocessing: How pictures become the input.
        size_wh: The input's size, px; the model's own when None.
    """

    def __init__(self, preprocessing: Preprocessing, size_wh: tuple[int, int] | None = None) -> None:
        self._how = preprocessing
        self._size_wh = size_wh or preprocessing.size_wh
        width, height = self._size_wh
        shape = (1, 3, height, width) if preprocessing.channels_first else (1, height, width, 3)
        self._tensor = np.zeros(shape, preprocessing.dtype)
        # Channels first in every layout, so that one piece of code writes both.
        self._planes = self._tensor[0] if preprocessing.channels_first else self._tensor[0].transpose(2, 0, 1)
        self._split = np.zeros((3, 1, 1), np.uint8)
        self._box: Letterbox | None = None

    def fill(self, frame: Frame, region: Region | None = None) -> tuple[NDArray[Any], Letterbox]:
        """The input tensor (valid until the next call), and where the picture lies in it.

        Args:
            frame: The picture.
            region: The part of it that is shown; its `input_wh` is this picture's size. None for all of it.
        """
        box = self._letterbox(frame.size_wh if region is None else region.size_wh)
        left, top = box.offset_xy
        width, height = box.scaled_wh
        pixels = frame.pixels.rgb(box.scaled_wh) if region is None else frame.pixels.rgb(box.scaled_wh, region.xyxy)
        if region is not None:
            box = replace(box, origin_xy=region.xyxy[:2])
        planes = self._planes[:, top : top + height, left : left + width]
        if self._how.dtype == np.uint8 and not self._how.channels_first:
            np.copyto(planes.transpose(1, 2, 0), pixels[..., ::-1] if self._how.bgr else pixels)
            return self._tensor, box
        for index, plane in enumerate(self._channels(pixels)):
            self._write(planes[index], plane, index)
        return self._tensor, box

    def _channels(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """The three channels in the model's order; splitting first is twice as fast as casting with a stride of 3."""
        if self._split.shape[1:] != pixels.shape[:2]:
            self._split = np.empty((3, *pixels.shape[:2]), np.uint8)
        cv2.split(pixels, list(self._split))
        return list(self._split[::-1] if self._how.bgr else self._split)

    def _write(self, target: NDArray[Any], plane: NDArray[np.uint8] | float, channel: int) -> None:
        mean, scale = self._how.mean[channel], self._how.scale[channel]
        if mean == 0.0 and scale == 1.0:
            target[...] = plane
        else:
            np.subtract(plane, np.float32(mean), out=target, casting="unsafe")
            target *= np.float32(scale)

    def _letterbox(self, size_wh: tuple[int, int]) -> Letterbox:
        """The map for pictures of this size; when it changes, the padding is painted anew."""
        if self._box is None or self._box.source_wh != size_wh:
            if self._how.pad is None:
                self._box = Letterbox.stretch(size_wh, self._size_wh)
            else:
                self._box = Letterbox.fit(size_wh, self._size_wh, self._how.anchor)
                for channel in range(3):
                    self._write(self._planes[channel], self._how.pad, channel)
        return self._box


def _choice(manifest: ModelManifest, key: str, words: tuple[str, ...]) -> str:
    word = manifest.preprocessing.get(key, words[0])
    if word not in words:
        raise ModelUnsupported(f"{manifest.name}: preprocessing.{key} is {' or '.join(words)}, got {word!r}")
    return str(word)


def _three(manifest: ModelManifest, key: str, default: float) -> tuple[float, float, float]:
    values: Mapping[str, Any] = manifest.preprocessing
    value = values.get(key, default)
    numbers = list(value) if isinstance(value, list | tuple) else [value] * 3
    good = len(numbers) == 3 and all(isinstance(number, int | float) and np.isfinite(number) for number in numbers)
    if not good:
        raise ModelUnsupported(f"{manifest.name}: preprocessing.{key} is one number or three, got {value!r}")
    return float(numbers[0]), float(numbers[1]), float(numbers[2])
