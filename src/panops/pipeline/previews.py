"""Pictures for people: encoded only while somebody watches, and never more often than asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from panops.domain.frame import Frame
from panops.domain.tracks import Tracks
from panops.pipeline.annotate import encode_jpeg
from panops.pipeline.live import LiveBox, LiveIdentity, Preview
from panops.pipeline.live_names import NOBODY

Size = Literal["s", "m", "l"]

WIDTH_PX: dict[Size, int] = {"s": 426, "m": 854, "l": 1280}
_QUALITY: dict[Size, int] = {"s": 72, "m": 78, "l": 85}
# A frame may come a little early without waiting for the next one: 5 fps asked of a 5 fps camera must give 5.
_EARLY = 0.7


def preview_size(size_wh: tuple[int, int], size: Size) -> tuple[int, int]:
    """The preview's width and height for a picture of `size_wh`: never enlarged, even numbers."""
    width, height = size_wh
    shrink = min(1.0, WIDTH_PX[size] / max(1, width))
    return max(2, round(width * shrink / 2) * 2), max(2, round(height * shrink / 2) * 2)


def live_boxes(
    tracks: Tracks, classes: Sequence[str], size_wh: tuple[int, int], who: Mapping[int, LiveIdentity] = NOBODY
) -> tuple[LiveBox, ...]:
    """Tracks as relative boxes with their classes' names, and with who they are as far as `who` has it by track id, to draw elsewhere."""
    width, height = size_wh
    return tuple(
        LiveBox(
            int(track_id),
            classes[int(class_id)] if 0 <= int(class_id) < len(classes) else str(int(class_id)),
            float(score),
            (float(box[0]) / width, float(box[1]) / height, float(box[2]) / width, float(box[3]) / height),
            who.get(int(track_id)),
        )
        for track_id, class_id, score, box in zip(tracks.track_id, tracks.class_id, tracks.score, tracks.xyxy, strict=True)
    )


Paint = Callable[[Frame, Tracks | None, Sequence[str], tuple[int, int]], NDArray[np.uint8]]
Names = Callable[[str], Mapping[int, LiveIdentity]]


def _nobody(camera_id: str) -> Mapping[int, LiveIdentity]:
    del camera_id
    return NOBODY


def _as_it_is(frame: Frame, tracks: Tracks | None, classes: Sequence[str], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    del tracks, classes
    return frame.pixels.rgb(size_wh)


class Previewer:
    """Encodes the newest frames that somebody wants to see.

    Args:
        deliver: Takes a finished preview; False when the way is blocked (it is dropped then, a newer one follows).
        paint: Gives a frame's picture in a size, for what people are shown must not be all that the camera saw; as it is where None.
        names: Says who is who in a camera's pictures, by track id; nobody is named where None. Names stay beside the picture.
    """

    def __init__(self, deliver: Callable[[Preview], bool], paint: Paint | None = None, names: Names | None = None) -> None:
        self._deliver = deliver
        self._paint = paint or _as_it_is
        self._names = names or _nobody
        self._lock = threading.Lock()
        self._wishes: dict[str, dict[Size, float]] = {}
        self._sent_s: dict[tuple[str, Size], float] = {}

    def watch(self, wishes: Sequence[tuple[str, Size, float]]) -> None:
        """Replace what is wanted: camera, size, frames/s."""
        wanted: dict[str, dict[Size, float]] = {}
        for camera_id, size, fps in wishes:
            wanted.setdefault(camera_id, {})[size] = fps
        with self._lock:
            self._wishes = wanted
            self._sent_s = {key: at_s for key, at_s in self._sent_s.items() if key[0] in wanted}

    def highest_fps(self, camera_id: str) -> float:
        """The highest rate wanted of a camera; 0.0 when nobody watches."""
        return max(self._wishes.get(camera_id, {}).values(), default=0.0)

    def offer(self, frame: Frame, tracks: Tracks | None, classes: Sequence[str]) -> None:
        """Encode and deliver `frame` in every size whose turn it is."""
        wishes = self._wishes.get(frame.camera_id)
        if not wishes:
            return
        now_s = time.monotonic()
        for size, fps in tuple(wishes.items()):
            key = (frame.camera_id, size)
            with self._lock:
                if fps <= 0 or now_s - self._sent_s.get(key, 0.0) < _EARLY / fps:
                    continue
                self._sent_s[key] = now_s
            boxes = live_boxes(tracks, classes, frame.size_wh, self._names(frame.camera_id)) if tracks is not None else ()
            jpeg = encode_jpeg(self._paint(frame, tracks, classes, preview_size(frame.size_wh, size)), _QUALITY[size])
            self._deliver(Preview(frame.camera_id, frame.captured_at_s, size, jpeg, boxes))
