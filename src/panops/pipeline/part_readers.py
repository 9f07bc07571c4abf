"""Classifiers that say what is on a part of somebody: an answer for everybody, where a detector of hats finds some of them.

An answer becomes a box where such things are, its probability the score, so rules, the tracker and the page know it like everything else.
Only the likeliest answer is told, and none where that is `unseen`: the rest of a probability is no second thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from panops.domain.body_parts import UNSEEN, BodyPart, item_box, part_box
from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.places import Box
from panops.domain.protocols import Detector, HandReader

Answered = Sequence[tuple[Box, frozenset[BodyPart]]]
"""People, px, with those of their parts of which a classifier has said something."""


class PartReaders:
    """Those of one camera.

    Args:
        readers: The classifiers, each by the part of a person.
        classes: The camera's class names, in which all of theirs are but `unseen`.
    """

    def __init__(self, readers: Mapping[BodyPart, HandReader], classes: Sequence[str]) -> None:
        self._readers = dict(readers)
        self._classes = tuple(classes)

    @property
    def parts(self) -> tuple[BodyPart, ...]:
        """The parts that have a classifier."""
        return tuple(self._readers)

    def read(self, part: BodyPart, frame: Frame, person: Box) -> Detections:
        """What is on a part of somebody, px of the frame: one box or none.

        Raises:
            ModelError: The classifier failed.
        """
        reader, place = self._readers[part], part_box(person, part)
        (said,) = reader.read_signs(frame, Detections(np.array([place], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))).scores
        best = int(said.argmax())
        if reader.classes[best] == UNSEEN:
            return Detections.empty()
        box = np.array([item_box(place, part)], np.float32)
        return Detections(box, said[best : best + 1], np.array([self._classes.index(reader.classes[best])]))

    def left_out(self, seen: Detections, answered: Answered) -> Detections:
        """Without what is seen on a part that has an answer: who is asked about the very place knows better than who looks at everything.

        Args:
            seen: Boxes, px, with the camera's class ids.
            answered: Whose parts have one.
        """
        keep = np.ones(len(seen), np.bool_)
        middles = (seen.xyxy[:, :2] + seen.xyxy[:, 2:]) / 2
        for person, parts in answered:
            for part in parts:
                left, top, right, bottom = part_box(person, part)
                inside = (middles >= (left, top)).all(axis=1) & (middles <= (right, bottom)).all(axis=1)
                keep &= ~(inside & np.isin(seen.class_id, self._ids(part)))
        return seen if keep.all() else seen.select(keep)

    def _ids(self, part: BodyPart) -> list[int]:
        return [self._classes.index(name) for name in self._readers[part].classes if name != UNSEEN]


def part_reader(name: str, model: Detector) -> HandReader:
    """A model as a classifier of parts.

    Raises:
        ModelUnsupported: It is something else.
    """
    if not reads_parts(model):
        raise ModelUnsupported(f"{name} does not say what a picture shows; secondary.parts needs a classifier, such as ppe_head")
    assert isinstance(model, HandReader)  # noqa: S101 - as `reads_parts` said
    return model


def reads_parts(model: Detector) -> bool:
    """Whether a model says what pictures show; one that reads the points of hands does not."""
    return isinstance(model, HandReader) and not getattr(model, "needs_points", False)
