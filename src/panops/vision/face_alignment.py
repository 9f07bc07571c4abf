"""Faces turned upright and scaled so that eyes, nose and mouth lie where a recognition network was trained to have them.

S. Umeyama, Least-Squares Estimation of Transformation Parameters Between Two Point Patterns, 1991. Points of a plane are complex numbers
here: turning and scaling is one multiplication, and the best factor is a plain least-squares quotient. It is Umeyama's result for two
dimensions, for a product never mirrors, which his equation 43 has to see to.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.frame import Frame

ALIGNED_PX = 112
# Left eye, right eye, nose, left and right corner of the mouth at 112x112 px, as ArcFace (J. Deng et al., 2019) and SFace want them.
TEMPLATE: NDArray[np.float64] = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float64
)
TEMPLATE.setflags(write=False)
# The same points at 150x150 px as dlib's network wants them: those of the mean face that dlib cuts faces out by, with a quarter of it
# around (D. E. King, dlib/image_transforms/interpolation.h); an eye is the mean of its six points.
DLIB_TEMPLATE: NDArray[np.float64] = np.array(
    [[47.5492, 46.5990], [100.4761, 46.5990], [74.0127, 76.5625], [50.4149, 103.0233], [97.6104, 103.0233]], np.float64
)
DLIB_TEMPLATE.setflags(write=False)
# What bilinear interpolation looks at beyond a point, and a little for roundings.
_MARGIN_PX = 2


def similarity(points: NDArray[np.floating], template: NDArray[np.float64] = TEMPLATE) -> NDArray[np.float64]:
    """The turn, scale and shift that bring points nearest to a template, by the sum of squared distances.

    Args:
        points: (N, K, 2) x, y in px of a picture.
        template: (K, 2) where they belong.

    Returns:
        (N, 2, 3) matrices from px of the picture to px of the template.

    Raises:
        ValueError: Points of a face are not finite, or all in one place.
    """
    source = np.asarray(points, np.float64)
    if not np.isfinite(source).all():
        raise ValueError("expected points of a face in px, got some that are no numbers")
    source_mean, target_mean = source.mean(axis=1), template.mean(axis=0)
    centred = _complex(source - source_mean[:, None])
    spread = np.sum(np.abs(centred) ** 2, axis=1)
    if not (spread > 1e-9).all():
        raise ValueError("expected points of a face apart from each other, got them all in one place")
    factor = np.sum(centred.conj() * _complex(template - target_mean), axis=1) / spread
    turn = np.stack([factor.real, -factor.imag, factor.imag, factor.real], axis=1).reshape(-1, 2, 2)
    shift = target_mean - np.einsum("nij,nj->ni", turn, source_mean)
    return np.concatenate([turn, shift[:, :, None]], axis=2)


def aligned_faces(
    frame: Frame, keypoints: NDArray[np.floating], template: NDArray[np.float64] = TEMPLATE, size_px: int = ALIGNED_PX
) -> NDArray[np.uint8]:
    """Faces of a frame as a recognition network wants them.

    Interpolation is bilinear, as in the networks' training; a face more than twice as large is first scaled down by area, so that no detail
    is skipped.

    Args:
        frame: The picture; of it only the part around each face is converted.
        keypoints: (N, 5, 2 or more): x, y in px of the frame; what follows them is not looked at.
        template: (5, 2) where they belong, px of the result.
        size_px: The result's sides.

    Returns:
        (N, size_px, size_px, 3) uint8 RGB; black where a face reaches out of the picture.

    Raises:
        ValueError: As `similarity`.
    """
    if not len(keypoints):
        return np.zeros((0, size_px, size_px, 3), np.uint8)
    return np.stack([_warped(frame, matrix, size_px) for matrix in similarity(keypoints[:, :, :2], template)])


def _warped(frame: Frame, matrix: NDArray[np.float64], size_px: int) -> NDArray[np.uint8]:
    """One face; `matrix` (2, 3) leads from px of the frame to px of the result."""
    crop = _seen(matrix, frame.size_wh, size_px)
    if crop is None:
        return np.zeros((size_px, size_px, 3), np.uint8)
    part = matrix.copy()
    part[:, 2] += matrix[:, :2] @ crop[:2]
    pixels = frame.pixels.rgb(None, crop)
    times = int(1 / np.hypot(matrix[0, 0], matrix[1, 0]))
    if times > 1:
        height, width = pixels.shape[:2]
        small = max(width // times, 1), max(height // times, 1)
        pixels = np.asarray(cv2.resize(pixels, small, interpolation=cv2.INTER_AREA), np.uint8)
        # A pixel's middle stays where it is: x = (small x + 1/2) * ratio - 1/2.
        ratio = np.array([width / small[0], height / small[1]])
        part[:, 2] += part[:, :2] @ (ratio / 2 - 0.5)
        part[:, :2] *= ratio
    return np.asarray(cv2.warpAffine(pixels, part, (size_px, size_px), flags=cv2.INTER_LINEAR), np.uint8)


def _seen(matrix: NDArray[np.float64], size_wh: tuple[int, int], size_px: int) -> tuple[int, int, int, int] | None:
    """The part of a picture that the result shows, whole px; None where that lies outside."""
    end = size_px - 1
    corners = np.array([[0, 0], [end, 0], [0, end], [end, end]], np.float64)
    source = np.linalg.solve(matrix[:, :2], (corners - matrix[:, 2]).T).T
    # Cut before they become whole numbers: points far away would not fit into any.
    low = np.clip(np.floor(source.min(axis=0)) - _MARGIN_PX, 0, size_wh).astype(np.int64)
    high = np.clip(np.ceil(source.max(axis=0)) + _MARGIN_PX + 1, 0, size_wh).astype(np.int64)
    if (high <= low).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _complex(points: NDArray[np.float64]) -> NDArray[np.complex128]:
    return np.asarray(points[..., 0] + 1j * points[..., 1])
