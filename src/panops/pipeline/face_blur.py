"""Faces made unknown in pictures: each becomes a few blocks of one colour; where nobody can say where faces are, the whole picture does.

Blocks and no soft focus: of each only the mean is left, and nothing brings back what a mean was made of.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, PrivacyConfig
from panops.domain.crops import part_around
from panops.domain.errors import PanopsError
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.places import Box
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks
from panops.pipeline.annotate import encode_jpeg

log = logging.getLogger(__name__)

Boxes = NDArray[np.float32]

BLOCKS = 6
"""A face is so many blocks along its longer side."""
# A picture of which nothing shall be told but that there is one.
_BLOCKS_OF_ALL = 24
# Hair, ears and chin reach over a face's box.
_ROOM = 0.25
# The head of whoever is followed, from the box's top, as a share of the box's height or width, the larger one; its width by its height.
_HEAD_SHARE, _HEAD_OF_WIDTH, _HEAD_WIDE = 0.2, 0.5, 1.2
_PERSON = "person"
# A model that cannot be opened is tried again so often.
_TRY_AGAIN_S = 10.0
# A face that is not found in one picture was there a moment ago, s.
_HOLD_S = 0.6
_NOBODY: Boxes = np.zeros((0, 4), np.float32)


def pixelate(image: NDArray[np.uint8], xyxy: Boxes, room: float = _ROOM, blocks: int = BLOCKS) -> None:
    """Make parts of a picture a few blocks of one colour each.

    Args:
        image: (H, W, 3) uint8, changed in place.
        xyxy: (N, 4) the parts, px; what lies outside is left out.
        room: Around each, as a share of its longer side.
        blocks: Along the longer side of each.
    """
    height, width = image.shape[:2]
    for box in xyxy.tolist():
        if box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height:
            continue
        left, top, right, bottom = part_around((box[0], box[1], box[2], box[3]), (width, height), room, 2)
        part = image[top:bottom, left:right]
        side = max(part.shape[:2]) / blocks
        grid = max(1, round(part.shape[1] / side)), max(1, round(part.shape[0] / side))
        means = cv2.resize(part, grid, interpolation=cv2.INTER_AREA)
        image[top:bottom, left:right] = cv2.resize(means, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)


def hide_all(image: NDArray[np.uint8]) -> None:
    """Make all of a picture, (H, W, 3) uint8, a few blocks; changed in place."""
    pixelate(image, np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32), 0.0, _BLOCKS_OF_ALL)


class RunningCamera(Protocol):
    """A camera with its settings."""

    @property
    def config(self) -> CameraConfig:
        """They."""
        ...


class FaceBlur:
    """Blurs pictures of any camera; any thread may ask, and they take turns.

    Args:
        opens: Opens the detector of a model, one of its own.
        cameras: Those that run, with their settings, by id.
    """

    def __init__(self, opens: Callable[[str], Detector], cameras: Mapping[str, RunningCamera] = MappingProxyType({})) -> None:
        self._opens = opens
        self._cameras = cameras
        self._lock = threading.Lock()
        self._detectors: dict[str, Detector] = {}
        self._trouble: dict[str, str] = {}
        self._failed: dict[str, tuple[float, PanopsError]] = {}
        self._recent: dict[str, deque[tuple[float, Boxes]]] = {}

    def trouble(self, privacy: PrivacyConfig) -> str:
        """Why whole pictures are blurred, for people; empty where only faces are, or none. Opens the model."""
        if not privacy.blur_faces:
            return ""
        with self._lock:
            try:
                self._detector(privacy.detector)
            except PanopsError as error:
                self._tell(privacy.detector, error)
            why = self._trouble.get(privacy.detector, "")
        return f"whole pictures are blurred, for faces cannot be found (privacy.detector): {why}" if why else ""

    def paint(self, frame: Frame, tracks: Tracks | None, classes: Sequence[str], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
        """What people are shown of a camera's newest picture, (H, W, 3) uint8 RGB of that size: without faces where it asks for that.

        Of a camera that was removed a moment ago it is not known what it asked for: all of the picture becomes blocks.
        """
        camera = self._cameras.get(frame.camera_id)
        if camera is None:
            image = frame.pixels.rgb(size_wh)
            hide_all(image)
            return image
        if "live" not in camera.config.privacy.blur_faces:
            return frame.pixels.rgb(size_wh)
        return self.picture(frame, camera.config.privacy.detector, size_wh, tracks, classes, film=True)

    def faces(self, frame: Frame, model: str) -> Boxes | None:
        """(N, 4) where faces are, px of the picture; None where nobody can say. Not for several pictures of one film; see `film`."""
        with self._lock:
            return self._found(frame, model)

    def picture(
        self,
        frame: Frame,
        model: str,
        size_wh: tuple[int, int] | None = None,
        tracks: Tracks | None = None,
        classes: Sequence[str] = (),
        *,
        film: bool = False,
    ) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB without faces.

        Args:
            frame: The picture.
            model: A model for `faces`.
            size_wh: The size of the result, px; as the picture where None.
            tracks: Who is followed in it: the heads of people are blurred, too, whether a face is found there or not.
            classes: The class names of the tracks.
            film: The pictures of its camera come one after the other: faces that are missed for a moment stay blurred where they were.
        """
        with self._lock:
            found = self._found(frame, model)
            if film and found is not None:
                found = self._held(frame, found)
        image = frame.pixels.rgb(size_wh)
        if found is None:
            hide_all(image)
            return image
        scale = np.array([image.shape[1] / frame.size_wh[0], image.shape[0] / frame.size_wh[1]] * 2, np.float32)
        pixelate(image, np.concatenate([found, heads(tracks, classes)]) * scale)
        return image

    def jpeg(self, jpeg: bytes, model: str, quality: int) -> bytes:
        """A JPEG without faces; empty where it cannot be read as a picture."""
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB) if jpeg else None
        if image is None:
            return b""
        return encode_jpeg(self.picture(Frame("#jpeg", 0, 0.0, 0.0, ArrayPixels(np.asarray(image, np.uint8))), model), quality)

    def forget(self, camera_id: str) -> None:
        """Drop what is remembered of a camera."""
        with self._lock:
            self._recent.pop(camera_id, None)

    def _found(self, frame: Frame, model: str) -> Boxes | None:
        try:
            detector = self._detector(model)
            view = replace(frame, camera_id=f"{frame.camera_id}#faces")
            detector.forget(view.camera_id)
            found = detector.detect(view).xyxy
        except PanopsError as error:
            self._tell(model, error)
            return None
        self._trouble.pop(model, None)
        return found

    def _held(self, frame: Frame, found: Boxes) -> Boxes:
        """What was found in the last moments, too."""
        recent = self._recent.setdefault(frame.camera_id, deque())
        if recent and frame.captured_at_s < recent[-1][0]:
            recent.clear()
        recent.append((frame.captured_at_s, found))
        while recent[0][0] < frame.captured_at_s - _HOLD_S:
            recent.popleft()
        return np.concatenate([boxes for _, boxes in recent])

    def _detector(self, model: str) -> Detector:
        if model not in self._detectors:
            failed = self._failed.get(model)
            if failed is not None and time.monotonic() - failed[0] < _TRY_AGAIN_S:
                raise failed[1]
            try:
                self._detectors[model] = self._opens(model)
            except PanopsError as error:
                self._failed[model] = time.monotonic(), error
                raise
        return self._detectors[model]

    def _tell(self, model: str, error: Exception) -> None:
        if self._trouble.get(model) != str(error):
            log.error("faces cannot be found, so whole pictures are blurred: %s", error)
        self._trouble[model] = str(error)


def heads(tracks: Tracks | None, classes: Sequence[str]) -> Boxes:
    """(N, 4) about where the heads of the people are who are followed, px."""
    if tracks is None or not len(tracks):
        return _NOBODY
    rows = zip(tracks.class_id.tolist(), tracks.xyxy.tolist(), strict=True)
    found = [head_of((box[0], box[1], box[2], box[3])) for index, box in rows if 0 <= index < len(classes) and classes[index] == _PERSON]
    return np.array(found, np.float32).reshape(-1, 4)


def head_of(box: Box) -> Box:
    """About where the head is in a person's box, in the box's own units; of whom only the upper part is seen, all of it may be."""
    left, top, right, bottom = box
    height = min(bottom - top, max(_HEAD_SHARE * (bottom - top), _HEAD_OF_WIDTH * (right - left)))
    half = min(right - left, _HEAD_WIDE * height) / 2
    middle = (left + right) / 2
    return middle - half, top, middle + half, top + height
