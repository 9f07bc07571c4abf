"""What belongs together is never parted, copies are thinned, and the newest are held back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panops.datasets.feedback_labels import FeedbackPicture
from panops.datasets.feedback_units import Look, copies_of, hold_back, look_of, thinned, units_of_visits
from panops.domain.judged_pictures import JudgedBoxes, PicturedEvent
from panops.domain.labels import LabelledPicture

BOX = (0.1, 0.1, 0.3, 0.5)


def picture(number: int, at_s: float, *, false_alarm: bool = True, camera: str = "yard", track: int | None = None) -> FeedbackPicture:
    path, tracks = Path(f"{number}.jpg"), (number if track is None else track,)
    event = PicturedEvent(f"{camera}-1-{number}", camera, "r", "intrusion", "person", false_alarm, tracks, BOX, path, at_s)
    nothing = np.zeros(0, bool)
    labels = LabelledPicture(path, (100, 100), np.zeros((0, 4), np.float32), np.zeros(0, np.int64), nothing, np.ones(1, bool))
    judged = JudgedBoxes(event.event_id, camera, "person", false_alarm, np.array([[10, 10, 30, 50]], np.float32), 0.3, path, (100, 100))
    return FeedbackPicture(event, labels, judged)


def test_copies_are_of_one_camera_verdict_and_place_and_look_the_same() -> None:
    post, dog = 0b1111 << 30, 0xFFFF << 20
    here, there = (10.0, 10.0, 30.0, 50.0), (60.0, 10.0, 80.0, 50.0)
    pictures = [
        picture(0, 0),
        picture(1, 1e5),
        picture(2, 2e5),
        picture(3, 3e5),
        picture(4, 4e5, false_alarm=False),
        picture(5, 5e5, camera="b"),
    ]
    looks = [Look(here, post), Look(here, post ^ 0b11), Look(there, post), Look(here, dog), Look(here, post), Look(here, post)]
    assert copies_of(pictures, looks).tolist() == [0, 0, 1, 2, 3, 4]
    assert copies_of(pictures[:2], [Look(here, None), Look(here, None)]).tolist() == [0, 1]


def test_the_look_is_that_of_the_thing_and_not_of_the_whole_picture() -> None:
    rng = np.random.default_rng(0)
    yard = rng.integers(0, 255, (100, 100), dtype=np.uint8)
    other = yard.copy()
    other[60:] = 255 - other[60:]
    box = np.array([[10, 10, 30, 40]], np.float32)
    assert look_of(yard, box) == look_of(other, box)
    assert look_of(yard, box).fingerprint != look_of(yard, box + np.float32(40)).fingerprint


def test_visits_and_tracks_stay_together_and_copies_where_they_are_named() -> None:
    pictures = [picture(0, 0), picture(1, 50), picture(2, 100), picture(3, 500), picture(4, 510, camera="gate"), picture(5, 9e5, track=3)]
    assert units_of_visits(pictures, None).tolist() == [0, 0, 0, 1, 2, 1]
    assert units_of_visits(pictures, np.array([0, 1, 2, 3, 4, 0])).tolist() == [0, 0, 0, 0, 1, 0]


def test_of_copies_a_few_stay_spread_over_their_time() -> None:
    pictures = [picture(number, 1000.0 * number) for number in range(9)]
    keep = thinned(pictures, np.array([0] * 7 + [1] * 2), 3)
    assert np.flatnonzero(keep).tolist() == [0, 3, 6, 7, 8]
    assert np.flatnonzero(thinned(pictures, np.zeros(9, np.int64), 1)).tolist() == [8]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=1, max_size=60), st.floats(0.1, 0.5))
def test_no_part_stands_on_both_sides_and_most_is_learnt_from(rows: list[tuple[bool, int]], share: float) -> None:
    pictures = [picture(number, 1000.0 * unit + number, false_alarm=false) for number, (false, unit) in enumerate(rows)]
    unit = np.array([unit for _, unit in rows])
    back = hold_back(pictures, unit, share)
    for one in np.unique(unit):
        assert len(set(back.held[unit == one].tolist())) == 1
    for kind in (True, False):
        held, learnt = (back.count(pictures, held=side, false_alarm=kind) for side in (True, False))
        assert held <= learnt


def test_the_newest_are_held_back() -> None:
    pictures = [picture(number, 1000.0 * number, false_alarm=number % 2 == 0) for number in range(20)]
    back = hold_back(pictures, np.arange(20), 0.3)
    assert np.flatnonzero(back.held).tolist() == [14, 15, 16, 17, 18, 19]
