"""Whether a face is good enough to tell whose it is: large, turned to the camera, sharp, lit and whole; and if not, why.

All of it is measured, nothing learnt: size and turn from the five points, sharpness and light from the face as the recognition network will
see it. How the limits were found: docs/people.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.faces import FaceFault
from panops.domain.frame import Frame
from panops.vision.face_alignment import TEMPLATE, aligned_faces, similarity

_EYES_APART_PX = float(np.linalg.norm(TEMPLATE[1] - TEMPLATE[0]))
# The part of an aligned face that is skin: from the eyebrows to the chin, and from cheek to cheek; px.
_SKIN = (slice(34, 104), slice(26, 88))
# Where the face ends in the aligned picture, px: what of it lies outside the picture is cut off.
_FACE_LTRB = (18.0, 22.0, 94.0, 108.0)
_GRID = 12
_MIDDLE = (TEMPLATE[0] + TEMPLATE[1]) / 2
_DOWN = (TEMPLATE[3] + TEMPLATE[4]) / 2 - _MIDDLE
_NOSE_ALONG = float(_DOWN @ (TEMPLATE[2] - _MIDDLE) / (_DOWN @ _DOWN))
_NOD_FREE = 0.12
# Eyes less far apart than this share of the way from eyes to mouth are seen from the side.
_NARROW = 0.75
_BLACK, _WHITE = 12, 250


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """From where on a face is good enough; each second value is from where on it could not be better.

    Attributes:
        eyes_px: Distance of the eyes of somebody who looks into the camera, px of the picture.
        turn: How far the nose is off the middle, in distances of the eyes, and how badly the points fit a face from the front.
        sharpness: Mean strength of the finest edges over that of coarser ones.
        dark: Mean brightness of the skin, 0..255, below which it is too dark.
        bright: The same, above which it is too bright.
        clipped: Share of the skin that is plain white or black.
        outside: Share of the face outside of the picture.
    """

    eyes_px: tuple[float, float] = (15.5, 32.0)
    turn: tuple[float, float] = (0.45, 0.15)
    sharpness: tuple[float, float] = (0.18, 0.30)
    dark: tuple[float, float] = (18.0, 60.0)
    bright: tuple[float, float] = (225.0, 190.0)
    clipped: tuple[float, float] = (0.5, 0.1)
    outside: tuple[float, float] = (0.15, 0.0)


LIMITS = QualityLimits()


@dataclass(frozen=True, slots=True)
class FaceMeasures:
    """What is measured of one face; see `QualityLimits` for what the numbers mean."""

    eyes_px: float
    turn: float
    sharpness: float
    brightness: float
    white: float
    black: float
    outside: float


@dataclass(frozen=True, slots=True)
class FaceVerdict:
    """Why a face is not good enough, or None; and what an opinion on whose it is is worth, 0..1."""

    fault: FaceFault | None
    quality: float


def measure_faces(frame: Frame, keypoints: NDArray[np.float32]) -> list[FaceMeasures]:
    """The measures of each face.

    Args:
        frame: The picture.
        keypoints: (N, 5, 2) in the order of `domain.faces.FACE_POINTS`, px of the picture.
    """
    if not len(keypoints):
        return []
    matrices = similarity(keypoints)
    faces = aligned_faces(frame, keypoints)
    return [_measured(frame.size_wh, *one) for one in zip(np.asarray(keypoints, np.float64), matrices, faces, strict=True)]


def judge(measures: FaceMeasures, limits: QualityLimits = LIMITS) -> FaceVerdict:
    """Whether a face is good enough. Of several faults the first one of: cut off, small, turned, dark, bright, blurred."""
    shares = (
        (FaceFault.CUT_OFF, _share(measures.outside, limits.outside)),
        (FaceFault.SMALL, _share(measures.eyes_px, limits.eyes_px)),
        (FaceFault.TURNED, _share(measures.turn, limits.turn)),
        (FaceFault.DARK, min(_share(measures.brightness, limits.dark), _share(measures.black, limits.clipped))),
        (FaceFault.BRIGHT, min(_share(measures.brightness, limits.bright), _share(measures.white, limits.clipped))),
        (FaceFault.BLURRED, _share(measures.sharpness, limits.sharpness)),
    )
    fault = next((fault for fault, share in shares if share <= 0), None)
    # The weakest side counts most; the others still count.
    weakest = min(share for _, share in shares)
    mean = float(np.mean([share for _, share in shares]))
    return FaceVerdict(fault, 0.0 if fault else round(0.7 * weakest + 0.3 * mean, 4))


def _share(value: float, limit: tuple[float, float]) -> float:
    """How far a value is on the way from where a face is refused to where it could not be better, 0..1."""
    worst, best = limit
    return float(np.clip((value - worst) / (best - worst), 0.0, 1.0))


def _measured(size_wh: tuple[int, int], points: NDArray[np.float64], matrix: NDArray[np.float64], face: NDArray[np.uint8]) -> FaceMeasures:
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    luma = np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.uint8)
    skin = luma[_SKIN]
    return FaceMeasures(
        eyes_px=_EYES_APART_PX / scale,
        turn=_turn(points @ matrix[:, :2].T + matrix[:, 2]),
        sharpness=_sharpness(luma),
        brightness=float(skin.mean()),
        white=float((skin >= _WHITE).mean()),
        black=float((skin <= _BLACK).mean()),
        outside=_outside(matrix, size_wh),
    )


def _turn(placed: NDArray[np.float64]) -> float:
    """How far a face is turned away, by its points (5, 2) on the template: 0 from the front, above 1 from the side."""
    eyes, mouth = placed[1] - placed[0], (placed[3] + placed[4]) / 2
    middle = (placed[0] + placed[1]) / 2
    down, nose = mouth - middle, placed[2] - middle
    length = max(float(np.linalg.norm(down)), 1e-6)
    # How far the nose is beside the line from between the eyes to the mouth, and how high on it; a face from the front has it at .5.
    across = abs(float(down[0] * nose[1] - down[1] * nose[0])) / length
    along = float(down @ nose) / length**2
    wide = max(float(np.linalg.norm(eyes)), 1e-6)
    sideways = across / wide
    nodding = max(abs(along - _NOSE_ALONG) - _NOD_FREE, 0.0)
    narrow = max(_NARROW - wide / length, 0.0)
    return sideways + nodding + narrow


def _sharpness(luma: NDArray[np.uint8]) -> float:
    """Energy of the finest detail over that of detail twice and four times as large, in the skin and what borders on it."""
    plain = luma.astype(np.float32)
    fine = plain - cv2.GaussianBlur(plain, (0, 0), 1.0)
    coarse = cv2.GaussianBlur(plain, (0, 0), 1.0) - cv2.GaussianBlur(plain, (0, 0), 4.0)
    return float(fine[_SKIN].std() / max(float(coarse[_SKIN].std()), 1.0))


def _outside(matrix: NDArray[np.float64], size_wh: tuple[int, int]) -> float:
    """The share of the face that lies outside of the picture."""
    left, top, right, bottom = _FACE_LTRB
    x, y = np.meshgrid(np.linspace(left, right, _GRID), np.linspace(top, bottom, _GRID))
    grid = np.stack([x.ravel(), y.ravel()])
    back = np.linalg.solve(matrix[:, :2], grid - matrix[:, 2:])
    width, height = size_wh
    return float(((back[0] < 0) | (back[1] < 0) | (back[0] > width - 1) | (back[1] > height - 1)).mean())
