from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifests import manifest

from panops.domain.boxes import nms
from panops.domain.errors import ModelUnsupported
from panops.vision.candidates import KeepSettings
from panops.vision.detect_fastestdet import DetectFastestDet
from panops.vision.letterbox import Letterbox

BOX = Letterbox.stretch((200, 100), (64, 32))


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0.2, 0.5, 0.8]))
def test_it_equals_the_plain_version(seed: int, min_score: float) -> None:
    dice = np.random.default_rng(seed)
    output = dice.random((1, 8, 4, 6), dtype=np.float32)
    output[:, 1:5] = dice.normal(0, 1, (1, 4, 4, 6))
    boxes, scores, classes = [], [], []
    for y in range(4):
        for x in range(6):
            cell = output[0, :, y, x]
            best = int(np.argmax(cell[5:]))
            score = cell[0] ** 0.6 * cell[5 + best] ** 0.4
            if score < min_score:
                continue
            cx, cy = (x + math.tanh(cell[1])) / 6 * 200, (y + math.tanh(cell[2])) / 4 * 100
            w, h = 200 / (1 + math.exp(-cell[3])), 100 / (1 + math.exp(-cell[4]))
            boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
            scores.append(score)
            classes.append(best)
    xyxy, score, class_id = np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(classes, np.int64)
    index = nms(xyxy, score, class_id, 0.45)
    found = DetectFastestDet(manifest("fastestdet"), KeepSettings(min_score=min_score)).finish({"758": output}, BOX)
    framed = np.clip(xyxy, 0, [200, 100, 200, 100])
    index = index[((framed[:, 2:] > framed[:, :2]).all(axis=1))[index]]
    np.testing.assert_allclose(found.score, score[index], rtol=1e-4)
    np.testing.assert_allclose(found.xyxy, framed[index], rtol=1e-3, atol=1e-2)
    assert found.class_id.tolist() == class_id[index].tolist()


def test_outputs_that_do_not_fit() -> None:
    with pytest.raises(ModelUnsupported, match=r"expected one output \(1, 8, H, W\), got \(1, 9, 4, 6\)"):
        DetectFastestDet(manifest("fastestdet")).finish({"o": np.zeros((1, 9, 4, 6), np.float32)}, BOX)
