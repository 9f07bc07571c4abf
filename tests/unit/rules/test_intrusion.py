from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.config.rule_schema import IntrusionConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import Polygon
from panops.domain.tracks import Tracks, TrackState
from panops.rules.intrusion import GAP_S, Intrusion
from panops.rules.scene import Scene
from panops.rules.track_table import BLIND_S
from panops.testing.rule_conformance import Sighting, make_tracks, play

INSIDE, OUTSIDE = 0.75, 0.25
RIGHT_HALF = Polygon("right", np.array([[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]))

Look = tuple[float, tuple[int, ...]]


def make(after_s: float = 1.0, end_after_s: float = 3.0, classes: Sequence[str] = ("person",), zone: str | None = "right") -> Intrusion:
    config = IntrusionConfig(id="r", kind="intrusion", zone=zone, after_s=after_s, end_after_s=end_after_s, classes=list(classes))
    return Intrusion(config, Scene("gate", (640, 360), ("person", "car"), {"right": RIGHT_HALF}))


def looks(*spans: tuple[float, float, int | None], step_s: float = 0.25) -> list[Tracks]:
    """Looks from start to end of each span at one track inside the zone (None: at nothing)."""
    story = []
    for start_s, end_s, track_id in spans:
        for time_s in np.arange(start_s, end_s, step_s):
            seen = [] if track_id is None else [Sighting(track_id, INSIDE, 0.9, first_seen_s=start_s)]
            story.append(make_tracks(float(time_s), seen))
    return story


def outcome(rule: Intrusion, story: Sequence[Tracks]) -> list[tuple[float, float | None]]:
    return [(one.started_at_s, one.ended_at_s) for _, one in play(rule, story) if one.phase is EventPhase.END]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([(0, 0.75, 1), (0.75, 5, None)], [], id="shorter than the dwell"),
        pytest.param([(0, 1.25, 1), (1.25, 9, None)], [(0.0, 1.0)], id="just the dwell"),
        pytest.param([(2, 8, 1), (8, 20, None)], [(2.0, 7.75)], id="counts from the entry, ends at the last sighting"),
        pytest.param([(0, 4, 1), (4, 5, None), (5, 9, 1), (9, 20, None)], [(0.0, 8.75)], id="a gap of a second"),
        pytest.param([(0, 4, 1), (4, 6.5, None), (6.5, 9, 1), (9, 20, None)], [(0.0, 8.75)], id="back before the end"),
        pytest.param([(0, 4, 1), (4, 8, None), (8, 10, 1), (10, 20, None)], [(0.0, 3.75), (8.0, 9.75)], id="back after the end"),
        pytest.param([(0, 4, 1), (4, 6.75, None), (6.75, 9, 2), (9, 20, None)], [(0.0, 8.75)], id="another one just in time is waited for"),
        pytest.param([(0, 4, 1), (4, 6.75, None), (6.75, 7.25, 2), (7.25, 20, None)], [(0.0, 3.75)], id="waited for in vain"),
        pytest.param([(0, 4, 1), (4, 8, 2), (8, 20, None)], [(0.0, 7.75)], id="the tracker changes the id"),
        pytest.param([(0, 0.5, 1), (0.5, 1, 2), (1, 1.5, 3), (1.5, 20, None)], [(0.0, 1.25)], id="it changes before the dwell is over"),
        pytest.param([(0, 4, 1)], [(0.0, 3.75)], id="finished while inside"),
        pytest.param([(0, 4, 1), (20, 24, 1)], [(0.0, 3.75), (20.0, 23.75)], id="a blind spell in between"),
    ],
)
def test_when_it_begins_and_ends(spans: list[tuple[float, float, int | None]], expected: list[tuple[float, float]]) -> None:
    assert outcome(make(), looks(*spans)) == expected


def test_six_visits_give_six_incidents() -> None:
    visits = [(7, 19), (23, 43), (50, 68), (74, 87), (95, 117), (122, 135)]
    random = np.random.default_rng(0)
    story, track_id = [], 0
    for step in range(139 * 5):
        time_s = step / 5
        inside = any(start <= time_s < end for start, end in visits)
        if not inside or random.random() < 0.02:
            track_id += 1  # a new visitor, or the tracker lost the old one
        seen = [Sighting(track_id, INSIDE, 0.9, first_seen_s=time_s)] if inside and random.random() < 0.9 else []
        story.append(make_tracks(time_s, seen))
    found = outcome(make(), story)
    assert len(found) == 6
    for (start, end), (started_s, ended_s) in zip(visits, found, strict=True):
        assert start <= started_s <= start + 1
        assert end - 1 <= (ended_s or 0) <= end


def test_a_camera_that_is_looked_at_every_two_seconds_loses_nobody() -> None:
    assert outcome(make(), looks((0, 12, 1), (12, 30, None), step_s=2.0)) == [(0.0, 10.0)]


def test_rare_looks_tell_two_visits_apart() -> None:
    story = looks((0, 1, 1), (5, 6, 2), (10, 20, None), step_s=5.0)
    assert outcome(make(after_s=0.0), story) == [(0.0, 0.0), (5.0, 5.0)]


def test_jitter_over_the_edge_is_no_leaving() -> None:
    story = [make_tracks(n / 4, [Sighting(1, 0.505 if n % 2 else 0.495, 0.9)]) for n in range(40)]
    assert outcome(make(), story) == [(0.25, 9.75)]


@pytest.mark.parametrize(
    ("sighting", "fires"),
    [
        pytest.param(Sighting(1, INSIDE, 0.9), True, id="a person inside"),
        pytest.param(Sighting(1, OUTSIDE, 0.9), False, id="outside"),
        pytest.param(Sighting(1, INSIDE, 0.9, class_id=1), False, id="a car"),
        pytest.param(Sighting(1, INSIDE, 0.9, class_id=7), False, id="a class the model does not have"),
        pytest.param(Sighting(1, INSIDE, 0.9, state=TrackState.LOST), False, id="only predicted"),
        pytest.param(Sighting(1, INSIDE, 0.9, state=TrackState.TENTATIVE), False, id="not yet confirmed"),
        pytest.param(Sighting(1, INSIDE, 1.2), True, id="feet below the picture"),
        pytest.param(Sighting(1, 0.5, 0.9), True, id="on the zone's left edge"),
        pytest.param(Sighting(1, 1.0, 1.0), True, id="in the picture's corner"),
    ],
)
def test_who_counts(sighting: Sighting, fires: bool) -> None:
    assert bool(outcome(make(), [make_tracks(n / 4, [sighting]) for n in range(20)])) is fires


def test_the_whole_picture_is_the_zone_where_none_is_named() -> None:
    rule = make(zone=None)
    last = play(rule, [make_tracks(n / 4, [Sighting(1, OUTSIDE, 0.2)]) for n in range(9)])[-1][1]
    assert (last.zone, last.phase) == ("", EventPhase.END)


def test_it_names_everybody_and_shows_the_best_moment() -> None:
    story = [make_tracks(n / 4, [Sighting(1, INSIDE, 0.9, score=0.6)]) for n in range(8)]
    best = Sighting(2, 0.6, 0.5, score=0.9, height=0.5)
    story += [make_tracks(2 + n / 4, [Sighting(1, INSIDE, 0.9, score=0.6), best]) for n in range(8)]
    said = [incident for _, incident in play(make(), story)]
    begin, end = said[0], said[-1]
    assert (begin.track_ids, begin.score, begin.class_name, begin.zone) == ((1,), 0.6, "person", "right")
    assert (end.track_ids, end.score) == ((1, 2), 0.9)
    assert end.box == pytest.approx((0.6 - 36 / 640, 0.0, 0.6 + 36 / 640, 0.5), abs=1e-4)
    assert end.details["max_count"] == 2


def test_a_changed_id_is_named_with_the_old_one() -> None:
    last = play(make(), looks((0, 0.5, 1), (0.5, 4, 2)))[-1][1]
    assert last.track_ids == (1, 2)


def test_someone_else_far_away_takes_nothing_over() -> None:
    story = [make_tracks(n / 4, [Sighting(1, 0.55, 0.5, first_seen_s=0)]) for n in range(3)]
    story += [make_tracks(0.75 + n / 4, [Sighting(2, 0.95, 0.9, first_seen_s=0.75)]) for n in range(3)]
    assert outcome(make(), story) == []


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(KeyError):
        make(zone="nowhere")


def stays_of(story: Sequence[Look], track_id: int) -> list[list[float]]:
    """The times of an object's sightings, cut where it was away for too long or the camera was blind."""
    times = [time_s for time_s, _ in story]
    found: list[list[int]] = []
    for index in (index for index, (_, ids) in enumerate(story) if track_id in ids):
        before = found[-1][-1] if found else index
        blind = any(later - earlier > BLIND_S for earlier, later in pairwise(times[before : index + 1]))
        if found and not blind and (index == before + 1 or times[index] - times[before] <= GAP_S):
            found[-1].append(index)
        else:
            found.append([index])
    return [[times[index] for index in stay] for stay in found]


def reference(story: Sequence[Look], after_s: float, end_after_s: float) -> list[tuple[float, float]]:
    """The rule as one would put it on paper, with the whole story at hand: no arrays, no state between looks."""
    dwelling: dict[float, list[float]] = {}
    for track_id in sorted({track_id for _, ids in story for track_id in ids}):
        for stay in stays_of(story, track_id):
            for time_s in stay:
                if time_s - stay[0] >= after_s:
                    dwelling.setdefault(time_s, []).append(stay[0])
    incidents: list[tuple[float, float]] = []
    for time_s in sorted(dwelling):
        entered_s = min(dwelling[time_s])
        if incidents and entered_s <= incidents[-1][1] + max(end_after_s, GAP_S):
            incidents[-1] = (incidents[-1][0], time_s)
        else:
            incidents.append((entered_s, time_s))
    return incidents


@st.composite
def stories(draw: st.DrawFn) -> list[Look]:
    steps = st.sampled_from([0.125, 0.25, 0.25, 0.5, 0.5, 1.0, 1.125, 2.0, 12.0])
    ids = st.lists(st.integers(1, 3), unique=True, max_size=3)
    time_s, story = 0.0, []
    for step, inside in draw(st.lists(st.tuples(steps, ids), max_size=40)):
        time_s += step
        story.append((time_s, tuple(sorted(inside))))
    return story


@given(stories(), st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_it_agrees_with_the_plain_reference(story: list[Look], after_s: float, end_after_s: float) -> None:
    # Born long ago: nobody takes over a row, which the reference knows nothing of.
    tracks = [make_tracks(time_s, [Sighting(one, INSIDE, 0.9, first_seen_s=-100.0) for one in ids]) for time_s, ids in story]
    assert outcome(make(after_s, end_after_s), tracks) == reference(story, after_s, end_after_s)


def test_nobody_is_named_without_end() -> None:
    story = [make_tracks(n / 4, [Sighting(n, INSIDE, 0.9, first_seen_s=n / 4)]) for n in range(1000)]
    last: Incident = play(make(), story)[-1][1]
    assert len(last.track_ids) == 200
    assert last.details["more_tracks"] is True
