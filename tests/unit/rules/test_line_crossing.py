from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import hypot

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.config.rule_schema import LineCrossingConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import Tripwire
from panops.domain.tracks import Tracks
from panops.rules.line_crossing import AWAY, AWAY_OF_SIZE, CLEAR, CLEAR_OF_HEIGHT, GAP_S, HOLD_S, SETTLE_S, LineCrossing
from panops.rules.scene import Scene
from panops.testing.rule_conformance import Sighting, make_tracks, play

Point = tuple[float, float]

# Drawn from top to bottom: whoever walks along it downwards has the picture's right side at the left hand, so `a` is right, `b` left.
DOWN = [(0.5, 0.0), (0.5, 1.0)]
# Drawn from left to right: `a` is above, `b` below.
ACROSS = [(0.2, 0.5), (0.8, 0.5)]
HOOK = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7)]


def make(points: Sequence[Point] = DOWN, direction: str = "both", classes: Sequence[str] = ("person",)) -> LineCrossing:
    config = LineCrossingConfig.model_validate(
        {"id": "r", "kind": "line_crossing", "line": "l", "direction": direction, "classes": classes}
    )
    return LineCrossing(config, Scene("gate", (640, 360), ("person", "car"), lines={"l": Tripwire("l", np.array(points))}))


def walk(*points: Point, step_s: float = 0.2, track_id: int = 1, start_s: float = 0.0) -> list[Tracks]:
    return [make_tracks(start_s + n * step_s, [Sighting(track_id, x, y, first_seen_s=start_s)]) for n, (x, y) in enumerate(points)]


def directions(rule: LineCrossing, story: Sequence[Tracks]) -> list[str]:
    return [str(one.details["direction"]) for _, one in play(rule, story) if one.phase is EventPhase.END]


@pytest.mark.parametrize(
    ("line", "path", "expected"),
    [
        pytest.param(DOWN, [(0.4, 0.5), (0.6, 0.5)], ["b_to_a"], id="to the right over a line drawn down"),
        pytest.param(DOWN, [(0.6, 0.5), (0.4, 0.5)], ["a_to_b"], id="to the left over a line drawn down"),
        pytest.param(DOWN[::-1], [(0.4, 0.5), (0.6, 0.5)], ["a_to_b"], id="to the right over a line drawn up"),
        pytest.param(ACROSS, [(0.5, 0.4), (0.5, 0.6)], ["a_to_b"], id="downwards over a line drawn to the right"),
        pytest.param(ACROSS, [(0.5, 0.6), (0.5, 0.4)], ["b_to_a"], id="upwards over a line drawn to the right"),
        pytest.param(ACROSS, [(0.1, 0.4), (0.1, 0.6)], [], id="past the line's end"),
        pytest.param(ACROSS, [(0.5, 0.4), (0.9, 0.48), (0.9, 0.52), (0.5, 0.6)], [], id="round the line's end"),
        pytest.param(ACROSS, [(0.5, 0.4), (0.5, 0.65), (0.5, 0.4)], ["a_to_b", "b_to_a"], id="there and back"),
        pytest.param(ACROSS, [(0.5, 0.4)] + [(0.5, 0.6)] * 5 + [(0.5, 0.35)], ["a_to_b", "b_to_a"], id="over, a moment, and far back"),
        pytest.param(ACROSS, [(0.5, 0.4), (0.5, 0.6), (0.5, 0.4)], [], id="a single look at the other side, not far from the line"),
        pytest.param(ACROSS, [(0.5, 0.4), (0.5, 0.45), (0.5, 0.4)], [], id="not quite there"),
        pytest.param(
            ACROSS, [(0.5, 0.4), (0.5, 0.502), (0.5, 0.498), (0.5, 0.502), (0.5, 0.498), (0.5, 0.6)], ["a_to_b"], id="jitter, over"
        ),
        pytest.param(ACROSS, [(0.5, 0.4), (0.5, 0.502), (0.5, 0.498), (0.5, 0.502), (0.5, 0.498), (0.5, 0.4)], [], id="jitter, back"),
        pytest.param(ACROSS, [(0.5, 0.4), (0.5, 0.5), (0.5, 0.6)], ["a_to_b"], id="a sighting on the line"),
        pytest.param(ACROSS, [(0.5, 0.4), (0.5, 0.505)], ["a_to_b"], id="vanishes just behind the line"),
        pytest.param(ACROSS, [(0.5, 0.498), (0.5, 0.502)], [], id="seen at the line only"),
        pytest.param(ACROSS, [(0.5, 0.498), (0.5, 0.502), (0.5, 0.6)], ["a_to_b"], id="comes up at the line and goes on"),
        pytest.param(ACROSS, [(0.5, 0.4)] + [(0.5, 0.505)] * 12, ["a_to_b"], id="stops just behind the line"),
        pytest.param(HOOK, [(0.5, 0.2), (0.5, 0.5)], ["a_to_b"], id="into a bend"),
        pytest.param(HOOK, [(0.5, 0.2), (0.5, 0.5), (0.9, 0.5)], ["a_to_b", "b_to_a"], id="into a bend and out on the other side"),
        pytest.param(HOOK, [(0.6, 0.2), (0.8, 0.4)], [], id="over the bend's tip"),
        pytest.param(HOOK, [(0.5, 0.2), (0.9, 0.5)], [], id="through a bend in one step"),
    ],
)
def test_paths(line: Sequence[Point], path: Sequence[Point], expected: list[str]) -> None:
    assert directions(make(line), walk(*path)) == expected


@pytest.mark.parametrize(("direction", "expected"), [("a_to_b", ["a_to_b"]), ("b_to_a", ["b_to_a"]), ("both", ["b_to_a", "a_to_b"])])
def test_only_the_wanted_direction(direction: str, expected: list[str]) -> None:
    assert directions(make(direction=direction), walk((0.3, 0.5), (0.7, 0.5), (0.3, 0.5))) == expected


def test_ten_minutes_on_the_line_are_one_crossing_at_most() -> None:
    random = np.random.default_rng(0)
    path = [(0.3, 0.5), *((0.5 + float(dx), 0.5) for dx in random.uniform(-0.006, 0.006, 3000)), (0.7, 0.5)]
    found = directions(make(), walk(*path))
    # Standing behind it for a second counts once, and so does going on in the end.
    assert len(found) <= 2
    assert found[0] == "b_to_a"


def test_a_bigger_object_may_jitter_more() -> None:
    path = [0.4, 0.54, 0.46, 0.54, 0.46, 0.6]
    for height, expected in ((0.05, 5), (0.9, 1)):
        story = [make_tracks(n / 5, [Sighting(1, 0.5, y, height=height)]) for n, y in enumerate(path)]
        assert len(directions(make([(0.2, 0.5), (0.8, 0.5)]), story)) == expected


# How the feet of somebody 0.2 high may seem to move, 0.2 s a look, with the line at 0.5.
HOVERING = {
    "feet come and go at every look": ([0.4, *[0.52, 0.46] * 20, 0.52], 1),
    "feet come and go in bouts": ([0.4, *[0.53, 0.53, 0.53, 0.53, 0.45, 0.45, 0.45, 0.45] * 6], 1),
    "waits behind the line, sways over it, walks on": ([0.35, *[0.54] * 10, *[0.46] * 10, *[0.54] * 10, 0.7, 0.8], 1),
    "waits behind the line, sways over it, walks back": ([0.35, *[0.54] * 10, *[0.46] * 10, *[0.54] * 10, *[0.46] * 10, 0.35, 0.2], 2),
    "over, away, back, away, over": ([0.35, 0.45, 0.55, 0.65, 0.55, 0.45, 0.35, 0.45, 0.55, 0.65], 3),
    "over, away, and then sways": ([0.35, 0.55, 0.65, *[0.54] * 5, *[0.46] * 5, *[0.54] * 5, *[0.46] * 5], 2),
}


@pytest.mark.parametrize(("path", "expected"), HOVERING.values(), ids=HOVERING.keys())
def test_hovering_at_the_line_counts_once_and_coming_back_counts_again(path: list[float], expected: int) -> None:
    story = [make_tracks(n / 5, [Sighting(1, 0.5, y, height=0.2)]) for n, y in enumerate(path)]
    found = directions(make(ACROSS), story)
    assert found == ["a_to_b", "b_to_a", "a_to_b"][:expected]


def test_a_box_that_loses_its_legs_does_not_walk() -> None:
    """The head stays where it is, and the legs, half of the box, are seen now and then: the size that counts is the whole person's."""
    story = [make_tracks(0.0, [Sighting(1, 0.5, 0.4, height=0.2)])]
    for number in range(1, 60):
        whole = number % 7 < 4
        story.append(make_tracks(number / 5, [Sighting(1, 0.5, 0.56 if whole else 0.46, height=0.2 if whole else 0.1)]))
    assert directions(make(ACROSS), story) == ["a_to_b"]


def test_a_size_from_long_ago_is_forgotten() -> None:
    """Merged with somebody for a moment it was large; that must not keep it from counting for ever."""
    heights = [0.2, 0.2, 0.8, *[0.2] * 40]
    path = [0.35, 0.55, *[0.56] * 20, *[0.7] * 11, *[0.3] * 10]
    story = [make_tracks(n / 5, [Sighting(1, 0.5, y, height=h)]) for n, (y, h) in enumerate(zip(path, heights, strict=True))]
    assert directions(make(ACROSS), story) == ["a_to_b", "b_to_a"]


def test_sightings_too_far_apart_are_no_step() -> None:
    story = [
        *walk((0.3, 0.5), (0.35, 0.5)),
        *(Tracks.empty("gate", 0.4 + n / 5) for n in range(12)),
        *walk((0.7, 0.5), (0.8, 0.5), start_s=2.8),
    ]
    assert directions(make(), story) == []


def test_a_missed_second_is_bridged() -> None:
    story = [
        *walk((0.4, 0.5), (0.45, 0.5)),
        *(Tracks.empty("gate", 0.4 + n / 5) for n in range(5)),
        *walk((0.6, 0.5), (0.7, 0.5), start_s=1.4),
    ]
    assert directions(make(), story) == ["b_to_a"]


def test_a_camera_that_is_looked_at_every_three_seconds_counts_too() -> None:
    assert directions(make(), walk((0.3, 0.5), (0.7, 0.5), step_s=3.0)) == ["b_to_a"]


def test_an_id_that_changes_on_the_line_still_crosses() -> None:
    story = [*walk((0.42, 0.5), (0.48, 0.5)), *walk((0.53, 0.5), (0.6, 0.5), track_id=2, start_s=0.4)]
    assert directions(make(), story) == ["b_to_a"]


def test_what_a_crossing_says() -> None:
    begin, end = (incident for _, incident in play(make(), walk((0.3, 0.5), (0.49, 0.5), (0.505, 0.5), (0.7, 0.5), track_id=7)))
    assert (begin.phase, end.phase) == (EventPhase.BEGIN, EventPhase.END)
    assert begin.key == end.key
    assert begin.ended_at_s is None
    # It crossed at the third look, which was certain at the fourth.
    assert (end.started_at_s, end.ended_at_s, end.updated_at_s) == pytest.approx((0.4, 0.4, 0.6))
    assert (end.kind, end.zone, end.class_name, end.track_ids, end.score) == ("line_crossing", "l", "person", (7,), 0.8)
    assert end.box == pytest.approx((0.505 - 18 / 640, 0.25, 0.505 + 18 / 640, 0.5), abs=1e-4)


def test_other_classes_do_not_count() -> None:
    story = [make_tracks(n / 5, [Sighting(1, x, 0.5, class_id=1)]) for n, x in enumerate((0.4, 0.6))]
    assert directions(make(), story) == []
    assert directions(make(classes=("any",)), story) == ["b_to_a"]


def test_two_at_once_are_two_crossings() -> None:
    story = [make_tracks(n / 5, [Sighting(1, x, 0.3), Sighting(2, 1 - x, 0.8)]) for n, x in enumerate((0.3, 0.4, 0.6, 0.7))]
    said: list[Incident] = [one for _, one in play(make(), story) if one.phase is EventPhase.BEGIN]
    assert [(one.track_ids, one.details["direction"]) for one in said] == [((1,), "b_to_a"), ((2,), "a_to_b")]


def test_an_unknown_line_is_refused() -> None:
    with pytest.raises(KeyError):
        LineCrossing(LineCrossingConfig(id="r", kind="line_crossing", line="nowhere"), Scene("gate", (640, 360), ("person",)))


class Reference:
    """One track and a line, in plain numbers."""

    def __init__(self, line: Sequence[Point]) -> None:
        self.segments = list(pairwise(line))
        self.at: Point | None = None
        self.net, self.armed, self.counted, self.crossed_s = 0, False, False, 0.0

    def look(self, time_s: float, at: Point, height: float) -> int:
        """1 for a to b, -1 for b to a, 0 for nothing certain."""
        before, self.at = self.at if self.at is not None else at, at
        crossed = sum(self._crosses(before, at, start, end) for start, end in self.segments)
        if crossed:
            self.net += 1 if crossed > 0 else -1
            self.crossed_s = time_s
        distance = min(self._distance(at, start, end) for start, end in self.segments)
        clear, away = distance > max(CLEAR, CLEAR_OF_HEIGHT * height), distance > max(AWAY, AWAY_OF_SIZE * height)
        stays_s = time_s - self.crossed_s
        certain = away or (not self.counted and ((clear and stays_s >= HOLD_S) or (self.armed and stays_s >= SETTLE_S)))
        result = 0
        if self.net and certain:
            result = 1 if self.net > 0 else -1
            self.net, self.armed, self.counted = 0, False, True
        self.armed = self.armed or clear
        self.counted = self.counted and not away
        return result

    def vanish(self) -> int:
        net, armed, counted = self.net, self.armed, self.counted
        self.at, self.net, self.armed, self.counted = None, 0, False, False
        return (1 if net > 0 else -1) if armed and net and not counted else 0

    @staticmethod
    def _left_of(at: Point, start: Point, end: Point) -> bool:
        return (end[0] - start[0]) * (at[1] - start[1]) - (end[1] - start[1]) * (at[0] - start[0]) < 0

    def _crosses(self, before: Point, after: Point, start: Point, end: Point) -> int:
        was_a, is_a = self._left_of(before, start, end), self._left_of(after, start, end)
        if was_a == is_a or self._left_of(start, before, after) == self._left_of(end, before, after):
            return 0
        return 1 if was_a else -1

    @staticmethod
    def _distance(at: Point, start: Point, end: Point) -> float:
        aspect = 640 / 360
        (px, py), (ax, ay), (bx, by) = ((x * aspect, y) for x, y in (at, start, end))
        length_2 = (bx - ax) ** 2 + (by - ay) ** 2
        share = min(max(((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length_2, 0.0), 1.0)
        return hypot(px - ax - share * (bx - ax), py - ay - share * (by - ay))


# In px of the picture, so that what the rule computes from boxes is exactly what the reference gets.
places = st.tuples(st.sampled_from([160, 256, 318, 319, 320, 321, 322, 384, 480]), st.sampled_from([90, 178, 180, 182, 270]))


@given(
    st.sampled_from([DOWN, ACROSS, HOOK]),
    st.lists(st.tuples(st.sampled_from([0.25, 0.25, 0.5, 1.0, 3.0]), st.one_of(st.none(), places)), max_size=40),
)
def test_it_agrees_with_the_plain_reference(line: Sequence[Point], looks: list[tuple[float, tuple[int, int] | None]]) -> None:
    rule, plain = make(line), Reference(line)
    expected, time_s, seen_s, looked_s = [], 0.0, 0.0, 0.0
    story = []
    for step_s, place in looks:
        time_s += step_s
        away = plain.at is not None and time_s - seen_s > GAP_S and (place is None or seen_s < looked_s)
        if away:
            expected.append(plain.vanish())
        if place is not None:
            at = (place[0] / 640, place[1] / 360)
            expected.append(plain.look(time_s, at, 0.25))
            seen_s = time_s
            story.append(make_tracks(time_s, [Sighting(1, *at, first_seen_s=-100.0)]))
        else:
            story.append(Tracks.empty("gate", time_s))
        looked_s = time_s
    expected.append(plain.vanish())
    assert directions(rule, story) == [{1: "a_to_b", -1: "b_to_a"}[sign] for sign in expected if sign]
