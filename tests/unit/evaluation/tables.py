"""Small MOT tables, and random ones that have everything metrics stumble over."""

from __future__ import annotations

import numpy as np

from panops.evaluation.mot_files import MotTable

Row = tuple[int, int, float, float, float, float]


def table(rows: list[Row], flag: list[float] | None = None, class_id: list[int] | None = None) -> MotTable:
    """Rows of frame, id, left, top, width, height."""
    array = np.array(rows, np.float64).reshape(len(rows), 6)
    return MotTable(
        array[:, 0].astype(np.int64),
        array[:, 1].astype(np.int64),
        array[:, 2:].copy(),
        np.ones(len(rows)) if flag is None else np.array(flag, np.float64),
        np.ones(len(rows), np.int64) if class_id is None else np.array(class_id, np.int64),
    )


def random_pair(seed: int, frames: int = 30, objects: int = 8) -> tuple[MotTable, MotTable]:
    """Truth and tracks: misses, false boxes, switches, distractors, uncounted rows, frames with nothing on one side."""
    random = np.random.default_rng(seed)
    truth: list[Row] = []
    tracks: list[Row] = []
    flags, classes = [], []
    start = random.uniform(0, 300, (objects, 2))
    speed = random.normal(0, 4, (objects, 2))
    kind = random.choice([1, 1, 1, 1, 2, 7, 8, 3, 12], objects)
    identity = np.arange(1, objects + 1) * 3
    for frame in range(1, frames + 1):
        if random.random() < 0.1:
            first, second = random.integers(0, objects, 2)
            identity[[first, second]] = identity[[second, first]]
        dark, blind = random.random(2) < 0.07
        for index in range(objects):
            x, y = start[index] + frame * speed[index]
            if not dark and random.random() < 0.9:
                truth.append((frame, index + 1, float(x), float(y), 40.0, 80.0))
                flags.append(float(random.random() < 0.9))
                classes.append(int(kind[index]))
            if not blind and random.random() < 0.85:
                dx, dy, dw, dh = random.normal(0, 6, 4)
                tracks.append((frame, int(identity[index]), float(x + dx), float(y + dy), float(40 + dw), float(80 + dh)))
        if not blind and random.random() < 0.3:
            tracks.append((frame, 1000 + int(random.integers(0, 5)), *random.uniform(0, 300, 2).tolist(), 40.0, 80.0))
    return table(truth, flags, classes), table(tracks)
