"""What was left and what was taken: bags of class 1, people of class 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from panops.config.rule_schema import ObjectLeftConfig, ObjectRemovedConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import Polygon
from panops.domain.protocols import Rule
from panops.domain.tracks import Tracks
from panops.rules.object_left import ObjectLeft
from panops.rules.object_removed import ObjectRemoved
from panops.rules.scene import Scene
from panops.rules.still_objects import StillObjects
from panops.testing.rule_conformance import Sighting, make_tracks, play

LEFT = Polygon("left", np.array([[0.0, 0.0], [0.6, 0.0], [0.6, 1.0], [0.0, 1.0]]))
CLASSES = ("person", "suitcase", "car")
Seen = Callable[[float], list[Sighting]]


def left(**settings: Any) -> ObjectLeft:
    values = {"id": "r", "kind": "object_left", "after_s": 10.0, "end_after_s": 3.0, **settings}
    return ObjectLeft(ObjectLeftConfig.model_validate(values), Scene("hall", (640, 360), CLASSES, {"left": LEFT}))


def removed(**settings: Any) -> ObjectRemoved:
    values = {"id": "r", "kind": "object_removed", "known_s": 10.0, "after_s": 5.0, **settings}
    return ObjectRemoved(ObjectRemovedConfig.model_validate(values), Scene("hall", (640, 360), CLASSES, {"left": LEFT}))


def bag(track: int = 1, x: float = 0.3, y: float = 0.7, **more: Any) -> Sighting:
    return Sighting(track, x, y, class_id=1, height=0.1, first_seen_s=0.0, **more)


def person(x: float, y: float = 0.7, track: int = 50, **more: Any) -> Sighting:
    """A third of the picture high: 120 px, so two heights are 0.375 of its width."""
    return Sighting(track, x, y, class_id=0, height=1 / 3, first_seen_s=0.0, **more)


def story(seen: Seen, seconds: float = 60.0, fps: float = 5.0) -> list[Tracks]:
    return [make_tracks(n / fps, seen(n / fps)) for n in range(round(seconds * fps))]


def ended(rule: Rule, looks: Sequence[Tracks]) -> list[Incident]:
    return [one for _, one in play(rule, looks) if one.phase is EventPhase.END]


def spans(rule: Rule, seen: Seen, seconds: float = 60.0) -> list[tuple[float, float]]:
    return [(round(one.started_at_s, 1), round(one.ended_at_s or 0.0, 1)) for one in ended(rule, story(seen, seconds))]


def walks_away(t: float, at_s: float = 10.0) -> list[Sighting]:
    """Somebody stands by until `at_s`, then goes to the right, a tenth of the picture a second."""
    x = 0.35 + 0.1 * max(0.0, t - at_s)
    return [person(x)] if x < 1 else []


@pytest.mark.parametrize(
    ("settings", "seen", "expected"),
    [
        pytest.param({}, lambda t: [bag()], [(0.0, 59.8)], id="alone from the beginning"),
        pytest.param({}, lambda t: [bag(), person(0.4)], [], id="somebody is with it"),
        # Two heights away at 0.675 of the width: 3.25 s after they set out.
        pytest.param({}, lambda t: [bag(), *walks_away(t)], [(13.2, 59.8)], id="left"),
        pytest.param({"owner_distance": 1.0}, lambda t: [bag(), *walks_away(t)], [(11.4, 59.8)], id="a smaller distance"),
        pytest.param({"after_s": 60}, lambda t: [bag(), *walks_away(t)], [], id="not yet"),
        pytest.param({}, lambda t: [bag(), *walks_away(t), *([person(0.35, track=51)] if 30 < t < 31.5 else [])], [(13.2, 59.8)],
                     id="somebody only passes by"),
        pytest.param({}, lambda t: [bag(), *walks_away(t), *([person(0.35, track=51)] if t >= 30 else [])], [(13.2, 31.8)],
                     id="somebody comes to it and stays"),
        pytest.param({}, lambda t: [*([bag()] if t < 30 else []), *walks_away(t)], [(13.2, 29.8)], id="it is taken away"),
        pytest.param({}, lambda t: [bag(1 + int(t / 4)), *walks_away(t)], [(13.2, 59.8)], id="with ever new track ids"),
        pytest.param({}, lambda t: [*([bag()] if int(5 * t) % 9 == 0 else []), *walks_away(t)], [(13.2, 59.4)],
                     id="seen in one look of nine"),
        pytest.param({}, lambda t: [bag(x=0.3 + 0.02 * t)], [], id="carried by somebody nobody sees"),
        pytest.param({}, lambda t: [bag(x=0.3 + 0.02 * min(t, 10))], [(9.4, 59.8)], id="put down: from then on"),
        pytest.param({"zone": "left"}, lambda t: [bag(x=0.8)], [], id="outside the zone"),
        pytest.param({"zone": "left"}, lambda t: [bag(x=0.55), person(0.65)], [], id="who is with it may stand outside"),
        pytest.param({"classes": ["car"]}, lambda t: [bag()], [], id="another class"),
        pytest.param({"classes": ["any"]}, lambda t: [bag()], [(0.0, 59.8)], id="any"),
        pytest.param({"classes": ["any"]}, lambda t: [person(0.5)], [], id="any, but never a person"),
        pytest.param({"classes": ["any"], "owner_classes": ["car"]}, lambda t: [person(0.5)], [(0.0, 59.8)], id="unless cars own"),
    ],
)  # fmt: skip
def test_what_is_left(settings: dict[str, Any], seen: Seen, expected: list[tuple[float, float]]) -> None:
    found = spans(left(**settings), seen)
    assert [one[0] for one in found] == pytest.approx([one[0] for one in expected], abs=0.6)
    assert [one[1] for one in found] == pytest.approx([one[1] for one in expected], abs=0.6)


def test_two_bags_are_two_incidents_and_say_for_how_long() -> None:
    found = ended(left(), story(lambda t: [bag(1, 0.2), *([bag(2, 0.8)] if t > 20 else [])]))
    assert [(one.track_ids, one.class_name) for one in found] == [((1,), "suitcase"), ((2,), "suitcase")]
    assert [float(one.details["alone_s"] or 0) for one in found] == pytest.approx([59.8, 39.6], abs=0.3)


def hides(t: float, from_s: float, until_s: float) -> list[Sighting]:
    """Somebody nearer to the camera stands in front of it: their feet are far below."""
    return [person(0.31, 0.85)] if from_s <= t < until_s else []


@pytest.mark.parametrize(
    ("settings", "seen", "expected"),
    [
        pytest.param({}, lambda t: [bag()], [], id="it stands"),
        pytest.param({}, lambda t: [bag()] if t < 30 else [], [(29.8, 34.8)], id="gone"),
        pytest.param({}, lambda t: [bag()] if t < 9 else [], [], id="it had not stood for long enough"),
        pytest.param({"known_s": 5}, lambda t: [bag()] if t < 9 else [], [(8.8, 13.8)], id="long enough for this rule"),
        pytest.param({}, lambda t: [bag()] if t < 30 or t > 34 else [], [], id="missed for four seconds"),
        pytest.param({}, lambda t: [*([] if 20 <= t < 45 else [bag(1 if t < 20 else 2)]), *hides(t, 20, 45)], [], id="hidden for long"),
        pytest.param({}, lambda t: [*([bag()] if t < 20 else []), *hides(t, 20, 40)], [(39.8, 44.8)], id="taken by who hid it"),
        pytest.param({}, lambda t: [*([bag()] if t < 20 else []), person(0.8)], [(19.8, 24.8)], id="somebody elsewhere hides nothing"),
        pytest.param({}, lambda t: [bag(x=0.3 if t < 30 else 0.5)], [(29.8, 34.8)], id="moved to another place"),
        pytest.param({}, lambda t: [bag(1 + int(t / 3))] if t < 30 else [], [(29.8, 34.8)], id="with ever new track ids"),
        pytest.param({}, lambda t: [bag()] if t < 20 or 24 < t < 40 else [], [(39.8, 44.8)], id="once, however often it was missed"),
        pytest.param({}, lambda t: [bag()] if t < 15 or 26 < t < 45 else [], [(14.8, 19.8), (44.8, 49.8)], id="back, and gone again"),
        pytest.param({"zone": "left"}, lambda t: [bag(x=0.8)] if t < 30 else [], [], id="outside the zone"),
        pytest.param({"classes": ["any"]}, lambda t: [person(0.5)] if t < 30 else [], [], id="people are no objects"),
    ],
)  # fmt: skip
def test_what_is_removed(settings: dict[str, Any], seen: Seen, expected: list[tuple[float, float]]) -> None:
    assert spans(removed(**settings), seen) == expected


def test_what_is_removed_is_shown_at_its_best() -> None:
    (one,) = ended(removed(), story(lambda t: [bag(score=0.9 if t == 4 else 0.6)] if t < 30 else []))
    assert (one.score, one.class_name, one.track_ids, one.details["stood_s"]) == (0.9, "suitcase", (1,), 29.8)
    assert one.box == pytest.approx((0.2888, 0.6, 0.3112, 0.7), abs=0.001)


@pytest.mark.parametrize("make", [left, removed], ids=["left", "removed"])
def test_after_a_minute_without_looks_nothing_is_known(make: Callable[[], Rule]) -> None:
    before = story(lambda t: [bag()], 9.0)
    after = [make_tracks(one.time_s + 90.0, [] if make is removed else [bag()]) for one in before]
    assert ended(make(), [*before, *after]) == []


def test_places_are_forgotten_and_keep_one_object_each() -> None:
    still = StillObjects(keep_s=2.0)
    random = np.random.default_rng(0)
    for n in range(400):
        seen = [bag(5 * n + k, x=float(random.uniform(0.05, 0.95)), y=float(random.uniform(0.2, 0.95))) for k in range(5)]
        tracks = make_tracks(n / 5, seen)
        places = still.update(tracks, np.arange(5))
        assert len(set(places.tolist())) == 5
        assert (still.rows["id"][places] == tracks.track_id).all()
        assert len(still) <= 100  # hidden ones stay a little longer
    assert len(set(still.rows["key"].tolist())) == len(still)
