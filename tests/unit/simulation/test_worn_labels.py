"""Labels of hats and vests on simulated people, against what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from panops.config.schema import SimulationConfig
from panops.simulation.scene import Scene
from panops.simulation.worn_labels import WORN, worn_labels

FRAMES = (140, 220, 300, 380)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(SimulationConfig(scene="street", seed=4, activity=16, workers=1.0, size_wh=(640, 360)))


def test_each_walker_has_a_head_on_top_and_a_body_below_it(scene: Scene) -> None:
    seen = 0
    for frame in FRAMES:
        truth = scene.truth(frame)
        labels = worn_labels(scene, frame, truth)
        names = [WORN[index] for index in labels.class_id.tolist()]
        walkers = {thing.track_id for thing, _ in scene.walkers(frame)}
        for track, box, visible, wears in zip(truth.track_id.tolist(), truth.xyxy, truth.visible.tolist(), truth.wears, strict=True):
            if track not in walkers or visible < 0.99 or (box[:2] <= 1).any() or (box[2:] >= (639, 359)).any():
                continue
            inside = ~labels.crowd & (labels.xyxy[:, :2] >= box[:2] - 0.01).all(axis=1) & (labels.xyxy[:, 2:] <= box[2:] + 0.01).all(axis=1)
            height = box[3] - box[1]
            head, torso = ("hardhat" if "hardhat" in wears else "bare_head"), ("safety_vest" if "vest" in wears else "no_safety_vest")
            rows = [row for row in np.flatnonzero(inside) if names[row] in (head, torso)]
            heads = [labels.xyxy[row] for row in rows if names[row] == head and labels.xyxy[row, 1] - box[1] < 0.06 * height]
            torsos = [labels.xyxy[row] for row in rows if names[row] == torso]
            if height < 40:  # so small a head is a crowd
                continue
            assert heads
            assert torsos
            assert 0.08 * height < heads[0][3] - heads[0][1] < 0.24 * height
            assert any(0.08 * height < one[1] - box[1] < 0.3 * height and one[3] - box[1] < 0.72 * height for one in torsos)
            seen += 1
    assert seen >= 5


def test_vests_are_where_the_labels_say(scene: Scene) -> None:
    """Vests are fluorescent, in full light: far more red than blue; what other people wear is mostly not."""
    warmth: dict[str, list[float]] = {"safety_vest": [], "no_safety_vest": []}
    for frame in FRAMES:
        picture = scene.render(frame).astype(np.float32)
        labels = worn_labels(scene, frame, scene.truth(frame))
        for box, class_id, crowd in zip(labels.xyxy, labels.class_id.tolist(), labels.crowd.tolist(), strict=True):
            name = WORN[class_id]
            x1, y1, x2, y2 = box.tolist()
            if crowd or name not in warmth or y2 - y1 < 12 or x1 <= 1 or x2 >= 639:
                continue
            middle = picture[round(y1 + (y2 - y1) / 4) : round(y2 - (y2 - y1) / 4), round(x1 + (x2 - x1) / 4) : round(x2 - (x2 - x1) / 4)]
            warmth[name].append(float(np.median(middle[..., 0] - middle[..., 2])))
    assert len(warmth["safety_vest"]) >= 4
    assert len(warmth["no_safety_vest"]) >= 2
    assert np.median(warmth["safety_vest"]) > np.median(warmth["no_safety_vest"]) + 30


def test_who_is_hidden_or_rides_is_left_open(scene: Scene) -> None:
    hidden = riders = 0
    for frame in range(100, 500, 25):
        truth = scene.truth(frame)
        walkers = {thing.track_id for thing, _ in scene.walkers(frame)}
        labels = worn_labels(scene, frame, truth)
        people = [row for row, name in enumerate(truth.class_name) if name == "person"]
        riding = [row for row in people if int(truth.track_id[row]) not in walkers]
        covered = [row for row in people if truth.visible[row] < 0.8 and row not in riding]
        # One for the head and one for the body of each whom the labels speak of, but for heads that are too small.
        assert (~labels.crowd).sum() <= 2 * (len(people) - len(riding) - len(covered))
        for row in riding:
            same = (np.abs(labels.xyxy - truth.xyxy[row]) < 0.01).all(axis=1)
            assert labels.crowd[same].all()
            assert set(labels.class_id[same].tolist()) == set(range(len(WORN)))
        hidden, riders = hidden + len(covered), riders + len(riding)
    assert hidden
    assert riders


def test_nobody_gives_no_labels() -> None:
    scene = Scene(SimulationConfig(scene="room", activity=0, size_wh=(160, 90)))
    labels = worn_labels(scene, 10, scene.truth(10))
    assert labels.xyxy.shape == (0, 4)
    assert len(labels.class_id) == len(labels.crowd) == 0
