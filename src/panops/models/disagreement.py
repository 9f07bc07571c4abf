"""Pictures on which two versions of a model saw different things: what a person looks at before one of them is promoted.

`NAME/.agreement/ACTIVE~SHADOW/pictures/CAMERA/MS.jpg` with `MS.json` beside it, `MS` the capture time. A camera keeps the newest twelve,
none older than a month; they go with the model.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.models.agreement import FOLDER, Pair, matches
from panops.models.store_lock import write_whole

logger = logging.getLogger(__name__)

MOST_OF_A_CAMERA = 12
OLDEST_S = 30 * 86400.0
_PICTURES = "pictures"
_LARGEST_BYTES = 1024 * 1024

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class SeenBox:
    """One box; `box` is left, top, right, bottom as shares of the picture, 0 to 1."""

    class_name: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One frame that two versions saw differently.

    Attributes:
        camera_id: The camera.
        captured_at_s: When, UTC s.
        both: What both found, with the score of the version in use.
        only_active: What the version in use found alone.
        only_shadow: What the one that looks on found alone.
    """

    camera_id: str
    captured_at_s: float
    both: tuple[SeenBox, ...] = ()
    only_active: tuple[SeenBox, ...] = ()
    only_shadow: tuple[SeenBox, ...] = ()

    @property
    def name(self) -> str:
        """Of its picture: the capture time in whole ms."""
        return str(round(1000 * self.captured_at_s))


def disagreement(
    camera_id: str,
    captured_at_s: float,
    size_wh: tuple[int, int],
    seen: tuple[Detections, Sequence[str]],
    shadow: tuple[Detections, Sequence[str]],
    min_score: float,
) -> Disagreement | None:
    """What two versions saw differently in a frame; None where they agree.

    Args:
        camera_id: The camera.
        captured_at_s: When the frame was captured, UTC s.
        size_wh: Its size in px, in which the boxes are.
        seen: The active version's detections and its class names.
        shadow: The same of the shadow; classes are matched by name.
        min_score: The score from which a box counts.
    """
    (first, first_names), (second, second_names) = (_strong(seen, min_score), _strong(shadow, min_score))
    both, only_active, only_shadow = [], [], []
    for name in sorted({*first_names, *second_names}):
        here, there = _of_class(first, first_names, name), _of_class(second, second_names, name)
        of_here, of_there = matches(here, there)
        both += _boxes(here, of_here, name, size_wh)
        only_active += _boxes(here, ~of_here, name, size_wh)
        only_shadow += _boxes(there, ~of_there, name, size_wh)
    if not only_active and not only_shadow:
        return None
    return Disagreement(camera_id, captured_at_s, tuple(both), tuple(only_active), tuple(only_shadow))


def save_disagreement(model_folder: Path, pair: Pair, found: Disagreement, jpeg: bytes) -> None:
    """Keep a frame with its picture; the camera's oldest ones make room.

    Raises:
        OSError: It cannot be written.
    """
    folder = _folder(model_folder, pair) / found.camera_id
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{found.name}.jpg", jpeg)
    record = {"sha256": list(pair.sha256), **asdict(found)}
    write_whole(folder / f"{found.name}.json", (json.dumps(record) + "\n").encode())
    names = sorted((int(path.stem) for path in folder.glob("*.json") if path.stem.isdecimal()), reverse=True)
    for place, name in enumerate(names):
        if place >= MOST_OF_A_CAMERA or name < 1000 * (found.captured_at_s - OLDEST_S):
            for suffix in ("json", "jpg"):
                (folder / f"{name}.{suffix}").unlink(missing_ok=True)


def disagreements(model_folder: Path, pair: Pair) -> list[Disagreement]:
    """The frames that are kept of a pair of versions, newest first; a damaged one is left out with a warning."""
    read = [_read(path, pair) for path in _folder(model_folder, pair).glob("*/*.json")]
    return sorted((one for one in read if one is not None), key=lambda one: -one.captured_at_s)


def disagreement_picture(model_folder: Path, pair: Pair, camera_id: str, name: str) -> bytes | None:
    """The JPEG of a frame; None where it is not there. `camera_id` and `name` must be checked: they are part of a path."""
    path = _folder(model_folder, pair) / camera_id / f"{name}.jpg"
    try:
        return path.read_bytes()
    except OSError:
        return None


def _folder(model_folder: Path, pair: Pair) -> Path:
    return model_folder / FOLDER / pair.folder_name / _PICTURES


def _strong(seen: tuple[Detections, Sequence[str]], min_score: float) -> tuple[Detections, Sequence[str]]:
    detections, names = seen
    return detections.select(detections.score >= min_score), names


def _of_class(detections: Detections, names: Sequence[str], name: str) -> Detections:
    if name not in names:
        return Detections.empty()
    return detections.select(detections.class_id == list(names).index(name))


def _boxes(detections: Detections, wanted: NDArray[np.bool_], name: str, size_wh: tuple[int, int]) -> list[SeenBox]:
    width, height = (max(1, side) for side in size_wh)
    shares = np.clip(detections.xyxy[wanted] / np.array([width, height, width, height], np.float32), 0.0, 1.0)
    scores = detections.score[wanted].tolist()
    return [
        SeenBox(name, round(score, 4), (round(row[0], 4), round(row[1], 4), round(row[2], 4), round(row[3], 4)))
        for score, row in zip(scores, shares.tolist(), strict=True)
    ]


def _read(path: Path, pair: Pair) -> Disagreement | None:
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_LARGEST_BYTES))
        if tuple(data["sha256"]) != pair.sha256:
            return None  # of a version that was replaced
        groups = [_seen(data[key]) for key in ("both", "only_active", "only_shadow")]
        return Disagreement(str(data["camera_id"]), float(data["captured_at_s"]), *groups)
    except (OSError, ValueError, TypeError, KeyError) as error:
        logger.warning("%s cannot be read and is left out: %s", path, error)
        return None


def _seen(rows: Any) -> tuple[SeenBox, ...]:
    found = []
    for row in rows:
        left, top, right, bottom = (float(value) for value in row["box"])
        found.append(SeenBox(str(row["class_name"]), float(row["score"]), (left, top, right, bottom)))
    return tuple(found)
