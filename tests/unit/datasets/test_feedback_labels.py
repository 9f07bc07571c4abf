"""What a detector is taught of a judged picture, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from panops.datasets.feedback_labels import (
    CONTRADICTED,
    COVERED,
    NO_BOX,
    NO_CLASS,
    NO_PICTURE,
    NOT_FOUND_AGAIN,
    OTHER_RULE,
    FeedbackPicture,
    Verdicts,
    label_picture,
    main_tracks,
    why_not,
)
from panops.domain.detections import Detections
from panops.domain.judged_pictures import PicturedEvent, SeenThing
from panops.domain.places import Box

CLASSES = ("person", "car", "traffic light")
PICTURE = Path("yard-1-1.jpg")
SIZE_WH = (100, 100)
HERE: Box = (0.1, 0.1, 0.3, 0.5)
THERE: Box = (0.6, 0.1, 0.8, 0.5)


def event(
    *, false_alarm: bool, number: int = 1, tracks: tuple[int, ...] = (1,), things: Sequence[SeenThing] | None = None, **more: object
) -> PicturedEvent:
    seen = (SeenThing(1, "person", 0.8, HERE),) if things is None else tuple(things)
    made = PicturedEvent(f"yard-1-{number}", "yard", "anyone", "intrusion", "person", false_alarm, tracks, HERE, PICTURE, 10.0, seen)
    return replace(made, **more)  # type: ignore[arg-type]


def seen(*rows: tuple[str, float, Box]) -> Detections:
    boxes = np.array([box for _, _, box in rows], np.float32).reshape(-1, 4) * 100
    scores = np.array([score for _, score, _ in rows], np.float32)
    return Detections(boxes, scores, np.array([CLASSES.index(name) for name, _, _ in rows], np.int64))


def labelled(one: PicturedEvent, found: Detections, *others: PicturedEvent) -> FeedbackPicture:
    made = label_picture(one, PICTURE, SIZE_WH, found, Verdicts([one, *others]), CLASSES)
    assert isinstance(made, FeedbackPicture)
    return made


def rows(made: FeedbackPicture) -> list[tuple[str, list[int], bool]]:
    picture = made.labelled
    boxes = zip(picture.class_id, picture.xyxy, picture.crowd, strict=True)
    return [(CLASSES[class_id], np.rint(box).astype(int).tolist(), bool(crowd)) for class_id, box, crowd in boxes]


def test_a_true_alarm_gives_its_box_as_it_was_tracked_in_the_very_picture() -> None:
    made = labelled(event(false_alarm=False, box=THERE), seen(("person", 0.3, HERE)))
    assert rows(made) == [("person", [10, 10, 30, 50], False)]
    assert np.rint(made.judged.xyxy).tolist() == [[10, 10, 30, 50]]
    assert made.labelled.labelled.all()


def test_a_false_alarm_gives_a_picture_without_its_box_however_the_model_sees_it() -> None:
    looser: Box = (0.05, 0.05, 0.35, 0.55)
    made = labelled(event(false_alarm=True), seen(("person", 0.9, HERE), ("person", 0.7, looser), ("person", 0.2, looser)))
    assert rows(made) == []
    assert made.judged.false_alarm
    assert np.rint(made.judged.xyxy).tolist() == [[10, 10, 30, 50]]


def test_what_nobody_judged_is_a_label_where_the_model_is_sure_and_unknown_where_it_is_not() -> None:
    far: Box = (0.4, 0.6, 0.5, 0.9)
    made = labelled(event(false_alarm=True), seen(("person", 0.7, THERE), ("car", 0.59, far)))
    assert rows(made) == [("person", [60, 10, 80, 50], False), ("car", [40, 60, 50, 90], True)]


def test_another_class_at_the_false_place_stays_what_the_model_says() -> None:
    made = labelled(event(false_alarm=True), seen(("car", 0.8, HERE), ("traffic light", 0.3, HERE)))
    assert rows(made) == [("car", [10, 10, 30, 50], False), ("traffic light", [10, 10, 30, 50], True)]


def test_a_part_of_the_false_thing_is_unknown_even_where_the_model_is_sure() -> None:
    head: Box = (0.1, 0.1, 0.3, 0.2)
    assert rows(labelled(event(false_alarm=True), seen(("person", 0.9, head)))) == [("person", [10, 10, 30, 20], True)]


def test_what_was_tracked_and_is_not_seen_now_is_unknown() -> None:
    things = [SeenThing(1, "person", 0.8, HERE), SeenThing(2, "person", 0.8, THERE), SeenThing(3, "tractor", 0.8, THERE)]
    made = labelled(event(false_alarm=True, things=things), seen())
    assert rows(made) == [("person", [60, 10, 80, 50], True)]


def test_other_events_judge_what_else_is_in_the_picture() -> None:
    things = [SeenThing(1, "person", 0.8, HERE), SeenThing(2, "person", 0.8, THERE)]
    one = event(false_alarm=True, things=things)
    found = seen(("person", 0.9, THERE))
    for said, want in ((False, [("person", [60, 10, 80, 50], False)]), (True, [])):
        assert rows(labelled(one, found, event(false_alarm=said, number=2, tracks=(2,)))) == want
    elsewhere = event(false_alarm=True, number=2, tracks=(2,), event_id="yard-2-1")
    assert rows(labelled(one, found, elsewhere)) == [("person", [60, 10, 80, 50], False)]  # another epoch: another track 2


def test_who_was_called_true_once_is_never_taught_as_background() -> None:
    one = event(false_alarm=True)
    found = seen(("person", 0.9, HERE))
    said = label_picture(one, PICTURE, SIZE_WH, found, Verdicts([one, event(false_alarm=False, number=2)]), CLASSES)
    assert said == CONTRADICTED


def test_a_true_thing_at_the_false_place_leaves_the_picture_out() -> None:
    things = [SeenThing(1, "person", 0.8, HERE), SeenThing(2, "person", 0.8, HERE)]
    one = event(false_alarm=True, things=things)
    said = label_picture(one, PICTURE, SIZE_WH, seen(), Verdicts([one, event(false_alarm=False, number=2, tracks=(2,))]), CLASSES)
    assert said == COVERED


def test_of_several_tracks_a_true_alarm_is_about_the_one_at_its_box_and_a_false_one_about_all() -> None:
    things = [SeenThing(1, "person", 0.8, THERE), SeenThing(2, "person", 0.7, HERE)]
    both = {"tracks": (1, 2), "things": things}
    assert main_tracks(event(false_alarm=False, **both)) == (2,)  # type: ignore[arg-type]
    found = seen(("person", 0.3, THERE), ("person", 0.3, HERE))
    assert rows(labelled(event(false_alarm=False, **both), found)) == [
        ("person", [10, 10, 30, 50], False),
        ("person", [60, 10, 80, 50], True),
    ]  # type: ignore[arg-type]
    assert rows(labelled(event(false_alarm=True, **both), found)) == []  # type: ignore[arg-type]


def test_without_a_trail_it_is_where_the_model_sees_one_of_its_class() -> None:
    near: Box = (0.12, 0.1, 0.32, 0.5)
    made = labelled(event(false_alarm=True, things=()), seen(("car", 0.9, HERE), ("person", 0.2, near)))
    assert made.judged.xyxy.tolist() == [[pytest.approx(edge) for edge in (12, 10, 32, 50)]]
    one = event(false_alarm=True, things=())
    assert label_picture(one, PICTURE, SIZE_WH, seen(("person", 0.9, THERE)), Verdicts([one]), CLASSES) == NOT_FOUND_AGAIN
    assert label_picture(one, PICTURE, SIZE_WH, seen(), Verdicts([one]), CLASSES) == NOT_FOUND_AGAIN


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"picture": None}, NO_PICTURE),
        ({"class_name": "moving"}, NO_CLASS),
        ({"class_name": "traffic_light"}, ""),
        ({"class_name": ""}, NO_BOX),
        ({"box": None}, NO_BOX),
        ({"kind": "compliance"}, OTHER_RULE),
        ({"kind": "compliance", "false_alarm": False}, ""),
        ({"kind": "compliance", "rule_id": "named"}, ""),
    ],
)
def test_why_nothing_can_be_learnt(change: dict[str, object], why: str) -> None:
    one = replace(event(false_alarm=True), **change)  # type: ignore[arg-type]
    assert why_not(one, Verdicts([one], ["named"]), CLASSES) == why


def test_a_verdict_about_a_helmet_teaches_nothing_of_the_person() -> None:
    helmet = event(false_alarm=True, number=2, kind="compliance")
    made = labelled(event(false_alarm=False, tracks=(1,)), seen(("person", 0.9, HERE)), helmet)
    assert rows(made) == [("person", [10, 10, 30, 50], False)]
