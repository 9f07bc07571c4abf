"""Reads faces: finds them, says how good each is, and what tells it apart; where wanted, whether it is a living one too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.faces import FACE_POINTS, SeenFaces
from panops.domain.frame import Frame
from panops.domain.protocols import Detector, RegionDetector
from panops.domain.region import Region
from panops.pipeline.look_again import look_at_part
from panops.vision.face_embedding import FaceEmbedder
from panops.vision.face_liveness import FaceLiveness
from panops.vision.face_points import five_points
from panops.vision.face_quality import LIMITS, QualityLimits, judge, measure_faces

# Detectors tell weak faces too; what is hardly one is nobody's.
_LEAST_SCORE = 0.7
# A part is shown so large, px: in somebody's upper body the face is a sixth of it at least. A third of the cost of the detector's own 640.
_PART_INPUT = (320, 320)


class ModelFaceReader:
    """`domain.faces.FaceReader` from models. For one thread at a time; keeps nothing of any camera.

    Args:
        detector: Finds faces, with the points of `vision.face_points`; `close` closes it.
        detector_name: Its name, for messages.
        embedder: Says what tells them apart; `close` closes it.
        liveness: Says whether they live; None asks nobody. `close` closes it.
        limits: From where on a face is good enough.
        least_score: Below it nothing is a face, 0..1.
        threshold: From which similarity on faces are one person's, where that is not as it was measured for the embedder.

    Attributes:
        name: The model that makes the embeddings, with its version.
        dimensions: How many numbers an embedding has.
        threshold: The similarity from which on two faces are taken for one person's.
    """

    def __init__(
        self,
        detector: Detector,
        detector_name: str,
        embedder: FaceEmbedder,
        liveness: FaceLiveness | None = None,
        limits: QualityLimits = LIMITS,
        least_score: float = _LEAST_SCORE,
        threshold: float | None = None,
    ) -> None:
        self._detector = detector
        self._detector_name = detector_name
        self._regional = detector if isinstance(detector, RegionDetector) else None
        self._embedder = embedder
        self._liveness = liveness
        self._limits = limits
        self._least_score = least_score
        self.name = embedder.name
        self.dimensions = embedder.dimensions
        self.threshold = embedder.threshold if threshold is None else threshold

    def read(self, frame: Frame) -> SeenFaces:
        """All faces of a picture, the surest first, px of the picture.

        Raises:
            ModelError: A model failed; that is never "nobody there".
        """
        self._detector.forget(frame.camera_id)  # pictures are no film: nothing of the one before may count
        return self._read(frame, self._detector.detect(frame), (0, 0))

    def read_part(self, frame: Frame, part: tuple[int, int, int, int]) -> SeenFaces:
        """The faces in a part of a picture, the surest first, px of the whole picture.

        They are looked for in the part only, and cut out of the whole: the part's edges cut nobody off.

        Args:
            frame: The picture.
            part: Left, top, right, bottom, whole px inside it, as `domain.crops.part_around` gives them.

        Raises:
            ModelError: As `read`.
        """
        if self._regional is not None:
            return self._read(frame, self._regional.look(frame, Region(part, _PART_INPUT)), (0, 0))
        return self._read(frame, look_at_part(self._detector, frame, part), part[:2])

    def close(self) -> None:
        """Free the models. Safe to call twice."""
        closing: tuple[object, ...] = (self._detector, self._embedder, self._liveness)
        for one in closing:
            close = getattr(one, "close", None)
            if close is not None:
                close()

    def _read(self, frame: Frame, found: Detections, origin_xy: tuple[int, int]) -> SeenFaces:
        """What is known of the faces that a detector found in a part that begins at `origin_xy`."""
        found = found.select(np.flatnonzero(found.score >= self._least_score))
        if not len(found):
            return self._nobody()
        keypoints = np.zeros((len(found), 0, 3), np.float32) if found.keypoints is None else found.keypoints
        points = five_points(keypoints, self._detector_name) + np.array(origin_xy, np.float32)
        xyxy = found.xyxy + np.array([*origin_xy, *origin_xy], np.float32)
        real = np.isfinite(points).all(axis=(1, 2)) & (np.ptp(points, axis=1).max(axis=1) > 1.0)
        xyxy, points, score = xyxy[real], np.ascontiguousarray(points[real]), found.score[real]
        verdicts = [judge(measures, self._limits) for measures in measure_faces(frame, points)]
        good = np.array([index for index, verdict in enumerate(verdicts) if verdict.fault is None], np.int64)
        embedding = np.full((len(points), self.dimensions), np.nan, np.float32)
        live = np.full(len(points), np.nan, np.float32)
        if len(good):
            embedding[good] = self._embedder.embed(frame, points[good])
            if self._liveness is not None:
                live[good] = self._liveness.live(frame, xyxy[good])
        return SeenFaces(
            xyxy=xyxy,
            score=score,
            keypoints=points,
            quality=np.array([verdict.quality for verdict in verdicts], np.float32),
            faults=tuple(verdict.fault for verdict in verdicts),
            embedding=embedding,
            live=live,
        )

    def _nobody(self) -> SeenFaces:
        none: NDArray[np.float32] = np.zeros(0, np.float32)
        return SeenFaces(
            xyxy=np.zeros((0, 4), np.float32),
            score=none,
            keypoints=np.zeros((0, FACE_POINTS, 2), np.float32),
            quality=none,
            faults=(),
            embedding=np.zeros((0, self.dimensions), np.float32),
            live=none,
        )
