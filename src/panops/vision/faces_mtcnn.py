"""Faces and five points of each by MTCNN: three networks, each of which looks closer at what the one before it left over.

K. Zhang et al., Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks, 2016,
https://arxiv.org/abs/1604.02878. P-net runs over the picture at many sizes and proposes squares; R-net looks at each at 24 px and refuses
most; O-net looks at the rest at 48 px and says where eyes, nose and mouth are. Order, thresholds of overlap and roundings are those of
facenet-pytorch 2.6.0, so that results are the same; with these differences:

- work is bounded: at most `most_candidates` a size of the picture and in all go on to R-net, `most_faces` to O-net, best first, and
  P-net sees no more than `most_level_px` at once (what that costs: `MtcnnSettings`);
- boxes are cut to the picture and given best first; points may lie outside it;
- a picture lower or narrower than the least face gives no faces instead of an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import clip
from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.protocols import Backend
from panops.vision.mtcnn_boxes import CELL_PX, FloatArray, best, best_of_overlapping, boxes_of_cells, inside, moved, squared
from panops.vision.picture_sums import PictureSums

# Overlaps above which the weaker of two boxes goes, at each place in the cascade.
_WITHIN_LEVEL, _ACROSS_LEVELS, _AFTER_R, _AFTER_O = 0.5, 0.7, 0.7, 0.7
_R_SIDE_PX, _O_SIDE_PX = 24, 48
# Batches have only these sizes, for backends that prepare each shape once (OpenVINO: 10 to 20 ms).
_BATCHES = (64, 32, 16, 8, 4, 2, 1)
_SIZES = {"face": 2, "shift": 4, "points": 10}


@dataclass(frozen=True, slots=True)
class MtcnnSettings:
    """How faces are looked for.

    Attributes:
        least_face_px: Lowest and narrowest face looked for, px of the frame; from 12 on. Half of it is four times as much for P-net.
        thresholds: Lowest probabilities of P-, R- and O-net, 0..1; the last is the lowest score reported.
        pyramid_factor: Size of the picture from one look of P-net to the next, between 0 and 1.
        most_candidates: At most so many go on from a size of the picture, and from all of them to R-net. Pictures of crowds have 600.
        most_faces: At most so many go on from R-net to O-net.
        most_level_px: P-net sees no picture of more px, for it takes 100 bytes each: faces that need a larger one are not found. Four
            million are enough for faces of 20 px in frames of 3840x2160.

    Raises:
        ValueError: One of them is outside its range.
    """

    least_face_px: int = 20
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)
    pyramid_factor: float = 0.709
    most_candidates: int = 1000
    most_faces: int = 300
    most_level_px: int = 4_000_000

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.least_face_px < CELL_PX:
            raise ValueError(f"expected a least face of at least {CELL_PX} px, got {self.least_face_px}")
        if not 0 < self.pyramid_factor <= 0.95:  # closer to 1 there is no end of sizes
            raise ValueError(f"expected a pyramid factor above 0 and up to 0.95, got {self.pyramid_factor}")
        if len(self.thresholds) != 3 or not all(0 < threshold <= 1 for threshold in self.thresholds):
            raise ValueError(f"expected three thresholds above 0 and up to 1, got {self.thresholds}")
        if min(self.most_candidates, self.most_faces, self.most_level_px) < 1:
            raise ValueError("expected bounds of at least 1")


class FacesMtcnn:
    """`domain.protocols.Detector` of faces with five points. For one thread at a time; keeps nothing of any camera.

    The backends are closed by `close`. They must compute in float32 (`OpenVinoBackend(precision="f32")`): in BF16, which OpenVINO takes
    by itself on some processors, faces near a threshold come and go.

    Args:
        pnet: Proposes. Its files and those of the others: `inference.mtcnn_networks`.
        rnet: Refines.
        onet: Decides, and says where the points are.
        settings: How faces are looked for.

    Raises:
        ModelUnsupported: A model is not the one it should be.
    """

    classes: tuple[str, ...] = ("face",)

    def __init__(self, pnet: Backend, rnet: Backend, onet: Backend, settings: MtcnnSettings | None = None) -> None:
        _check("P-net", pnet, (-1, 3, -1, -1), ("face", "shift"))
        _check("R-net", rnet, (-1, 3, _R_SIDE_PX, _R_SIDE_PX), ("face", "shift"))
        _check("O-net", onet, (-1, 3, _O_SIDE_PX, _O_SIDE_PX), ("face", "shift", "points"))
        self._pnet, self._rnet, self._onet = pnet, rnet, onet
        self._settings = settings or MtcnnSettings()

    def detect(self, frame: Frame) -> Detections:
        """All faces of a frame, best first.

        Returns:
            `keypoints` (N, 5, 3): left eye, right eye, nose, left and right corner of the mouth, left as one sees it in the picture; x and
            y in px of the frame, and the face's score, for the network knows none of a point. Empty where no face is found.

        Raises:
            ModelError: A model failed.
        """
        scales = self._scales(frame.size_wh)
        if not scales:
            return _empty()
        sums = PictureSums(frame.pixels.rgb())
        xyxy = self._proposed(sums, scales)
        xyxy = self._refined(sums, xyxy)
        return self._decided(sums, xyxy)

    def forget(self, camera_id: str) -> None:
        """Nothing is remembered of a camera."""

    def close(self) -> None:
        """Free the models. Safe to call twice."""
        for backend in (self._pnet, self._rnet, self._onet):
            backend.close()

    def _scales(self, size_wh: tuple[int, int]) -> list[float]:
        """The sizes at which P-net looks, in sizes of the frame, from the one that shows the least face at 12 px on."""
        scale, scales = CELL_PX / self._settings.least_face_px, []
        shown = min(size_wh) * scale
        while shown >= CELL_PX:
            width, height = _scaled_size(size_wh, scale)
            if width * height <= self._settings.most_level_px:
                scales.append(scale)
            # In this order and not as powers: roundings decide about the last size.
            scale *= self._settings.pyramid_factor
            shown *= self._settings.pyramid_factor
        return scales

    def _proposed(self, sums: PictureSums, scales: list[float]) -> FloatArray:
        """Squares (N, 4) that P-net proposes."""
        levels = [self._proposed_at(sums, scale) for scale in scales]
        xyxy, score, shift = (np.concatenate(arrays) for arrays in zip(*levels, strict=True))
        some = best(score, self._settings.most_candidates)
        kept = some[best_of_overlapping(xyxy[some], score[some], _ACROSS_LEVELS)]
        return squared(moved(xyxy[kept], shift[kept], 0))

    def _proposed_at(self, sums: PictureSums, scale: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Boxes (N, 4), scores (N,) and shifts (N, 4) at one size of the picture."""
        picture = _normal(sums.scaled(_scaled_size(sums.size_wh, scale))[None])
        found = self._pnet.infer({self._pnet.inputs[0].name: picture})
        probability = found["face"][0, 1]
        rows, columns = np.nonzero(probability >= self._settings.thresholds[0])
        score = probability[rows, columns]
        some = best(score, self._settings.most_candidates)
        rows, columns, score = rows[some], columns[some], score[some]
        xyxy = boxes_of_cells(rows, columns, scale)
        kept = best_of_overlapping(xyxy, score, _WITHIN_LEVEL)
        return xyxy[kept], score[kept], found["shift"][0][:, rows[kept], columns[kept]].T

    def _refined(self, sums: PictureSums, xyxy: FloatArray) -> FloatArray:
        """Squares (N, 4) that R-net leaves over."""
        xyxy, found = self._seen(self._rnet, sums, xyxy, _R_SIDE_PX)
        score = found["face"][:, 1]
        passed = np.flatnonzero(score > self._settings.thresholds[1])
        kept = passed[best_of_overlapping(xyxy[passed], score[passed], _AFTER_R)][: self._settings.most_faces]
        return squared(moved(xyxy[kept], found["shift"][kept], 1))

    def _decided(self, sums: PictureSums, xyxy: FloatArray) -> Detections:
        """What O-net takes for a face."""
        xyxy, found = self._seen(self._onet, sums, xyxy, _O_SIDE_PX)
        passed = np.flatnonzero(found["face"][:, 1] > self._settings.thresholds[2])
        xyxy, score, points = xyxy[passed], found["face"][passed, 1], found["points"][passed]
        size = xyxy[:, 2:] - xyxy[:, :2] + np.float32(1)
        points_xy = points.reshape(-1, 2, 5).transpose(0, 2, 1) * size[:, None] + xyxy[:, None, :2] - np.float32(1)
        xyxy = moved(xyxy, found["shift"][passed], 1)
        kept = best_of_overlapping(xyxy, score, _AFTER_O, of_smaller=True)
        xyxy, score, points_xy = clip(xyxy[kept], sums.size_wh), score[kept], points_xy[kept]
        keypoints = np.concatenate([points_xy, np.repeat(score[:, None, None], 5, axis=1)], axis=2)
        real = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1) & np.isfinite(keypoints).all(axis=(1, 2))
        count = int(real.sum())
        return Detections(xyxy[real], score[real], np.zeros(count, np.int64), keypoints[real])

    @staticmethod
    def _seen(network: Backend, sums: PictureSums, xyxy: FloatArray, side_px: int) -> tuple[FloatArray, dict[str, FloatArray]]:
        """The boxes (N, 4) that lie in the picture at all, and what a network says of them."""
        cut, usable = inside(xyxy, sums.size_wh)
        answers: dict[str, list[NDArray[Any]]] = {spec.name: [np.zeros((0, _SIZES[spec.name]), np.float32)] for spec in network.outputs}
        at = 0
        while at < len(cut):
            count = next(size for size in _BATCHES if size <= len(cut) - at)
            parts = _normal(sums.parts(cut[at : at + count], side_px))
            for name, array in network.infer({network.inputs[0].name: parts}).items():
                answers[name].append(array)
            at += count
        return xyxy[usable], {name: np.concatenate(arrays) for name, arrays in answers.items()}


def _scaled_size(size_wh: tuple[int, int], scale: float) -> tuple[int, int]:
    return int(size_wh[0] * scale + 1), int(size_wh[1] * scale + 1)


def _normal(pictures: FloatArray) -> FloatArray:
    """0..255 as the networks want it; in place."""
    pictures -= np.float32(127.5)
    pictures *= np.float32(1 / 128)
    return pictures


def _empty() -> Detections:
    none = np.zeros((0, 4), np.float32)
    return Detections(none, none[:, 0].copy(), np.zeros(0, np.int64), np.zeros((0, 5, 3), np.float32))


def _check(name: str, backend: Backend, shape: tuple[int, ...], outputs: tuple[str, ...]) -> None:
    """Find a wrong model at start, not at the first frame."""
    specs = backend.inputs
    fitting = len(specs) == 1 and len(specs[0].shape) == len(shape)
    if not fitting or any(size not in (-1, need) for size, need in zip(specs[0].shape, shape, strict=True)):
        raise ModelUnsupported(f"expected a model with one input {shape} as MTCNN's {name}, got {[spec.shape for spec in specs]}")
    missing = set(outputs) - {spec.name for spec in backend.outputs}
    if missing or len(backend.outputs) != len(outputs):
        got = ", ".join(spec.name for spec in backend.outputs)
        raise ModelUnsupported(f"expected the outputs {', '.join(outputs)} of MTCNN's {name}, got {got}")
