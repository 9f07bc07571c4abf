"""What is said of a picture that somebody sent: as JSON, drawn on it, or as a map."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np

from panops.domain.class_map import ClassMap
from panops.domain.class_scores import ClassScores
from panops.domain.detections import Detections
from panops.domain.frame import Frame
from panops.domain.skeletons import skeleton_of
from panops.inference.oip_types import RequestUnreadable
from panops.models.shelf import StoredModel
from panops.pipeline.annotate import draw_caption, draw_classes, draw_detections, encode_jpeg
from panops.pipeline.open_models import OpenModel
from panops.vision.classify import TASK as CLASSIFICATION
from panops.vision.registry import SEGMENTATION

_JPEG_QUALITY = 88
_MOST_CLASSES = 5


class PictureAnswer(Protocol):
    """What was seen. `run_s` is how long the model took, s."""

    @property
    def run_s(self) -> float:
        """How long the model took, s."""
        ...

    def content(self) -> dict[str, Any]:
        """As JSON values."""
        ...

    def drawn(self) -> tuple[str, bytes]:
        """On the picture: media type and file."""
        ...

    def map(self) -> tuple[str, bytes]:
        """As a PNG of class ids.

        Raises:
            RequestUnreadable: There is no map of this.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class BoxesAnswer:
    """Objects, faces, people or hands, best first, with their points where the model knows some.

    Args:
        model: Who looked.
        frame: At what.
        found: What it saw.
        run_s: How long it took, s.
        min_score: Below it nothing is told.
    """

    model: StoredModel
    frame: Frame
    found: Detections
    run_s: float
    min_score: float = 0.0
    _rows: Detections = field(init=False)

    def __post_init__(self) -> None:
        """Sort."""
        found = self.found.select(self.found.score >= self.min_score)
        object.__setattr__(self, "_rows", found.select(np.argsort(-found.score, kind="stable")))

    def content(self) -> dict[str, Any]:
        """As JSON values; `keypoints` of x and y in px and score in the order of `points`, where these have names."""
        found, classes = self._rows, self.model.manifest.classes
        rows = [
            {"class": classes[int(class_id)], "class_id": int(class_id), "score": round(float(score), 4), "xyxy": _rounded(box, 1)}
            for class_id, score, box in zip(found.class_id, found.score, found.xyxy, strict=True)
        ]
        if found.keypoints is not None:
            for row, points in zip(rows, found.keypoints, strict=True):
                row["keypoints"] = [[*_rounded(point[:2], 1), round(float(point[2]), 3)] for point in points]
        skeleton = None if found.keypoints is None else skeleton_of(found.keypoints.shape[1])
        names = {"points": list(skeleton.points)} if skeleton is not None and skeleton.points else {}
        return {**_about(self.model, self.frame, self.run_s), **names, "detections": rows}

    def drawn(self) -> tuple[str, bytes]:
        """A JPEG with boxes, names and points."""
        image = self.frame.image
        draw_detections(image, self._rows, self.model.manifest.classes)
        return "image/jpeg", encode_jpeg(image, _JPEG_QUALITY)

    def map(self) -> tuple[str, bytes]:
        """There is none."""
        raise RequestUnreadable(f"{self.model.manifest.name} finds boxes; only models for segmentation have a map")


@dataclass(frozen=True, slots=True, eq=False)
class MapAnswer:
    """What each part of the picture shows.

    Args:
        model: Who looked.
        frame: At what.
        classes: What it saw.
        run_s: How long it took, s.
    """

    model: StoredModel
    frame: Frame
    classes: ClassMap
    run_s: float

    def content(self) -> dict[str, Any]:
        """As JSON values: the classes that are there with their share of the picture, largest first."""
        names = self.model.manifest.classes
        shares = self.classes.shares(len(names))
        order = [int(index) for index in np.argsort(-shares, kind="stable") if shares[index] > 0]
        rows = [{"class": names[index], "class_id": index, "share": round(float(shares[index]), 5)} for index in order]
        return {**_about(self.model, self.frame, self.run_s), "classes": rows}

    def drawn(self) -> tuple[str, bytes]:
        """A JPEG with every class but the first, which is what is left over, in a colour of its own."""
        image = self.frame.image
        draw_classes(image, self.classes, self.model.manifest.classes)
        return "image/jpeg", encode_jpeg(image, _JPEG_QUALITY)

    def map(self) -> tuple[str, bytes]:
        """A PNG of the picture's size whose pixels are class ids."""
        return "image/png", cv2.imencode(".png", self.classes.at_size())[1].tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class ScoresAnswer:
    """What the picture shows as a whole.

    Args:
        model: Who looked.
        frame: At what.
        scores: What it saw; one answer.
        run_s: How long it took, s.
        min_score: Below it nothing is told.
    """

    model: StoredModel
    frame: Frame
    scores: ClassScores
    run_s: float
    min_score: float = 0.0

    def content(self) -> dict[str, Any]:
        """As JSON values: the best five classes."""
        return {**_about(self.model, self.frame, self.run_s), "scores": self._best()}

    def drawn(self) -> tuple[str, bytes]:
        """A JPEG with the best class in its corner."""
        image = self.frame.image
        best = self._best()[:1]
        draw_caption(image, f"{best[0]['class']}  {best[0]['score']:.2f}" if best else "?")
        return "image/jpeg", encode_jpeg(image, _JPEG_QUALITY)

    def map(self) -> tuple[str, bytes]:
        """There is none."""
        raise RequestUnreadable(f"{self.model.manifest.name} classifies whole pictures; only models for segmentation have a map")

    def _best(self) -> list[dict[str, Any]]:
        scores = self.scores.scores[0]
        order = np.argsort(-scores, kind="stable")[:_MOST_CLASSES].tolist()
        names = self.model.manifest.classes
        return [
            {"class": names[index], "class_id": index, "score": round(float(scores[index]), 4)}
            for index in order
            if scores[index] >= self.min_score
        ]


def look_at(model: OpenModel, frame: Frame, min_score: float = 0.0) -> PictureAnswer:
    """Have a model look at a picture, whatever it is for.

    Args:
        model: The model.
        frame: The picture.
        min_score: Of boxes; below it nothing is told.

    Raises:
        ModelError: It failed, or is for nothing that can be told of a picture.
    """
    began_s = time.monotonic()
    if model.model.manifest.task == SEGMENTATION:
        classes = model.segment(frame)
        return MapAnswer(model.model, frame, classes, time.monotonic() - began_s)
    if model.model.manifest.task == CLASSIFICATION:
        scores = model.classify(frame)
        return ScoresAnswer(model.model, frame, scores, time.monotonic() - began_s, min_score)
    found = model.detect(frame)
    return BoxesAnswer(model.model, frame, found, time.monotonic() - began_s, min_score)


def _about(model: StoredModel, frame: Frame, run_s: float) -> dict[str, Any]:
    return {
        "model": model.manifest.name,
        "version": model.version,
        "task": model.manifest.task,
        "size_wh": list(frame.size_wh),
        "inference_ms": round(run_s * 1000, 2),
    }


def _rounded(numbers: Any, digits: int) -> list[float]:
    return [round(float(number), digits) for number in numbers]
