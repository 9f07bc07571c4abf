"""A model as a detector that looks at parts of a picture, too, each at as small an input as shows it well enough."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import ModelError
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend, RegionTask, ResizingBackend
from panops.domain.region import Region
from panops.vision.model_detector import ModelDetector
from panops.vision.region_sizes import RegionSizes

log = logging.getLogger(__name__)


class RegionModelDetector(ModelDetector):
    """`domain.protocols.RegionDetector` from a model. For one thread at a time; keeps nothing of any camera.

    Whole pictures lose the padding that their proportions do not need: of 640x360 a square input is half empty.

    Args:
        manifest: The model.
        task: What its tensors mean; it has `any_size`.
        backend: The loaded file; `close` closes it.
        wait: Whether to wait until the backend is ready for a size that it has not run yet; otherwise its own size serves meanwhile.
        inputs: Sizes of input that parts may have, px; the usual ones when None.
    """

    def __init__(
        self,
        manifest: ModelManifest,
        task: RegionTask[Detections],
        backend: Backend,
        *,
        wait: bool = False,
        inputs: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        super().__init__(manifest, task, backend)
        self._regions = task
        self._sizes = RegionSizes(manifest.input_size_wh, inputs)
        self._own_wh = manifest.input_size_wh
        self._channels_first = manifest.preprocessing.get("layout", "nchw") == "nchw"
        self._name = manifest.name
        self._wait = wait
        self._good: dict[tuple[int, int], bool] = {}

    def detect(self, frame: Frame) -> Detections:
        """All objects above the task's lowest score, in px of the frame.

        Raises:
            ModelError: The model failed.
        """
        whole = self._sizes.whole(frame.size_wh)
        return self.look(frame, whole) if self._ready(whole.input_wh) else super().detect(frame)

    def region(self, size_wh: tuple[int, int], xyxy: tuple[float, float, float, float]) -> Region | None:
        """The part to look at for a box; see `domain.protocols.RegionDetector`."""
        part = self._sizes.part(size_wh, xyxy)
        return part if part is not None and self._ready(part.input_wh) else None

    def look(self, frame: Frame, region: Region) -> Detections:
        """As `detect`, of what the region shows.

        Raises:
            ModelError: The model failed.
        """
        (tensor,), context = self._prepared(frame, region)
        return self._task.finish(self._backend.infer({self._input_name: tensor}), context)

    def _prepared(self, frame: Frame, region: Region) -> tuple[list[NDArray[Any]], Any]:
        inputs, context = self._regions.prepare_region(frame, region)
        return list(inputs.values()), context

    def _ready(self, input_wh: tuple[int, int]) -> bool:
        """Whether the model runs at this size now. The first time it is tried on a grey picture: a file may have its own size inside."""
        if input_wh == self._own_wh:
            return True
        known = self._good.get(input_wh)
        if known is not None:
            return known
        if not self._takes(input_wh):
            return False
        width, height = input_wh
        grey = Frame("", 0, 0.0, 0.0, ArrayPixels(np.full((height, width, 3), 114, np.uint8)))
        try:
            self.look(grey, Region((0, 0, width, height), input_wh))
        except ModelError as error:
            log.warning("%s cannot be run at %dx%d, so whole pictures are looked at: %s", self._name, width, height, error)
            self._good[input_wh] = False
            return False
        self._good[input_wh] = True
        return True

    def _takes(self, input_wh: tuple[int, int]) -> bool:
        width, height = input_wh
        shape = (1, 3, height, width) if self._channels_first else (1, height, width, 3)
        if all(size in (-1, wanted) for size, wanted in zip(self._backend.inputs[0].shape, shape, strict=True)):
            return True
        return isinstance(self._backend, ResizingBackend) and self._backend.takes(shape, wait=self._wait)
