"""How far two versions of a model agree on the same frames, counted by camera and class, and kept in small files.

`NAME/.agreement/ACTIVE~SHADOW/CAMERA.json`: one file a camera, written as a whole by the one process that owns the camera.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import iou
from panops.domain.detections import Detections
from panops.models.store_lock import write_whole
from panops.models.version_id import is_version

logger = logging.getLogger(__name__)

FOLDER = ".agreement"
SCORE_BINS = 20
_SAME_PLACE_IOU = 0.5
_FORMAT = 1
_LARGEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pair:
    """Two versions that were compared.

    Attributes:
        active: The version in use.
        shadow: The one that looked on.
        sha256: The digests of both files: figures of a version that was replaced are void.
    """

    active: str
    shadow: str
    sha256: tuple[str, str]

    @property
    def folder_name(self) -> str:
        """Where its figures are; `~` is in no version's name."""
        return f"{self.active}~{self.shadow}"


@dataclass(slots=True)
class ClassCounts:
    """What was seen of one class at scores of at least the camera's `min_score`, and how sure each version was at any score.

    Attributes:
        both: Boxes that both have, at IoU .5.
        only_active: Boxes of the active one alone.
        only_shadow: Boxes of the shadow alone.
        active_scores: (20,) how many detections of the active one had a score of 0 to .05, .05 to .1 and so on.
        shadow_scores: The same of the shadow.
    """

    both: int = 0
    only_active: int = 0
    only_shadow: int = 0
    active_scores: NDArray[np.int64] = field(default_factory=lambda: np.zeros(SCORE_BINS, np.int64))
    shadow_scores: NDArray[np.int64] = field(default_factory=lambda: np.zeros(SCORE_BINS, np.int64))

    @property
    def agreement(self) -> float:
        """Share of the boxes that both have, 0 to 1; NaN where there are none."""
        boxes = self.both + self.only_active + self.only_shadow
        return self.both / boxes if boxes else float("nan")


@dataclass(slots=True)
class CameraAgreement:
    """One camera's counts.

    Attributes:
        camera_id: The camera.
        looks: Frames that both versions saw.
        since_s: Capture time of the first of them, UTC s.
        until_s: Of the last.
        active_ms: Time in the active version on those frames, ms in all.
        shadow_ms: Time in the shadow, ms in all.
        behind: Frames whose turn it was and that were left out, because the machine or the shadow was busy.
        errors: Frames on which the shadow failed.
        problem: Why the shadow was switched off, or empty.
        classes: By class name.
    """

    camera_id: str
    looks: int = 0
    since_s: float = 0.0
    until_s: float = 0.0
    active_ms: float = 0.0
    shadow_ms: float = 0.0
    behind: int = 0
    errors: int = 0
    problem: str = ""
    classes: dict[str, ClassCounts] = field(default_factory=dict)

    def add(
        self,
        time_s: float,
        seen: tuple[Detections, Sequence[str], float],
        shadow: tuple[Detections, Sequence[str], float],
        min_score: float,
    ) -> None:
        """Count a frame.

        Args:
            time_s: When it was captured, UTC s.
            seen: The active version's detections, its class names, and its time in s.
            shadow: The same of the shadow; classes are matched by name.
            min_score: The score from which a box counts.
        """
        self.since_s = min(self.since_s, time_s) if self.looks else time_s
        self.until_s = max(self.until_s, time_s)
        self.looks += 1
        self.active_ms += 1000 * seen[2]
        self.shadow_ms += 1000 * shadow[2]
        here, there = _by_class(*seen[:2]), _by_class(*shadow[:2])
        for name in {**here, **there}:
            counts = self.classes.setdefault(name, ClassCounts())
            _count(counts, here.get(name, Detections.empty()), there.get(name, Detections.empty()), min_score)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        classes = {
            name: {
                "both": counts.both,
                "only_active": counts.only_active,
                "only_shadow": counts.only_shadow,
                "active_scores": counts.active_scores.tolist(),
                "shadow_scores": counts.shadow_scores.tolist(),
            }
            for name, counts in sorted(self.classes.items())
        }
        return {
            "camera": self.camera_id,
            "looks": self.looks,
            "since_s": self.since_s,
            "until_s": self.until_s,
            "active_ms": round(self.active_ms, 3),
            "shadow_ms": round(self.shadow_ms, 3),
            "behind": self.behind,
            "errors": self.errors,
            "problem": self.problem,
            "classes": classes,
        }


def _by_class(detections: Detections, classes: Sequence[str]) -> dict[str, Detections]:
    return {classes[number]: detections.select(detections.class_id == number) for number in np.unique(detections.class_id).tolist()}


def _count(counts: ClassCounts, seen: Detections, shadow: Detections, min_score: float) -> None:
    counts.active_scores += _histogram(seen.score)
    counts.shadow_scores += _histogram(shadow.score)
    first, second = seen.select(seen.score >= min_score), shadow.select(shadow.score >= min_score)
    both = matched(first, second)
    counts.both += both
    counts.only_active += len(first) - both
    counts.only_shadow += len(second) - both


def matched(first: Detections, second: Detections) -> int:
    """How many boxes of `first` have one of their own in `second`; see `matches`."""
    return int(matches(first, second)[0].sum())


def matches(first: Detections, second: Detections) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which boxes of `first`, (N,), and of `second`, (M,), have one of their own in the other at IoU .5. Classes do not matter.

    The surest ones of `first` choose first.
    """
    here, there = np.zeros(len(first), np.bool_), np.zeros(len(second), np.bool_)
    if not len(first) or not len(second):
        return here, there
    overlap = iou(first.xyxy, second.xyxy)
    for row in np.argsort(-first.score, kind="stable").tolist():
        best = int(overlap[row].argmax())
        if overlap[row, best] >= _SAME_PLACE_IOU:
            overlap[:, best] = -1.0
            here[row] = there[best] = True
    return here, there


def _histogram(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    bins = np.clip((scores * SCORE_BINS).astype(np.int64), 0, SCORE_BINS - 1)
    return np.bincount(bins, minlength=SCORE_BINS).astype(np.int64)


def median_score(scores: NDArray[np.int64]) -> float:
    """The middle of the bin with the median; NaN where there are none."""
    count = int(scores.sum())
    if not count:
        return float("nan")
    return (int(np.searchsorted(np.cumsum(scores), (count + 1) // 2)) + 0.5) / SCORE_BINS


def save_agreement(model_folder: Path, pair: Pair, found: CameraAgreement) -> None:
    """Write one camera's counts.

    Raises:
        OSError: They cannot be written.
    """
    folder = model_folder / FOLDER / pair.folder_name
    folder.mkdir(parents=True, exist_ok=True)
    record = {"format": _FORMAT, "active": pair.active, "shadow": pair.shadow, "sha256": list(pair.sha256), **found.record()}
    write_whole(folder / f"{found.camera_id}.json", (json.dumps(record) + "\n").encode())


def load_agreement(model_folder: Path, pair: Pair, camera_id: str) -> CameraAgreement:
    """One camera's counts so far; fresh ones where there are none, or they are of other files."""
    path = model_folder / FOLDER / pair.folder_name / f"{camera_id}.json"
    read = _read(path) if path.is_file() else None
    return read[1] if read is not None and read[0] == pair else CameraAgreement(camera_id)


def all_agreements(model_folder: Path) -> dict[Pair, list[CameraAgreement]]:
    """What was counted for every pair of versions, by camera; the pair that was counted last comes last."""
    found: dict[Pair, list[CameraAgreement]] = {}
    for path in sorted((model_folder / FOLDER).glob("*~*/*.json")):
        read = _read(path)
        if read is not None:
            found.setdefault(read[0], []).append(read[1])
    return dict(sorted(found.items(), key=lambda item: max(one.until_s for one in item[1])))


def _read(path: Path) -> tuple[Pair, CameraAgreement] | None:
    """A file of counts; None, with a warning, where it is damaged: then the counting begins anew."""
    try:
        with path.open("rb") as file:
            return _parsed(json.loads(file.read(_LARGEST_BYTES)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("%s: what was counted there cannot be read and is left out: %s", path, error)
        return None


def _parsed(data: Any) -> tuple[Pair, CameraAgreement]:
    if data["format"] != _FORMAT or not is_version(data["active"]) or not is_version(data["shadow"]):
        raise ValueError("expected counts of two versions")
    first, second = (str(digest) for digest in data["sha256"])
    pair = Pair(data["active"], data["shadow"], (first, second))
    found = CameraAgreement(str(data["camera"]), int(data["looks"]), problem=str(data["problem"]))
    found.since_s, found.until_s, found.active_ms, found.shadow_ms = (
        float(data[key]) for key in ("since_s", "until_s", "active_ms", "shadow_ms")
    )
    found.behind, found.errors = int(data["behind"]), int(data["errors"])
    for name, counts in data["classes"].items():
        scores = [np.array(counts[key], np.int64) for key in ("active_scores", "shadow_scores")]
        if any(row.shape != (SCORE_BINS,) for row in scores):
            raise ValueError(f"expected {SCORE_BINS} bins of scores")
        found.classes[str(name)] = ClassCounts(int(counts["both"]), int(counts["only_active"]), int(counts["only_shadow"]), *scores)
    return pair, found
