from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.config.rule_schema import LoiteringConfig
from panops.domain.events import EventPhase
from panops.domain.geometry import Polygon
from panops.domain.tracks import Tracks
from panops.rules.loitering import ABSENCE_S, Loitering
from panops.rules.scene import Scene
from panops.testing.rule_conformance import Sighting, make_tracks, play

# A concave zone, like an L: the upper right quarter is not in it.
CORNER = Polygon("corner", np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]]))

Look = tuple[float, tuple[int, ...]]


def make(after_s: float = 10.0, end_after_s: float = 3.0) -> Loitering:
    config = LoiteringConfig(id="r", kind="loitering", zone="corner", after_s=after_s, end_after_s=end_after_s)
    return Loitering(config, Scene("gate", (640, 360), ("person",), {"corner": CORNER}))


def looks(*spans: tuple[float, float, int | None], step_s: float = 0.5, x: float = 0.25) -> list[Tracks]:
    story = []
    for start_s, end_s, track_id in spans:
        for time_s in np.arange(start_s, end_s, step_s):
            seen = [] if track_id is None else [Sighting(track_id, x, 0.4, first_seen_s=start_s)]
            story.append(make_tracks(float(time_s), seen))
    return story


def outcome(rule: Loitering, story: Sequence[Tracks]) -> list[tuple[str, float, float | None]]:
    return [(one.key, one.started_at_s, one.ended_at_s) for _, one in play(rule, story) if one.phase is EventPhase.END]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([(0, 10, 1), (10, 20, None)], [], id="not long enough"),
        pytest.param([(0, 10.5, 1), (10.5, 20, None)], [("1", 0.0, 10.0)], id="just long enough"),
        pytest.param([(0, 6, 1), (6, 7.5, None), (7.5, 12, 1), (12, 20, None)], [("1", 0.0, 11.5)], id="a short absence counts"),
        pytest.param([(0, 6, 1), (6, 9, None), (9, 15, 1), (15, 20, None)], [], id="away too long: begins anew"),
        pytest.param([(0, 12, 1), (12, 14, None), (14, 16, 1), (16, 30, None)], [("1", 0.0, 15.5)], id="back before the end"),
        pytest.param([(0, 12, 1), (12, 17, None), (17, 28, 1), (28, 40, None)], [("1", 0.0, 11.5), ("1", 17.0, 27.5)], id="twice"),
        pytest.param([(0, 6, 1), (6, 12, 2), (12, 20, None)], [("1", 0.0, 11.5)], id="the tracker changes the id"),
        pytest.param([(0, 12, 1)], [("1", 0.0, 11.5)], id="finished while inside"),
    ],
)
def test_when_it_begins_and_ends(spans: list[tuple[float, float, int | None]], expected: list[tuple[str, float, float]]) -> None:
    assert outcome(make(), looks(*spans)) == expected


def test_outside_a_concave_zone_nothing_counts() -> None:
    assert outcome(make(), looks((0, 30, 1), x=0.75)) == []


def test_each_object_has_its_own_incident() -> None:
    story = [make_tracks(n / 2, [Sighting(one, 0.1 * one, 0.9) for one in (1, 2, 3) if n / 2 >= 4 * one]) for n in range(60)]
    begins = [(told_s, one.track_ids, one.started_at_s) for told_s, one in play(make(), story) if one.phase is EventPhase.BEGIN]
    assert begins == [(14.0, (1,), 4.0), (18.0, (2,), 8.0), (22.0, (3,), 12.0)]


def test_dwell_is_told_and_grows() -> None:
    said = [one for _, one in play(make(), looks((5, 25, 1), (25, 40, None)))]
    dwells = [float(one.details["dwell_s"] or 0) for one in said]
    assert dwells[0] == 10.0
    assert dwells == sorted(dwells)
    assert dwells[-1] == 19.5


def test_a_changed_id_is_named_with_the_old_one() -> None:
    assert play(make(), looks((0, 12, 1), (12, 14, 2)))[-1][1].track_ids == (1, 2)


def reference(story: Sequence[Look], after_s: float, end_after_s: float) -> list[tuple[str, float, float]]:
    """Each object for itself, with the whole story at hand."""
    found = []
    for track_id in sorted({one for _, ids in story for one in ids}):
        stay: list[float] = []
        last = -1
        for index, (time_s, ids) in enumerate(story):
            if track_id not in ids:
                continue
            loiters = bool(stay) and stay[-1] - stay[0] >= after_s
            patience_s = max(ABSENCE_S, end_after_s) if loiters else ABSENCE_S
            if stay and last != index - 1 and time_s - stay[-1] > patience_s:
                if loiters:
                    found.append((str(track_id), stay[0], stay[-1]))
                stay = []
            stay.append(time_s)
            last = index
        if stay and stay[-1] - stay[0] >= after_s:
            found.append((str(track_id), stay[0], stay[-1]))
    return sorted(found)


@given(
    st.lists(st.tuples(st.sampled_from([0.25, 0.5, 1.0, 2.0, 2.25]), st.lists(st.integers(1, 3), unique=True)), max_size=60),
    st.sampled_from([0.0, 1.0, 4.0]),
    st.sampled_from([0.0, 3.0, 5.0]),
)
def test_it_agrees_with_the_plain_reference(steps: list[tuple[float, list[int]]], after_s: float, end_after_s: float) -> None:
    times = np.cumsum([step_s for step_s, _ in steps]).tolist()
    story = [(time_s, tuple(ids)) for time_s, (_, ids) in zip(times, steps, strict=True)]
    tracks = [make_tracks(time_s, [Sighting(one, 0.25, 0.9, first_seen_s=-100.0) for one in ids]) for time_s, ids in story]
    assert sorted(outcome(make(after_s, end_after_s), tracks)) == reference(story, after_s, end_after_s)  # type: ignore[type-var]
