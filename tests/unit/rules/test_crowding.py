from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.config.rule_schema import CrowdingConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import Polygon
from panops.domain.tracks import Tracks
from panops.rules.crowding import Crowding, longest_chain
from panops.rules.scene import Scene
from panops.rules.track_table import TrackTable
from panops.testing.rule_conformance import Sighting, make_tracks, play

LEFT = Polygon("left", np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]))
# Boxes are a quarter of the picture high: 90 px, 0.14 of its width.
STEP = 0.25 * 360 / 640


def make(**settings: Any) -> Crowding:
    values = {"id": "r", "kind": "crowding", "count": 3, "distance": 0.7, "after_s": 2.0, "end_after_s": 2.0, **settings}
    return Crowding(CrowdingConfig.model_validate(values), Scene("gate", (640, 360), ("person", "car"), {"left": LEFT}))


def row(*gaps: float, x: float = 0.1, y: float = 0.8, first_id: int = 1) -> list[Sighting]:
    """People side by side, so many box heights apart."""
    return [Sighting(first_id + n, x + STEP * float(sum(gaps[:n])), y, first_seen_s=-100.0) for n in range(len(gaps) + 1)]


def ended(rule: Crowding, spans: Sequence[tuple[float, float, list[Sighting]]]) -> list[Incident]:
    looks = [make_tracks(float(t), seen) for start_s, end_s, seen in spans for t in np.arange(start_s, end_s, 0.5)]
    return [one for _, one in play(rule, looks) if one.phase is EventPhase.END]


@pytest.mark.parametrize(
    ("people", "settings", "crowd"),
    [
        pytest.param(row(0.6, 0.6), {}, True, id="three in a chain"),
        pytest.param(row(0.6), {}, False, id="two"),
        pytest.param(row(0.6, 0.8), {}, False, id="the third stands apart"),
        pytest.param(row(0.6, 0.8), {"distance": 1.0}, True, id="near enough by a wider measure"),
        pytest.param(row(0.6, 2.0, 0.6), {}, False, id="two pairs"),
        pytest.param(row(0.6, 2.0, 0.6, 0.6), {}, True, id="a pair and a chain of three"),
        pytest.param(row(0.6, 0.6), {"zone": "left"}, True, id="in the zone"),
        pytest.param(row(0.6, 0.6, x=0.6), {"zone": "left"}, False, id="outside the zone"),
        pytest.param(row(0.6, 0.6, x=0.4), {"zone": "left"}, False, id="half of them outside"),
        pytest.param([one._replace(class_id=1) for one in row(0.6, 0.6)], {}, False, id="cars"),
        pytest.param([one._replace(class_id=1) for one in row(0.6, 0.6)], {"classes": ["any"]}, True, id="any"),
        # The height of the farther one counts: 45 px apart is near for the tall, far for the small.
        pytest.param([one._replace(height=0.1 if one.track_id == 3 else 0.25) for one in row(0.6, 0.5)], {}, False, id="one far behind"),
    ],
)
def test_who_is_a_crowd(people: list[Sighting], settings: dict[str, Any], crowd: bool) -> None:
    assert len(ended(make(**settings), [(0, 10, people), (10, 20, [])])) == crowd


CROWD, PAIR = row(0.6, 0.6), row(0.6)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([(0, 1, CROWD), (1, 10, [])], [], id="not long enough"),
        pytest.param([(5, 10, CROWD), (10, 20, [])], [(5.0, 10.5)], id="a second longer by the memory of who was there"),
        pytest.param([(0, 5, CROWD), (5, 6, PAIR), (6, 12, CROWD), (12, 20, [])], [(0.0, 12.5)], id="one is missed for a second"),
        pytest.param([(0, 5, CROWD), (5, 7, []), (7, 12, CROWD), (12, 20, [])], [(0.0, 12.5)], id="a short break joins"),
        pytest.param([(0, 5, CROWD), (5, 12, []), (12, 17, CROWD), (17, 25, [])], [(0.0, 5.5), (12.0, 17.5)], id="twice"),
        pytest.param([(0, 5, CROWD), (5, 9, row(0.8, 0.8)), (9, 20, [])], [(0.0, 9.5)], id="a little looser: still one"),
        pytest.param([(0, 9, row(0.8, 0.8)), (9, 20, [])], [], id="but not begun so"),
        pytest.param([(0, 5, CROWD)], [(0.0, 4.5)], id="finished meanwhile"),
    ],
)
def test_when_it_begins_and_ends(spans: list[tuple[float, float, list[Sighting]]], expected: list[tuple[float, float]]) -> None:
    assert [(one.started_at_s, one.ended_at_s) for one in ended(make(), spans)] == expected


def test_it_says_how_many() -> None:
    (one,) = ended(make(), [(0, 4, CROWD), (4, 8, row(0.6, 0.6, 0.6)), (8, 12, [*CROWD, *row(0.6, x=0.8, first_id=8)])])
    assert (one.details["count"], one.details["max_count"], one.track_ids) == (3, 4, (1, 2, 3, 4))


def plain_chain(points: list[tuple[float, float, float]], distance: float) -> set[int]:
    """Flood fill from each one."""
    best: set[int] = set()
    for start in range(len(points)):
        group, todo = {start}, [start]
        while todo:
            x, y, height = points[todo.pop()]
            for other, (ox, oy, oh) in enumerate(points):
                if other not in group and ((x - ox) ** 2 + (y - oy) ** 2) ** 0.5 < distance * min(height, oh):
                    group.add(other)
                    todo.append(other)
        best = max(best, group, key=len)
    return best


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(5, 20), st.integers(1, 6)), min_size=1, max_size=14), st.sampled_from([0.6, 1.1]))
def test_the_longest_chain_is_the_plain_one(people: list[tuple[int, int, int]], distance: float) -> None:
    seen = [Sighting(n, x / 20, y / 20, height=height / 20) for n, (x, y, height) in enumerate(people)]
    tracks = make_tracks(0.0, seen)
    table = TrackTable(1.0)
    table.update(tracks, np.arange(len(tracks)))
    boxes = tracks.xyxy.astype(np.float32)
    points = [(float((x1 + x2) / 2), float(y2), float(y2) - float(y1)) for x1, y1, x2, y2 in boxes]
    found = longest_chain(table.rows, distance)
    assert len(found) == len(plain_chain(points, distance))
    assert len(plain_chain([points[n] for n in found], distance)) == len(found)


def test_nobody_costs_nothing() -> None:
    rule = make()
    assert rule.update(Tracks.empty("gate", 0.0)) == ()
    assert len(rule._inside) == 0
