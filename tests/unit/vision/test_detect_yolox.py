from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifests import frame, manifest
from numpy.typing import NDArray

from panops.domain.boxes import nms
from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.vision.candidates import KeepSettings
from panops.vision.detect_yolox import DetectYolox, DetectYoloxDecoded
from panops.vision.letterbox import Letterbox

SIZE_WH = (64, 32)
STRIDES = (8, 16, 32)
CELLS = [(x, y, stride) for stride in STRIDES for y in range(SIZE_WH[1] // stride) for x in range(SIZE_WH[0] // stride)]
BOX = Letterbox.fit((128, 64), SIZE_WH)


def plain(rows: NDArray[np.float32], min_score: float, *, decoded: bool, joint: bool) -> Detections:
    """The head, row by row."""
    boxes, scores, classes = [], [], []
    for (x, y, stride), row in zip(CELLS, rows, strict=True):
        values = row[4:] if joint else row[4] * row[5:]
        best = int(np.argmax(values))
        if values[best] < min_score:
            continue
        cx, cy, w, h = (
            row[:4] if decoded else ((row[0] + x) * stride, (row[1] + y) * stride, np.exp(row[2]) * stride, np.exp(row[3]) * stride)
        )
        boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
        scores.append(values[best])
        classes.append(best)
    xyxy, score, class_id = np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(classes, np.int64)
    index = nms(xyxy, score, class_id, 0.45)
    framed = np.clip(BOX.inverse(xyxy[index]), 0, [128, 64, 128, 64])
    inside = (framed[:, 2] > framed[:, 0]) & (framed[:, 3] > framed[:, 1])
    return Detections(framed[inside].astype(np.float32), score[index][inside], class_id[index][inside])


def random_rows(seed: int, *, decoded: bool, joint: bool) -> NDArray[np.float32]:
    dice = np.random.default_rng(seed)
    rows = dice.random((len(CELLS), 4 + (0 if joint else 1) + 3)).astype(np.float32)
    rows[:, :4] = rows[:, :4] * [64, 32, 30, 30] if decoded else dice.normal(0, 1, (len(CELLS), 4))
    return rows


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("decoded", [False, True])
@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.3, 0.6, 0.9]))
def test_it_equals_the_plain_version(decoded: bool, joint: bool, seed: int, min_score: float) -> None:
    rows = random_rows(seed, decoded=decoded, joint=joint)
    head = (DetectYoloxDecoded if decoded else DetectYolox)(manifest(size_wh=SIZE_WH), KeepSettings(min_score=min_score))
    found = head.finish({"output": rows[None]}, BOX)
    expected = plain(rows, min_score, decoded=decoded, joint=joint)
    np.testing.assert_allclose(found.score, expected.score, rtol=1e-5)
    np.testing.assert_allclose(found.xyxy, expected.xyxy, rtol=1e-4, atol=1e-3)
    assert found.class_id.tolist() == expected.class_id.tolist()


def test_a_transposed_output_is_understood() -> None:
    rows = random_rows(1, decoded=True, joint=True)
    head = DetectYoloxDecoded(manifest(size_wh=SIZE_WH))
    np.testing.assert_array_equal(head.finish({"o": rows.T[None]}, BOX).xyxy, head.finish({"o": rows[None]}, BOX).xyxy)


def test_nothing_above_the_score_gives_nothing() -> None:
    rows = np.zeros((len(CELLS), 8), np.float32)
    assert len(DetectYolox(manifest(size_wh=SIZE_WH)).finish({"o": rows[None]}, BOX)) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_broken_numbers_are_left_out(value: float) -> None:
    rows = np.zeros((len(CELLS), 8), np.float32)
    rows[3] = [0.5, 0.5, 0, 0, 1, 0, 1, 0]
    rows[4] = [value, 0.5, value, 0, 1, 0, 1, 0]
    found = DetectYolox(manifest(size_wh=SIZE_WH)).finish({"o": rows[None]}, BOX)
    assert np.isfinite(found.xyxy).all()
    assert 1 <= len(found) <= 2


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (
            {"o": np.zeros((1, len(CELLS), 9), np.float32)},
            r"expected one output \(1, N, 8\) or \(1, N, 7\) for 3 classes, got \(1, 42, 9\)",
        ),
        ({"o": np.zeros((2, len(CELLS), 8), np.float32)}, "expected one output"),
        ({"o": np.zeros((len(CELLS), 8), np.float32)}, "expected one output"),
        ({"a": np.zeros((1, 4, 8), np.float32), "b": np.zeros((1, 4, 8), np.float32)}, "expected one output"),
        ({}, "expected one output"),
        ({"o": np.ones((1, 41, 8), np.float32)}, "expected 42 .* rows for this input size, got 41; is the output decoded already"),
    ],
)
def test_outputs_that_do_not_fit(outputs: dict[str, NDArray[np.float32]], words: str) -> None:
    with pytest.raises(ModelUnsupported, match=words):
        DetectYolox(manifest(size_wh=SIZE_WH)).finish(outputs, BOX)


def test_prepare_names_the_input_and_keeps_the_way_back() -> None:
    head = DetectYolox(manifest(size_wh=SIZE_WH, input="images", letterbox=114))
    inputs, context = head.prepare(frame(np.zeros((64, 128, 3), np.uint8)))
    assert list(inputs) == ["images"]
    assert inputs["images"].shape == (1, 3, 32, 64)
    assert context == BOX
