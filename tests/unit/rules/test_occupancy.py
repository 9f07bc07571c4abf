from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.config.rule_schema import OccupancyConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.occupancy import GAP_S, Occupancy
from panops.rules.scene import Scene
from panops.testing.rule_conformance import Sighting, make_tracks, play


def make(
    limit: int, when: str = "above", after_s: float = 2.0, end_after_s: float = 3.0, classes: Sequence[str] = ("person",)
) -> Occupancy:
    config = OccupancyConfig.model_validate(
        {"id": "r", "kind": "occupancy", "limit": limit, "when": when, "after_s": after_s, "end_after_s": end_after_s, "classes": classes}
    )
    return Occupancy(config, Scene("gate", (640, 360), ("person", "car")))


def crowd(time_s: float, ids: Sequence[int]) -> Tracks:
    return make_tracks(time_s, [Sighting(one, 0.05 + 0.13 * (one % 7), 0.9, first_seen_s=-100.0) for one in ids])


def counts(*spans: tuple[float, float, int], step_s: float = 0.5) -> list[Tracks]:
    return [crowd(float(time_s), range(count)) for start_s, end_s, count in spans for time_s in np.arange(start_s, end_s, step_s)]


def ended(rule: Occupancy, story: Sequence[Tracks]) -> list[Incident]:
    return [one for _, one in play(rule, story) if one.phase is EventPhase.END]


@pytest.mark.parametrize(
    ("rule", "spans", "expected"),
    [
        pytest.param(make(3), [(0, 10, 3)], [], id="at the limit"),
        pytest.param(make(3), [(0, 5, 3), (5, 10, 4), (10, 20, 3)], [(5.0, 10.5)], id="above, and a second longer by the count's memory"),
        pytest.param(make(3), [(0, 5, 3), (5, 6, 4), (6, 20, 3)], [], id="above for too short"),
        pytest.param(make(3), [(0, 5, 4), (5, 7, 3), (7, 12, 4), (12, 20, 3)], [(0.0, 12.5)], id="fine for a moment only"),
        pytest.param(make(0), [(0, 5, 0), (5, 10, 1), (10, 20, 0)], [(5.0, 10.5)], id="nobody allowed"),
        pytest.param(make(2, "below"), [(0, 5, 2), (5, 10, 1), (10, 20, 2)], [(6.0, 9.5)], id="below"),
        pytest.param(make(1, "below"), [(0, 10, 0), (10, 20, 1)], [(0.0, 9.5)], id="nobody at all"),
        pytest.param(make(3, after_s=0), [(0, 1, 4)], [(0.0, 0.5)], id="at once, finished while above"),
    ],
)
def test_when_it_begins_and_ends(rule: Occupancy, spans: list[tuple[float, float, int]], expected: list[tuple[float, float]]) -> None:
    assert [(one.started_at_s, one.ended_at_s) for one in ended(rule, counts(*spans))] == expected


def test_a_flickering_detector_changes_nothing() -> None:
    random = np.random.default_rng(0)
    story = [crowd(n / 5, [one for one in range(5) if random.random() < 0.7]) for n in range(300)]
    (only,) = ended(make(4), story)
    assert only.started_at_s < 2.0
    assert only.ended_at_s == pytest.approx(299 / 5)


def test_changed_ids_are_not_counted_twice() -> None:
    story = [make_tracks(n / 5, [Sighting(n // 2, 0.5, 0.9, first_seen_s=(n // 2) * 2 / 5)]) for n in range(100)]
    assert ended(make(1, after_s=0), story) == []


def test_what_it_says() -> None:
    (above,) = ended(make(2), counts((0, 3, 3), (3, 6, 5), (6, 9, 4), (9, 20, 0)))
    assert above.details == {"limit": 2, "when": "above", "count": 0, "max_count": 5, "min_count": 3}
    assert (above.class_name, above.track_ids) == ("person", (0, 1, 2, 3, 4))
    (below,) = ended(make(1, "below"), counts((0, 5, 0), (5, 20, 1)))
    assert (below.class_name, below.track_ids, below.box, below.details["min_count"]) == ("person", (), None, 0)


def test_no_class_is_named_where_several_are_meant_and_nothing_is_there() -> None:
    (below,) = ended(make(1, "below", classes=("any",)), counts((0, 5, 0)))
    assert below.class_name == ""


def reference(story: Sequence[tuple[float, list[int]]], rule: tuple[int, str, float, float]) -> list[tuple[float, float]]:
    """Count at each look by going through all looks before it."""
    limit, when, after_s, end_after_s = rule
    found: list[tuple[float, float]] = []
    since: float | None = None
    open_since: float | None = None
    last_s = 0.0
    for index, (time_s, _) in enumerate(story):
        here = {one for earlier_s, ids in story[: index + 1] if time_s - earlier_s <= GAP_S for one in ids}
        off = len(here) > limit if when == "above" else len(here) < limit
        if off:
            since = time_s if since is None else since
            if open_since is None and time_s - since >= after_s:
                open_since = since
            if open_since is not None:
                last_s = time_s
        else:
            since = None
            if open_since is not None and time_s - last_s >= end_after_s:
                found.append((open_since, last_s))
                open_since = None
    return found if open_since is None else [*found, (open_since, last_s)]


@given(
    st.lists(st.tuples(st.sampled_from([0.25, 0.5, 1.0, 1.25]), st.lists(st.integers(1, 4), unique=True)), max_size=60),
    st.tuples(st.integers(0, 4), st.sampled_from(["above", "below"]), st.sampled_from([0.0, 2.0]), st.sampled_from([0.0, 3.0])),
)
def test_it_agrees_with_the_plain_reference(steps: list[tuple[float, list[int]]], rule: tuple[int, str, float, float]) -> None:
    times = np.cumsum([step_s for step_s, _ in steps]).tolist()
    story = [(time_s, ids) for time_s, (_, ids) in zip(times, steps, strict=True)]
    tracks = [crowd(time_s, ids) for time_s, ids in story]
    assert [(one.started_at_s, one.ended_at_s) for one in ended(make(*rule), tracks)] == reference(story, rule)
