"""People made unknown in pictures: whoever is followed is filled with one colour, along their outline where a model says where it is.

Nothing of what was there stays in the filled pixels, so nothing brings it back. Who is not followed is not hidden; where nobody can be
followed, the caller hides the whole picture.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.config.schema import PrivacyConfig
from panops.domain.class_map import ClassMap
from panops.domain.crops import part_around
from panops.domain.errors import PanopsError
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.tracks import Tracks

log = logging.getLogger(__name__)

PERSON = "person"
# The one class of a detector that cannot tell people from other things.
_MOVING = "moving"
FILL = (114, 114, 114)
"""What stands in people's place, RGB."""
# Room on each side of the box, as a share of its longer side: the person moved since, and arms reach over it.
_ROOM = 0.25
_LEAST_PX = 16
# How far the outline is drawn outwards, as a share of the box's longer side: an outline by a model is off by some pixels.
_OUTWARDS = 0.05
# An outline that covers less of the box is none: then all of the box is filled, and some room.
_LEAST_SHARE = 0.25
_BOX_ROOM = 0.1
# So many outlines in one picture; the smallest of more people are boxes.
_MOST = 8


class Segmenter(Protocol):
    """Gives the class names and the map of a picture; see `MapModels`. Used by one thread at a time."""

    def classes(self, model: str) -> tuple[str, ...]:
        """See `MapModels.classes`."""
        ...

    def look(self, model: str, frame: Frame) -> tuple[tuple[str, ...], ClassMap]:
        """See `MapModels.look`."""
        ...


class PersonMask:
    """Any thread may ask; they take turns.

    Args:
        models: The models for segmentation.
    """

    def __init__(self, models: Segmenter) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._trouble: dict[str, str] = {}

    def trouble(self, model: str) -> str:
        """Why people are filled as boxes, in words; empty where their outlines are found, or none were asked for. Looks the model up."""
        if model:
            try:
                classes = self._models.classes(model)
            except PanopsError as error:
                self._tell(model, str(error))
            else:
                if PERSON not in classes:
                    self._tell(model, f"{model} knows no class {PERSON!r}")
                else:
                    self._trouble.pop(model, None)
        return self._trouble.get(model, "")

    def fill(self, image: NDArray[np.uint8], frame: Frame, tracks: Tracks, classes: Sequence[str], model: str) -> None:
        """Fill everybody who is followed.

        Args:
            image: (H, W, 3) uint8 RGB of any size that shows all of the frame, changed in place.
            frame: The picture that it shows.
            tracks: Who is followed in it.
            classes: The class names of the tracks.
            model: A model for segmentation that knows the class `person`; empty fills whole boxes.
        """
        rows = people(tracks, classes)
        sides = (tracks.xyxy[rows, 2:] - tracks.xyxy[rows, :2]).max(axis=1)
        width, height = frame.size_wh
        scale = np.array([image.shape[1] / width, image.shape[0] / height] * 2)
        for place, row in enumerate(rows[np.argsort(-sides, kind="stable")].tolist()):
            left, top, right, bottom = tracks.xyxy[row].tolist()
            if right <= 0 or bottom <= 0 or left >= width or top >= height:
                continue
            box = (left, top, right, bottom)
            part = part_around(box, (width, height), _ROOM, _LEAST_PX)
            outline = self._outline(frame, part, box, model) if model and place < _MOST else None
            if outline is None:
                part = part_around(box, (width, height), _BOX_ROOM, 2)
            x1, y1, x2, y2 = (np.array(part) * scale).round().astype(int).tolist()
            target = image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
            if outline is None:
                target[:] = FILL
            else:
                inside = cv2.resize(outline, (target.shape[1], target.shape[0]), interpolation=cv2.INTER_LINEAR) > 0
                target[inside] = FILL

    def _outline(self, frame: Frame, part: tuple[int, int, int, int], box: tuple[float, ...], model: str) -> NDArray[np.uint8] | None:
        """(H, W) uint8, 255 where somebody is in a part of the picture, px of the frame; None where nobody can say."""
        view = Frame(
            f"{frame.camera_id}#people", frame.sequence, frame.pts_s, frame.captured_at_s, ArrayPixels(frame.pixels.rgb(None, part))
        )
        try:
            with self._lock:
                classes, found = self._models.look(model, view)
        except PanopsError as error:
            self._tell(model, str(error))
            return None
        if PERSON not in classes:
            self._tell(model, f"{model} knows no class {PERSON!r}")
            return None
        self._trouble.pop(model, None)
        mask = np.where(found.at_size() == classes.index(PERSON), np.uint8(255), np.uint8(0))
        left, top, right, bottom = (max(0, round(edge) - part[index % 2]) for index, edge in enumerate(box))
        own = mask[top:bottom, left:right]
        if not own.size or np.count_nonzero(own) < _LEAST_SHARE * own.size:
            return None
        reach = max(1, round(_OUTWARDS * max(box[2] - box[0], box[3] - box[1])))
        return np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))), np.uint8)

    def _tell(self, model: str, why: str) -> None:
        if self._trouble.get(model) != why:
            log.error("people are filled as boxes, for their outlines cannot be found: %s", why)
        self._trouble[model] = why


def needed_classes(privacy: PrivacyConfig) -> tuple[str, ...]:
    """What a camera follows whatever its rules ask for: who is not followed cannot be hidden."""
    return (PERSON,) if privacy.mask_persons else ()


def knows_people(classes: Sequence[str], followed: frozenset[str] | None = None) -> bool:
    """Whether a camera with these classes follows people: without that nobody knows whom to hide.

    Args:
        classes: The names of the classes of its tracks.
        followed: Those that it follows; None for all.
    """
    if tuple(classes) == (_MOVING,):
        return True
    return PERSON in classes and (followed is None or PERSON in followed)


def people(tracks: Tracks, classes: Sequence[str]) -> NDArray[np.intp]:
    """(K,) the rows of people; all rows where the detector cannot tell them from other things."""
    if tuple(classes) == (_MOVING,):
        return np.arange(len(tracks))
    wanted = np.array([name == PERSON for name in classes], np.bool_)
    known = tracks.class_id < len(wanted)
    return np.flatnonzero(known & wanted[np.where(known, tracks.class_id, 0)]) if len(wanted) else np.zeros(0, np.intp)
