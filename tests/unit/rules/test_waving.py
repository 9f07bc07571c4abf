"""The rule waving: hands that swing, and those that are only held up, tremble, or hang down."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.config.rule_schema import WavingConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.protocols import Rule
from panops.domain.tracks import Tracks
from panops.rules.scene import Scene
from panops.rules.waving import Waving, swings
from panops.testing.rule_conformance import RuleConformance, Sighting, make_tracks, play

from .test_posture import STANDING, array

SCENE = Scene("gate", (640, 360), ("person", "car"))
Hands = Callable[[float], tuple[float, float]]
"""Time, s -> how far the left wrist is aside of its shoulder and above it, in shoulder widths."""


def waves(width: float = 1.0, period_s: float = 1.2, height: float = 1.0) -> Hands:
    return lambda time_s: (width / 2 * math.sin(2 * math.pi * time_s / period_s), height)


STILL: Hands = lambda _: (0.1, 1.2)  # noqa: E731
DOWN: Hands = lambda time_s: (0.5 * math.sin(2 * math.pi * time_s), -1.0)  # noqa: E731


def at(time_s: float, hands: Hands | None) -> Tracks:
    tracks = make_tracks(time_s, [Sighting(1, 0.5, 0.9)])
    if hands is None:
        return tracks
    points = array(STANDING)[None].copy()
    width = abs(float(points[0, 5, 0] - points[0, 6, 0]))
    aside, above = hands(time_s)
    points[0, 9, :2] = points[0, 5, :2] + np.array([aside, -above], np.float32) * width
    return replace(tracks, keypoints=points.astype(np.float32))


def story(*parts: tuple[float, Hands | None], every_s: float = 0.2, start_s: float = 100.0) -> list[Tracks]:
    told, number = [], 0
    for seconds, hands in parts:
        for _ in range(round(seconds / every_s)):
            told.append(at(start_s + number * every_s, hands))
            number += 1
    return told


def rule(**settings: object) -> Waving:
    return Waving(WavingConfig.model_validate({"id": "r", "kind": "waving", **settings}), SCENE)


def begun(made: Rule, looks: Iterable[Tracks]) -> list[tuple[float, Incident]]:
    return [(round(time_s - 100, 1), one) for time_s, one in play(made, looks) if one.phase is EventPhase.BEGIN]


class TestWavingKeepsToTheProtocol(RuleConformance):
    def make(self) -> Rule:
        return rule()

    def story(self, seed: int = 0, start_s: float = 0.0) -> list[Tracks]:
        return story((2.0 + seed, STILL), (5.0, waves()), (6.0, STILL), start_s=start_s)


def test_waving_is_told_once_with_its_swings() -> None:
    ((told_s, incident),) = begun(rule(), story((2.0, STILL), (6.0, waves()), (4.0, DOWN)))
    assert 3.4 <= told_s <= 4.8
    assert (incident.kind, incident.class_name) == ("waving", "person")
    assert incident.details["swings"] == 4.0


@pytest.mark.parametrize("every_s", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("period_s", [1.1, 1.3, 1.7])
def test_it_is_seen_at_the_rates_of_cameras(every_s: float, period_s: float) -> None:
    assert len(begun(rule(), story((8.0, waves(1.2, period_s)), every_s=every_s))) == 1


@pytest.mark.parametrize(
    "hands", [STILL, DOWN, waves(0.25), waves(1.0, 6.0), None], ids=["held up", "hanging down", "trembling", "too slow", "nobody looked"]
)
def test_nothing_else_is_waving(hands: Hands | None) -> None:
    assert begun(rule(), story((12.0, hands))) == []


def test_a_hand_that_is_lowered_between_begins_anew() -> None:
    once = (0.9, waves())
    assert begun(rule(), story(*[once, (1.0, DOWN)] * 5)) == []


def test_looks_that_are_too_far_apart_say_nothing_of_what_was_between() -> None:
    assert begun(rule(window_s=20.0), story((30.0, waves(1.2, 3.0)), every_s=1.5)) == []


@given(st.lists(st.floats(-2, 2, allow_nan=False), max_size=40))
def test_swings_are_the_turns_of_a_zigzag(places: list[float]) -> None:
    """The plain way: from each turn on, look for the next place that is far enough from the farthest one before it."""
    ended, start, way = 0, 0, 0
    while start < len(places):
        far = [(index, end) for index, end in enumerate(places[start:], start) if _swung(places[start : index + 1], way)]
        if not far:
            break
        index, end = far[0]
        way = 1 if way == -1 or (way == 0 and end - min(places[start : index + 1]) >= 0.5) else -1
        ended, start = ended + 1, index
    assert len(swings(enumerate(places))) == ended


def _swung(part: list[float], way: int) -> bool:
    return (way != 1 and part[-1] - min(part) >= 0.5) or (way != -1 and max(part) - part[-1] >= 0.5)
