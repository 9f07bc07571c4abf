from __future__ import annotations

import numpy as np
import pytest

from panops.domain.geometry import Polygon
from panops.domain.tracks import TrackState
from panops.rules.scene import Scene
from panops.testing.rule_conformance import Sighting, make_tracks

# A concave zone: a U that is open at the top.
CUP = Polygon("cup", np.array([[0.1, 0.2], [0.3, 0.2], [0.3, 0.7], [0.7, 0.7], [0.7, 0.2], [0.9, 0.2], [0.9, 0.9], [0.1, 0.9]]))


def scene() -> Scene:
    return Scene("gate", (640, 360), ("person", "car", "dog"), {"cup": CUP})


def test_rows_are_the_sighted_of_the_class_inside() -> None:
    tracks = make_tracks(
        0.0,
        [
            Sighting(1, 0.2, 0.5),
            Sighting(2, 0.5, 0.5),  # in the cup's opening
            Sighting(3, 0.5, 0.8),
            Sighting(4, 0.8, 0.5, class_id=1),
            Sighting(5, 0.8, 0.5, state=TrackState.LOST),
            Sighting(6, 0.8, 0.5, class_id=99),
        ],
    )
    assert scene().area("cup", ["person"]).rows(tracks).tolist() == [0, 2]
    assert scene().area("cup", ["person", "car"]).rows(tracks).tolist() == [0, 2, 3]
    assert scene().area(None, ["person"]).rows(tracks).tolist() == [0, 1, 2]
    assert scene().area(None, ["any"]).rows(tracks).tolist() == [0, 1, 2, 3, 5]


def test_nobody_is_seen_in_what_is_left_out() -> None:
    tracks = make_tracks(0.0, [Sighting(1, 0.2, 0.5), Sighting(2, 0.5, 0.5), Sighting(3, 0.5, 0.8)])
    whole = scene()
    corner = Polygon("corner", np.array([[0.4, 0.75], [0.6, 0.75], [0.6, 0.95], [0.4, 0.95]]))
    less = whole.without([corner])
    assert less.area("cup", ["person"]).rows(tracks).tolist() == [0]
    assert less.area(None, ["person"]).rows(tracks).tolist() == [0, 1]
    assert less.without([CUP]).area(None, ["person"]).rows(tracks).tolist() == [1]
    assert whole.area(None, ["person"]).rows(tracks).tolist() == [0, 1, 2], "the others see all"
    assert whole.without([]) is whole


def test_rules_that_ask_for_the_same_share_it() -> None:
    one = scene()
    assert one.area("cup", ["person", "car"]) is one.area("cup", ["CAR", "person"])
    assert one.area("cup", ["person"]) is not one.area("cup", ["dog"])


def test_each_look_is_worked_out_afresh() -> None:
    one = scene()
    area = one.area("cup", ["person"])
    inside, outside = make_tracks(0.0, [Sighting(1, 0.2, 0.5)]), make_tracks(0.2, [Sighting(1, 0.5, 0.5)])
    assert [len(area.rows(tracks)) for tracks in (inside, outside, inside)] == [1, 0, 1]
    assert one.ground(outside)[0] == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("xyxy", "expected"),
    [
        pytest.param((64, 36, 128, 72), (0.1, 0.1, 0.2, 0.2), id="inside"),
        pytest.param((-10, -10, 700, 400), (0.0, 0.0, 1.0, 1.0), id="over the border"),
    ],
)
def test_boxes_are_relative(xyxy: tuple[float, ...], expected: tuple[float, ...]) -> None:
    assert scene().relative_box(np.array(xyxy, np.float32)) == expected


def test_a_class_that_the_model_does_not_have_has_no_name() -> None:
    assert [scene().class_name(class_id) for class_id in (0, 2, 3, -1)] == ["person", "dog", "", ""]


def test_a_picture_without_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a picture size of at least 1x1 px, got 0x360"):
        Scene("gate", (0, 360), ("person",))
