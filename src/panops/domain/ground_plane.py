"""From the picture to metres on the ground: a homography, made of four points whose place on the ground was measured."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panops.domain.geometry import PointArray

# A corner that is nearer to the line through two others than this share of the quadrilateral's size makes no plane.
_LEAST_SHARE = 0.01
# Towards the horizon a pixel is ever more metres; from here on, as a share of the four points' own scale, a place is not told.
_HORIZON_SHARE = 0.02


class GroundPlane:
    """Flat ground as one camera sees it.

    Args:
        homography: (3, 3), from relative picture points (x, y, 1) to metres, up to scale; its last row is positive on the ground.
        nearest: The least that its last row gave for the points it was made of.
    """

    def __init__(self, homography: NDArray[np.float64], nearest: float) -> None:
        self._homography = homography
        self._least_depth = _HORIZON_SHARE * nearest

    @classmethod
    def of(cls, points: ArrayLike, metres: ArrayLike) -> Self:
        """The plane through four measured points.

        Args:
            points: Where they are in the picture, (4, 2), relative.
            metres: Where they are on the ground, (4, 2), m, in any right-angled axes.

        Raises:
            ValueError: They fix no plane: not four, three of them on one line, or in another order on the ground than in the picture.
        """
        seen, real = np.asarray(points, np.float64), np.asarray(metres, np.float64)
        if seen.shape != (4, 2) or real.shape != (4, 2):
            raise ValueError(f"expected four points and four places in metres, got {len(seen)} and {len(real)}")
        for where, four in (("in the picture", seen), ("on the ground", real)):
            if not np.isfinite(four).all():
                raise ValueError(f"expected numbers, got NaN or infinity among the points {where}")
            if _on_a_line(four):
                raise ValueError(f"three of the four points lie on one line {where}; take the corners of a large quadrilateral")
        homography = _solved(seen, real)
        depths = np.column_stack([seen, np.ones(4)]) @ homography[2]
        if not np.isfinite(homography).all() or not (np.all(depths > 1e-9) or np.all(depths < -1e-9)):
            raise ValueError("the points are not in the same order on the ground as in the picture; go round both in the same sense")
        return cls(homography * np.sign(depths[0]), float(np.abs(depths).min()))

    def to_metres(self, points: PointArray) -> PointArray:
        """Places on the ground (N, 2), m, of relative picture points (N, 2); NaN at and above the horizon, and just below it."""
        raised = points @ self._homography[:, :2].T + self._homography[:, 2]
        depth = raised[:, 2:3]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(depth > self._least_depth, raised[:, :2] / depth, np.nan)


def _on_a_line(four: PointArray) -> bool:
    size = float(np.ptp(four, axis=0).max())
    if size <= 0:
        return True
    for left_out in range(4):
        a, b, c = np.delete(four, left_out, axis=0)
        longest = max(float(np.hypot(*(first - second))) for first, second in ((a, b), (b, c), (c, a)))
        doubled = abs(float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])))
        if longest == 0 or doubled / longest < _LEAST_SHARE * size:
            return True
    return False


def _solved(points: PointArray, metres: PointArray) -> NDArray[np.float64]:
    """The homography (3, 3) by the direct linear transform; metres are centred and scaled first, so that far-off origins cost no digits."""
    centre, scale = metres.mean(axis=0), float(np.ptp(metres, axis=0).max())
    rows = []
    for (x, y), (u, v) in zip(points, (metres - centre) / scale, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    normal = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)
    back = np.array([[scale, 0, centre[0]], [0, scale, centre[1]], [0, 0, 1]])
    return np.asarray(back @ normal, dtype=np.float64)
