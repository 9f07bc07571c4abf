"""A second look at single objects: each is cut out and shown enlarged, for some looks at first and again now and then.

A second detector finds things on them; classifiers of parts (`part_readers`) say what is on a person's head or torso.

What it finds joins the camera's own detections before the tracker, so rules, boxes and events know it like everything else. Where both see
the same thing of the same class, the surer one counts; where two detectors contradict each other, both have their say, and rules vote. A
sure answer of a classifier stands against both until the person is looked at again: a detector speaks at every check and would outvote it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, SecondaryConfig
from panops.domain.body_parts import UNSEEN, BodyPart
from panops.domain.boxes import iou
from panops.domain.crops import part_around
from panops.domain.detections import Detections
from panops.domain.errors import DeviceFull, DeviceLate, ModelError, ModelUnsupported, PanopsError
from panops.domain.frame import Frame
from panops.domain.places import Box
from panops.domain.protocols import Detector, HandReader
from panops.domain.tracks import Tracks
from panops.pipeline.closer_boxes import cut_at_edge, each_once, joined
from panops.pipeline.look_again import look_at_part
from panops.pipeline.looking import Look
from panops.pipeline.part_readers import PartReaders, part_reader, reads_parts

log = logging.getLogger(__name__)

# Seen again after a pause, an object is looked at so often: one look is none, as a thing that is followed must be seen twice.
_LOOKS_AGAIN = 3
_SAME_OBJECT_IOU = 0.3
# From this probability on a classifier's answer stands against what detectors see at the same place; below both have their say.
_SURE = 0.6


@dataclass(slots=True)
class _Looked:
    """An object that was looked at.

    Attributes:
        looks: How often in all.
        left: How many looks of this turn are left.
        next_s: When the next turn begins.
        answered: Of which parts a classifier was sure the last time.
    """

    looks: int = 0
    left: int = 0
    next_s: float = 0.0
    answered: frozenset[BodyPart] = frozenset()


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
        told = [
            () if detector is None else detector.classes,
            *([name for name in one.classes if name != UNSEEN] for one in readers.values()),
        ]
        self.classes = (*classes, *dict.fromkeys(name for names in told for name in names if name not in classes))
        self._parts = PartReaders(readers, self.classes)
        self._answered: list[tuple[Box, frozenset[BodyPart]]] = []
        wanted = {name.strip().casefold() for name in config.classes}
        self._is_about = np.array([name.casefold() in wanted for name in self.classes], np.bool_)
        self._followed = np.ones(len(self.classes), np.bool_)
        self._looked: dict[int, _Looked] = {}
        self.looks = 0
        self.problem = ""

    @classmethod
    def of(cls, config: CameraConfig, detectors: Callable[[str], Detector], classes: Sequence[str]) -> tuple[SecondaryLooks | None, str]:
        """A camera's, or None where it has none; and which of its models cannot be used, in words, or nothing.

        Args:
            config: The camera's settings.
            detectors: Gives what runs a model, a detector or a `HandReader`.
            classes: The class names of the camera's own detector.
        """
        if config.secondary is None:
            return None, ""
        problems: list[str] = []

        def opened(name: str) -> Detector | None:
            try:
                return _checked(config.secondary, name, detectors(name))
            except PanopsError as error:
                problems.append(str(error))
                return None

        finder, readers = _opened(config.secondary, opened)
        looks = cls(config.secondary, finder, readers, classes) if finder is not None or readers else None
        return looks, f"nobody looks closer (secondary): {'; '.join(problems)}" if problems else ""

    @classmethod
    def made(cls, config: SecondaryConfig, detectors: Callable[[str], Detector], classes: Sequence[str]) -> SecondaryLooks:
        """What looks closer as `config` says, with all its models.

        Raises:
            ModelError: A model cannot be used, or does something else.
        """
        finder, readers = _opened(config, lambda name: _checked(config, name, detectors(name)))
        return cls(config, finder, readers, classes)

    @property
    def in_use(self) -> tuple[str, ...]:
        """The names of the models that it has; one that could not be opened is not among them."""
        return tuple(name for name, _ in self._used())

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
            if part in self._readers and isinstance(newer, HandReader):
                self._readers[part] = newer
        self._parts = PartReaders(self._readers, self.classes)

    def _used(self) -> list[tuple[str, Detector]]:
        own = [] if self._detector is None else [(self._config.model, self._detector)]
        return [*own, *((self._config.parts[part], reader) for part, reader in self._readers.items())]

    def follow(self, followed: NDArray[np.bool_]) -> None:
        """Tell only the classes in `followed` (C,) from now on."""
        self._followed = followed

    def add(self, frame: Frame, look: Look, seen: Detections, tracks: Tracks | None) -> Detections:
        """What was seen, in its order, and behind it what is found on it; what was only told again is not looked at.

        A row of `seen` that is found again with a better score takes that score and its box; one on a part of somebody of which a
        classifier is sure, or was when they were looked at last, is left out.
        """
        anew = seen if not len(look.standing) else seen.select(np.arange(len(seen) - len(look.standing)))
        closer = self.look(frame, anew, tracks)
        closer = closer.select(self._followed[closer.class_id])
        seen = self._parts.left_out(seen, self._answered) if self._answered else seen
        return joined(seen, closer) if len(closer) else seen

    def look(self, frame: Frame, found: Detections, tracks: Tracks | None) -> Detections:
        """What the second model finds on the objects whose turn it is.

        Args:
            frame: The picture.
            found: What the camera's detector has just seen in it; boxes that were only told again are none to look at.
            tracks: As they were after the check before: who is who.

        Returns:
            Boxes in px of the frame and class ids of `classes`; empty where nobody's turn it is, or the model failed (`problem`).
        """
        self._answered = []
        rows = np.flatnonzero(self._is_about[found.class_id])
        if not len(rows):
            return Detections.empty()
        known = self._known(found, rows, tracks, frame.captured_at_s)
        told: list[Detections] = []
        faults: list[str] = []
        try:
            for row, state in self._due(found, known, frame.captured_at_s):
                told.append(self._one(frame, found.xyxy[row], state, faults))
                self.looks += 1
        except (DeviceLate, DeviceFull):  # load, which says nothing about the model; who was not looked at is next time
            return Detections.empty()
        finally:  # an answer stands, also where this turn was cut short
            self._answered = [(_plain(found.xyxy[row]), state.answered) for row, state in known if state.answered]
        problem = "; ".join(dict.fromkeys(faults))
        if problem and problem != self.problem:
            log.error("camera %s: the secondary model %s: %s", frame.camera_id, " or ".join(self.models), problem)
        self.problem = problem
        return each_once(Detections.concat(told)) if told else Detections.empty()

    def forget(self) -> None:
        """The camera's time begins anew: nobody is known."""
        self._looked.clear()

    def _known(self, found: Detections, rows: NDArray[np.int64], tracks: Tracks | None, at_s: float) -> list[tuple[int, _Looked]]:
        """What is known of each of these rows. Who is not followed yet was not looked at yet."""
        ids = _track_ids(found.xyxy[rows], tracks)
        if len(self._looked) > 256:  # ids never come back
            present = set(ids)
            self._looked = {key: value for key, value in self._looked.items() if key in present or at_s - value.next_s < 60.0}
        return [
            (row, _Looked() if track_id < 0 else self._looked.setdefault(track_id, _Looked()))
            for row, track_id in zip(rows.tolist(), ids, strict=True)
        ]

    def _due(self, found: Detections, known: Sequence[tuple[int, _Looked]], at_s: float) -> list[tuple[int, _Looked]]:
        """Those to look at now: those that were looked at least first, then the largest; at most as many as are allowed."""
        due: list[tuple[int, float, int, _Looked]] = []
        for row, state in known:
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
        return [(row, state) for _, _, row, state in chosen]

    def _one(self, frame: Frame, box: NDArray[np.float32], state: _Looked, faults: list[str]) -> Detections:
        """What all models find on somebody; one that fails costs what it would have said (`faults`)."""
        person = _plain(box)
        told: list[Detections] = []
        answered: set[BodyPart] = set()
        for part in self._parts.parts:
            try:
                answer = self._parts.read(part, frame, person)
            except (DeviceLate, DeviceFull):
                raise
            except ModelError as error:
                faults.append(str(error))
                continue
            if len(answer):
                told.append(answer)
                if answer.score[0] >= _SURE:
                    answered.add(part)
        state.answered = frozenset(answered)
        if self._detector is not None:
            try:
                found = self._found(self._detector, frame, person)
                told.append(self._parts.left_out(found, [(person, state.answered)]))
            except (DeviceLate, DeviceFull):
                raise
            except ModelError as error:
                faults.append(str(error))
        return Detections.concat(told) if told else Detections.empty()

    def _found(self, detector: Detector, frame: Frame, person: Box) -> Detections:
        """What the second detector finds on somebody who is cut out."""
        part = part_around(person, frame.size_wh)
        seen = look_at_part(detector, frame, part)
        if len(seen):
            seen = seen.select(~cut_at_edge(seen.xyxy, part, frame.size_wh))
        offset = np.array([part[0], part[1], part[0], part[1]], np.float32)
        ids = np.array([self.classes.index(name) for name in detector.classes], np.int64)
        return Detections(seen.xyxy + offset, seen.score, ids[seen.class_id])


def _opened(config: SecondaryConfig, opened: Callable[[str], Detector | None]) -> tuple[Detector | None, dict[BodyPart, HandReader]]:
    """The second detector and the classifiers of parts, those that `opened` gives."""
    finder = opened(config.model) if config.model else None
    readers = {part: opened(name) for part, name in config.parts.items()}
    return finder, {part: reader for part, reader in readers.items() if isinstance(reader, HandReader)}


def _checked(config: SecondaryConfig | None, name: str, model: Detector) -> Detector:
    """The model, where it does what `config` wants of it.

    Raises:
        ModelUnsupported: It does something else.
    """
    if config is not None and name in config.parts.values():
        return part_reader(name, model)
    if isinstance(model, HandReader):
        raise ModelUnsupported(f"{name} says what is on a part of somebody and finds nothing; name it in secondary.parts")
    return model


def fits(config: SecondaryConfig, name: str, model: Detector) -> bool:
    """Whether a model does what `config` wants of one of this name."""
    return reads_parts(model) if name in config.parts.values() else not isinstance(model, HandReader)


def _plain(xyxy: NDArray[np.float32]) -> Box:
    left, top, right, bottom = xyxy.tolist()
    return left, top, right, bottom


def _track_ids(boxes: NDArray[np.float32], tracks: Tracks | None) -> list[int]:
    """The track of each box (N, 4), -1 for none."""
    if tracks is None or not len(tracks):
        return [-1] * len(boxes)
    overlap = iou(boxes, tracks.xyxy)
    best = overlap.argmax(axis=1)
    return [int(tracks.track_id[column]) if overlap[row, column] >= _SAME_OBJECT_IOU else -1 for row, column in enumerate(best.tolist())]
