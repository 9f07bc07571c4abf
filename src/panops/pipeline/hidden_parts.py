"""What is hidden in a camera's picture before anybody sees it: faces, people, or all of it where nobody can say where these are.

The one place that pictures for people pass: live ones, and those of events. What is stored is what is shown: nothing else has to hide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, PrivacyConfig
from panops.domain.frame import Frame
from panops.domain.tracks import Tracks
from panops.pipeline.annotate import encode_jpeg
from panops.pipeline.face_blur import FaceBlur, hide_all
from panops.pipeline.person_mask import PersonMask, knows_people

# Of whom was seen longer ago than this, s, nobody knows where they are now.
_OLD_S = 1.0


class RunningCamera(Protocol):
    """A camera with its settings."""

    @property
    def config(self) -> CameraConfig:
        """They."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes of its tracks."""
        ...

    @property
    def followed_names(self) -> frozenset[str] | None:
        """The names of those classes that it follows; None for all."""
        ...

    @property
    def detects(self) -> bool:
        """Whether anybody is followed."""
        ...

    @property
    def is_blind(self) -> bool:
        """Whether the last look for people failed."""
        ...


class HiddenParts:
    """Any thread may ask.

    Args:
        faces: Blurs faces.
        people: Fills people.
        cameras: Those that run, by id.
    """

    def __init__(self, faces: FaceBlur, people: PersonMask, cameras: Mapping[str, RunningCamera]) -> None:
        self._faces = faces
        self._people = people
        self._cameras = cameras

    def trouble(self, privacy: PrivacyConfig, classes: Sequence[str]) -> str:
        """Why more is hidden than was asked for, for people; empty where it is not."""
        if not privacy.mask_persons:
            return self._faces.trouble(privacy)
        if not knows_people(classes):
            return "whole pictures are blurred, for the model knows no class 'person' and so nobody can be hidden (privacy.mask_persons)"
        outlines = self._people.trouble(privacy.person_model)
        boxes = f"people are hidden as boxes, for their outlines cannot be found (privacy.person_model): {outlines}" if outlines else ""
        return "; ".join(filter(None, (self._faces.trouble(privacy), boxes)))

    def paint(self, frame: Frame, tracks: Tracks | None, classes: Sequence[str], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
        """What people are shown of a camera's newest picture, (H, W, 3) uint8 RGB of that size."""
        camera = self._cameras.get(frame.camera_id)
        if camera is None:  # it was removed a moment ago, and what it asked for is not known any more
            image = frame.pixels.rgb(size_wh)
            hide_all(image)
            return image
        image = self._faces.paint(frame, tracks, classes, size_wh)
        if "live" in camera.config.privacy.mask_persons:
            follows = camera.detects and not camera.is_blind and knows_people(classes, camera.followed_names)
            self._mask(image, frame, tracks if follows else None, classes, camera.config.privacy)
        return image

    def snapshot(self, frame: Frame, tracks: Tracks | None, classes: Sequence[str], privacy: PrivacyConfig) -> NDArray[np.uint8]:
        """What is kept of an event's picture, (H, W, 3) uint8 RGB of its size; without tracks nobody knows who is in it."""
        if "snapshots" in privacy.blur_faces:
            image = self._faces.picture(frame, privacy.detector, tracks=tracks, classes=classes)
        else:
            image = frame.image
        if "snapshots" in privacy.mask_persons:
            self._mask(image, frame, tracks, classes, privacy)
        return image

    def before(self, jpeg: bytes, privacy: PrivacyConfig, quality: int) -> bytes:
        """What is kept of how a camera's picture was: all of it becomes blocks where people are hidden, for nobody was followed there."""
        if "snapshots" in privacy.mask_persons and jpeg:
            image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
            if image is None:
                return b""
            hide_all(np.asarray(image, np.uint8))
            return encode_jpeg(np.asarray(image, np.uint8), quality)
        return self._faces.jpeg(jpeg, privacy.detector, quality) if "snapshots" in privacy.blur_faces else jpeg

    def forget(self, camera_id: str) -> None:
        """Drop what is remembered of a camera."""
        self._faces.forget(camera_id)

    def _mask(self, image: NDArray[np.uint8], frame: Frame, tracks: Tracks | None, classes: Sequence[str], privacy: PrivacyConfig) -> None:
        """Fill everybody who is followed, or hide all of it where nobody can be."""
        if tracks is None or not 0.0 <= frame.captured_at_s - tracks.time_s <= _OLD_S or not knows_people(classes):
            hide_all(image)
        else:
            self._people.fill(image, frame, tracks, classes, privacy.person_model)
