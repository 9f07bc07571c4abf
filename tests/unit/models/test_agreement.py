"""How far two versions agree: counted, kept in files, read back."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.boxes import iou
from panops.domain.detections import Detections
from panops.models.agreement import (
    CameraAgreement,
    ClassCounts,
    Pair,
    all_agreements,
    load_agreement,
    matched,
    median_score,
    save_agreement,
)

PAIR = Pair("1", "2", ("a" * 64, "b" * 64))
CLASSES = ("person", "car")


@st.composite
def some_detections(draw: st.DrawFn) -> Detections:
    """Up to six boxes that often overlap, with classes and scores."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 8), st.integers(0, 8), st.integers(1, 8), st.integers(1, 8), st.floats(0, 1, width=32), st.integers(0, 1)
            ),
            max_size=6,
        )
    )
    table = np.array(rows, np.float64).reshape(-1, 6)
    xyxy = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1).astype(np.float32)
    return Detections(xyxy, table[:, 4].astype(np.float32), table[:, 5].astype(np.int64))


def plainly_matched(first: Detections, second: Detections) -> int:
    """The same in plain words: the surest first, each takes the free box that it overlaps most."""
    free = list(range(len(second)))
    found = 0
    for row in sorted(range(len(first)), key=lambda index: -first.score[index]):
        overlaps = [(float(iou(first.xyxy[[row]], second.xyxy[[index]])[0, 0]), -index) for index in free]
        if overlaps and max(overlaps)[0] >= 0.5:
            free.remove(-max(overlaps)[1])
            found += 1
    return found


@given(first=some_detections(), second=some_detections())
def test_matching_agrees_with_plain_words(first: Detections, second: Detections) -> None:
    assert matched(first, second) == plainly_matched(first, second)
    assert matched(first, first) == plainly_matched(first, first)


@given(first=some_detections(), second=some_detections(), min_score=st.floats(0, 1))
def test_every_box_is_counted_once(first: Detections, second: Detections, min_score: float) -> None:
    found = CameraAgreement("cam")
    found.add(7.0, (first, CLASSES, 0.001), (second, CLASSES, 0.002), min_score)
    counts = list(found.classes.values())
    assert sum(one.both + one.only_active for one in counts) == int((first.score >= min_score).sum())
    assert sum(one.both + one.only_shadow for one in counts) == int((second.score >= min_score).sum())
    assert sum(int(one.active_scores.sum()) for one in counts) == len(first)
    assert sum(int(one.shadow_scores.sum()) for one in counts) == len(second)


def test_the_same_detections_agree_wholly() -> None:
    seen = Detections(np.array([[0, 0, 9, 9], [20, 0, 29, 9]], np.float32), np.array([0.9, 0.6], np.float32), np.array([0, 1]))
    found = CameraAgreement("cam")
    for time_s in (5.0, 3.0, 9.0):
        found.add(time_s, (seen, CLASSES, 0.004), (seen, CLASSES, 0.001), 0.5)
    assert (found.since_s, found.until_s, found.looks) == (3.0, 9.0, 3)
    assert [counts.agreement for counts in found.classes.values()] == [1.0, 1.0]
    assert median_score(found.classes["person"].active_scores) == pytest.approx(0.925)
    assert math.isnan(ClassCounts().agreement)
    assert math.isnan(median_score(ClassCounts().active_scores))


@pytest.mark.parametrize("scores", [[0.0], [1.0], [0.1, 0.2, 0.9], [0.31] * 7, [0.05, 0.95]])
def test_the_median_is_in_its_bin(scores: list[float]) -> None:
    seen = Detections(np.zeros((len(scores), 4), np.float32), np.array(scores, np.float32), np.zeros(len(scores), np.int64))
    found = CameraAgreement("cam")
    found.add(1.0, (seen, CLASSES, 0.0), (Detections.empty(), CLASSES, 0.0), 2.0)
    assert abs(median_score(found.classes["person"].active_scores) - float(np.percentile(scores, 50, method="lower"))) <= 0.051


def test_counts_read_back_the_same(tmp_path: Path) -> None:
    found = CameraAgreement("cam", 3, 1.5, 9.25, 12.5, 4.25, 2, 1, "no operator")
    found.classes["person"] = ClassCounts(4, 5, 6, np.arange(20), np.arange(20)[::-1].copy())
    save_agreement(tmp_path, PAIR, found)
    save_agreement(tmp_path, PAIR, CameraAgreement("other"))
    assert load_agreement(tmp_path, PAIR, "cam").record() == found.record()
    ((pair, cameras),) = all_agreements(tmp_path).items()
    assert (pair, [camera.camera_id for camera in cameras]) == (PAIR, ["cam", "other"])


def test_counts_of_a_file_that_was_replaced_are_void(tmp_path: Path) -> None:
    save_agreement(tmp_path, PAIR, CameraAgreement("cam", 3))
    assert load_agreement(tmp_path, Pair("1", "2", ("a" * 64, "c" * 64)), "cam").looks == 0


def test_the_last_pair_comes_last(tmp_path: Path) -> None:
    save_agreement(tmp_path, Pair("2", "3", PAIR.sha256), CameraAgreement("cam", 1, 5.0, 6.0))
    save_agreement(tmp_path, PAIR, CameraAgreement("cam", 1, 7.0, 8.0))
    assert [(pair.active, pair.shadow) for pair in all_agreements(tmp_path)] == [("2", "3"), ("1", "2")]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 9}', "\x00"])
def test_a_damaged_file_is_left_out_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    save_agreement(tmp_path, PAIR, CameraAgreement("cam", 3))
    (path,) = tmp_path.glob(".agreement/*/*.json")
    path.write_text(text)
    with caplog.at_level(logging.WARNING):
        assert load_agreement(tmp_path, PAIR, "cam").looks == 0
        assert all_agreements(tmp_path) == {}
    assert "is left out" in caplog.text
