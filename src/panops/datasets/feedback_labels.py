"""From judged events to labelled pictures: what people said is the word, a sure model fills in the rest, and what is unsure stays unknown.

A true alarm gives its box. A false alarm gives a hard negative: the picture without that box. What else stands in a picture was judged by
nobody; called background it would teach the detector to overlook it. So what the model in use is sure of is a label, and what it is not
sure of a crowd, which is neither learnt nor punished.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panops.domain import places
from panops.domain.boxes import area, intersection, iou
from panops.domain.detections import Detections
from panops.domain.judged_pictures import JudgedBoxes, PicturedEvent, SeenThing
from panops.domain.labels import LabelledPicture, matched_classes

SOURCE = "feedback"
SURE = 0.6
UNSURE = 0.1
# The rules whose false alarm says that the thing is none of its class. One of the others may be about a count, a speed or a helmet.
ABOUT_THE_THING = frozenset({"intrusion", "line_crossing", "loitering"})
_SAME_IOU = 0.5
# The model's other boxes around a false thing are looser or tighter than the tracked one, and just as false.
_ITS_BOXES_IOU = 0.3

Reason = str
NO_PICTURE = "no picture is kept of it"
NO_CLASS = "the model does not know its class"
NO_BOX = "it is about no single thing"
OTHER_RULE = "a false alarm of its rule does not say what the thing is"
NOT_FOUND_AGAIN = "where it is in its picture is not known"
CONTRADICTED = "another event calls the same thing a true alarm"
COVERED = "a true thing stands at the same place"
UNREADABLE = "its picture cannot be read"


@dataclass(frozen=True, slots=True, eq=False)
class FeedbackPicture:
    """A judged event as something to learn from.

    Attributes:
        event: The event.
        labelled: Its picture with the boxes to learn.
        judged: What was said of it.
    """

    event: PicturedEvent
    labelled: LabelledPicture
    judged: JudgedBoxes


class Verdicts:
    """What is said of each tracked thing, over all events: one that was called true once is real, whatever another rule's event says.

    Args:
        events: All judged events.
        rules: Rules whose false alarms are taken to be about the thing, whatever their kind.
    """

    def __init__(self, events: Sequence[PicturedEvent], rules: Sequence[str] = ()) -> None:
        self._rules = frozenset(rules)
        self._true = {(event.run, track) for event in events if not event.false_alarm for track in main_tracks(event)}
        self._false = {
            (event.run, track) for event in events if event.false_alarm and self.is_about_the_thing(event) for track in event.track_ids
        }

    def is_about_the_thing(self, event: PicturedEvent) -> bool:
        """Whether the event's false alarm says that its thing is none of its class."""
        return event.kind in ABOUT_THE_THING or event.rule_id in self._rules

    def of(self, event: PicturedEvent, thing: SeenThing) -> bool | None:
        """True: a true thing; False: a false one; None: nobody judged it."""
        key = (event.run, thing.track_id)
        return True if key in self._true else False if key in self._false else None


def main_tracks(event: PicturedEvent) -> tuple[int, ...]:
    """Whom a true alarm is about: its only track, else the one that stands at its box in its picture; nobody where that is not known."""
    if len(event.track_ids) == 1:
        return event.track_ids
    own = [thing for thing in event.things if thing.track_id in event.track_ids]
    if not own or event.box is None:
        return ()
    box = event.box
    best = max(own, key=lambda thing: (places.iou(thing.box, box), thing.score))
    return (best.track_id,)


def why_not(event: PicturedEvent, verdicts: Verdicts, classes: Sequence[str]) -> Reason:
    """Why nothing can be learnt from the event; empty where its picture is worth a look."""
    if event.box is None or not event.class_name:
        return NO_BOX
    if event.false_alarm and not verdicts.is_about_the_thing(event):
        return OTHER_RULE
    if _class_index(event.class_name, classes) < 0:
        return NO_CLASS
    if event.picture is None:
        return NO_PICTURE
    return ""


def label_picture(
    event: PicturedEvent,
    picture: Path,
    size_wh: tuple[int, int],
    found: Detections,
    verdicts: Verdicts,
    classes: Sequence[str],
    *,
    sure: float = SURE,
    min_score: float = 0.35,
) -> FeedbackPicture | Reason:
    """The labels of one event's picture, or why there are none.

    Args:
        event: For which `why_not` is empty.
        picture: Where its picture lies for training.
        size_wh: The picture's size, px.
        found: What the model in use sees in it, px, from the score `UNSURE` on.
        verdicts: Of all events.
        classes: The model's; they become the set's.
        sure: From which score on the model's word is a label.
        min_score: From which score on the event's camera takes a detection for one.
    """
    own = _own_boxes(event, size_wh, found, classes)
    if not len(own):
        return NOT_FOUND_AGAIN
    if event.false_alarm and any(verdicts.of(event, thing) for thing in _own_things(event)):
        return CONTRADICTED
    class_id = _class_index(event.class_name, classes)
    true, false = _judged_things(event, verdicts, size_wh, classes)
    mine = _Boxes(own, np.full(len(own), class_id, np.int64))
    true, false = (true, false.with_more(mine)) if event.false_alarm else (true.with_more(mine), false)
    if len(true) and len(false) and (_same_class(true, false) & (iou(true.xyxy, false.xyxy) >= _SAME_IOU)).any():
        return COVERED
    sure_boxes, unsure = _others(event, found, true, false, size_wh, classes, sure)
    taught = true.with_more(sure_boxes)
    everything = taught.with_more(unsure)
    crowd = np.arange(len(everything)) >= len(taught)
    labelled = LabelledPicture(
        picture, size_wh, everything.xyxy, everything.class_id, crowd, np.ones(len(classes), bool), SOURCE, event.camera_id
    )
    name = event.class_name
    judged = JudgedBoxes(event.event_id, event.camera_id, name, event.false_alarm, own.copy(), min_score, picture, size_wh)
    return FeedbackPicture(event, labelled, judged)


def with_groups(pictures: Sequence[FeedbackPicture], groups: Mapping[str, str]) -> list[FeedbackPicture]:
    """The pictures with the group of each event id: what a split never parts."""
    return [replace(one, labelled=replace(one.labelled, group=groups[one.event.event_id])) for one in pictures]


@dataclass(frozen=True, slots=True, eq=False)
class _Boxes:
    """Boxes (N, 4) px with their classes (N,)."""

    xyxy: NDArray[np.float32]
    class_id: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.xyxy)

    def rows(self, keep: NDArray[np.bool_]) -> _Boxes:
        """Those that `keep` (N,) names."""
        return _Boxes(self.xyxy[keep], self.class_id[keep])

    def with_more(self, other: _Boxes) -> _Boxes:
        """Both; what is nearly the same box of the same class is taken once."""
        new = np.asarray(~(_same_class(other, self) & (iou(other.xyxy, self.xyxy) >= _SAME_IOU)).any(axis=1), np.bool_)
        return _Boxes(np.concatenate([self.xyxy, other.xyxy[new]]), np.concatenate([self.class_id, other.class_id[new]]))


def _class_index(name: str, classes: Sequence[str]) -> int:
    return int(matched_classes([name], classes)[0])


def _same_class(one: _Boxes, other: _Boxes) -> NDArray[np.bool_]:
    return np.asarray(one.class_id[:, None] == other.class_id[None], np.bool_)


def _in_px(boxes: Sequence[places.Box], size_wh: tuple[int, int]) -> NDArray[np.float32]:
    width, height = size_wh
    scaled = np.array(boxes, np.float32).reshape(-1, 4) * np.array([width, height, width, height], np.float32)
    cut = np.clip(scaled, 0, np.array([width, height, width, height], np.float32))
    return np.asarray(cut, np.float32)


def _own_things(event: PicturedEvent) -> list[SeenThing]:
    """The tracks that the verdict is about, as they stand in the picture: all of a false alarm, the main one of a true alarm."""
    tracks = event.track_ids if event.false_alarm else main_tracks(event)
    return [thing for thing in event.things if thing.track_id in tracks and thing.class_name == event.class_name]


def _own_boxes(event: PicturedEvent, size_wh: tuple[int, int], found: Detections, classes: Sequence[str]) -> NDArray[np.float32]:
    """(N, 4) px: what was judged, in the very picture. Without a trail: where the model sees one of the class at the event's box."""
    things = _own_things(event)
    if things:
        return _with_area(_in_px([thing.box for thing in things], size_wh))
    if event.box is None:
        return np.zeros((0, 4), np.float32)
    at = _in_px([event.box], size_wh)
    of_class = found.class_id == _class_index(event.class_name, classes)
    overlap = iou(found.xyxy, at)[:, 0] * of_class if len(found) else np.zeros(0, np.float32)
    if not len(overlap) or overlap.max() < _ITS_BOXES_IOU:
        return np.zeros((0, 4), np.float32)
    best = int(overlap.argmax())
    return np.array(found.xyxy[best : best + 1])


def _with_area(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    return xyxy[(xyxy[:, 2] - xyxy[:, 0] >= 1) & (xyxy[:, 3] - xyxy[:, 1] >= 1)]


def _of_things(things: Sequence[SeenThing], size_wh: tuple[int, int], classes: Sequence[str]) -> _Boxes:
    """Tracked things as boxes; those of classes that the model does not know are left out."""
    known = [(thing, index) for thing in things if (index := _class_index(thing.class_name, classes)) >= 0]
    return _Boxes(_in_px([thing.box for thing, _ in known], size_wh), np.array([index for _, index in known], np.int64))


def _judged_things(event: PicturedEvent, verdicts: Verdicts, size_wh: tuple[int, int], classes: Sequence[str]) -> tuple[_Boxes, _Boxes]:
    """What any event's verdict says of the things in this picture: true ones and false ones."""
    of_each = [[thing for thing in event.things if verdicts.of(event, thing) is wanted] for wanted in (True, False)]
    true, false = (_of_things(things, size_wh, classes) for things in of_each)
    return true, false


def _others(
    event: PicturedEvent,
    found: Detections,
    true: _Boxes,
    false: _Boxes,
    size_wh: tuple[int, int],
    classes: Sequence[str],
    sure: float,
) -> tuple[_Boxes, _Boxes]:
    """What nobody judged: what the model is sure of, and what it is not, with what was tracked there and it does not see now."""
    width, height = size_wh
    boxes = _Boxes(np.clip(found.xyxy, 0, np.array([width, height, width, height], np.float32)), found.class_id)
    free, doubt = np.ones(len(boxes), bool), found.score < sure
    if len(true) and len(boxes):
        free &= ~(_same_class(boxes, true) & (iou(boxes.xyxy, true.xyxy) >= _SAME_IOU)).any(axis=1)
    if len(false) and len(boxes):
        same = _same_class(boxes, false)
        free &= ~(same & (iou(boxes.xyxy, false.xyxy) >= _ITS_BOXES_IOU)).any(axis=1)
        # Part of the false thing, or somebody in front of it: nobody can say.
        smaller = np.minimum(area(boxes.xyxy)[:, None], area(false.xyxy)[None]).clip(min=1e-6)
        doubt = doubt | (same & (intersection(boxes.xyxy, false.xyxy) / smaller >= _SAME_IOU)).any(axis=1)
    certain, doubtful = boxes.rows(free & ~doubt), boxes.rows(free & doubt)
    known = true.with_more(false).with_more(certain)
    tracked = _of_things(event.things, size_wh, classes)
    more = known.with_more(tracked)
    return certain, doubtful.with_more(more.rows(np.arange(len(more)) >= len(known)))
