"""A second look at single objects: each is cut out and shown enlarged, for some looks at first and again now and then.

A second detector finds things on them; classifiers say what is on a part of a person, which answers for everybody, where a detector of hats
finds some of them. Their answers become boxes where hats and vests are, each with its probability for a score.

What it finds joins the camera's own detections before the tracker, so rules, boxes and events know it like everything else. Where both see
the same thing of the same class, the surer one counts; where they contradict each other, both have their say, and rules vote.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, SecondaryConfig
from panops.domain.body_parts import UNSEEN, BodyPart, item_box, part_box
from panops.domain.boxes import iou
from panops.domain.crops import part_around
from panops.domain.detections import Detections
from panops.domain.errors import DeviceFull, DeviceLate, ModelError, ModelUnsupported, PanopsError
from panops.domain.frame import Frame
from panops.domain.places import Box
from panops.domain.protocols import Detector, HandReader
from panops.domain.tracks import Tracks
from panops.pipeline.look_again import look_at_part
from panops.pipeline.looking import Look

log = logging.getLogger(__name__)

# Seen again after a pause, an object is looked at so often: one look is none, as a thing that is followed must be seen twice.
_LOOKS_AGAIN = 3
_SAME_OBJECT_IOU = 0.3
# Less probable answers of a classifier are not told: no camera asks for lower scores.
_LEAST_SAID = 0.05
_SAME_THING_IOU = 0.5
# How near to the edge of what was cut out a box ends there, as a share of its longer side.
_EDGE_SHARE = 0.01


@dataclass(slots=True)
class _Looked:
    """An object that was looked at: how often in all, how many looks of this turn are left, and when the next turn begins, s."""

    looks: int = 0
    left: int = 0
    next_s: float = 0.0


class SecondaryLooks:
    """One camera's. Used by the analysis thread.

    Args:
        config: Whom to look at, and how often.
        detector: The second model's; None where it has none.
        readers: The classifiers of parts, each by the part of a person.
        classes: The class names of the camera's own detector.

    Attributes:
        models: The models' names.
        classes: The camera's class names with those that only the second model knows behind them.
        looks: How many objects were looked at so far.
        problem: Why the last look failed; empty when it did not.
    """

    def __init__(
        self, config: SecondaryConfig, detector: Detector | None, readers: Mapping[BodyPart, HandReader], classes: Sequence[str]
    ) -> None:
        self._config = config
        self.models = config.models
        self._detector = detector
        self._readers = dict(readers)
        told = (*(() if detector is None else detector.classes), *(name for one in readers.values() for name in one.classes))
        self.classes = (*classes, *dict.fromkeys(name for name in told if name not in classes and name != UNSEEN))
        wanted = {name.strip().casefold() for name in config.classes}
        self._is_about = np.array([name.casefold() in wanted for name in self.classes], np.bool_)
        self._followed = np.ones(len(self.classes), np.bool_)
        self._looked: dict[int, _Looked] = {}
        self.looks = 0
        self.problem = ""

    @classmethod
    def of(cls, config: CameraConfig, detectors: Callable[[str], Detector], classes: Sequence[str]) -> tuple[SecondaryLooks | None, str]:
        """A camera's, or None where it has none; and why its model cannot be used, in words, or nothing.

        Args:
            config: The camera's settings.
            detectors: Gives what runs a model, a detector or a `HandReader`.
            classes: The class names of the camera's own detector.
        """
        if config.secondary is None:
            return None, ""
        try:
            return cls.made(config.secondary, detectors, classes), ""
        except PanopsError as error:
            return None, f"nobody looks closer (secondary): {error}"

    @classmethod
    def made(cls, config: SecondaryConfig, detectors: Callable[[str], Detector], classes: Sequence[str]) -> SecondaryLooks:
        """What looks closer as `config` says.

        Raises:
            ModelError: A model cannot be used, or does something else.
        """
        finder = detectors(config.model) if config.model else None
        if isinstance(finder, HandReader):
            raise ModelUnsupported(f"{config.model} says what is on a part of somebody and finds nothing; name it in secondary.parts")
        return cls(config, finder, {part: _reader(name, detectors(name)) for part, name in config.parts.items()}, classes)

    def is_outdated(self, loaded: Callable[[str], Detector | None]) -> bool:
        """Whether one of the models is loaded in another version by now."""
        return any((newer := loaded(name)) is not None and newer is not used for name, used in self._used())

    def has_other_classes(self, loaded: Callable[[str], Detector | None]) -> bool:
        """Whether such a version knows other classes, or does something else: then the camera's classes change."""
        pairs = [(loaded(name), used) for name, used in self._used()]
        return any(
            newer is not None
            and (tuple(newer.classes) != tuple(used.classes) or isinstance(newer, HandReader) != isinstance(used, HandReader))
            for newer, used in pairs
        )

    def renew(self, loaded: Callable[[str], Detector | None]) -> None:
        """Take up the models that are loaded now, between two rounds; they know the same classes."""
        if self._detector is not None:
            self._detector = loaded(self._config.model) or self._detector
        for part, name in self._config.parts.items():
            newer = loaded(name)
            if isinstance(newer, HandReader):
                self._readers[part] = newer

    def _used(self) -> list[tuple[str, Detector]]:
        own = [] if self._detector is None else [(self._config.model, self._detector)]
        return [*own, *((self._config.parts[part], reader) for part, reader in self._readers.items())]

    def follow(self, followed: NDArray[np.bool_]) -> None:
        """Tell only the classes in `followed` (C,) from now on."""
        self._followed = followed

    def add(self, frame: Frame, look: Look, seen: Detections, tracks: Tracks | None) -> Detections:
        """What was seen, in its order, and behind it what is found on it; what was only told again is not looked at.

        A row of `seen` that is found again with a better score takes that score and its box.
        """
        anew = seen if not len(look.standing) else seen.select(np.arange(len(seen) - len(look.standing)))
        closer = self.look(frame, anew, tracks)
        closer = closer.select(self._followed[closer.class_id])
        return _joined(seen, closer) if len(closer) else seen

    def look(self, frame: Frame, found: Detections, tracks: Tracks | None) -> Detections:
        """What the second model finds on the objects whose turn it is.

        Args:
            frame: The picture.
            found: What the camera's detector has just seen in it; boxes that were only told again are none to look at.
            tracks: As they were after the check before: who is who.

        Returns:
            Boxes in px of the frame and class ids of `classes`; empty where nobody's turn it is, or the model failed (`problem`).
        """
        rows = np.flatnonzero(self._is_about[found.class_id])
        if not len(rows):
            return Detections.empty()
        parts: list[Detections] = []
        try:
            for row in self._due(found, rows, tracks, frame.captured_at_s):
                parts.append(self._one(frame, found.xyxy[row]))
                self.looks += 1
        except (DeviceLate, DeviceFull):  # load, which says nothing about the model; who was not looked at is next time
            return Detections.empty()
        except ModelError as error:
            if self.problem != str(error):
                log.error("camera %s: the secondary model %s: %s", frame.camera_id, " or ".join(self.models), error)
            self.problem = str(error)
            return Detections.empty()
        self.problem = ""
        return _each_once(Detections.concat(parts))

    def forget(self) -> None:
        """The camera's time begins anew: nobody is known."""
        self._looked.clear()

    def _due(self, found: Detections, rows: NDArray[np.int64], tracks: Tracks | None, at_s: float) -> list[int]:
        """The rows to look at now: those that were looked at least first, then the largest; at most as many as are allowed."""
        ids = _track_ids(found.xyxy[rows], tracks)
        if len(self._looked) > 256:  # ids never come back
            present = set(ids)
            self._looked = {key: value for key, value in self._looked.items() if key in present or at_s - value.next_s < 60.0}
        due: list[tuple[int, float, int, _Looked]] = []
        for row, track_id in zip(rows.tolist(), ids, strict=True):
            # Who is not followed yet was not looked at yet.
            state = _Looked() if track_id < 0 else self._looked.setdefault(track_id, _Looked())
            if state.looks >= self._config.first_looks and not state.left and at_s >= state.next_s:
                state.left = _LOOKS_AGAIN
            if state.looks < self._config.first_looks or state.left:
                left, top, right, bottom = found.xyxy[row].tolist()
                due.append((state.looks, -(right - left) * (bottom - top), row, state))
        chosen = sorted(due, key=lambda one: one[:3])[: self._config.most]
        for _, _, _, state in chosen:
            state.looks += 1
            state.left = max(state.left - 1, 0)
            if not state.left:
                state.next_s = at_s + self._config.refresh_s
        return [row for _, _, row, _ in chosen]

    def _one(self, frame: Frame, box: NDArray[np.float32]) -> Detections:
        left, top, right, bottom = box.tolist()
        person = (left, top, right, bottom)
        told = [self._read(frame, person, part, reader) for part, reader in self._readers.items()]
        if self._detector is None:
            return Detections.concat(told)
        part = part_around(person, frame.size_wh)
        seen = look_at_part(self._detector, frame, part)
        if len(seen):
            seen = seen.select(~_cut(seen.xyxy, part, frame.size_wh))
        offset = np.array([part[0], part[1], part[0], part[1]], np.float32)
        found = Detections(seen.xyxy + offset, seen.score, self._ids(self._detector)[seen.class_id])
        return _each_once(Detections.concat([*told, found])) if told else found

    def _read(self, frame: Frame, person: Box, part: BodyPart, reader: HandReader) -> Detections:
        """What a classifier says of a part of somebody: a box for each answer, where such a thing is."""
        place = part_box(person, part)
        (said,) = reader.read_signs(frame, _as_found(place)).scores
        rows = np.flatnonzero((said >= _LEAST_SAID) & np.array([name != UNSEEN for name in reader.classes]))
        boxes = np.tile(np.array(item_box(place, part), np.float32), (len(rows), 1))
        return Detections(boxes, said[rows], self._ids(reader)[rows])

    def _ids(self, model: Detector) -> NDArray[np.int64]:
        """(C,) the camera's class ids of a model's classes; 0 for one that is told nobody."""
        return np.array([self.classes.index(name) if name != UNSEEN else 0 for name in model.classes], np.int64)


def _reader(name: str, model: Detector) -> HandReader:
    if not isinstance(model, HandReader):
        raise ModelUnsupported(f"{name} finds things by itself; secondary.parts needs a classifier, such as ppe_head")
    return model


def _as_found(place: Box) -> Detections:
    return Detections(np.array([place], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))


def _track_ids(boxes: NDArray[np.float32], tracks: Tracks | None) -> list[int]:
    """The track of each box (N, 4), -1 for none."""
    if tracks is None or not len(tracks):
        return [-1] * len(boxes)
    overlap = iou(boxes, tracks.xyxy)
    best = overlap.argmax(axis=1)
    return [int(tracks.track_id[column]) if overlap[row, column] >= _SAME_OBJECT_IOU else -1 for row, column in enumerate(best.tolist())]


def _cut(xyxy: NDArray[np.float32], part: tuple[int, int, int, int], size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """(N,) bool, which boxes, px of the part, end at an edge of it that is not the picture's own: they show half of a neighbour's thing."""
    left, top, right, bottom = part
    near = max(_EDGE_SHARE * max(right - left, bottom - top), 1.0)
    cut = np.zeros(len(xyxy), np.bool_)
    if left > 0:
        cut |= xyxy[:, 0] <= near
    if top > 0:
        cut |= xyxy[:, 1] <= near
    if right < size_wh[0]:
        cut |= xyxy[:, 2] >= right - left - near
    if bottom < size_wh[1]:
        cut |= xyxy[:, 3] >= bottom - top - near
    return cut


def _joined(seen: Detections, closer: Detections) -> Detections:
    """Both, but each thing once: the rows of `seen` stay where they are, with what a surer look says of them."""
    same = (iou(closer.xyxy, seen.xyxy) >= _SAME_THING_IOU) & (closer.class_id[:, None] == seen.class_id[None, :])
    xyxy, score = seen.xyxy.copy(), seen.score.copy()
    for row, column in zip(*np.nonzero(same), strict=True):
        if closer.score[row] > score[column]:
            xyxy[column], score[column] = closer.xyxy[row], closer.score[row]
    return Detections.concat([replace(seen, xyxy=xyxy, score=score), closer.select(~same.any(axis=1))])


def _each_once(found: Detections) -> Detections:
    """Of boxes of one class that lie on each other only the surest: people who stand together are cut out with each other's things."""
    if len(found) < 2:
        return found
    overlap = iou(found.xyxy, found.xyxy)
    kept: list[int] = []
    for row in np.argsort(-found.score, kind="stable").tolist():
        if all(found.class_id[row] != found.class_id[other] or overlap[row, other] < _SAME_THING_IOU for other in kept):
            kept.append(row)
    return found.select(np.array(sorted(kept), np.int64))
