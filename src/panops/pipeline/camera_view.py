"""One camera's view as its loop looks at it: what is learnt of it, what is wrong with it, and a picture of how it was."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.config.health_schema import HealthConfig
from panops.domain.clock import Clock, SystemClock
from panops.domain.frame import Frame
from panops.motion.view import ViewFinding, ViewKind, ViewWatch
from panops.motion.view_memory import ViewMemory
from panops.pipeline.annotate import encode_jpeg
from panops.pipeline.drift_counter import DriftCounter

# The picture of how it was is taken anew so often, while all is well.
PICTURE_S = 3600.0
_PICTURE_WIDTH_PX = 640
_QUALITY = 80


@dataclass(frozen=True, slots=True)
class LearntPicture:
    """How the camera's picture was when all was well: a JPEG of at most 640 px across, and its capture time, s."""

    jpeg: bytes
    at_s: float


class CameraView:
    """Watches one camera's view. `look` is called by one thread at a time; everything else may be read by any.

    Args:
        config: What is told after how long.
        memory: What was learnt before this start, or None.
        picture: How it looked then, or None.
        clock: Says which day it is, for `counts`.
    """

    def __init__(
        self, config: HealthConfig, memory: ViewMemory | None = None, picture: LearntPicture | None = None, clock: Clock | None = None
    ) -> None:
        self.picture = picture
        self.counts = DriftCounter(clock or SystemClock())
        """What the camera has seen since it was saved last."""
        self.frame: Frame | None = None
        """What was looked at last."""
        self._watch = ViewWatch(config, memory)
        self._relearnt = 0
        self._pictured_s = -math.inf if picture is None else picture.at_s

    @property
    def finding(self) -> ViewFinding | None:
        """What is wrong with the view now."""
        return self._watch.finding

    @property
    def is_moved(self) -> bool:
        """Whether the camera looks elsewhere now than it did when its view was learnt."""
        finding = self._watch.finding
        return finding is not None and finding.kind is ViewKind.MOVED

    @property
    def watch(self) -> ViewWatch:
        """What is known of the view."""
        return self._watch

    def look(self, frame: Frame) -> None:
        """Take a picture into account, when it is time for a look."""
        at_s = frame.captured_at_s
        watch = self._watch
        if not watch.due(at_s):
            return
        watch.look(frame.luma, at_s)
        self.frame = frame
        if watch.figures.brightness > 0:  # not yet at the first looks after a start
            self.counts.note_look(watch.figures.brightness, watch.figures.sharpness)
        if watch.relearnt != self._relearnt:  # how it was before is of no use any more
            self._relearnt, self._pictured_s = watch.relearnt, -math.inf
        if watch.is_well and not 0 <= at_s - self._pictured_s < PICTURE_S:
            self._pictured_s = at_s
            self.picture = LearntPicture(encode_jpeg(_small(frame), _QUALITY), at_s)

    def memory(self) -> bytes | None:
        """What is to be remembered over a restart; None before anything was learnt."""
        return self._watch.memory.to_bytes() if self._watch.is_learnt else None


def _small(frame: Frame) -> NDArray[np.uint8]:
    width, height = frame.size_wh
    scale = min(1.0, _PICTURE_WIDTH_PX / width)
    return frame.pixels.rgb((max(1, round(width * scale)), max(1, round(height * scale))))
