from __future__ import annotations

import numpy as np
import pytest

from panops.evaluation.comparison import MOT15, MOT17, box_iou, compare, scored_frames

from .tables import table

BOX = (10.0, 10.0, 40.0, 80.0)
FAR = (500.0, 10.0, 40.0, 80.0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param((0, 0, 10, 10), (0, 0, 10, 10), 1.0, id="the same"),
        pytest.param((0, 0, 10, 10), (5, 0, 10, 10), 1 / 3, id="half"),
        pytest.param((0, 0, 10, 10), (10, 0, 10, 10), 0.0, id="touching"),
        pytest.param((0, 0, 0, 10), (0, 0, 0, 10), 0.0, id="no area"),
        pytest.param((0, 0, -5, -5), (-5, -5, 5, 5), 0.0, id="inside out"),
    ],
)
def test_iou(first: tuple[float, ...], second: tuple[float, ...], expected: float) -> None:
    assert box_iou(np.array([first], np.float64), np.array([second], np.float64))[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("class_id", "flag", "rules", "truth_boxes", "track_boxes"),
    [
        pytest.param(1, 1.0, MOT17, 1, 1, id="a pedestrian counts"),
        pytest.param(1, 0.0, MOT17, 0, 1, id="an uncounted pedestrian is no target, and the track on it is false"),
        pytest.param(8, 1.0, MOT17, 0, 0, id="a distractor takes its track with it"),
        pytest.param(3, 1.0, MOT17, 0, 1, id="a car is no target, and the track on it is false"),
        pytest.param(8, 1.0, MOT15, 1, 1, id="MOT15 has no classes"),
        pytest.param(8, 0.0, MOT15, 0, 1, id="MOT15 has the flag"),
    ],
)
def test_what_counts(class_id: int, flag: float, rules: object, truth_boxes: int, track_boxes: int) -> None:
    truth = table([(1, 5, *BOX)], [flag], [class_id])
    comparison = compare(truth, table([(1, 9, *BOX)]), np.array([1]), rules)  # type: ignore[arg-type]  # both are MotRules
    assert (comparison.truth_boxes, comparison.track_boxes) == (truth_boxes, track_boxes)


def test_only_the_frames_asked_for_and_dense_ids() -> None:
    truth = table([(1, 50, *BOX), (2, 50, *BOX), (3, 70, *BOX), (3, 60, *FAR)])
    comparison = compare(truth, table([(3, 900, *FAR), (2, 3, *BOX)]), np.array([1, 3]))
    assert [frame.truth.tolist() for frame in comparison.frames] == [[0], [2, 1]]
    assert [frame.tracks.tolist() for frame in comparison.frames] == [[], [0]]
    assert comparison.frames[1].similarity.tolist() == [[0.0], [1.0]]
    assert (comparison.truth_count, comparison.track_count) == (3, 1)


def test_an_id_twice_in_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tracks, frame 4: .* id 2 more than once"):
        compare(table([]), table([(4, 2, *BOX), (4, 2, *FAR)]), np.array([4]))


@pytest.mark.parametrize(
    ("length", "rate_fps", "fps", "second_half", "expected"),
    [
        pytest.param(6, 30, None, False, [1, 2, 3, 4, 5, 6], id="every frame"),
        pytest.param(6, 30, 60, False, [1, 2, 3, 4, 5, 6], id="never more than there are"),
        pytest.param(20, 30, 5, False, [1, 7, 13, 19], id="every sixth"),
        pytest.param(15, 14, 5, False, [1, 4, 7, 10, 13, 15], id="14 to 5: every third or second"),
        pytest.param(7, 30, None, True, [4, 5, 6, 7], id="second half of an odd length"),
        pytest.param(20, 30, 10, True, [11, 14, 17, 20], id="second half, every third"),
    ],
)
def test_scored_frames(length: int, rate_fps: float, fps: float | None, second_half: bool, expected: list[int]) -> None:
    assert scored_frames(length, rate_fps, fps, second_half=second_half).tolist() == expected
