from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.tracks import Tracks, TrackState
from panops.verify.track_log import TrackLog

Look = list[tuple[int, float, float, float, bool]]


def tracks(time_s: float, look: Look) -> Tracks:
    count = len(look)
    states = np.array([TrackState.CONFIRMED.value if seen else TrackState.LOST.value for *_, seen in look], np.int64)
    boxes = np.array([(x, y, x + 20, y + 40) for _, x, y, _, _ in look], np.float32).reshape(-1, 4)
    scores = np.array([score for *_, score, _ in look], np.float32)
    ids, now = np.array([one[0] for one in look], np.int64), np.full(count, time_s)
    return Tracks("gate", time_s, ids, boxes, scores, np.zeros(count, np.int64), states, now, now.copy(), np.arange(count))


one_look = st.lists(
    st.tuples(
        st.integers(1, 3), st.integers(0, 600).map(float), st.integers(0, 300).map(float), st.sampled_from([0.25, 0.5, 0.75]), st.booleans()
    ),
    max_size=3,
    unique_by=lambda row: row[0],
)


@given(st.lists(one_look, max_size=12))
def test_it_agrees_with_a_plain_count(story: list[Look]) -> None:
    log = TrackLog()
    for number, look in enumerate(story):
        log.note(tracks(float(number), look))
    for track_id in (1, 2, 3):
        sightings = [(number, row) for number, look in enumerate(story) for row in look if row[0] == track_id and row[4]]
        record = log.get(track_id)
        if not sightings:
            assert record is None
            continue
        assert record is not None
        first, last = sightings[0], sightings[-1]
        assert (record.first_s, record.last_s, record.hits) == (first[0], last[0], len(sightings))
        assert record.looks == len(story) - first[0]
        assert record.best_score == max(row[3] for _, row in sightings)
        xs, ys = [row[1] for _, row in sightings], [row[2] for _, row in sightings]
        assert math.isclose(record.travelled, math.hypot(max(xs) - min(xs), max(ys) - min(ys)) / 40, abs_tol=1e-5)


def test_who_is_long_gone_is_forgotten() -> None:
    log = TrackLog()
    log.note(tracks(0.0, [(1, 10, 10, 0.5, True)]))
    log.note(tracks(100.0, []))
    assert len(log) == 1
    log.note(tracks(200.0, [(2, 10, 10, 0.5, True)]))
    assert log.get(1) is None
    assert log.get(2) is not None
    log.note(tracks(50.0, []))
    assert len(log) == 0, "a clock that goes back leaves nothing behind"


def test_a_box_that_only_grows_has_not_moved() -> None:
    log = TrackLog()
    for number in range(10):
        box = np.array([[100, 100, 120 + 10 * number, 140 + 10 * number]], np.float32)
        one, state = np.ones(1, np.int64), np.full(1, TrackState.CONFIRMED.value)
        grown = Tracks("gate", float(number), one, box, one.astype(np.float32), one, state, np.zeros(1), np.full(1, float(number)), one)
        log.note(grown)
    record = log.get(1)
    assert record is not None
    assert record.travelled == 0.0


def grown(*heights: float) -> float:
    """How much a track grew whose box has these heights, look by look."""
    log = TrackLog()
    for number, height in enumerate(heights):
        look = tracks(number / 5, [(1, 10, 10, 0.5, True)])
        log.note(replace(look, xyxy=np.array([(10, 10, 30, 10 + height)], np.float32)))
    record = log.get(1)
    assert record is not None
    return record.grew


def test_who_comes_nearer_grows() -> None:
    assert grown(40) == grown(40, 42, 44) == 1.0
    assert math.isclose(grown(40, 44, 48, 52, 56, 60, 64, 68), 60 / 48)
    assert math.isclose(grown(40, 44, 48, 52, 56, 60, 20, 20, 20), 52 / 48)  # going away does not take it back


def test_a_box_that_trembles_does_not_grow() -> None:
    """As parts of a truck in the rain were seen that were taken for a person."""
    assert grown(69, 79, 66, 76, 107, 94, 89) < 1.15
    assert grown(40, 40, 40, 90, 40, 90, 40) == 1.0
