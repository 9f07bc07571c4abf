from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from panops.domain.errors import StorageCorrupt
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.scope import SCOPE_NOTHING, Scope
from panops.storage.tables import trails
from panops.storage.trail import MOST_BOXES, TrackTrail

from .makers import START_S, make_event

EVERYTHING = Scope.everything()
BOX = (0.1, 0.2, 0.3, 0.4)


@pytest.fixture
def trail(database: Database, repository: EventRepository) -> TrackTrail:
    repository.save([make_event()])
    return TrackTrail(database)


edges = st.floats(-0.1, 1.1, allow_nan=False)
boxes = st.tuples(st.integers(0, 2**40), st.sampled_from(["person", "car", ""]), st.floats(0, 1), st.tuples(edges, edges, edges, edges))
points = st.lists(st.tuples(st.floats(START_S, START_S + 1000), st.lists(boxes, max_size=4)), max_size=20)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_points=points)
def test_a_trail_comes_back_in_order_within_its_rounding(trail: TrackTrail, given_points: list[tuple[float, list[tuple]]]) -> None:
    trail.save_trail("gate-1-1", given_points)
    found = trail.trail(EVERYTHING, "gate-1-1")
    expected = sorted(given_points, key=lambda point: point[0])
    assert len(found) == len(expected)
    for point, (time_s, wanted) in zip(found, expected, strict=True):
        assert point.time_s == pytest.approx(time_s, abs=0.0006)
        for box, (track_id, class_name, score, xyxy) in zip(point.boxes, wanted, strict=True):
            assert box[:2] == (track_id, class_name)
            assert box[2] == pytest.approx(score, abs=0.0051)
            assert box[3] == pytest.approx(xyxy, abs=0.000051)


def test_a_long_trail_is_thinned_evenly_and_keeps_its_ends(trail: TrackTrail, database: Database) -> None:
    long = [(START_S + i / 5, [(1, "person", 0.5, BOX), (2, "car", 0.5, BOX)]) for i in range(MOST_BOXES * 2)]
    trail.save_trail("gate-1-1", long)
    found = trail.trail(EVERYTHING, "gate-1-1")
    assert sum(len(point.boxes) for point in found) <= MOST_BOXES + 2
    assert (found[0].time_s, found[-1].time_s) == pytest.approx((long[0][0], long[-1][0]))
    steps = {round(b.time_s - a.time_s, 3) for a, b in pairwise(found[:-1])}
    assert steps == {0.8}
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT length(points) FROM trails").scalar_one() < 500_000


def test_saving_again_replaces_and_other_scopes_see_nothing(trail: TrackTrail) -> None:
    trail.save_trail("gate-1-1", [(START_S, [(1, "person", 0.5, BOX)])])
    trail.save_trail("gate-1-1", [(START_S, [])])
    assert [point.boxes for point in trail.trail(EVERYTHING, "gate-1-1")] == [()]
    assert trail.trail(SCOPE_NOTHING, "gate-1-1") == ()
    assert trail.trail(EVERYTHING, "gate-1-2") == ()
    trail.save_trail("gate-1-1", [])
    assert trail.trail(EVERYTHING, "gate-1-1") == ()


def test_a_number_that_is_not_finite_is_refused(trail: TrackTrail) -> None:
    with pytest.raises(ValueError, match="NaN"):
        trail.save_trail("gate-1-1", [(START_S, [(1, "person", float("nan"), BOX)])])


def test_damage_is_named(trail: TrackTrail, database: Database) -> None:
    trail.save_trail("gate-1-1", [(START_S, [])])
    with database.session() as connection:
        connection.execute(update(trails).values(points=b"noise"))
    with pytest.raises(StorageCorrupt, match="gate-1-1"):
        trail.trail(EVERYTHING, "gate-1-1")
