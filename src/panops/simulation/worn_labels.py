"""Where the heads and upper bodies of simulated people are, and whether they wear a hard hat and a vest: labels to learn that from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.simulation.people import head_parts, random_look, torso_parts
from panops.simulation.scene import Scene
from panops.simulation.truth import SceneTruth

WORN = ("hardhat", "bare_head", "safety_vest", "no_safety_vest")
"""The classes, as models for building sites have them: an item, and a place for it where it is not."""
# Who is hidden or cut off more than this may hide just the head.
_LEAST_VISIBLE = 0.8
_LEAST_SIDE_PX = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class WornLabels:
    """N boxes of one frame.

    Attributes:
        xyxy: (N, 4) float32, px, inside the picture.
        class_id: (N,) int64, an index into `WORN`.
        crowd: (N,) bool: it cannot be asked for, and is no background either.
    """

    xyxy: NDArray[np.float32]
    class_id: NDArray[np.int64]
    crowd: NDArray[np.bool_]


def worn_labels(scene: Scene, frame_index: int, truth: SceneTruth) -> WornLabels:
    """Heads and upper bodies of everybody on foot; of who is partly hidden, and of riders, they are left open.

    Args:
        scene: The scene.
        frame_index: The frame.
        truth: The scene's truth of that frame.
    """
    rows: list[tuple[tuple[float, float, float, float], int, bool]] = []
    walkers = {thing.track_id: (thing, figure) for thing, figure in scene.walkers(frame_index)}
    for track_id, name, box, visible in zip(
        truth.track_id.tolist(), truth.class_name, truth.xyxy.tolist(), truth.visible.tolist(), strict=True
    ):
        if name != "person":
            continue
        if track_id not in walkers:
            # A rider's helmet is not one of a site: the whole rider is left open.
            rows += [((box[0], box[1], box[2], box[3]), class_id, True) for class_id in range(len(WORN))]
            continue
        thing, figure = walkers[track_id]
        look = random_look(figure.key[1])
        head, torso = figure.part_box(head_parts(look)), figure.part_box(torso_parts())
        hidden = visible < _LEAST_VISIBLE
        has_hat, has_vest = "hardhat" in thing.wears, "vest" in thing.wears
        # Hidden, both classes of the place are left open: who does not see it cannot tell which it is.
        rows += [(head, class_id, hidden) for class_id in ((0, 1) if hidden else (0 if has_hat else 1,))]
        rows += [(torso, class_id, hidden) for class_id in ((2, 3) if hidden else (2 if has_vest else 3,))]
    width, height = truth.size_wh
    xyxy = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    xyxy = np.clip(xyxy, 0, np.array([width, height, width, height], np.float32))
    sides = xyxy[:, 2:] - xyxy[:, :2]
    seen = (sides >= 1).all(axis=1)
    crowd = np.array([row[2] for row in rows], bool) | (sides < _LEAST_SIDE_PX).any(axis=1)
    return WornLabels(xyxy[seen], np.array([row[1] for row in rows], np.int64)[seen], crowd[seen])
